"""What every transport does with a request: what is sent, what is handed out, and how it ends. Against a raw socket."""

from __future__ import annotations

import contextlib
import gc
import gzip
import socket
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
from tests.connection.peer import Exchange, hello, listening, serve
from tests.connection.stacks import LONG, PODS, Stack, read_all, socket_of

from kubeinformer.connection import HttpRequest, Transport
from kubeinformer.connection.credentials import Credentials
from kubeinformer.errors import ConnectionFailed, ConnectionLost, ReadDeadlineExceeded, UsageError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from pathlib import Path

    from tests.connection.conftest import Authority

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(stack: Stack) -> str:
    return stack.backend


async def test_request_line_and_headers(stack: Stack) -> None:
    request = HttpRequest(
        path="/api/v1/namespaces/a b/pods",
        query=(("labelSelector", "app in (a,b),x!=1+1"), ("watch", "true")),
        headers=(("Accept", "application/json"), ("Accept-Encoding", "gzip")),
    )
    async with serve(hello) as server, stack.get(server.url + "/base/", "t0ken", request) as response:
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


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_sent_as_it_is(stack: Stack, method: str, size: int) -> None:
    body = b"x" * size
    more = (("content-type", "application/merge-patch+json"),) if size else ()
    request = HttpRequest(path="/api/v1/pods", method=method, headers=more, body=body)
    async with serve(hello) as server, stack.to(server.url) as transport:
        for _ in range(2):  # the second on the connection of the first
            async with transport.stream(request) as response:
                assert await read_all(response) == b"hello"
    assert server.connections == 1
    for exchange in server.exchanges:
        assert (exchange.method, exchange.body) == (method, body)
        assert exchange.headers.get("content-type") == ("application/merge-patch+json" if size else None)
        assert exchange.headers.get("content-length", "0") == str(size)
        assert "transfer-encoding" not in exchange.headers
        assert "expect" not in exchange.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_sent_twice(stack: Stack, method: str) -> None:
    """Also on a connection that was kept, where HTTP libraries like to try again."""

    async def play(exchange: Exchange) -> None:
        if len(server.exchanges) == 1:
            await hello(exchange)
        else:
            await exchange.hang_up()

    request = HttpRequest(path="/api/v1/pods", method=method, body=b"" if method == "GET" else b"{}")
    async with serve(play) as server, stack.to(server.url) as transport:
        async with transport.stream(request) as response:
            assert await read_all(response) == b"hello"
        with pytest.raises(ConnectionLost, match=rf"^{method} http://127.0.0.1:\d+/api/v1/pods: the server hung up"):
            async with transport.stream(request):
                pass
    assert len(server.exchanges) == 2


async def test_an_answer_that_comes_before_the_body_is_through(stack: Stack) -> None:
    """Servers refuse what is too large when they have seen its head."""

    async def talk(stream: anyio.abc.SocketStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        with contextlib.suppress(anyio.EndOfStream):
            while True:
                await stream.receive()

    request = HttpRequest(path="/api/v1/pods", method="POST", body=b"x" * 10_000_000)
    async with listening(talk) as port, stack.get(f"http://127.0.0.1:{port}", request=request) as response:
        assert response.status == 413
        assert await read_all(response) == b"no"


async def test_no_header_that_nobody_asked_for(stack: Stack) -> None:
    async with serve(hello) as server:
        await stack.fetch(server.url)
    assert server.exchanges[0].headers.keys() - {"accept"} == {"host", "user-agent"}
    assert server.exchanges[0].headers.get("accept", "*/*") == "*/*"
    assert server.exchanges[0].target == "/api/v1/pods"


async def test_headers_of_the_configuration(stack: Stack) -> None:
    more = (("Impersonate-Group", "dev"), ("Impersonate-Group", "ops"))
    async with serve(hello) as server:
        await stack.fetch(server.url, headers=more)
    assert "Impersonate-Group: dev\r\nImpersonate-Group: ops\r\n" in server.exchanges[0].head


async def test_the_environment_is_left_to_the_configuration(
    stack: Stack, clean_environment: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port}")
    async with serve(hello) as server:
        assert await stack.fetch(server.url) == b"hello"
    assert "authorization" not in server.exchanges[0].headers


async def test_response_headers_are_lower_case_and_joined(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
        )

    async with serve(play) as server, stack.get(server.url) as response:
        assert (response.status, response.headers["retry-after"], response.headers["x-a"]) == (429, "7", "1, 2")
        assert await response.receive(LONG) == b""
        assert await response.receive(LONG) == b""  # the end stays the end


BODIES = {
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0006\r\n world\r\n0\r\n\r\n",
    "chunked, with extensions and a trailer": (
        b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
    ),
    "content-length": b"Content-Length: 11\r\n\r\nhello world",
    "until the connection closes": b"Connection: close\r\n\r\nhello world",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("way", ["at once", "byte by byte"])
async def test_every_framing(stack: Stack, body: bytes, way: str) -> None:
    async def play(exchange: Exchange) -> None:
        answer = b"HTTP/1.1 200 OK\r\n" + body
        size = len(answer) if way == "at once" else 1
        for start in range(0, len(answer), size):
            await exchange.send(answer[start : start + size])
        if b"close" in body:
            await exchange.hang_up()

    async with serve(play) as server:
        assert await stack.fetch(server.url) == b"hello world"


async def test_gzip_members_come_out_as_they_were_sent(stack: Stack) -> None:
    members = gzip.compress(b"one") + gzip.compress(b"two")

    async def play(exchange: Exchange) -> None:
        await exchange.start(Content_Encoding="gzip")
        await exchange.chunk(members[:30])
        await exchange.chunk(members[30:])
        await exchange.end()

    async with serve(play) as server, stack.get(server.url) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert await read_all(response) == members


async def test_bytes_come_as_soon_as_they_are_there(stack: Stack) -> None:
    more = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await more.wait()
        await exchange.chunk(b"second")
        await exchange.end()

    async with serve(play) as server, stack.get(server.url) as response:
        assert await response.receive(LONG) == b"first"
        more.set()
        assert await read_all(response) == b"second"


async def test_a_body_of_many_megabytes(stack: Stack) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate((1, 2**20, 17, 5 * 2**20, 2**16, 3))]

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        for piece in pieces:
            await exchange.chunk(piece)
        await exchange.end()

    async with serve(play) as server:
        assert await stack.fetch(server.url) == b"".join(pieces)


CUTS = {
    "chunked, between chunks": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunked, inside a chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwor",
    "chunked, before the last line": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "content-length": b"Content-Length: 10\r\n\r\nhello",
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_a_cut_body_is_no_clean_end(stack: Stack, cut: bytes, how: str) -> None:
    read = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n" + cut)
        await read.wait()
        await (exchange.hang_up() if how == "fin" else exchange.reset())

    async with serve(play) as server, stack.get(server.url) as response:
        assert (await response.receive(LONG)).startswith(b"hello")
        read.set()
        for _ in range(2):  # it stays cut
            with pytest.raises(ConnectionLost, match=r"GET http://127.0.0.1:\d+/api/v1/pods: the connection broke"):
                await read_all(response)


@pytest.mark.parametrize("rubbish", [b"zzz\r\n", b"5\r\nhello!!\r\n", b"-1\r\n"])
async def test_a_body_that_is_not_chunked_as_announced(stack: Stack, rubbish: bytes) -> None:
    opened = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await opened.wait()
        await exchange.send(rubbish)
        await exchange.closed_by_peer()

    async with serve(play) as server, stack.get(server.url) as response:
        opened.set()
        with pytest.raises(ConnectionLost):
            await read_all(response)
        await server.abandoned()


async def test_silence_in_the_body(stack: Stack) -> None:
    closed = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()
        closed.set()

    async with serve(play) as server, stack.get(server.url) as response:
        assert await response.receive(LONG) == b"hello"
        with pytest.raises(ReadDeadlineExceeded) as caught:
            await response.receive(0.05)
        assert caught.value.seconds == 0.05
        await closed.wait()  # dropped already, before the stream is left
        with pytest.raises(ConnectionLost):
            await response.receive(LONG)


async def test_each_read_has_its_own_deadline(stack: Stack) -> None:
    """A connection that was used before with a short one, too."""
    more = anyio.Event()

    async def play(exchange: Exchange) -> None:
        if exchange.target == "/second":
            await more.wait()  # the head is not bound by what a read was told
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.end()

    async with serve(play) as server, stack.to(server.url) as transport:
        async with transport.stream(PODS) as response:
            while await response.receive(1.5):
                pass
        async with anyio.create_task_group() as tasks:

            async def second() -> None:
                async with transport.stream(HttpRequest(path="/second")) as response:
                    assert await read_all(response) == b"hello"

            tasks.start_soon(second)
            await anyio.sleep(1.7)  # longer than the first's silence: there is no event for "did not time out"
            more.set()
    assert server.connections == 1


async def test_silence_before_the_head(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.closed_by_peer()

    async with serve(play) as server, stack.to(server.url) as transport:
        with pytest.raises(ReadDeadlineExceeded) as caught:
            async with transport.stream(HttpRequest(path="/api/v1/pods", head_timeout=0.05)):
                pytest.fail("no head came")
        assert caught.value.seconds == 0.05
        await server.abandoned()


async def test_leaving_early_drops_the_connection_at_once(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()

    async with serve(play) as server, stack.to(server.url) as transport:
        async with transport.stream(PODS) as response:
            assert await response.receive(LONG) == b"hello"
        await server.abandoned()


async def test_a_long_body_that_is_left_is_not_drained(stack: Stack) -> None:
    sent = 0

    async def play(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        while True:
            await exchange.chunk(bytes(2**16))
            sent += 2**16

    async with serve(play) as server, stack.to(server.url) as transport:
        async with transport.stream(PODS) as response:
            await response.receive(LONG)
        await server.abandoned()
    assert sent < 2**25  # what buffers hold, not more


async def test_an_error_of_the_reader_passes_through_and_drops(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()

    async with serve(play) as server, stack.to(server.url) as transport:
        with pytest.raises(LookupError, match="mine"):
            async with transport.stream(PODS):
                raise LookupError("mine")
        await server.abandoned()


async def test_a_connection_is_used_again_after_a_whole_body(stack: Stack) -> None:
    async with serve(hello) as server, stack.to(server.url) as transport:
        for _ in range(3):
            async with transport.stream(PODS) as response:
                assert await read_all(response) == b"hello"
    assert (len(server.exchanges), server.connections) == (3, 1)


async def test_a_connection_that_the_server_closed_is_not_used_again(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await hello(exchange)
        await exchange.hang_up()

    async with serve(play) as server, stack.to(server.url) as transport:
        for number in (1, 2):
            async with transport.stream(PODS) as response:
                assert await read_all(response) == b"hello"
            assert server.connections == number
            await server.abandoned()
            await anyio.wait_all_tasks_blocked()  # asyncio hears of it in its next turn


async def test_many_streams_at_once(stack: Stack) -> None:
    streams = 150
    all_open = anyio.Event()
    opened = 0

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await all_open.wait()
        await exchange.chunk(exchange.target.encode())
        await exchange.end()

    async def read(transport: Transport, number: int) -> None:
        nonlocal opened
        async with transport.stream(HttpRequest(path=f"/{number}")) as response:
            opened += 1
            if opened == streams:
                all_open.set()
            assert await read_all(response) == f"/{number}".encode()

    async with serve(play) as server, stack.to(server.url) as transport:
        async with anyio.create_task_group() as group:
            for number in range(streams):
                group.start_soon(read, transport, number)
        assert server.connections == streams


async def test_a_redirect_is_handed_out_and_not_followed(stack: Stack) -> None:
    async with serve(hello) as other:

        async def play(exchange: Exchange) -> None:
            await exchange.start("307 Temporary Redirect", Location=f"{other.url}/elsewhere")
            await exchange.end()

        async with serve(play) as server, stack.get(server.url, "t0ken") as response:
            assert response.status == 307
            assert await read_all(response) == b""
        assert other.connections == 0


async def test_cookies_are_not_kept(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start(Set_Cookie="a=b")
        await exchange.end()

    async with serve(play) as server, stack.to(server.url) as transport:
        for _ in range(2):
            async with transport.stream(PODS) as response:
                await read_all(response)
    assert "cookie" not in server.exchanges[1].headers


class _Counted(Credentials):
    """A token that changes when the server said 401."""

    def __init__(self) -> None:
        self.refreshed = 0

    async def authorization(self) -> str:
        return f"Bearer token-{self.refreshed}"

    async def refresh(self) -> None:
        self.refreshed += 1


async def test_reauthenticating(stack: Stack) -> None:
    async with serve(hello) as server, stack.to(server.url, credentials=_Counted()) as transport:
        for _ in range(2):
            async with transport.stream(PODS) as response:
                await read_all(response)
            await transport.reauthenticate()
    assert [exchange.headers["authorization"] for exchange in server.exchanges] == ["Bearer token-0", "Bearer token-1"]


async def test_refused(stack: Stack, unused_port: int) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        await stack.fetch(f"http://127.0.0.1:{unused_port}")
    assert str(caught.value) == (
        f"GET http://127.0.0.1:{unused_port}/api/v1/pods: connection refused: nothing listens there; "
        "check host and port, and that the server runs"
    )
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["kube.invalid", "a" * 64 + ".invalid"])  # RFC 6761 reserves .invalid
async def test_unresolvable(stack: Stack, host: str) -> None:
    with pytest.raises(ConnectionFailed, match=r"the host's name does not resolve .*check the server's URL and DNS"):
        await stack.fetch(f"https://{host}")


async def test_hung_up_before_the_head_is_not_tried_again(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.hang_up()

    async with serve(play) as server:
        with pytest.raises(ConnectionLost, match="hung up before it answered"):
            await stack.fetch(server.url)
    assert (server.connections, len(server.exchanges)) == (1, 1)


async def test_reset_before_the_head(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.reset()

    async with serve(play) as server:
        with pytest.raises(ConnectionLost, match=r"broke before an answer came \(Connection reset by peer\)"):
            await stack.fetch(server.url)


async def test_what_answers_does_not_speak_http(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n")
        await exchange.closed_by_peer()

    async with serve(play) as server:
        with pytest.raises(ConnectionLost, match=r"does not speak HTTP; check the port, and whether .* https://"):
            await stack.fetch(server.url)


class _CancelledAt:
    """A coroutine whose scope is cancelled when it is suspended for the n-th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], scope: anyio.CancelScope, suspension: int) -> None:
        self._coroutine, self._scope, self._left = coroutine, scope, suspension

    @property
    def came_so_far(self) -> bool:
        return self._left <= 0

    def __await__(self) -> Generator[Any, Any, None]:
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                waiting_for = self._coroutine.throw(error) if error else self._coroutine.send(value)
            except StopIteration:
                return
            self._left -= 1
            if not self._left:
                self._scope.cancel()
            value, error = None, None
            try:
                value = yield waiting_for
            except BaseException as thrown:  # noqa: BLE001 - handed on
                error = thrown


def tasks_by_id() -> dict[int, str | None]:
    """Those that run, with their names: a failure shows what was left."""
    return {task.id: task.name for task in anyio.get_running_tasks()}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("connection", ["new", "used before"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cancelling_at_any_await_leaves_no_socket_and_no_task(
    stack: Stack, scheme: str, connection: str, method: str, authority: Authority
) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        if exchange.target == "/warm":
            await exchange.end()
        else:
            await exchange.closed_by_peer()

    request = PODS if method == "GET" else HttpRequest(path=PODS.path, method=method, body=b"x" * 200_000)

    async def read(transport: Transport) -> None:
        async with transport.stream(request) as response:
            assert await response.receive(LONG) == b"hello"
            with pytest.raises(ReadDeadlineExceeded):
                await response.receive(0.02)

    context = authority.issue("127.0.0.1").server_context() if scheme == "https" else None
    options = {"ca_data": authority.pem} if context else {}
    async with serve(play, context=context) as server:
        suspension, finished = 0, False
        await anyio.wait_all_tasks_blocked()  # the server listens
        before = tasks_by_id()
        while not finished:
            suspension += 1
            assert suspension < 100
            async with stack.to(server.url, **options) as transport:
                if connection != "new":
                    async with transport.stream(HttpRequest(path="/warm")) as response:
                        assert await read_all(response) == b"hello"
                with anyio.CancelScope() as scope:
                    cancelled = _CancelledAt(read(transport), scope, suspension)
                    await cancelled
                finished = not cancelled.came_so_far
                if connection != "new":  # an idle connection may wait for the next
                    async with transport.stream(HttpRequest(path="/warm")) as response:
                        assert await read_all(response) == b"hello"
                    await anyio.wait_all_tasks_blocked()
                    assert server.open == 1
                else:
                    await server.abandoned()
            await server.abandoned()
            await anyio.wait_all_tasks_blocked()
            while server.open:  # what was cancelled while it connected: the server may come to accept it only now
                await server.abandoned()
                await anyio.wait_all_tasks_blocked()
            assert tasks_by_id() == before
    assert suspension >= 3


async def test_closing_ends_open_streams(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await exchange.closed_by_peer()

    async with serve(play) as server:
        transport = stack.make(server.url)
        async with transport.stream(PODS) as response:
            assert await response.receive(LONG) == b"hello"
            await transport.aclose()
            with pytest.raises(ConnectionLost):
                await response.receive(LONG)
        await server.abandoned()
        await transport.aclose()
        with pytest.raises(UsageError, match="closed"):
            async with transport.stream(PODS):
                pytest.fail("closed")


@pytest.mark.parametrize("phase", ["head", "body"])
async def test_closing_wakes_who_waits(stack: Stack, phase: str) -> None:
    async def play(exchange: Exchange) -> None:
        if phase == "body":
            await exchange.start()
        await exchange.closed_by_peer()

    async def read(transport: Transport) -> None:
        with pytest.raises(ConnectionLost):
            async with transport.stream(PODS) as response:
                await response.receive(LONG)

    async with serve(play) as server, stack.to(server.url) as transport:
        async with anyio.create_task_group() as group:
            group.start_soon(read, transport)
            while not server.exchanges:
                await anyio.wait_all_tasks_blocked()
            await anyio.wait_all_tasks_blocked()
            await transport.aclose()
        await server.abandoned()


async def test_closing_leaves_nothing_behind(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()

    async with serve(play) as server:
        await anyio.wait_all_tasks_blocked()  # the server listens
        before = {task.id for task in anyio.get_running_tasks()}
        transport = stack.make(server.url)
        async with transport.stream(PODS):
            pass
        await transport.aclose()
        await server.abandoned()
        await anyio.wait_all_tasks_blocked()
        assert {task.id for task in anyio.get_running_tasks()} == before
    del transport
    gc.collect()  # an unclosed session, connector, generator or socket complains when collected
    assert caplog.records == []


async def test_never_used_and_closed(stack: Stack) -> None:
    transport = stack.make("http://127.0.0.1:1")
    await transport.aclose()
    await transport.aclose()


async def test_keep_alive_is_on(stack: Stack) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.closed_by_peer()

    async with serve(play) as server, stack.get(server.url) as response:
        sock = socket_of(response)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
