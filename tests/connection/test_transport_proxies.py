"""Through a proxy: CONNECT for https, the whole URL for http, and who gets which password."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import pytest
from tests.connection.peer import LEFT, Exchange, hello, serve
from tests.connection.stacks import LONG, PODS, Stack, read_all, socket_of

from kubeinformer.connection import ConnectionConfig, HttpRequest
from kubeinformer.connection.credentials import StaticToken
from kubeinformer.errors import ConfigError, ConnectionFailed, TransportError

if TYPE_CHECKING:
    from tests.connection.conftest import Authority

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"
PASSWORD = "pr0xy%20pass"
BASIC = "Basic dTpwcjB4eSBwYXNz"  # u:pr0xy pass


@pytest.fixture
def anyio_backend(stack: Stack) -> str:
    return stack.backend


async def tunnel(exchange: Exchange) -> None:
    """Do what CONNECT asks for."""
    host, port = exchange.target.split(":")
    async with await anyio.connect_tcp(host, int(port)) as onward, anyio.create_task_group() as tasks:

        async def copy(source: anyio.abc.ByteStream, sink: anyio.abc.ByteStream) -> None:
            try:
                while True:
                    await sink.send(await source.receive())
            except LEFT:
                tasks.cancel_scope.cancel()

        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        tasks.start_soon(copy, exchange.stream, onward)
        tasks.start_soon(copy, onward, exchange.stream)
    await exchange.hang_up()


async def get(stack: Stack, config: ConnectionConfig) -> bytes:
    transport = stack.transport(config)
    try:
        async with transport.stream(HttpRequest(path="/version")) as response:
            return await response.receive(LONG)
    finally:
        await transport.aclose()


def with_password(url: str) -> str:
    return url.replace("://", f"://u:{PASSWORD}@")


async def test_https_is_tunnelled(stack: Stack, authority: Authority) -> None:
    context = authority.issue("127.0.0.1").server_context()
    async with serve(hello, context=context) as server, serve(tunnel) as proxy:
        config = ConnectionConfig(
            server=server.url,
            ca_file=str(authority.file),
            credentials=StaticToken(SECRET),
            proxy_url=with_password(proxy.url),
        )
        assert await get(stack, config) == b"hello"
    asked = proxy.exchanges[0]
    assert asked.head.startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert asked.headers["proxy-authorization"] == BASIC
    assert SECRET not in asked.head
    assert "proxy-authorization" not in server.exchanges[0].headers
    assert server.exchanges[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_the_server_behind_a_proxy_is_verified(stack: Stack, authority: Authority) -> None:
    context = authority.issue("other.example").server_context()
    async with serve(hello, context=context) as server, serve(tunnel) as proxy:
        options: dict[str, Any] = {"server": server.url, "ca_file": str(authority.file), "proxy_url": proxy.url}
        with pytest.raises(ConnectionFailed, match="tls-server-name"):
            await get(stack, ConnectionConfig(**options))
        named = ConnectionConfig(**options, tls_server_name="other.example")
        assert await get(stack, named) == b"hello"


async def test_plain_http_is_asked_of_the_proxy(stack: Stack) -> None:
    async with serve(hello) as proxy:
        config = ConnectionConfig(server="http://kube.example", proxy_url=with_password(proxy.url))
        assert await get(stack, config) == b"hello"
    assert proxy.exchanges[0].target == "http://kube.example/version"
    assert proxy.exchanges[0].headers["proxy-authorization"] == BASIC


async def test_a_proxy_that_says_no(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await exchange.closed_by_peer()

    async with serve(play) as proxy:
        config = ConnectionConfig(server="https://kube.example", proxy_url=with_password(proxy.url))
        with pytest.raises(ConnectionFailed) as caught:
            await get(stack, config)
    assert str(caught.value) == (
        "GET https://kube.example/version: the proxy refused to connect to the server (HTTP 407 Proxy Authentication "
        "Required); check proxy-url, HTTPS_PROXY and NO_PROXY"
    )


async def test_a_proxy_that_is_not_there(stack: Stack, unused_port: int) -> None:
    proxy = f"http://u:{PASSWORD}@127.0.0.1:{unused_port}"
    with pytest.raises(ConnectionFailed, match=r"the proxy cannot be reached \(.*check proxy-url") as caught:
        await get(stack, ConnectionConfig(server="https://kube.example", proxy_url=proxy))
    assert PASSWORD not in repr(caught.value.__cause__)
    assert PASSWORD not in str(vars(caught.value.__cause__))


async def test_a_connection_through_a_tunnel_is_used_again(stack: Stack, authority: Authority) -> None:
    checked = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await checked.wait()
        await exchange.chunk(b"hello")
        await exchange.end()

    context = authority.issue("127.0.0.1").server_context()
    async with serve(play, context=context) as server, serve(tunnel) as proxy:
        async with stack.to(server.url, ca_data=authority.pem, proxy_url=proxy.url) as transport:
            for _ in range(3):
                async with transport.stream(PODS) as response:
                    if not checked.is_set():
                        assert socket_of(response).getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                        checked.set()
                    assert await read_all(response) == b"hello"
        assert (proxy.connections, server.connections) == (1, 1)
        await proxy.abandoned()


async def test_a_proxy_that_speaks_tls(stack: Stack, authority: Authority) -> None:
    """TLS in TLS. The authority of the configuration is asked about both, as by kubectl."""
    context = authority.issue("127.0.0.1").server_context()
    async with serve(hello, context=context) as server, serve(tunnel, context=context) as proxy:
        config = ConnectionConfig(
            server=server.url,
            ca_data=authority.pem,
            credentials=StaticToken(SECRET),
            proxy_url=with_password(proxy.url),
        )
        assert await get(stack, config) == b"hello"
    assert proxy.exchanges[0].headers["proxy-authorization"] == BASIC
    assert SECRET not in proxy.exchanges[0].head
    assert server.exchanges[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_a_proxy_that_is_not_trusted(stack: Stack, authority: Authority, stranger: Authority) -> None:
    async with (
        serve(hello, context=authority.issue("127.0.0.1").server_context()) as server,
        serve(tunnel, context=stranger.issue("127.0.0.1").server_context()) as proxy,
    ):
        with pytest.raises(ConnectionFailed, match="the proxy cannot be reached"):
            await get(stack, ConnectionConfig(server=server.url, ca_data=authority.pem, proxy_url=proxy.url))
        await proxy.abandoned()
    assert proxy.exchanges == []


async def test_a_tunnel_to_a_server_that_is_not_trusted_leaves_no_connection(
    stack: Stack, authority: Authority, stranger: Authority
) -> None:
    async with (
        serve(hello, context=stranger.issue("127.0.0.1").server_context()) as server,
        serve(tunnel) as proxy,
        stack.to(server.url, ca_data=authority.pem, proxy_url=proxy.url) as transport,
    ):
        for _ in range(3):
            with pytest.raises(ConnectionFailed, match="not trusted"):
                async with transport.stream(PODS):
                    pytest.fail("not trusted")
            await proxy.abandoned()


async def test_a_proxy_that_says_nothing(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.closed_by_peer()

    async with (
        serve(play) as proxy,
        stack.to("https://kube.example", proxy_url=proxy.url, connect_timeout=0.05) as transport,
    ):
        with pytest.raises(ConnectionFailed, match="no connection in time"):
            async with transport.stream(PODS):
                pytest.fail("no tunnel")
        await proxy.abandoned()


async def test_a_proxy_that_hangs_up(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.hang_up()

    async with serve(play) as proxy:
        with pytest.raises(TransportError, match=r"GET https://kube\.example/version: "):
            await get(stack, ConnectionConfig(server="https://kube.example", proxy_url=proxy.url))


async def test_socks_is_refused_in_words(stack: Stack) -> None:
    with pytest.raises(ConfigError, match=r"the proxy's URL .* http://HOST\[:PORT\] or https://HOST\[:PORT\]"):
        stack.make("https://kube.example", proxy_url="socks5://127.0.0.1:1080")
