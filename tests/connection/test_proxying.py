"""Through a proxy: CONNECT for https, the whole URL for http, and who gets which password."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest
from kubeinformer.connection.credentials import StaticToken
from kubeinformer.errors import ConnectionFailed

if TYPE_CHECKING:
    from tests.connection.conftest import Authority, Exchange, Serve

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"
PASSWORD = "pr0xy%20pass"
BASIC = "Basic dTpwcjB4eSBwYXNz"  # u:pr0xy pass


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def hello(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"hello")
    await exchange.end()


async def tunnel(exchange: Exchange) -> None:
    """Do what CONNECT asks for."""
    host, port = exchange.target.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(2**16):
                sink.write(data)
        finally:
            sink.close()

    await asyncio.gather(copy(exchange.reader, writer), copy(reader, exchange.writer), return_exceptions=True)


async def get(transport: AiohttpTransport) -> bytes:
    try:
        async with transport.stream(HttpRequest(path="/version")) as response:
            return await response.receive(30)
    finally:
        await transport.aclose()


def with_password(url: str) -> str:
    return url.replace("://", f"://u:{PASSWORD}@")


async def test_https_is_tunnelled(serve: Serve, authority: Authority) -> None:
    context = authority.issue("127.0.0.1").server_context()
    async with serve(hello, context=context) as server, serve(tunnel) as proxy:
        config = ConnectionConfig(
            server=server.url,
            ca_file=str(authority.file),
            credentials=StaticToken(SECRET),
            proxy_url=with_password(proxy.url),
        )
        assert await get(AiohttpTransport(config)) == b"hello"
    asked = proxy.exchanges[0]
    assert asked.head.startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert asked.headers["proxy-authorization"] == BASIC
    assert SECRET not in asked.head
    assert "proxy-authorization" not in server.exchanges[0].headers
    assert server.exchanges[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_the_server_behind_a_proxy_is_verified(serve: Serve, authority: Authority) -> None:
    context = authority.issue("other.example").server_context()
    async with serve(hello, context=context) as server, serve(tunnel) as proxy:
        options: dict[str, Any] = {"server": server.url, "ca_file": str(authority.file), "proxy_url": proxy.url}
        with pytest.raises(ConnectionFailed, match="tls-server-name"):
            await get(AiohttpTransport(ConnectionConfig(**options)))
        named = ConnectionConfig(**options, tls_server_name="other.example")
        assert await get(AiohttpTransport(named)) == b"hello"


async def test_plain_http_is_asked_of_the_proxy(serve: Serve) -> None:
    async with serve(hello) as proxy:
        config = ConnectionConfig(server="http://kube.example", proxy_url=with_password(proxy.url))
        assert await get(AiohttpTransport(config)) == b"hello"
    assert proxy.exchanges[0].target == "http://kube.example/version"
    assert proxy.exchanges[0].headers["proxy-authorization"] == BASIC


async def test_a_proxy_that_says_no(serve: Serve) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await exchange.closed_by_peer()

    async with serve(play) as proxy:
        config = ConnectionConfig(server="https://kube.example", proxy_url=with_password(proxy.url))
        with pytest.raises(ConnectionFailed) as caught:
            await get(AiohttpTransport(config))
    assert str(caught.value) == (
        "GET https://kube.example/version: the proxy refused to connect to the server (HTTP 407 Proxy Authentication "
        "Required); check proxy-url, HTTPS_PROXY and NO_PROXY"
    )


async def test_a_proxy_that_is_not_there(unused_port: int) -> None:
    proxy = f"http://u:{PASSWORD}@127.0.0.1:{unused_port}"
    with pytest.raises(ConnectionFailed, match=r"the proxy cannot be reached \(.*check proxy-url") as caught:
        await get(AiohttpTransport(ConnectionConfig(server="https://kube.example", proxy_url=proxy)))
    assert PASSWORD not in repr(caught.value.__cause__)
    assert PASSWORD not in str(vars(caught.value.__cause__))
