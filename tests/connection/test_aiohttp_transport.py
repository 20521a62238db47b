"""The transport against a raw socket: what is sent, what is handed out, and how it fails."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest, Response, Transport
from kubeinformer.connection.credentials import StaticToken
from kubeinformer.errors import ConnectionFailed, ConnectionLost, ReadDeadlineExceeded, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.connection.conftest import Exchange, Serve

pytestmark = pytest.mark.anyio

PODS = HttpRequest(path="/api/v1/pods")
LONG = 30.0  # seconds; never reached


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def transport_to() -> AsyncGenerator[_Factory]:
    """Make transports, and close them at the end of the test."""
    factory = _Factory()
    yield factory
    for transport in factory.made:
        await transport.aclose()


class _Factory:
    def __init__(self) -> None:
        self.made: list[AiohttpTransport] = []

    def __call__(self, server: str, token: str | None = None, **options: object) -> AiohttpTransport:
        if token is not None:
            options["credentials"] = StaticToken(token)
        transport = AiohttpTransport(ConnectionConfig(server=server, **options))  # type: ignore[arg-type] # test sugar
        self.made.append(transport)
        return transport


async def read_all(response: Response) -> bytes:
    body = b""
    while data := await response.receive(LONG):
        body += data
    return body


def seam(transport: AiohttpTransport) -> Transport:
    """Type-checked: it is one."""
    return transport


async def hello(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"hello")
    await exchange.end()


async def test_request_line_and_headers(serve: Serve, transport_to: _Factory) -> None:
    request = HttpRequest(
        path="/api/v1/namespaces/a b/pods",
        query=(("labelSelector", "app in (a,b),x!=1+1"), ("watch", "true")),
        headers=(("Accept", "application/json"), ("Accept-Encoding", "gzip")),
    )
    async with serve(hello) as server, transport_to(server.url + "/base/", "t0ken").stream(request) as response:
        assert response.status == 200
        assert await read_all(response) == b"hello"
    assert server.exchanges[0].target == (
        "/base/api/v1/namespaces/a%20b/pods?labelSelector=app%20in%20%28a%2Cb%29%2Cx%21%3D1%2B1&watch=true"
    )
    headers = server.exchanges[0].headers
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "gzip"
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["user-agent"].startswith("kubeinformer/")
    assert "(python/3." in headers["user-agent"]


async def test_no_header_that_nobody_asked_for(serve: Serve, transport_to: _Factory) -> None:
    async with serve(hello) as server, transport_to(server.url).stream(PODS) as response:
        await read_all(response)
    assert server.exchanges[0].headers.keys() == {"host", "accept", "user-agent"}
    assert server.exchanges[0].target == "/api/v1/pods"


async def test_headers_of_the_configuration(serve: Serve, transport_to: _Factory) -> None:
    more = (("Impersonate-Group", "dev"), ("Impersonate-Group", "ops"))
    async with serve(hello) as server, transport_to(server.url, headers=more).stream(PODS) as response:
        await read_all(response)
    assert "Impersonate-Group: dev\r\nImpersonate-Group: ops\r\n" in server.exchanges[0].head


async def test_the_environment_is_left_to_the_configuration(
    serve: Serve, transport_to: _Factory, clean_environment: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port}")
    async with serve(hello) as server, transport_to(server.url).stream(PODS) as response:
        assert await read_all(response) == b"hello"
    assert "authorization" not in server.exchanges[0].headers


async def test_response_headers_are_lower_case_and_joined(serve: Serve, transport_to: _Factory) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
        )

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        assert (response.status, response.headers["retry-after"], response.headers["x-a"]) == (429, "7", "1, 2")
        assert await response.receive(LONG) == b""
        assert await response.receive(LONG) == b""  # the end stays the end


async def test_gzip_members_come_out_as_they_were_sent(serve: Serve, transport_to: _Factory) -> None:
    members = gzip.compress(b"one") + gzip.compress(b"two")

    async def play(exchange: Exchange) -> None:
        await exchange.start(Content_Encoding="gzip")
        await exchange.chunk(members[:30])
        await exchange.chunk(members[30:])
        await exchange.end()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert await read_all(response) == members


async def test_bytes_come_as_soon_as_they_are_there(serve: Serve, transport_to: _Factory) -> None:
    more = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await more.wait()
        await exchange.chunk(b"second")
        await exchange.end()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        assert await response.receive(LONG) == b"first"
        more.set()
        assert await read_all(response) == b"second"


async def test_buffered_bytes_need_no_timer(
    serve: Serve, transport_to: _Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(hello) as server, transport_to(server.url).stream(PODS) as response:
        stream: Any = response
        while not stream._content.total_bytes:  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0)
        with monkeypatch.context() as patch:
            patch.delattr(asyncio, "timeout")
            assert await response.receive(LONG) == b"hello"
        assert await response.receive(LONG) == b""


async def test_a_connection_that_closes_under_the_reader(serve: Serve, transport_to: _Factory) -> None:
    """Between the close and aiohttp's own notice of it there is a turn of the loop; this is what it raises then."""

    class Closed:
        def read_nowait(self) -> bytes:
            raise RuntimeError("Connection closed.")

    async with serve(hello) as server, transport_to(server.url).stream(PODS) as response:
        monkey: Any = response
        monkey._content = Closed()
        with pytest.raises(ConnectionLost, match=r"\(Connection closed\.\)"):
            await response.receive(LONG)


CUTS = {
    "chunked, between chunks": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunked, inside a chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwor",
    "chunked, before the last line": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "content-length": b"Content-Length: 10\r\n\r\nhello",
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_a_cut_body_is_no_clean_end(serve: Serve, transport_to: _Factory, cut: bytes, how: str) -> None:
    read = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + cut)
        await read.wait()
        if how == "fin":
            exchange.writer.close()
        else:
            sock = exchange.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            exchange.writer.transport.abort()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        assert (await response.receive(LONG)).startswith(b"hello")
        read.set()
        with pytest.raises(ConnectionLost, match=r"GET http://127.0.0.1:\d+/api/v1/pods: the connection broke"):
            await read_all(response)


async def test_a_body_that_is_not_chunked_as_announced(serve: Serve, transport_to: _Factory) -> None:
    opened = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await opened.wait()
        await exchange.send(b"zzz\r\n")
        await exchange.closed_by_peer()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        opened.set()
        with pytest.raises(ConnectionLost):
            await response.receive(LONG)


async def test_silence_in_the_body(serve: Serve, transport_to: _Factory) -> None:
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        assert await response.receive(LONG) == b"hello"
        with pytest.raises(ReadDeadlineExceeded) as caught:
            await response.receive(0.05)
        assert caught.value.seconds == 0.05
        await closed.wait()  # dropped already, before the stream is left
        with pytest.raises(ConnectionLost):
            await response.receive(LONG)


async def test_silence_before_the_head(serve: Serve, transport_to: _Factory) -> None:
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server:
        request = HttpRequest(path="/api/v1/pods", head_timeout=0.05)
        with pytest.raises(ReadDeadlineExceeded) as caught:
            async with transport_to(server.url).stream(request):
                pytest.fail("no head came")
        assert caught.value.seconds == 0.05
        await closed.wait()


async def test_leaving_early_drops_the_connection_at_once(serve: Serve, transport_to: _Factory) -> None:
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server:
        async with transport_to(server.url).stream(PODS) as response:
            assert await response.receive(LONG) == b"hello"
        await closed.wait()


async def test_an_error_of_the_reader_passes_through_and_drops(serve: Serve, transport_to: _Factory) -> None:
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server:
        with pytest.raises(LookupError, match="mine"):
            async with transport_to(server.url).stream(PODS):
                raise LookupError("mine")
        await closed.wait()


async def test_a_connection_is_used_again_after_a_whole_body(serve: Serve, transport_to: _Factory) -> None:
    async with serve(hello) as server:
        transport = transport_to(server.url)
        for _ in range(3):
            async with transport.stream(PODS) as response:
                assert await read_all(response) == b"hello"
    assert (len(server.exchanges), server.connections) == (3, 1)


async def test_many_streams_at_once(serve: Serve, transport_to: _Factory) -> None:
    streams = 150
    all_open = asyncio.Event()
    opened = 0

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await all_open.wait()
        await exchange.chunk(exchange.target.encode())
        await exchange.end()

    async def read(transport: AiohttpTransport, number: int) -> None:
        nonlocal opened
        async with transport.stream(HttpRequest(path=f"/{number}")) as response:
            opened += 1
            if opened == streams:
                all_open.set()
            assert await read_all(response) == f"/{number}".encode()

    async with serve(play) as server:
        transport = transport_to(server.url)
        async with anyio.create_task_group() as group:
            for number in range(streams):
                group.start_soon(read, transport, number)
    assert server.connections == streams


async def test_a_redirect_is_handed_out_and_not_followed(serve: Serve, transport_to: _Factory) -> None:
    async with serve(hello) as other:

        async def play(exchange: Exchange) -> None:
            await exchange.start("307 Temporary Redirect", Location=f"{other.url}/elsewhere")
            await exchange.end()

        async with serve(play) as server, transport_to(server.url, "t0ken").stream(PODS) as response:
            assert response.status == 307
            assert await read_all(response) == b""
        assert other.connections == 0


async def test_cookies_are_not_kept(serve: Serve, transport_to: _Factory) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start(Set_Cookie="a=b")
        await exchange.end()

    async with serve(play) as server:
        transport = transport_to(server.url)
        for _ in range(2):
            async with transport.stream(PODS) as response:
                await read_all(response)
    assert "cookie" not in server.exchanges[1].headers


async def test_refused(transport_to: _Factory, unused_port: int) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        async with transport_to(f"http://127.0.0.1:{unused_port}").stream(PODS):
            pytest.fail("nobody listens")
    assert str(caught.value) == (
        f"GET http://127.0.0.1:{unused_port}/api/v1/pods: connection refused: nothing listens there; "
        "check host and port, and that the server runs"
    )
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


async def test_unresolvable(transport_to: _Factory) -> None:
    with pytest.raises(ConnectionFailed, match=r"the host's name does not resolve .*check the server's URL and DNS"):
        async with transport_to("https://kube.invalid").stream(PODS):
            pytest.fail("RFC 6761 reserves .invalid")


async def test_hung_up_before_the_head_is_not_tried_again(serve: Serve, transport_to: _Factory) -> None:
    async def play(exchange: Exchange) -> None:
        exchange.writer.close()

    async with serve(play) as server:
        with pytest.raises(ConnectionLost, match="hung up before it answered"):
            async with transport_to(server.url).stream(PODS):
                pytest.fail("no head came")
    assert (server.connections, len(server.exchanges)) == (1, 1)


async def test_what_answers_does_not_speak_http(serve: Serve, transport_to: _Factory) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n")
        await exchange.closed_by_peer()

    async with serve(play) as server:
        with pytest.raises(ConnectionLost, match=r"does not speak HTTP; check the port, and whether .* https://"):
            async with transport_to(server.url).stream(PODS):
                pytest.fail("no head came")


@pytest.mark.parametrize("phase", ["head", "body"])
async def test_cancelling_drops_the_connection(serve: Serve, transport_to: _Factory, phase: str) -> None:
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def play(exchange: Exchange) -> None:
        if phase == "body":
            await exchange.start()
        waiting.set()
        await exchange.closed_by_peer()
        closed.set()

    async def read(transport: AiohttpTransport) -> None:
        async with transport.stream(PODS) as response:
            await response.receive(LONG)

    async with serve(play) as server:
        async with anyio.create_task_group() as group:
            group.start_soon(read, transport_to(server.url))
            await waiting.wait()
            group.cancel_scope.cancel()
        await closed.wait()


async def test_closing_ends_open_streams(serve: Serve, transport_to: _Factory) -> None:
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server:
        transport = transport_to(server.url)
        async with transport.stream(PODS) as response:
            assert await response.receive(LONG) == b"hello"
            await transport.aclose()
            with pytest.raises(ConnectionLost):
                await response.receive(LONG)
        await closed.wait()
        await transport.aclose()
        with pytest.raises(UsageError, match="closed"):
            async with transport.stream(PODS):
                pytest.fail("closed")


async def test_closing_leaves_nothing_behind(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()

    async with serve(play) as server:
        before = asyncio.all_tasks()
        transport = AiohttpTransport(ConnectionConfig(server=server.url))
        async with transport.stream(PODS):
            serving = asyncio.all_tasks() - before
        await transport.aclose()
        assert asyncio.all_tasks() - before - serving == set()
    del transport
    gc.collect()  # an unclosed session, connector or socket complains when collected
    assert caplog.records == []


async def test_never_used_and_closed() -> None:
    transport = AiohttpTransport(ConnectionConfig(server="http://127.0.0.1:1"))
    await transport.aclose()
    await transport.aclose()


async def test_keep_alive_is_on(serve: Serve, transport_to: _Factory) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()

    async with serve(play) as server, transport_to(server.url).stream(PODS) as response:
        sock = response._answer.connection.transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
