import random

import anyio
import anyio.lowlevel
import pytest
from tests.testing.http_client import WATCH_LIST, Client, Json, is_end_of_initial_events, summary

from kubeinformer.resources import RawObject
from kubeinformer.testing import FakeApiServer, synthetic_objects

pytestmark = pytest.mark.anyio

PODS = "/api/v1/pods"
CONFIGMAPS = "/api/v1/configmaps"


def pod(name: str, namespace: str = "default", **labels: str) -> RawObject:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


async def test_a_watch_sends_what_happens_after_its_version() -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("before"))
        version = server.resource_version
        server.create("v1/pods", pod("a"))
        async with Client(server.url).watch(PODS, resourceVersion=version) as watch:
            assert summary(await watch.take(1)) == [("ADDED", "a")]
            server.patch("v1/pods", "default/a", {"status": {"phase": "Running"}})
            server.create("v1/configmaps", {"metadata": {"name": "other"}})
            server.delete("v1/pods", "default/a")
            modified, deleted = await watch.take(2)
    assert summary([modified, deleted]) == [("MODIFIED", "a"), ("DELETED", "a")]
    assert list(modified["object"])[:2] == ["kind", "apiVersion"]
    assert int(deleted["object"]["metadata"]["resourceVersion"]) == int(version) + 4
    assert deleted["object"]["status"] == {"phase": "Running"}


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_watch_without_a_version_begins_with_everything(version: str) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("b"))
        server.create("v1/pods", pod("a"))
        async with Client(server.url).watch(PODS, resourceVersion=version) as watch:
            assert summary(await watch.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
            server.delete("v1/pods", "default/a")
            assert summary(await watch.take(1)) == [("DELETED", "a")]


async def test_a_watch_list_ends_its_initial_events_with_a_bookmark() -> None:
    async with FakeApiServer() as server:
        for name in ("b", "a"):
            server.create("v1/pods", pod(name))
        server.create("v1/nodes", pod("elsewhere"))
        async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
            *objects, bookmark = await watch.until_bookmark()
            assert summary(objects) == [("ADDED", "a"), ("ADDED", "b")]
            assert bookmark == {
                "type": "BOOKMARK",
                "object": {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "metadata": {
                        "resourceVersion": server.resource_version,
                        "annotations": {"k8s.io/initial-events-end": "true"},
                    },
                },
            }
            server.create("v1/pods", pod("c"))
            assert summary(await watch.take(1)) == [("ADDED", "c")]


async def test_a_watch_list_of_one_namespace() -> None:
    async with FakeApiServer() as server:
        for namespace in ("a", "a-b", "b"):
            server.create("v1/pods", pod("x", namespace))
        async with Client(server.url).watch("/api/v1/namespaces/a/pods", **WATCH_LIST) as watch:
            assert len(await watch.until_bookmark()) == 2
            server.create("v1/pods", pod("y", "a-b"))
            server.create("v1/pods", pod("z", "a"))
            assert summary(await watch.take(1)) == [("ADDED", "z")]


async def test_send_initial_events_false_begins_with_now() -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("old"))
        query = {"sendInitialEvents": "false", "resourceVersionMatch": "NotOlderThan"}
        async with Client(server.url).watch(PODS, **query) as watch:
            server.create("v1/pods", pod("new"))
            assert summary(await watch.take(1)) == [("ADDED", "new")]


async def test_an_older_version_than_the_history_is_an_error_inside_the_stream() -> None:
    async with (
        FakeApiServer(resource_version=500) as server,
        Client(server.url).watch(PODS, resourceVersion="3") as watch,
    ):
        (event,) = await watch.until_end()
    assert event == {
        "type": "ERROR",
        "object": {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "too old resource version: 3 (500)",
            "reason": "Expired",
            "code": 410,
        },
    }


async def test_compacted_versions_stay_expired_and_open_watches_go_on() -> None:
    async with FakeApiServer() as server:
        client = Client(server.url)
        old = server.resource_version
        async with client.watch(PODS, resourceVersion=old) as watch:
            server.create("v1/pods", pod("a"))
            server.compact()
            now = server.resource_version
            server.create("v1/pods", pod("b"))
            assert summary(await watch.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
        for _ in range(2):
            async with client.watch(PODS, resourceVersion=old) as watch:
                (event,) = await watch.until_end()
                assert event["object"]["message"] == f"too old resource version: {old} ({now})"
            server.create("v1/pods", {"metadata": {"generateName": "later-"}})
        async with client.watch(PODS, resourceVersion=now) as watch:
            assert summary(await watch.take(1)) == [("ADDED", "b")]


async def test_initial_events_newer_than_the_server_are_refused_in_the_stream() -> None:
    query = WATCH_LIST | {"resourceVersion": "99999"}
    async with FakeApiServer() as server, Client(server.url).watch(PODS, **query) as watch:
        (event,) = await watch.until_end()
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["code"], status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert status["details"]["retryAfterSeconds"] == 1


async def test_a_watch_from_a_newer_version_is_silent_until_the_server_is_past_it() -> None:
    async with FakeApiServer() as server, Client(server.url).watch(PODS, resourceVersion="1002") as watch:
        for name in ("a", "b", "c"):
            server.create("v1/pods", {"metadata": {"name": name}})
        (event,) = await watch.take(1)
    assert event["object"]["metadata"]["name"] == "c"


async def test_without_the_feature_gate_a_watch_list_is_refused_by_field() -> None:
    async with FakeApiServer() as server:
        server.watch_list_enabled = False
        answer = await Client(server.url).get(PODS, **WATCH_LIST)
    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.json["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for '
        "watch unless the WatchList feature gate is enabled"
    )
    assert [cause["field"] for cause in answer.json["details"]["causes"]] == ["sendInitialEvents"]


async def test_a_watch_list_without_a_match_is_refused_by_field() -> None:
    async with FakeApiServer() as server:
        answer = await Client(server.url).get(PODS, watch="1", sendInitialEvents="true")
    assert answer.status == 422
    assert [cause["field"] for cause in answer.json["details"]["causes"]] == ["resourceVersionMatch"]


async def test_the_timeout_ends_a_watch_cleanly() -> None:
    async with FakeApiServer() as server, Client(server.url).connect() as connection:
        for _ in range(2):  # cleanly: the connection can be used again
            await connection.send("GET", f"{PODS}?watch=1&resourceVersion=1000&timeoutSeconds=-1")
            assert (await connection.answer()).body == b""


async def test_bookmarks_come_at_their_interval_to_those_who_want_them() -> None:
    async with FakeApiServer(bookmark_interval=0.01) as server:
        client, version = Client(server.url), server.resource_version
        async with (
            client.watch(PODS, resourceVersion=version, allowWatchBookmarks="true") as told,
            client.watch(PODS, resourceVersion=version) as untold,
        ):
            assert summary(await told.take(2)) == [("BOOKMARK", version)] * 2
            server.create("v1/pods", pod("a"))
            assert summary(await untold.take(1)) == [("ADDED", "a")]


async def test_a_bookmark_on_demand_carries_the_servers_version() -> None:
    async with FakeApiServer() as server, Client(server.url).watch(PODS, **WATCH_LIST) as watch:
        await watch.until_bookmark()
        server.create("v1/pods", pod("a"))
        server.create("v1/nodes", pod("elsewhere"))
        server.bookmark()
        added, bookmark = await watch.take(2)
    assert added["type"] == "ADDED"
    assert bookmark["object"]["metadata"] == {"resourceVersion": server.resource_version}


async def test_objects_enter_and_leave_a_label_selection() -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("in", app="web"))
        server.create("v1/pods", pod("out", app="api"))
        async with Client(server.url).watch(PODS, **WATCH_LIST, labelSelector="app=web") as watch:
            assert summary((await watch.until_bookmark())[:-1]) == [("ADDED", "in")]
            server.patch("v1/pods", "default/out", {"metadata": {"labels": {"x": "y"}}})  # stays outside: silent
            server.patch("v1/pods", "default/out", {"metadata": {"labels": {"app": "web"}}})
            server.patch("v1/pods", "default/in", {"metadata": {"labels": {"app": "api"}}})
            version = server.resource_version
            server.delete("v1/pods", "default/in")  # was outside already: silent
            server.delete("v1/pods", "default/out")
            entered, left, deleted = await watch.take(3)
    assert summary([entered, left, deleted]) == [("ADDED", "out"), ("DELETED", "in"), ("DELETED", "out")]
    assert left["object"]["metadata"]["labels"] == {"app": "web"}, "the last state that was selected"
    assert left["object"]["metadata"]["resourceVersion"] == version
    assert deleted["object"]["metadata"]["resourceVersion"] == server.resource_version


async def test_field_selections() -> None:
    async with FakeApiServer() as server:
        for name in ("a", "b"):
            server.create("v1/pods", pod(name) | {"spec": {"nodeName": f"node-{name}"}})
        query = WATCH_LIST | {"fieldSelector": "spec.nodeName=node-b,metadata.namespace=default"}
        async with Client(server.url).watch(PODS, **query) as watch:
            assert summary((await watch.until_bookmark())[:-1]) == [("ADDED", "b")]


async def test_metadata_only() -> None:
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("a", app="web") | {"spec": {"nodeName": "n"}})
        async with Client(server.url, {"Accept": accept}).watch(PODS, **WATCH_LIST) as watch:
            added, bookmark = await watch.until_bookmark()
            server.delete("v1/pods", "default/a")
            deleted = await watch.event()
        async with Client(server.url, {"Accept": accept}).watch(PODS, resourceVersion="1") as watch:
            error = await watch.event()
    assert deleted is not None
    assert error is not None
    for event in (added, bookmark, deleted):
        kind = event["object"]["apiVersion"], event["object"]["kind"]
        assert kind == ("meta.k8s.io/v1", "PartialObjectMetadata")
        assert event["object"].keys() == {"kind", "apiVersion", "metadata"}
    assert added["object"]["metadata"]["labels"] == {"app": "web"}
    assert is_end_of_initial_events(bookmark)
    assert error["object"]["kind"] == "Status"


MORE_THAN_ANY_BUFFER = 250  # objects of 100 kB: a client that does not read stops the server in the middle of them


def seed_large(server: FakeApiServer) -> None:
    server.seed("v1/configmaps", synthetic_objects(MORE_THAN_ANY_BUFFER, size=100_000))


async def test_changes_during_the_initial_events_come_after_them() -> None:
    async with FakeApiServer() as server:
        seed_large(server)
        version = server.resource_version
        snapshot = {obj["metadata"]["uid"]: obj for obj in server.list("v1/configmaps")}
        keys = [f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" for obj in snapshot.values()]
        async with Client(server.url).watch(CONFIGMAPS, **WATCH_LIST) as watch:
            for key in (keys[0], keys[-1]):  # one that was sent already, one that was not
                server.patch("v1/configmaps", key, {"metadata": {"labels": {"changed": "yes"}}})
            server.delete("v1/configmaps", keys[-2])
            server.create("v1/configmaps", pod("new"))
            *initial, bookmark = await watch.until_bookmark()
            live = await watch.take(4)
    assert {event["type"] for event in initial} == {"ADDED"}
    assert {event["object"]["metadata"]["uid"]: event["object"] for event in initial} == snapshot
    assert bookmark["object"]["metadata"]["resourceVersion"] == version
    assert [event["type"] for event in live] == ["MODIFIED", "MODIFIED", "DELETED", "ADDED"]
    assert [int(e["object"]["metadata"]["resourceVersion"]) for e in live] == [int(version) + n for n in range(1, 5)]


async def test_a_bookmark_asked_for_during_the_initial_events_does_not_end_them() -> None:
    async with FakeApiServer() as server:
        seed_large(server)
        async with Client(server.url).watch(CONFIGMAPS, **WATCH_LIST) as watch:
            server.create("v1/configmaps", pod("late"))
            server.bookmark()
            *before, plain = await watch.until_bookmark()
            *after, end = await watch.until_bookmark()
            assert summary(await watch.take(1)) == [("ADDED", "late")]
    assert not is_end_of_initial_events(plain)
    assert is_end_of_initial_events(end)
    assert len(before) + len(after) == MORE_THAN_ANY_BUFFER
    assert before
    assert after


async def test_a_bookmark_asked_for_comes_behind_everything_done_before() -> None:
    large = {"data": {"x": "y" * 100_000}}
    async with FakeApiServer() as server, Client(server.url).watch(CONFIGMAPS, **WATCH_LIST) as watch:
        await watch.until_bookmark()
        for number in range(MORE_THAN_ANY_BUFFER):
            server.create("v1/configmaps", pod(f"c{number:03}") | large)
            if number == MORE_THAN_ANY_BUFFER // 2:
                for _ in range(100):  # until the watch is in the middle of the first half
                    await anyio.lowlevel.checkpoint()
        server.bookmark()
        *events, bookmark = await watch.until_bookmark()
    assert len(events) == MORE_THAN_ANY_BUFFER
    assert bookmark["object"]["metadata"]["resourceVersion"] == server.resource_version


async def test_no_bookmark_is_ahead_of_what_was_sent() -> None:
    large = {"data": {"x": "y" * 100_000}}
    versions: list[int] = []
    async with (
        FakeApiServer(bookmark_interval=0.001) as server,
        Client(server.url).watch(CONFIGMAPS, resourceVersion="1000", allowWatchBookmarks="true") as watch,
    ):
        for number in range(MORE_THAN_ANY_BUFFER):
            server.create("v1/configmaps", pod(f"c{number:03}") | large)
            if number == MORE_THAN_ANY_BUFFER // 2:
                for _ in range(100):  # until the watch is in the middle of the first half
                    await anyio.lowlevel.checkpoint()
        version = 0
        while version < 1000 + MORE_THAN_ANY_BUFFER:
            event = await watch.event()
            assert event is not None
            versions.append(int(event["object"]["metadata"]["resourceVersion"]))
            if event["type"] == "ADDED":
                version = versions[-1]
                assert max(versions[:-1], default=0) < version


async def test_the_timeout_is_kept_while_initial_events_are_sent() -> None:
    async with FakeApiServer() as server:
        seed_large(server)
        async with Client(server.url).watch(CONFIGMAPS, **WATCH_LIST, timeoutSeconds="-1") as watch:
            events = await watch.until_end()
    assert len(events) < MORE_THAN_ANY_BUFFER


async def test_initial_events_are_not_in_version_order() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 50)
        async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
            *initial, _ = await watch.until_bookmark()
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in initial]
    assert versions != sorted(versions)
    assert sorted(versions) == list(range(1001, 1051))


async def test_a_watch_that_is_too_slow_for_the_history_gets_a_410() -> None:
    large = {"data": {"x": "y" * 100_000}}
    async with FakeApiServer(history_limit=16) as server:
        query = {"resourceVersion": server.resource_version}
        async with Client(server.url).watch(CONFIGMAPS, **query) as watch:
            for number in range(300):  # 30 MB, which no socket holds
                server.create("v1/configmaps", pod(f"c{number:03}") | large)
                await anyio.lowlevel.checkpoint()
            events = await watch.until_end()
        async with Client(server.url).watch(CONFIGMAPS, **query) as watch:
            again = await watch.event()
    *seen, error = events
    assert [event["object"]["metadata"]["name"] for event in seen] == [f"c{number:03}" for number in range(len(seen))]
    assert 0 < len(seen) < 300
    assert error["type"] == "ERROR"
    assert error["object"]["code"] == 410
    assert again is not None
    assert again["type"] == "ERROR"


async def test_seeding_under_an_open_watch_expires_it() -> None:
    async with FakeApiServer() as server, Client(server.url).watch(PODS, **WATCH_LIST) as watch:
        await watch.until_bookmark()
        server.seed("v1/pods", 3)
        (error,) = await watch.until_end()
    assert error["object"]["code"] == 410


async def test_a_watch_ends_when_its_client_leaves() -> None:
    async with FakeApiServer() as server:
        async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
            await watch.until_bookmark()
        with anyio.fail_after(20):
            while server.connection_count:
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(3))
async def test_folding_a_watch_gives_the_servers_state(seed: int) -> None:
    """Random changes, a client that stops and goes: nothing is lost, nothing goes back in time."""
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    async with FakeApiServer() as server:
        server.seed("v1/pods", 800)
        state: dict[str, Json] = {}
        versions: list[int] = []
        is_live = False
        async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: server.churn("v1/pods", per_second=400, seed=seed))
                while len(versions) < 100:
                    event = await watch.event()
                    assert event is not None
                    _fold(state, event)
                    if is_live:
                        versions.append(int(event["object"]["metadata"]["resourceVersion"]))
                    is_live = is_live or is_end_of_initial_events(event)
                    if chance.random() < 0.05:
                        await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
            server.bookmark()
            for event in await watch.until_bookmark():
                _fold(state, event)
        assert versions == sorted(versions)
        expected = {pod["metadata"]["uid"]: pod for pod in server.list("v1/pods")}
        assert state == expected, "the difference would be megabytes long"


def _fold(state: dict[str, Json], event: Json) -> None:
    obj = event["object"]
    match event["type"]:
        case "ADDED":
            assert obj["metadata"]["uid"] not in state
            state[obj["metadata"]["uid"]] = obj
        case "MODIFIED":
            assert obj["metadata"]["uid"] in state
            state[obj["metadata"]["uid"]] = obj
        case "DELETED":
            del state[obj["metadata"]["uid"]]
