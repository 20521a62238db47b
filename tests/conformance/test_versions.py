"""Lists at a version: every pair of ``resourceVersion`` and ``resourceVersionMatch``, whole and in pages."""

import pytest
from tests.conformance.client import Server
from tests.conformance.objects import config_maps, fill, names

FAR = "99999999"
FORBIDDEN = ("FieldValueForbidden", "resourceVersionMatch")
UNSUPPORTED = ("FieldValueNotSupported", "resourceVersionMatch")


@pytest.fixture
def past(server: Server, namespace: str) -> str:
    """The version at which a and b were there; c and a change of a came later."""
    path = config_maps(namespace)
    fill(server, namespace, "ab")
    version = server.ok("GET", path)["metadata"]["resourceVersion"]
    fill(server, namespace, "c")
    server.ok("PATCH", f"{path}/a", {"data": {"changed": "yes"}})
    return str(version)


def query(version: str, match: str, limit: str) -> dict[str, str]:
    given = {"resourceVersion": version, "resourceVersionMatch": match, "limit": limit}
    return {name: value for name, value in given.items() if value}


@pytest.mark.parametrize("limit", ["", "1", "9"])
@pytest.mark.parametrize("match", ["", "NotOlderThan", "Exact"])
def test_at_an_earlier_version(server: Server, namespace: str, past: str, match: str, limit: str) -> None:
    listed = server.ok("GET", config_maps(namespace), query=query(past, match, limit))
    # A page without a match is about the very version; without a limit any newer one will do.
    is_exact = match == "Exact" or (not match and bool(limit))
    assert (listed["metadata"]["resourceVersion"] == past) is is_exact
    assert names(listed) == (list("ab") if is_exact else list("abc"))[: int(limit or 9)]
    assert bool(listed["items"][0].get("data")) is not is_exact
    if limit == "1":
        assert listed["metadata"]["remainingItemCount"] == (1 if is_exact else 2)


@pytest.mark.parametrize("match", ["", "NotOlderThan"])
def test_at_any_version_there_are_no_pages(server: Server, namespace: str, past: str, match: str) -> None:
    listed = server.ok("GET", config_maps(namespace), query=query("0", match, "1"))
    assert names(listed) == list("abc")
    assert listed["metadata"].keys() == {"resourceVersion"}
    assert int(listed["metadata"]["resourceVersion"]) > int(past)


@pytest.mark.parametrize("limit", ["", "1"])
@pytest.mark.parametrize("match", ["", "NotOlderThan", "Exact"])
def test_at_a_version_the_server_has_not_reached(server: Server, namespace: str, match: str, limit: str) -> None:
    answer = server.get(config_maps(namespace), query=query(FAR, match, limit))
    assert answer.refusal() == (504, "Timeout")
    assert answer.causes() == [("ResourceVersionTooLarge", "")]
    assert answer.json["details"]["retryAfterSeconds"] == 1
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("match", ["", "NotOlderThan", "Exact"])
@pytest.mark.parametrize("version", ["x", "-1", "1.5", "99999999999999999999999"])
def test_at_a_version_that_is_no_number(server: Server, namespace: str, version: str, match: str) -> None:
    assert server.get(config_maps(namespace), query=query(version, match, "")).refusal() == (400, "BadRequest")


def test_leading_zeros_do_not_matter(server: Server, namespace: str) -> None:
    assert server.get(config_maps(namespace), resourceVersion="01").status == 200


@pytest.mark.parametrize(
    ("version", "match", "causes"),
    [
        ("", "Exact", [FORBIDDEN]),
        ("", "NotOlderThan", [FORBIDDEN]),
        ("", "other", [FORBIDDEN, UNSUPPORTED]),
        ("0", "Exact", [FORBIDDEN]),
        ("0", "other", [UNSUPPORTED]),
        ("1", "other", [UNSUPPORTED]),
        ("x", "other", [UNSUPPORTED]),
    ],
)
def test_what_contradicts_itself(
    server: Server, namespace: str, version: str, match: str, causes: list[tuple[str, str]]
) -> None:
    for limit in ("", "1"):
        answer = server.get(config_maps(namespace), query=query(version, match, limit))
        assert answer.refusal() == (422, "Invalid")
        assert answer.causes() == causes
        assert (answer.json["details"]["group"], answer.json["details"]["kind"]) == ("meta.k8s.io", "ListOptions")


@pytest.mark.parametrize("value", ["true", "false", "x", ""])
def test_a_list_has_no_initial_events(server: Server, namespace: str, value: str) -> None:
    answer = server.get(config_maps(namespace), sendInitialEvents=value)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueForbidden", "sendInitialEvents")]


@pytest.mark.parametrize("watch", ["0", "false", "False"])
def test_a_watch_that_is_not_wanted_is_a_list(server: Server, namespace: str, watch: str) -> None:
    assert server.ok("GET", config_maps(namespace), watch=watch)["kind"] == "ConfigMapList"


def test_unknown_parameters_are_ignored(server: Server, namespace: str) -> None:
    assert server.get(config_maps(namespace), noSuchParameter="1").status == 200
