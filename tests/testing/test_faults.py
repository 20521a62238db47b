"""What each fault does to the bytes, as a client sees it that knows nothing but HTTP."""

import json
import zlib
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import anyio.lowlevel
import h11
import pytest
import trio.testing
from tests.testing.http_client import (
    PATIENCE,
    WATCH_LIST,
    Answer,
    Client,
    Json,
    gunzip_members,
    is_end_of_initial_events,
)

from kubeinformer.errors import UsageError
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import (
    Behind,
    ClockJump,
    Cut,
    Deny,
    Drip,
    DropBookmarks,
    DuplicateBookmarks,
    Empty,
    ExpirePage,
    Fault,
    HalfClose,
    Html,
    IgnoreLimit,
    IgnoreSendInitialEvents,
    NoEndBookmark,
    RefuseConnections,
    Reset,
    Script,
    ServerError,
    Stall,
    StreamError,
    TableAnswer,
    TooManyRequests,
    Unauthenticated,
    jump_clock,
)

pytestmark = pytest.mark.anyio

PODS = "/api/v1/pods"
GZIP = {"Accept-Encoding": "gzip"}
BROKEN = (anyio.BrokenResourceError, h11.RemoteProtocolError)


@pytest.fixture
async def server() -> AsyncGenerator[FakeApiServer]:
    async with FakeApiServer(gzip_threshold=64) as server:
        for number in range(9):
            pod = {"metadata": {"name": f"pod-{number}", "annotations": {"text": "plain" if number < 4 else "漢字"}}}
            server.create("v1/pods", pod)
        yield server


def play(server: FakeApiServer, *faults: Fault) -> None:
    server.play(Script(faults))


def kinds(server: FakeApiServer) -> list[str]:
    return [record.fault.kind for record in server.faults]


async def broken_body(client: Client, **query: str) -> tuple[bytes, str]:
    """What came of a body before the connection broke, and whether it was a ``reset`` or a ``close``."""
    async with client.connect() as connection:
        target = f"{PODS}?{'&'.join(f'{name}={value}' for name, value in query.items())}"
        await connection.send("GET", target, headers=client._headers)
        assert (await connection.head()).status_code == 200
        body = b""
        while True:
            try:
                chunk = await connection.chunk()
            except anyio.BrokenResourceError:
                return body, "reset"
            except h11.RemoteProtocolError:
                return body, "close"
            assert chunk, "the body ended cleanly"
            body += chunk


async def whole_body(client: Client, **query: str) -> bytes:
    return (await client.get(PODS, **query)).body


# Cuts


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("count", [1, 100])
async def test_a_list_is_cut_after_so_many_bytes(server: FakeApiServer, how: Any, count: int, *, gzip: bool) -> None:
    client = Client(server.url, GZIP if gzip else {})
    body = await whole_body(client)
    play(server, Cut(on="list", after_bytes=count, how=how))
    assert await broken_body(client) == (body[:count], how)
    assert await whole_body(client) == body, "once is the default"
    assert kinds(server) == ["cut"]


@pytest.mark.parametrize("gzip", [False, True])
async def test_a_watch_is_cut_after_so_many_bytes(server: FakeApiServer, *, gzip: bool) -> None:
    client = Client(server.url, GZIP if gzip else {})
    play(server, Cut(on="watch-list", after_bytes=30))
    body, how = await broken_body(client, **WATCH_LIST)
    assert (len(body), how) == (30, "reset")


@pytest.mark.parametrize("gzip", [False, True])
async def test_a_watch_is_cut_after_so_many_events(server: FakeApiServer, *, gzip: bool) -> None:
    play(server, Cut(after_events=3, how="close"))
    body, _ = await broken_body(Client(server.url, GZIP if gzip else {}), **WATCH_LIST)
    events = (b"".join(gunzip_members(body)) if gzip else body).splitlines()
    assert [json.loads(event)["object"]["metadata"]["name"] for event in events] == ["pod-0", "pod-1", "pod-2"]


@pytest.mark.parametrize("gzip", [False, True])
async def test_a_watch_is_cut_inside_a_character(server: FakeApiServer, *, gzip: bool) -> None:
    play(server, Cut(on="watch-list", inside="character", after_events=2))
    body, _ = await broken_body(Client(server.url, GZIP if gzip else {}), **WATCH_LIST)
    text = b"".join(gunzip_members(body)) if gzip else body
    assert text.endswith('"text":"漢'.encode()[:-2]), "of its three bytes the first one came"
    assert b"pod-4" in text
    with pytest.raises(UnicodeDecodeError):
        text.decode()


async def test_a_list_is_cut_inside_a_character(server: FakeApiServer) -> None:
    client = Client(server.url)
    body = await whole_body(client)
    play(server, Cut(on="list", inside="character", after_bytes=50))
    received, _ = await broken_body(client)
    assert received == body[: body.index("漢".encode()) + 1]


@pytest.mark.parametrize("query", [{}, WATCH_LIST], ids=["list", "watch-list"])
async def test_a_stream_is_cut_inside_a_gzip_member(server: FakeApiServer, query: dict[str, str]) -> None:
    play(server, Cut(inside="member"))
    body, _ = await broken_body(Client(server.url, GZIP), **query)
    decompressor = zlib.decompressobj(wbits=31)
    decompressor.decompress(body)
    assert body
    assert not decompressor.eof


async def test_a_cut_inside_a_later_member_leaves_the_earlier_ones_whole(server: FakeApiServer) -> None:
    play(server, Cut(on="watch-list", inside="member", after_events=4))
    body, _ = await broken_body(Client(server.url, GZIP), **WATCH_LIST)
    first = zlib.decompressobj(wbits=31)
    assert first.decompress(body).count(b"\n") == 4
    assert first.eof
    rest = zlib.decompressobj(wbits=31)
    rest.decompress(first.unused_data)
    assert first.unused_data
    assert not rest.eof


async def test_a_cut_right_behind_the_head(server: FakeApiServer) -> None:
    play(server, Cut(how="close"))
    assert await broken_body(Client(server.url)) == (b"", "close")


@pytest.mark.parametrize("fault", [Reset(), Cut(before_head=True), Cut(before_head=True, how="close")])
async def test_nothing_comes_at_all(server: FakeApiServer, fault: Fault) -> None:
    play(server, fault)
    with pytest.raises(BROKEN):
        await Client(server.url).get(PODS)
    assert server.requests[-1].status is None
    assert (await Client(server.url).get(PODS)).status == 200


# Silence


async def test_a_stall_lasts_until_it_is_released(server: FakeApiServer) -> None:
    play(server, Stall(on="list", after_bytes=10))
    async with Client(server.url).connect() as connection:
        await connection.send("GET", PODS)
        await connection.head()
        body = await connection.chunk()
        assert len(body) == 10
        await anyio.wait_all_tasks_blocked()
        server.stop_faults()
        while chunk := await connection.chunk():
            body += chunk
    assert body == await whole_body(Client(server.url))


async def test_a_stalled_watch_sends_what_it_kept_back(server: FakeApiServer) -> None:
    play(server, Stall(on="watch-list", after_events=10, seconds=0.001))
    async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
        await watch.until_bookmark()
        server.create("v1/pods", {"metadata": {"name": "late"}})
        assert (await watch.take(1))[0]["object"]["metadata"]["name"] == "late"
    assert kinds(server) == ["stall"]


@pytest.mark.parametrize("fault", [Stall(before_head=True), Stall(), Stall(on="list", after_bytes=1), HalfClose()])
@pytest.mark.parametrize("query", ["", "?watch=1&resourceVersion=1000"])
async def test_a_client_that_leaves_ends_what_is_held(server: FakeApiServer, fault: Fault, query: str) -> None:
    play(server, fault)
    async with Client(server.url).connect() as connection:
        await connection.send("GET", PODS + query)
        with anyio.fail_after(PATIENCE):
            while not server.faults and not query:  # noqa: ASYNC110 - a record tells nobody when it comes
                await anyio.sleep(0.001)
    with anyio.fail_after(PATIENCE):
        while server.connection_count:
            await anyio.lowlevel.checkpoint()


async def test_a_half_closed_connection_is_open_the_other_way(server: FakeApiServer) -> None:
    play(server, HalfClose(on="list", after_bytes=5))
    async with Client(server.url).connect() as connection:
        await connection.send("GET", PODS)
        await connection.head()
        assert len(await connection.chunk()) == 5
        with pytest.raises(h11.RemoteProtocolError):
            await connection.chunk()
        assert server.connection_count == 1
        await connection.stream.send(b"x")  # nobody resets it


async def test_a_slow_drip_loses_nothing(server: FakeApiServer) -> None:
    client = Client(server.url)
    body = await whole_body(client)
    play(server, Drip(on="list", size=3, seconds=1e-6, for_bytes=30))
    async with client.connect() as connection:
        await connection.send("GET", PODS)
        await connection.head()
        pieces = [await connection.chunk() for _ in range(10)]
        assert {len(piece) for piece in pieces} == {3}
        while chunk := await connection.chunk():
            pieces.append(chunk)
    assert b"".join(pieces) == body


async def test_connections_are_refused_for_a_while_on_a_port_that_stays(server: FakeApiServer) -> None:
    play(server, RefuseConnections(on="get", seconds=1e6))
    client, url = Client(server.url), server.url
    async with client.watch(PODS, **WATCH_LIST) as watch:
        await watch.until_bookmark()
        with pytest.raises(BROKEN):
            await client.get("/api/v1/namespaces/default/pods/pod-0")
        with pytest.raises(anyio.BrokenResourceError):
            await watch.event()
    for _ in range(3):
        with pytest.raises(OSError, match=r"(?i)refused|all connection attempts failed"):
            await client.get(PODS)
    server.stop_faults()
    assert server.url == url
    assert (await client.get(PODS)).status == 200


async def test_connections_are_accepted_again_after_the_time(server: FakeApiServer) -> None:
    play(server, RefuseConnections(seconds=0.01, drop=False))
    client = Client(server.url)
    async with client.connect() as idle:
        with pytest.raises(BROKEN):
            await client.get(PODS)
        with anyio.fail_after(PATIENCE):
            while not await is_answered(client):  # noqa: ASYNC110 - a port tells nobody
                await anyio.sleep(0.001)
        await idle.send("GET", PODS)
        assert (await idle.answer()).status == 200, "what was open stayed so"


async def is_answered(client: Client) -> bool:
    try:
        return (await client.get("/healthz")).status == 200
    except OSError:
        return False


# Answers


def status_of(answer: Answer) -> tuple[int, str, str | None, int | None]:
    told = answer.json
    assert told["kind"] == "Status"
    assert told["code"] == answer.status
    details = told.get("details", {})
    return answer.status, told.get("reason", ""), answer.headers.get("retry-after"), details.get("retryAfterSeconds")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (TooManyRequests(), (429, "TooManyRequests", "1", 1)),
        (TooManyRequests(retry_after=7, where="header"), (429, "TooManyRequests", "7", None)),
        (TooManyRequests(retry_after=7, where="details"), (429, "TooManyRequests", None, 7)),
        (TooManyRequests(retry_after=None), (429, "TooManyRequests", None, None)),
        (ServerError(), (500, "InternalError", None, None)),
        (ServerError(code=503, retry_after=2), (503, "ServiceUnavailable", "2", None)),
        (ServerError(code=599), (599, "", None, None)),
        (Unauthenticated(), (401, "Unauthorized", None, None)),
        (Deny(), (403, "Forbidden", None, None)),
    ],
)
@pytest.mark.parametrize("query", [{}, WATCH_LIST], ids=["list", "watch-list"])
async def test_refusals(server: FakeApiServer, fault: Fault, expected: tuple[Any, ...], query: dict[str, str]) -> None:
    play(server, fault)
    assert status_of(await Client(server.url).get(PODS, **query)) == expected
    assert server.requests[-1].status == expected[0]
    assert (await Client(server.url).get(PODS)).status == 200


async def test_a_connection_serves_on_after_a_refusal(server: FakeApiServer) -> None:
    play(server, Unauthenticated(times=2))
    async with Client(server.url).connect() as connection:
        seen = []
        for _ in range(3):
            await connection.send("GET", PODS)
            seen.append((await connection.answer()).status)
    assert seen == [401, 401, 200]


@pytest.mark.parametrize("code", [200, 502])
async def test_a_page_for_people(server: FakeApiServer, code: Any) -> None:
    play(server, Html(code=code))
    answer = await Client(server.url).get(PODS)
    assert (answer.status, answer.headers["content-type"]) == (code, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("query", [{}, WATCH_LIST], ids=["list", "watch-list"])
async def test_an_empty_answer(server: FakeApiServer, query: dict[str, str]) -> None:
    play(server, Empty())
    answer = await Client(server.url).get(PODS, **query)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", b"")


async def test_a_table_in_place_of_a_list(server: FakeApiServer) -> None:
    play(server, TableAnswer(on="list"))
    told = (await Client(server.url).get(PODS)).json
    assert (told["kind"], told["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert told["metadata"] == {"resourceVersion": server.resource_version}
    assert [row["object"]["metadata"]["name"] for row in told["rows"]] == [f"pod-{number}" for number in range(9)]


async def test_a_table_in_each_event(server: FakeApiServer) -> None:
    play(server, TableAnswer(on="watch-list"))
    async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
        (first,) = await watch.take(1)
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert first["object"]["rows"][0]["cells"] == ["pod-0"]


# Streams


@pytest.mark.parametrize("gzip", [False, True])
async def test_an_error_within_a_stream_ends_it_cleanly(server: FakeApiServer, *, gzip: bool) -> None:
    play(server, StreamError(code=503, retry_after=4, after_events=2))
    body = (await Client(server.url, GZIP if gzip else {}).get(PODS, **WATCH_LIST)).body
    lines = (b"".join(gunzip_members(body)) if gzip else body).splitlines()
    assert len(lines) == 3
    error = json.loads(lines[-1])
    assert error["type"] == "ERROR"
    assert (error["object"]["kind"], error["object"]["code"]) == ("Status", 503)
    assert error["object"]["reason"] == "ServiceUnavailable"
    assert error["object"]["details"] == {"retryAfterSeconds": 4}


async def test_any_status_may_stand_in_a_stream(server: FakeApiServer) -> None:
    told = {"kind": "Status", "code": 418, "details": {"causes": [{"reason": "Teapot"}]}}
    play(server, StreamError(status=told))
    (event,) = (await Client(server.url).get(PODS, **WATCH_LIST)).body.splitlines()
    assert json.loads(event) == {"type": "ERROR", "object": told}


async def test_a_page_is_expired_and_has_a_fresh_token_that_works(server: FakeApiServer) -> None:
    play(server, ExpirePage(page=3))
    client = Client(server.url)

    async def follow(token: str) -> Answer:
        return await client.get(PODS, limit="2", **{"continue": token})

    first = (await client.get(PODS, limit="2")).json
    second = (await follow(first["metadata"]["continue"])).json
    third = await follow(second["metadata"]["continue"])
    assert (third.status, third.json["reason"]) == (410, "Expired")
    fresh = (await follow(third.json["metadata"]["continue"])).json
    assert [item["metadata"]["name"] for item in fresh["items"]] == ["pod-4", "pod-5"]


async def bookmarks(server: FakeApiServer) -> list[bool]:
    """Of each bookmark up to one more event whether it ended the initial ones; two were asked for."""
    async with Client(server.url).watch(PODS, **WATCH_LIST) as watch:
        await watch.take(9)
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            server.bookmark()
            await anyio.wait_all_tasks_blocked()
        server.create("v1/pods", {"metadata": {"name": "then"}})
        events: list[Json] = []
        while not events or events[-1]["type"] != "ADDED":
            events += await watch.take(1)
    return [is_end_of_initial_events(event) for event in events[:-1]]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (None, [True, False, False]),
        (DuplicateBookmarks(), [True, True, False, False, False, False]),
        (DropBookmarks(), [True]),
        (NoEndBookmark(), [False, False]),
        (IgnoreSendInitialEvents(), [False, False]),
    ],
)
async def test_bookmarks(server: FakeApiServer, fault: Fault | None, seen: list[bool]) -> None:
    play(server, *([fault] if fault else []))
    assert await bookmarks(server) == seen


async def test_a_limit_that_is_ignored(server: FakeApiServer) -> None:
    play(server, IgnoreLimit())
    told = (await Client(server.url).get(PODS, limit="2")).json
    assert len(told["items"]) == 9
    assert "continue" not in told["metadata"]
    assert server.requests[-1].query == {"limit": "2"}, "the record has what was asked"


# A server that is behind


async def test_a_server_that_is_behind_refuses_what_it_has_not_seen(server: FakeApiServer) -> None:
    play(server, Behind(versions=3))
    now = server.resource_version
    answer = await Client(server.url).get(PODS, watch="1", resourceVersion=now)
    assert status_of(answer) == (504, "Timeout", "1", 1)
    assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_server_that_is_behind_tells_later_and_goes_on(server: FakeApiServer) -> None:
    play(server, Behind(versions=3, seconds=0.01))
    old = str(int(server.resource_version) - 4)
    async with Client(server.url).watch(PODS, resourceVersion=old) as watch:
        names = [event["object"]["metadata"]["name"] for event in await watch.take(4)]
        assert names == ["pod-5", "pod-6", "pod-7", "pod-8"]
        server.delete("v1/pods", "default/pod-0")
        assert (await watch.take(1))[0]["type"] == "DELETED"


async def test_a_replica_has_an_address_of_its_own_and_catches_up_when_told(server: FakeApiServer) -> None:
    now = server.resource_version
    with pytest.raises(ValueError, match="at least 0"):
        server.replica(-1)
    async with server.replica(behind=2) as replica:
        client = Client(replica.url)
        assert replica.behind == 2
        assert (await client.get(PODS, watch="1", resourceVersion=now)).status == 504
        assert len((await client.get(PODS)).json["items"]) == 9, "lists come from etcd"
        async with client.watch(PODS, resourceVersion=str(int(now) - 3)) as watch:
            assert (await watch.take(1))[0]["object"]["metadata"]["name"] == "pod-6"
            server.delete("v1/pods", "default/pod-8")
            assert replica.behind == 3
            replica.catch_up()
            seen = [(event["type"], event["object"]["metadata"]["name"]) for event in await watch.take(3)]
        assert seen == [("ADDED", "pod-7"), ("ADDED", "pod-8"), ("DELETED", "pod-8")]
        assert replica.behind == 0
    with pytest.raises(UsageError, match="inside `async with`"):
        replica.url  # noqa: B018 - the property raises


async def test_a_replica_whose_history_was_compacted_away_starts_over(server: FakeApiServer) -> None:
    async with server.replica(behind=2) as replica:
        old = str(int(server.resource_version) - 3)
        async with Client(replica.url).watch(PODS, resourceVersion=old) as watch:
            await watch.take(1)
            server.delete("v1/pods", "default/pod-0")
            server.compact()
            replica.catch_up()
            (error,) = await watch.until_end()
        assert error["object"]["code"] == 410
        async with Client(replica.url).watch(PODS, resourceVersion=server.resource_version) as watch:
            server.delete("v1/pods", "default/pod-1")
            replica.catch_up()
            assert (await watch.take(1))[0]["object"]["metadata"]["name"] == "pod-1"


# Clocks

JUMPING = pytest.mark.parametrize(
    "anyio_backend", ["asyncio", pytest.param(("trio", {"clock": trio.testing.MockClock(rate=1)}), id="trio")]
)


@JUMPING
async def test_a_clock_jumps_and_goes_on() -> None:
    begin = anyio.current_time()
    with anyio.move_on_after(1_000) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 900)
            await anyio.wait_all_tasks_blocked()
            jump_clock(500)
            jump_clock(400)
    assert not scope.cancelled_caught
    assert 900 <= anyio.current_time() - begin < 1_000
    await anyio.sleep(0.001)


@JUMPING
async def test_a_clock_jumps_when_a_script_says_so(server: FakeApiServer) -> None:
    play(server, ClockJump(seconds=1e6, on="list"))
    before = anyio.current_time()
    await Client(server.url, GZIP).get("/version")
    assert anyio.current_time() - before < 1e5
    async with Client(server.url).connect() as connection:
        await connection.send("GET", PODS)
        with anyio.move_on_after(1e5) as scope:
            await connection.stream.receive()
            await anyio.sleep_forever()
    assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_clock_that_cannot_jump_says_how_one_could() -> None:
    with pytest.raises(UsageError, match="MockClock"):
        jump_clock(1)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), True])
async def test_a_clock_jumps_forwards_only(seconds: float) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        jump_clock(seconds)


# Which requests


async def statuses(server: FakeApiServer, *paths: str) -> list[int]:
    client = Client(server.url)
    return [(await client.get(path)).status for path in paths]


async def test_a_fault_is_for_the_resource_the_verb_and_the_turn_that_it_names(server: FakeApiServer) -> None:
    play(server, ServerError(on="list", resource="v1/pods", nth=2, times=2))
    pod = f"{PODS}/pod-0".replace("/pods", "/namespaces/default/pods")
    assert await statuses(server, pod, "/api/v1/nodes", PODS, PODS, PODS, PODS) == [200, 200, 200, 500, 500, 200]
    assert [(record.verb, record.path) for record in server.faults] == [("list", PODS)] * 2


async def test_a_fault_may_be_for_what_is_about_no_resource(server: FakeApiServer) -> None:
    play(server, ServerError(on="other", times=None))
    assert await statuses(server, PODS, "/version", "/readyz", "/api/v1/nowhere") == [200, 500, 500, 404]


async def test_writes_can_fail_too(server: FakeApiServer) -> None:
    play(server, ServerError(on=("create", "delete"), times=None))
    client = Client(server.url)
    path = "/api/v1/namespaces/default/configmaps"
    created = await client.request("POST", path, json_body={"metadata": {"name": "x"}})
    deleted = await client.request("DELETE", "/api/v1/namespaces/default/pods/pod-0")
    assert (created.status, deleted.status) == (500, 500)
    assert server.get("v1/pods", "default/pod-0")


@JUMPING
async def test_a_fault_ends_after_its_time(server: FakeApiServer) -> None:
    play(server, Deny(times=None, for_seconds=1e5))
    before = await statuses(server, PODS, PODS)
    jump_clock(2e5)
    assert [*before, *await statuses(server, PODS, PODS)] == [403, 403, 200, 200]


async def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else(server: FakeApiServer) -> None:
    async def drawn(seed: int, *others: Fault) -> list[int]:
        server.play(Script([ServerError(times=None, probability=0.5), *others], seed=seed))
        return await statuses(server, *[PODS] * 20)

    first = await drawn(7)
    assert {200, 500} == set(first)
    assert await drawn(7) == first
    assert await drawn(7, Stall(seconds=1e-6, times=None, probability=0.3)) == first
    assert await drawn(8) != first


async def test_faults_go_together(server: FakeApiServer) -> None:
    client = Client(server.url)
    play(server, DuplicateBookmarks(), Drip(size=7, seconds=1e-6), Cut(on="watch-list", after_events=11, how="close"))
    body, how = await broken_body(client, **WATCH_LIST)
    assert body.count(b"\n") == 11
    assert body.count(b"BOOKMARK") == 2
    assert how == "close"
    assert sorted(kinds(server)) == ["cut", "drip", "duplicate_bookmarks"]


async def test_of_several_answers_the_first_is_given_and_the_second_next_time(server: FakeApiServer) -> None:
    play(server, Unauthenticated(), Html())
    assert await statuses(server, PODS, PODS, PODS) == [401, 502, 200]


async def test_a_fault_that_did_not_happen_is_not_recorded(server: FakeApiServer) -> None:
    play(server, Cut(on="list", after_bytes=10**6))
    assert await statuses(server, PODS) == [200]
    assert server.faults == ()


async def test_playing_again_begins_anew_and_stopping_keeps_the_record(server: FakeApiServer) -> None:
    assert server.faults == ()
    play(server, Html(times=None))
    await statuses(server, PODS, PODS)
    server.stop_faults()
    assert await statuses(server, PODS) == [200]
    assert kinds(server) == ["html", "html"]
    play(server, Html())
    assert await statuses(server, PODS, PODS) == [502, 200]
    assert kinds(server) == ["html"]


async def test_leaving_the_server_ends_its_script() -> None:
    server = FakeApiServer()
    async with server:
        play(server, RefuseConnections(seconds=1e6))
        with pytest.raises(BROKEN):
            await Client(server.url).get(PODS)
    async with server:
        assert await statuses(server, PODS, PODS) == [200, 200]
        server.stop_faults()
        assert await statuses(server, PODS) == [200]
