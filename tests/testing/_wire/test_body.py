import json

import pytest
from tests.testing.http_client import WATCH_LIST, Client, gunzip_members

from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


async def _flushes(server: FakeApiServer, *, gzip: bool) -> tuple[dict[str, str], list[bytes]]:
    """Three flushes of one watch: the bookmark, an event, an event. One chunk each."""
    headers = {"Accept-Encoding": "gzip, deflate"} if gzip else {}
    async with Client(server.url, headers).watch("/api/v1/pods", **WATCH_LIST) as watch:
        received = [await watch.connection.chunk()]
        for name in ("a", "b"):
            server.create("v1/pods", {"metadata": {"name": name}})
            received.append(await watch.connection.chunk())
        return dict(watch.head.headers), received


async def test_every_flush_of_a_watch_is_a_gzip_member() -> None:
    async with FakeApiServer() as server:
        headers, chunks = await _flushes(server, gzip=True)
    assert headers["content-encoding"] == "gzip"
    members = gunzip_members(b"".join(chunks))
    assert [json.loads(member)["type"] for member in members] == ["BOOKMARK", "ADDED", "ADDED"]


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_watch_is_plain_when_either_side_does_not_want_gzip(wanted: bool) -> None:  # noqa: FBT001 - a table's column
    async with FakeApiServer(gzip=not wanted) as server:
        headers, chunks = await _flushes(server, gzip=wanted)
    assert "content-encoding" not in headers
    assert [json.loads(chunk)["type"] for chunk in chunks] == ["BOOKMARK", "ADDED", "ADDED"]


async def test_initial_events_are_coalesced_into_writes_of_64_kib() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 200)
        async with Client(server.url, {"Accept-Encoding": "gzip"}).watch("/api/v1/pods", **WATCH_LIST) as watch:
            data, text = b"", b""
            while b"initial-events-end" not in text:
                data += await watch.connection.chunk()
                text = b"".join(gunzip_members(data))
    sizes = [len(member) for member in gunzip_members(data)]
    assert all(64 * 1024 <= size < 80 * 1024 for size in sizes[:-1])
    assert text.count(b"\n") == 201
