"""An informer on a server that respx plays, as users' tests do: through pytest-httpx2, on both event loops.

pytest-httpx2 patches httpcore2's pools, so `HttpxTransport` needs nothing for it. Its routes answer with
`httpx.Response`: respx itself is made for httpx.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2
import pytest
import respx
from tests._runtime.scripted import GUARD, QUICK

from kubeinformer import Added, Cluster, Deleted, Forbidden, Synced, Updated, connect
from kubeinformer.connection import ConnectionConfig, HttpxTransport
from kubeinformer.connection.credentials import StaticToken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from kubeinformer import Subscription

pytestmark = [pytest.mark.anyio, pytest.mark.httpx2(base_url="https://kube.example", assert_all_called=False)]
PODS = "v1/pods"
PATH = "/api/v1/pods"
END = {"k8s.io/initial-events-end": "true"}


def pod(name: str, version: int, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": status}


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    metadata = {"resourceVersion": str(version), "annotations": END}
    return event("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": metadata})


def status(code: int, reason: str, **more: Any) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason} | more


class Feed(httpx.AsyncByteStream):
    """The body of a watch: what is said, as it is said. Open until it is ended, or the client leaves."""

    def __init__(self, *said: bytes) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[bytes](100)
        self.closed = anyio.Event()
        self.say(*said)

    def say(self, *said: bytes) -> None:
        for data in said:
            self._send.send_nowait(data)

    def end(self) -> None:
        """The server ends the watch, as it does every few minutes."""
        self._send.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._receive:
            if data == CUT:
                raise httpx2.ReadError("the connection was reset")
            yield data

    async def aclose(self) -> None:
        self._send.close()
        self._receive.close()
        self.closed.set()


CUT = b"-- cut --"


def stream(feed: Feed) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "application/json"}, stream=feed)


@asynccontextmanager
async def connected() -> AsyncGenerator[Cluster]:
    config = ConnectionConfig(server="https://kube.example", credentials=StaticToken("t0ken"))
    async with connect(transport=HttpxTransport(config), timing=QUICK) as cluster:
        yield cluster


async def take(events: Subscription, count: int) -> list[Any]:
    with anyio.fail_after(GUARD):
        return [await anext(events) for _ in range(count)]


async def test_a_watch_list_then_live(httpx2_mock: respx.Router) -> None:
    feed = Feed(event("ADDED", pod("a", 5)), bookmark(7))
    route = httpx2_mock.get(PATH, params={"sendInitialEvents": "true"}).mock(return_value=stream(feed))
    async with connected() as cluster, cluster.informer(PODS).events() as events:
        assert await take(events, 2) == [Added("default/a", pod("a", 5)), Synced()]
        feed.say(event("MODIFIED", pod("a", 8, phase="Running")))
        assert await take(events, 1) == [Updated("default/a", pod("a", 5), pod("a", 8, phase="Running"))]
        feed.say(event("DELETED", pod("a", 9)))
        assert await take(events, 1) == [Deleted("default/a", pod("a", 9), final_state_known=True)]
    assert feed.closed.is_set()
    assert route.call_count == 1
    assert route.calls.last.request.headers["authorization"] == "Bearer t0ken"


async def test_events_cut_anywhere(httpx2_mock: respx.Router) -> None:
    whole = event("ADDED", pod("ä", 5)) + bookmark(7)  # json escapes it; the cut is inside the escape, too
    feed = Feed()
    httpx2_mock.get(PATH).mock(return_value=stream(feed))
    async with connected() as cluster:
        pods = cluster.informer(PODS)
        for start in range(0, len(whole), 7):
            feed.say(whole[start : start + 7])
        await pods.synced(timeout=GUARD)
        assert list(pods.store.keys()) == ["default/ä"]


async def test_a_server_without_watch_list(httpx2_mock: respx.Router) -> None:
    """Refused, so pages, then a watch from where they end."""
    live = Feed()
    refusal = status(
        422,
        "Invalid",
        details={"causes": [{"field": "sendInitialEvents", "reason": "FieldValueForbidden", "message": "no"}]},
    )
    refused = httpx2_mock.get(PATH, params={"sendInitialEvents": "true"}).respond(422, json=refusal)
    watched = httpx2_mock.get(PATH, params={"watch": "true"}).mock(return_value=stream(live))
    second = httpx2_mock.get(PATH, params={"continue": "more"}).respond(
        json={"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": [pod("b", 6)]}
    )
    first = httpx2_mock.get(PATH).respond(
        json={
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": "9", "continue": "more"},
            "items": [pod("a", 5)],
        }
    )
    async with connected() as cluster, cluster.informer(PODS).events() as events:
        assert [one.key for one in await take(events, 3) if not isinstance(one, Synced)] == ["default/a", "default/b"]
        live.say(event("ADDED", pod("c", 10)))
        assert await take(events, 1) == [Added("default/c", pod("c", 10))]
    assert [route.call_count for route in (refused, first, second, watched)] == [1, 1, 1, 1]
    assert watched.calls.last.request.url.params["resourceVersion"] == "9"


@pytest.mark.parametrize("how", ["in the stream", "as an answer"])
async def test_a_position_that_expired(httpx2_mock: respx.Router, how: str) -> None:
    gone = status(410, "Expired", message="too old resource version")
    first, again = Feed(event("ADDED", pod("a", 5)), bookmark(7)), Feed(event("ADDED", pod("b", 8)), bookmark(9))
    httpx2_mock.get(PATH, params={"sendInitialEvents": "true"}).mock(side_effect=[stream(first), stream(again)])
    expired = httpx2_mock.get(PATH, params={"watch": "true"})
    if how == "in the stream":
        expired.mock(side_effect=lambda _: stream(Feed(event("ERROR", gone))))
    else:
        expired.respond(410, json=gone)
    async with connected() as cluster, cluster.informer(PODS).events() as events:
        assert await take(events, 2) == [Added("default/a", pod("a", 5)), Synced()]
        first.end()
        told = await take(events, 2)
    assert {type(one): one.key for one in told} == {Added: "default/b", Deleted: "default/a"}
    assert expired.calls.last.request.url.params["resourceVersion"] == "7"


async def test_a_cut(httpx2_mock: respx.Router) -> None:
    feed, again = Feed(event("ADDED", pod("a", 5)), bookmark(7)), Feed(event("MODIFIED", pod("a", 8, phase="Running")))
    initial = httpx2_mock.get(PATH, params={"sendInitialEvents": "true"}).mock(return_value=stream(feed))
    watched = httpx2_mock.get(PATH, params={"watch": "true"}).mock(return_value=stream(again))
    async with connected() as cluster, cluster.informer(PODS).events() as events:
        await take(events, 2)
        feed.say(CUT)
        assert await take(events, 1) == [Updated("default/a", pod("a", 5), pod("a", 8, phase="Running"))]
    assert (initial.call_count, watched.call_count) == (1, 1)
    assert watched.calls.last.request.url.params["resourceVersion"] == "7"
    assert feed.closed.is_set()


async def test_refused(httpx2_mock: respx.Router) -> None:
    httpx2_mock.get(PATH).respond(403, json=status(403, "Forbidden", message="no"))
    async with connected() as cluster:
        pods = cluster.informer(PODS)
        with anyio.fail_after(GUARD):
            while pods.statistics().last_error is None:
                await anyio.lowlevel.checkpoint()
        with pytest.raises(Forbidden, match="v1/pods"):
            await pods.synced(timeout=0)


async def test_a_server_that_cannot_be_reached_and_then_can(httpx2_mock: respx.Router) -> None:
    feed = Feed(bookmark(7))
    route = httpx2_mock.get(PATH).mock(side_effect=[httpx2.ConnectError("refused"), stream(feed)])
    async with connected() as cluster:
        await cluster.informer(PODS).synced(timeout=GUARD)
    assert route.call_count == 2


async def test_what_nobody_mocked_is_the_tests_mistake(httpx2_mock: respx.Router) -> None:
    httpx2_mock.get("/api/v1/secrets").respond(200)
    with pytest.raises(AssertionError, match=r"RESPX: .* not mocked"):
        async with connected() as cluster:
            await cluster.informer(PODS).synced(timeout=GUARD)
