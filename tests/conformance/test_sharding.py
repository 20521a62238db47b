"""``shardSelector``: a part of a collection, by the hash of its uids."""

import pytest
from tests.conformance.client import Json, Server
from tests.conformance.objects import PARTIAL_LIST, TABLE, WATCH_LIST, config_maps, fill, names, summary

UID = "object.metadata.uid"
START, MIDDLE, END = "0x0000000000000000", "0x8000000000000000", "0x10000000000000000"


def shard(start: str, end: str, field: str = UID) -> str:
    return f"shardRange({field}, '{start}', '{end}')"


LOW, HIGH = shard(START, MIDDLE), shard(MIDDLE, END)


def fnv1a(text: str) -> int:
    """The hash, written down once more: the suite must not believe the code under test."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value ^= byte
        value = value * 0x100000001B3 % 2**64
    return value


def split(objects: list[Json]) -> tuple[set[str], set[str]]:
    """The names below and above the middle."""
    low = {each["metadata"]["name"] for each in objects if fnv1a(each["metadata"]["uid"]) < 2**63}
    return low, {each["metadata"]["name"] for each in objects} - low


MANY = [f"o{number:02}" for number in range(24)]  # that all of them fall on one side: once in 8 million runs


def test_two_shards_are_the_whole(sharded_server: Server, namespace: str) -> None:
    low, high = split(fill(sharded_server, namespace, MANY))
    path = config_maps(namespace)
    for selector, expected in (
        (LOW, low),
        (HIGH, high),
        (shard(START, END), low | high),
        (f"{LOW} || {HIGH}", low | high),
    ):
        listed = sharded_server.ok("GET", path, shardSelector=selector)
        assert set(names(listed)) == expected
        assert listed["metadata"]["shardInfo"] == {"selector": selector}


def test_the_start_is_in_and_the_end_is_not(sharded_server: Server, namespace: str) -> None:
    (created,) = fill(sharded_server, namespace, ["one"])
    at = fnv1a(created["metadata"]["uid"])
    path = config_maps(namespace)
    for start, end, expected in ((at, at + 1, ["one"]), (at - 1, at, []), (at + 1, at + 2, [])):
        selector = shard(f"{start:#018x}", f"{end:#018x}")
        assert names(sharded_server.ok("GET", path, shardSelector=selector)) == expected


def test_namespaces_can_be_hashed_too(sharded_server: Server, namespace: str) -> None:
    fill(sharded_server, namespace, ["one"])
    selector = shard(START, MIDDLE, "object.metadata.namespace")
    expected = ["one"] if fnv1a(namespace) < 2**63 else []
    assert names(sharded_server.ok("GET", config_maps(namespace), shardSelector=selector)) == expected


def test_pages_of_a_shard(sharded_server: Server, namespace: str) -> None:
    low, _ = split(fill(sharded_server, namespace, MANY))
    path = config_maps(namespace)
    found: list[str] = []
    token = ""
    while True:
        page = sharded_server.ok("GET", path, shardSelector=LOW, limit="3", continue_=token)
        found += names(page)
        assert "remainingItemCount" not in page["metadata"]
        assert page["metadata"]["shardInfo"] == {"selector": LOW}
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert found == sorted(low)


def test_a_shard_and_a_selector(sharded_server: Server, namespace: str) -> None:
    low, _ = split(fill(sharded_server, namespace, MANY, labels={MANY[0]: {"a": "b"}}))
    listed = sharded_server.ok("GET", config_maps(namespace), shardSelector=LOW, labelSelector="!a")
    assert set(names(listed)) == low - {MANY[0]}


def test_a_watch_of_a_shard(sharded_server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    start = sharded_server.ok("GET", path)["metadata"]["resourceVersion"]
    with sharded_server.watch(path, resourceVersion=start, shardSelector=LOW) as watch:
        low, _ = split(fill(sharded_server, namespace, MANY))
        for name in MANY:
            sharded_server.ok("DELETE", f"{path}/{name}")
        events = watch.take(2 * len(low))
    assert summary(events) == [(type_, name) for type_ in ("ADDED", "DELETED") for name in sorted(low)]


def test_initial_events_of_a_shard(sharded_server: Server, namespace: str) -> None:
    low, _ = split(fill(sharded_server, namespace, MANY))
    with sharded_server.watch(config_maps(namespace), query=WATCH_LIST, shardSelector=LOW) as watch:
        *initial, bookmark = watch.until("BOOKMARK")
    assert {event["object"]["metadata"]["name"] for event in initial} == low
    assert "shardInfo" not in bookmark["object"]["metadata"]


def test_other_forms_do_not_say_which_shard_they_are(sharded_server: Server, namespace: str) -> None:
    for accept in (PARTIAL_LIST, TABLE):
        answer = sharded_server.request("GET", config_maps(namespace), query={"shardSelector": LOW}, accept=accept)
        assert answer.json["metadata"].keys() == {"resourceVersion"}


def test_custom_resources_have_shards_and_do_not_say_so(sharded_server: Server, namespace: str) -> None:
    path = sharded_server.register_plain("Gizmo", group="rows.example.com").replace(
        "/v1/", f"/v1/namespaces/{namespace}/"
    )
    head = {"apiVersion": "rows.example.com/v1", "kind": "Gizmo"}
    low, _ = split([sharded_server.ok("POST", path, head | {"metadata": {"name": name}}) for name in MANY])
    listed = sharded_server.ok("GET", path, shardSelector=LOW)
    assert set(names(listed)) == low
    assert "shardInfo" not in listed["metadata"]


@pytest.mark.parametrize("spelling", [LOW.replace("'", '"'), LOW.replace(" ", ""), f"  {LOW}"])
def test_other_spellings_are_echoed_in_the_usual_one(sharded_server: Server, namespace: str, spelling: str) -> None:
    listed = sharded_server.ok("GET", config_maps(namespace), shardSelector=spelling)
    assert listed["metadata"]["shardInfo"] == {"selector": LOW}


@pytest.mark.parametrize(
    "selector",
    [
        "garbage",
        "shardRange()",
        "shardRange(object.metadata.uid, '0x0000000000000000')",
        "shardRange(object.metadata.uid, 0, 5)",
        shard(START, MIDDLE, "object.metadata.name"),
        shard("0000000000000000", MIDDLE),
        shard("0x0", "0x8"),
        shard(MIDDLE, START),
        shard(MIDDLE, MIDDLE),
        shard(START, "0xFFFFFFFFFFFFFFFF"),
        shard(START, "0xzz"),
        shard(START, "0x20000000000000000"),
        f"{LOW} && {HIGH}",
    ],
)
def test_selectors_that_cannot_be_read(sharded_server: Server, namespace: str, selector: str) -> None:
    for query in ({}, {"watch": "true"}):
        answer = sharded_server.get(config_maps(namespace), shardSelector=selector, query=query)
        assert answer.refusal() == (500, "None")


def test_an_empty_selector_is_none(sharded_server: Server, namespace: str) -> None:
    listed = sharded_server.ok("GET", config_maps(namespace), shardSelector="")
    assert listed["metadata"].keys() == {"resourceVersion"}


def test_without_the_gate_it_is_ignored(server: Server, namespace: str) -> None:
    fill(server, namespace, "abc")
    for selector in (shard(START, "0x0000000000000001"), "garbage"):
        listed = server.ok("GET", config_maps(namespace), shardSelector=selector)
        assert names(listed) == ["a", "b", "c"]
        assert "shardInfo" not in listed["metadata"]
