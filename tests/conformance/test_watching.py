"""Watches: where they begin, what comes, how they end."""

import pytest
from tests.conformance.client import Server
from tests.conformance.objects import CONFIG_MAPS, WATCH_LIST, config_maps, fill, in_namespace, summary
from tests.e2e.manifests import config_map


def version(server: Server, path: str) -> str:
    """The newest version."""
    return str(server.ok("GET", path)["metadata"]["resourceVersion"])


def test_a_watch_goes_on_where_a_list_ended(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    with server.watch(path, resourceVersion=version(server, path)) as watch:
        created = server.ok("POST", path, config_map("one"))
        (event,) = watch.take(1)
    assert event == {"type": "ADDED", "object": created}


def test_the_life_of_an_object(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    with server.watch(path, resourceVersion=version(server, path)) as watch:
        created = server.ok("POST", path, config_map("one"))
        patched = server.ok("PATCH", f"{path}/one", {"data": {"a": "1"}})
        server.ok("DELETE", f"{path}/one")
        again = server.ok("POST", path, config_map("one"))
        events = watch.take(4)
    assert summary(events) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one"), ("ADDED", "one")]
    assert [events[0]["object"], events[1]["object"], events[3]["object"]] == [created, patched, again]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions)), "a deletion has a version of its own"
    last = events[2]["object"]
    assert last["data"] == {"a": "1"}
    assert last["metadata"]["uid"] == created["metadata"]["uid"] != again["metadata"]["uid"]


def test_a_write_that_changes_nothing_is_no_event(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    (created,) = fill(server, namespace, ["one"])
    with server.watch(path, resourceVersion=created["metadata"]["resourceVersion"]) as watch:
        same = server.ok("PATCH", f"{path}/one", {"data": {"none": None}})
        fill(server, namespace, ["two"])
        assert summary(watch.take(1)) == [("ADDED", "two")]
    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


def test_a_watch_from_an_earlier_version_is_told_what_happened_since(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    fill(server, namespace, "ab")
    past = version(server, path)
    server.ok("PATCH", f"{path}/a", {"data": {"a": "1"}})
    server.ok("DELETE", f"{path}/b")
    fill(server, namespace, "c")
    with server.watch(path, resourceVersion=past) as watch:
        assert summary(watch.take(3)) == [("MODIFIED", "a"), ("DELETED", "b"), ("ADDED", "c")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}, {"resourceVersion": ""}])
def test_a_watch_from_nowhere_begins_with_what_is_there(server: Server, namespace: str, query: dict[str, str]) -> None:
    fill(server, namespace, "ab")
    with server.watch(config_maps(namespace), query=query) as watch:
        assert sorted(summary(watch.take(2))) == [("ADDED", "a"), ("ADDED", "b")]
        fill(server, namespace, "c")
        assert summary(watch.take(1)) == [("ADDED", "c")]


@pytest.mark.parametrize("value", ["1", "true", "True", "", "x"])
def test_flags_are_on_unless_they_say_no(server: Server, namespace: str, value: str) -> None:
    fill(server, namespace, "a")
    with server.watch(config_maps(namespace), watch=value) as watch:
        assert summary(watch.take(1)) == [("ADDED", "a")]


def test_a_watch_from_the_future_is_silent_until_it_is_there(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    ahead = int(version(server, path)) + 2
    # Others may write meanwhile, but nothing up to the version asked for may come.
    with server.watch(path, resourceVersion=str(ahead)) as watch:
        created = fill(server, namespace, [f"o{number}" for number in range(4)])
        later = [each for each in created if int(each["metadata"]["resourceVersion"]) > ahead]
        events = watch.take(len(later))
    assert [event["object"] for event in events] == later
    assert len(later) <= 2


@pytest.mark.parametrize("value", ["x", "-1", "1.5"])
def test_a_watch_from_what_is_no_version(server: Server, namespace: str, value: str) -> None:
    assert server.get(config_maps(namespace), watch="true", resourceVersion=value).refusal() == (500, "None")


# Selections


def test_a_namespace(server: Server, namespace: str) -> None:
    other = server.create_namespace()
    start = version(server, CONFIG_MAPS)
    with server.watch(config_maps(namespace), resourceVersion=start) as watch:
        fill(server, other, "a")
        fill(server, namespace, "b")
        (event,) = watch.take(1)
    assert (event["object"]["metadata"]["namespace"], event["object"]["metadata"]["name"]) == (namespace, "b")


def test_all_namespaces(server: Server, namespace: str) -> None:
    other = server.create_namespace()
    ours = {namespace, other}
    with server.watch(CONFIG_MAPS, resourceVersion=version(server, CONFIG_MAPS)) as watch:
        for space in (other, namespace):
            fill(server, space, "a")
        seen: list[str] = []
        while len(seen) < 2:
            (event,) = watch.take(1)
            if event["object"]["metadata"]["namespace"] in ours:
                seen.append(event["object"]["metadata"]["namespace"])
    assert seen == [other, namespace]


def test_a_single_object(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    fill(server, namespace, "ab")
    with server.watch(path, fieldSelector="metadata.name=b") as watch:
        assert summary(watch.take(1)) == [("ADDED", "b")]
        server.ok("PATCH", f"{path}/a", {"data": {"a": "1"}})
        server.ok("DELETE", f"{path}/a")
        server.ok("DELETE", f"{path}/b")
        assert summary(watch.take(1)) == [("DELETED", "b")]


def test_what_leaves_the_selection_is_deleted_and_what_enters_is_added(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    fill(server, namespace, "ab", labels={"a": {"app": "web"}})
    with server.watch(path, labelSelector="app=web") as watch:
        assert summary(watch.take(1)) == [("ADDED", "a")]
        out = server.ok("PATCH", f"{path}/a", {"metadata": {"labels": {"app": "db"}}, "data": {"new": "1"}})
        (gone,) = watch.take(1)
        server.ok("PATCH", f"{path}/a", {"data": {"unseen": "1"}})
        back = server.ok("PATCH", f"{path}/a", {"metadata": {"labels": {"app": "web"}}})
        (come,) = watch.take(1)
        new = server.ok("PATCH", f"{path}/b", {"metadata": {"labels": {"app": "web"}}})
        (entered,) = watch.take(1)
        server.ok("PATCH", f"{path}/b", {"data": {"a": "1"}})
        server.ok("PATCH", f"{path}/a", {"metadata": {"labels": {"app": None}}})
        server.ok("DELETE", f"{path}/a")
        server.ok("DELETE", f"{path}/b")
        rest = watch.take(3)
    assert gone["type"] == "DELETED"
    assert gone["object"]["metadata"]["labels"] == {"app": "web"}, "as it was when it was last selected"
    assert not gone["object"].get("data")
    assert gone["object"]["metadata"]["resourceVersion"] == out["metadata"]["resourceVersion"]
    assert come == {"type": "ADDED", "object": back}
    assert entered == {"type": "ADDED", "object": new}
    assert summary(rest) == [("MODIFIED", "b"), ("DELETED", "a"), ("DELETED", "b")]


def test_a_field_moves_objects_in_and_out(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    body = {"metadata": {"name": "one"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}
    server.ok("POST", path, body)
    with server.watch(path, fieldSelector="spec.type=ExternalName") as watch:
        assert summary(watch.take(1)) == [("ADDED", "one")]
        change = {"spec": {"type": "ClusterIP", "externalName": None, "clusterIP": "None", "ports": [{"port": 80}]}}
        server.ok("PATCH", f"{path}/one", change)
        assert summary(watch.take(1)) == [("DELETED", "one")]


# Ends


@pytest.mark.parametrize("timeout", ["1", "-1"])
def test_the_server_ends_a_watch_in_order(server: Server, namespace: str, timeout: str) -> None:
    path = config_maps(namespace)
    with server.watch(path, resourceVersion=version(server, path), timeoutSeconds=timeout) as watch:
        assert watch.until_end() == []


@pytest.mark.parametrize("timeout", ["", "x", "1.5"])
def test_a_timeout_that_is_no_number(server: Server, namespace: str, timeout: str) -> None:
    answer = server.get(config_maps(namespace), watch="true", timeoutSeconds=timeout)
    assert answer.refusal() == (400, "BadRequest")


def test_a_timeout_of_0_is_none(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    with server.watch(path, resourceVersion=version(server, path), timeoutSeconds="0") as watch:
        fill(server, namespace, "a")
        assert summary(watch.take(1)) == [("ADDED", "a")]


def test_a_watch_knows_no_limit(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc")
    with server.watch(config_maps(namespace), limit="1") as watch:
        assert len(watch.take(3)) == 3


def test_a_watch_has_no_pages(server: Server, namespace: str) -> None:
    answer = server.get(config_maps(namespace), watch="true", continue_="abc")
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueForbidden", "resourceVersionMatch")]


# With initial events


@pytest.mark.parametrize("start", ["", "0", "1", "now"])
def test_initial_events_end_with_a_bookmark(server: Server, namespace: str, start: str) -> None:
    path = config_maps(namespace)
    created = fill(server, namespace, "ab")
    wanted = version(server, path) if start == "now" else start
    with server.watch(path, query=WATCH_LIST, resourceVersion=wanted) as watch:
        *initial, bookmark = watch.until("BOOKMARK")
        later = fill(server, namespace, "c")
        (event,) = watch.take(1)
    assert sorted(summary(initial)) == [("ADDED", "a"), ("ADDED", "b")]
    assert [
        each["object"] for each in sorted(initial, key=lambda each: str(each["object"]["metadata"]["name"]))
    ] == created
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == ("ConfigMap", "v1")
    metadata = bookmark["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert metadata.keys() == {"annotations", "resourceVersion"}
    assert int(metadata["resourceVersion"]) >= int(created[-1]["metadata"]["resourceVersion"])
    assert event["object"] == later[0]


def test_initial_events_of_nothing(server: Server, namespace: str) -> None:
    with server.watch(config_maps(namespace), query=WATCH_LIST) as watch:
        assert summary(watch.take(1)) == [("BOOKMARK", "")]


def test_initial_events_of_a_custom_resource(server: Server, namespace: str) -> None:
    path = in_namespace(server.register_plain("Gizmo", group="rows.example.com"), namespace)
    with server.watch(path, query=WATCH_LIST) as watch:
        (bookmark,) = watch.take(1)
    assert (bookmark["object"]["kind"], bookmark["object"]["apiVersion"]) == ("Gizmo", "rows.example.com/v1")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


@pytest.mark.parametrize("selector", [{"labelSelector": "app in (web)"}, {"fieldSelector": "metadata.name=a"}])
def test_initial_events_of_what_is_selected(server: Server, namespace: str, selector: dict[str, str]) -> None:
    fill(server, namespace, "ab", labels={"a": {"app": "web"}})
    with server.watch(config_maps(namespace), query=WATCH_LIST | selector) as watch:
        assert summary(watch.take(2)) == [("ADDED", "a"), ("BOOKMARK", "")]


def test_without_bookmarks_nobody_says_when_the_initial_events_end(server: Server, namespace: str) -> None:
    fill(server, namespace, "a")
    with server.watch(config_maps(namespace), query=WATCH_LIST | {"allowWatchBookmarks": "false"}) as watch:
        assert summary(watch.take(1)) == [("ADDED", "a")]
        fill(server, namespace, "b")
        assert summary(watch.take(1)) == [("ADDED", "b")]


@pytest.mark.parametrize("value", ["", "x", "1", "f"])
def test_initial_events_are_wanted_unless_the_flag_says_no(server: Server, namespace: str, value: str) -> None:
    with server.watch(config_maps(namespace), query=WATCH_LIST | {"sendInitialEvents": value}) as watch:
        assert summary(watch.take(1)) == [("BOOKMARK", "")]


@pytest.mark.parametrize("start", ["", "0", "now"])
def test_initial_events_that_are_not_wanted(server: Server, namespace: str, start: str) -> None:
    path = config_maps(namespace)
    fill(server, namespace, "a")
    wanted = version(server, path) if start == "now" else start
    with server.watch(path, query=WATCH_LIST | {"sendInitialEvents": "false"}, resourceVersion=wanted) as watch:
        fill(server, namespace, "b")
        assert summary(watch.take(1)) == [("ADDED", "b")]


def test_initial_events_at_a_version_the_server_has_not_reached(server: Server, namespace: str) -> None:
    with server.watch(config_maps(namespace), query=WATCH_LIST, resourceVersion="99999999") as watch:
        (event,) = watch.until_end()
    status = event["object"]
    assert event["type"] == "ERROR"
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 504, "Timeout")
    assert status["details"]["retryAfterSeconds"] == 1
    assert [cause["reason"] for cause in status["details"]["causes"]] == ["ResourceVersionTooLarge"]


FORBIDDEN = ("FieldValueForbidden", "resourceVersionMatch")
UNSUPPORTED = ("FieldValueNotSupported", "resourceVersionMatch")


@pytest.mark.parametrize(
    ("query", "causes"),
    [
        ({"sendInitialEvents": "true"}, [FORBIDDEN]),
        ({"sendInitialEvents": "false"}, [FORBIDDEN]),
        ({"sendInitialEvents": "true", "resourceVersionMatch": "Exact"}, [FORBIDDEN, UNSUPPORTED]),
        ({"resourceVersionMatch": "NotOlderThan"}, [FORBIDDEN]),
        ({"resourceVersionMatch": "Exact"}, [FORBIDDEN, UNSUPPORTED]),
        ({"resourceVersionMatch": "other", "resourceVersion": "x"}, [FORBIDDEN, UNSUPPORTED]),
    ],
)
def test_a_watch_that_contradicts_itself(
    server: Server, namespace: str, query: dict[str, str], causes: list[tuple[str, str]]
) -> None:
    answer = server.get(config_maps(namespace), watch="true", allowWatchBookmarks="true", query=query)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == causes


# Without the feature gate


def test_without_the_gate_initial_events_are_refused(listing_server: Server, namespace: str) -> None:
    answer = listing_server.get(config_maps(namespace), watch="true", query=WATCH_LIST)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueForbidden", "sendInitialEvents")]


def test_without_the_gate_lists_and_watches_go_on(listing_server: Server, namespace: str) -> None:
    fill(listing_server, namespace, "a")
    with listing_server.watch(config_maps(namespace), allowWatchBookmarks="true") as watch:
        assert summary(watch.take(1)) == [("ADDED", "a")]
