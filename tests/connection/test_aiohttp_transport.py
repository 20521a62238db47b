"""What is aiohttp's own; what every transport does is in ``test_transport_contract``, ``_tls`` and ``_proxies``."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from tests.connection.peer import hello, serve
from tests.connection.stacks import LONG, PODS, Stack, read_all

from kubeinformer.connection import AiohttpTransport, ConnectionConfig, Transport
from kubeinformer.errors import ConnectionLost
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio
AIOHTTP = Stack(AiohttpTransport, "asyncio")


@pytest.fixture
def anyio_backend() -> str:
    return AIOHTTP.backend


def seam(transport: AiohttpTransport) -> Transport:
    """Type-checked: it is one."""
    return transport


async def test_buffered_bytes_need_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(hello) as server, AIOHTTP.get(server.url) as response:
        stream: Any = response
        while not stream._content.total_bytes:  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.delattr(asyncio, "timeout")
            assert await response.receive(LONG) == b"hello"
        assert await response.receive(LONG) == b""


async def test_a_connection_that_closes_under_the_reader() -> None:
    """Between the close and aiohttp's own notice of it there is a turn of the loop; this is what it raises then."""

    class Closed:
        def read_nowait(self) -> bytes:
            raise RuntimeError("Connection closed.")

    async with serve(hello) as server, AIOHTTP.get(server.url) as response:
        monkey: Any = response
        monkey._content = Closed()
        with pytest.raises(ConnectionLost, match=r"\(Connection closed\.\)"):
            await response.receive(LONG)


async def test_an_idle_connection_that_breaks_is_told_to_who_uses_it_next_and_to_nobody_else() -> None:
    """httpx2 looks at the socket before it uses it again; aiohttp waits to be told by the event loop."""
    async with FakeApiServer() as server:
        transport = AiohttpTransport(ConnectionConfig(server=server.url))
        async with transport.stream(PODS) as response:
            await read_all(response)
        server.drop_connections()
        with pytest.raises(ConnectionLost):
            await transport.stream(PODS).__aenter__()
        await transport.aclose()
        del response, transport
        gc.collect()  # a future whose exception nobody took complains now, and anyio's plugin makes an error of it
