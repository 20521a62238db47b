"""Versions and tokens that are too old. Each row makes what is there expire, on a server of its module's own."""

import pytest
from tests.conformance.client import Server
from tests.conformance.objects import WATCH_LIST, config_maps, fill, names, summary


@pytest.fixture
def old(compacted_server: Server, namespace: str) -> dict[str, str]:
    """A version and a token that have expired; a, b and c were there then, d came before they did."""
    path = config_maps(namespace)
    fill(compacted_server, namespace, "abc")
    first = compacted_server.ok("GET", path, limit="1")["metadata"]
    fill(compacted_server, namespace, "d")
    compacted_server.compact()
    return {"version": first["resourceVersion"], "token": first["continue"]}


def test_what_is_too_old(compacted_server: Server, namespace: str, old: dict[str, str]) -> None:
    path = config_maps(namespace)
    # One row for all, because on a real server each expiry is a restart.
    with compacted_server.watch(path, resourceVersion=old["version"]) as watch:
        (event,) = watch.until_end()
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")

    refused = {**WATCH_LIST, "sendInitialEvents": "false", "resourceVersion": old["version"]}
    with compacted_server.watch(path, query=refused) as watch:
        (event,) = watch.until_end()
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")

    for limit in ({}, {"limit": "2"}):
        exact = compacted_server.get(path, resourceVersion=old["version"], resourceVersionMatch="Exact", query=limit)
        assert exact.refusal() == (410, "Expired")
        assert "continue" not in exact.json["metadata"]
    page = compacted_server.get(path, resourceVersion=old["version"], limit="2")
    assert page.refusal() == (410, "Expired")

    newer = compacted_server.ok("GET", path, resourceVersion=old["version"])
    assert names(newer) == list("abcd")
    with compacted_server.watch(path, query=WATCH_LIST, resourceVersion=old["version"]) as watch:
        assert len(watch.until("BOOKMARK")) == 5

    expired = compacted_server.get(path, limit="2", continue_=old["token"])
    assert expired.refusal() == (410, "Expired")
    fresh = expired.json["metadata"]["continue"]
    rest = compacted_server.ok("GET", path, limit="2", continue_=fresh)
    assert names(rest) == ["b", "c"], "what was created since is there, what was listed is not"
    assert int(rest["metadata"]["resourceVersion"]) > int(old["version"])
    last = compacted_server.ok("GET", path, limit="2", continue_=rest["metadata"]["continue"])
    assert names(last) == ["d"]

    now = compacted_server.ok("GET", path)["metadata"]["resourceVersion"]
    with compacted_server.watch(path, resourceVersion=now) as watch:
        fill(compacted_server, namespace, "e")
        assert summary(watch.take(1)) == [("ADDED", "e")]
