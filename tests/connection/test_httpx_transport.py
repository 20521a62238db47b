"""What is httpx2's own: transports that users hand in, its errors, its pools, and its absence.

What every transport does is in ``test_transport_contract``, ``_tls`` and ``_proxies``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
import httpx2
import pytest
from tests.connection.peer import Exchange, serve
from tests.connection.stacks import LONG, PODS, read_all

from kubeinformer.connection import ConnectionConfig, HttpxTransport, Transport
from kubeinformer.connection.credentials import StaticToken
from kubeinformer.errors import ConnectionFailed, ConnectionLost, ReadDeadlineExceeded, TransportError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio
CONFIG = ConnectionConfig(server="https://kube.example", credentials=StaticToken("t0ken"))


def seam(transport: HttpxTransport) -> Transport:
    """Type-checked: it is one."""
    return transport


class Body(httpx2.AsyncByteStream):
    """A body that remembers whether it was closed."""

    def __init__(self, *parts: bytes | Exception, silent: bool = False) -> None:
        self.parts, self.silent, self.closed = parts, silent, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part
        if self.silent:
            await anyio.sleep_forever()

    async def aclose(self) -> None:
        self.closed = True


def answering(body: Body) -> HttpxTransport:
    async def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=body)

    return HttpxTransport(CONFIG, transport=httpx2.MockTransport(handle))


async def test_a_transport_of_the_users_gets_the_whole_request() -> None:
    asked: list[httpx2.Request] = []

    async def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(307, headers={"X-A": "1"}, stream=Body(b"", b"hel", b"", b"lo"))

    transport = HttpxTransport(CONFIG, transport=httpx2.MockTransport(handle))
    async with transport.stream(PODS) as response:
        assert (response.status, response.headers["x-a"]) == (307, "1")
        assert await response.receive(LONG) == b"hel"  # empty parts are no end
        assert await response.receive(LONG) == b"lo"
        assert await response.receive(LONG) == b""
    await transport.aclose()
    assert str(asked[0].url) == "https://kube.example/api/v1/pods"
    assert asked[0].headers["authorization"] == "Bearer t0ken"
    assert len(asked) == 1


@pytest.mark.parametrize("read", ["all", "some", "nothing"])
async def test_a_body_of_the_users_is_closed(read: str) -> None:
    body = Body(b"hello", silent=read != "all")
    transport = answering(body)
    async with transport.stream(PODS) as response:
        if read == "all":
            await read_all(response)
        elif read == "some":
            assert await response.receive(LONG) == b"hello"
    assert body.closed
    await transport.aclose()


async def test_silence_of_a_body_of_the_users() -> None:
    transport = answering(Body(b"hello", silent=True))
    async with transport.stream(PODS) as response:
        assert await response.receive(LONG) == b"hello"
        with pytest.raises(ReadDeadlineExceeded) as caught:
            await response.receive(0.02)
        assert caught.value.seconds == 0.02
        with pytest.raises(ConnectionLost):
            await response.receive(LONG)
    await transport.aclose()


async def test_closing_ends_bodies_of_the_users_and_their_transport() -> None:
    class Handed(httpx2.AsyncBaseTransport):
        closed = False

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:  # noqa: ARG002 - its name
            return httpx2.Response(200, stream=Body(silent=True))

        async def aclose(self) -> None:
            self.closed = True

    handed = Handed()
    transport = HttpxTransport(CONFIG, transport=handed)
    async with transport.stream(PODS) as response, anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(ConnectionLost):
                await response.receive(LONG)

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await transport.aclose()
    assert handed.closed
    with pytest.raises(UsageError, match="closed"):
        async with transport.stream(PODS):
            pytest.fail("closed")


def assert_nothing_foreign(error: TransportError) -> None:
    """httpx2's exceptions lead to requests."""
    for behind in (error.__cause__, error.__context__):
        assert behind is None or isinstance(behind, OSError)


HEAD_ERRORS = [
    (httpx2.ConnectError("secret"), ConnectionFailed, "no connection"),
    (httpcore2.ConnectError("secret"), ConnectionFailed, "no connection"),
    (httpx2.ConnectTimeout("secret"), ConnectionFailed, "no connection in time"),
    (httpx2.PoolTimeout("secret"), ConnectionLost, "the connection broke before an answer came"),
    (httpx2.ProxyError("403 Forbidden"), ConnectionFailed, "the proxy refused to connect .* 403 Forbidden"),
    (httpx2.ReadTimeout("secret"), ReadDeadlineExceeded, "60"),
    (httpcore2.ReadTimeout("secret"), ReadDeadlineExceeded, "60"),
    (httpx2.ReadError("secret"), ConnectionLost, "the connection broke before an answer came"),
    (httpx2.RemoteProtocolError("secret"), ConnectionLost, "does not speak HTTP"),
    (httpx2.UnsupportedProtocol("secret"), ConnectionLost, "the connection broke"),
    (anyio.BrokenResourceError("secret"), ConnectionLost, "the connection broke before an answer came"),
    (ConnectionResetError(104, "Connection reset by peer"), ConnectionLost, "Connection reset by peer"),
]


@pytest.mark.parametrize(("error", "expected", "words"), HEAD_ERRORS, ids=lambda value: getattr(value, "__name__", ""))
async def test_errors_before_the_head(error: Exception, expected: type[TransportError], words: str) -> None:
    async def handle(_: httpx2.Request) -> httpx2.Response:
        raise error

    transport = HttpxTransport(CONFIG, transport=httpx2.MockTransport(handle))
    with pytest.raises(expected, match=words) as caught:
        async with transport.stream(PODS):
            pytest.fail("no head")
    assert type(caught.value) is expected
    assert "secret" not in repr(caught.value)
    assert not isinstance(
        caught.value.__cause__ or caught.value.__context__, (httpx2.HTTPError, httpcore2.ConnectError)
    )
    await transport.aclose()


BODY_ERRORS: list[tuple[Exception, type[TransportError], str]] = [
    (httpx2.ReadError("secret"), ConnectionLost, "closed"),
    (httpcore2.ReadError("secret"), ConnectionLost, "closed"),
    (httpx2.ReadTimeout("secret"), ReadDeadlineExceeded, "30"),
    (httpx2.RemoteProtocolError("secret"), ConnectionLost, "not framed as announced"),
    (httpx2.StreamClosed(), ConnectionLost, "closed"),
    (OSError(5, "Input/output error"), ConnectionLost, "Input/output error"),
]


@pytest.mark.parametrize(("error", "expected", "words"), BODY_ERRORS, ids=lambda value: getattr(value, "__name__", ""))
async def test_errors_in_the_body(error: Exception, expected: type[TransportError], words: str) -> None:
    transport = answering(Body(b"hello", error))
    async with transport.stream(PODS) as response:
        assert await response.receive(LONG) == b"hello"
        with pytest.raises(expected, match=words) as caught:
            await response.receive(LONG)
        assert "secret" not in repr(caught.value)
        assert not isinstance(
            caught.value.__cause__ or caught.value.__context__, (httpx2.HTTPError, httpx2.StreamError)
        )
    await transport.aclose()


async def test_a_mistake_in_a_mock_is_not_taken_for_a_network() -> None:
    async def handle(_: httpx2.Request) -> httpx2.Response:
        raise AssertionError("not mocked")

    transport = HttpxTransport(CONFIG, transport=httpx2.MockTransport(handle))
    with pytest.raises(AssertionError, match="not mocked"):
        async with transport.stream(PODS):
            pytest.fail("no head")
    await transport.aclose()


async def test_buffered_bytes_need_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(exchange: Exchange) -> None:
        await exchange.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
        )

    async with serve(play) as server:
        transport = HttpxTransport(ConnectionConfig(server=server.url))
        async with transport.stream(PODS) as response:
            monkeypatch.delattr(anyio, "move_on_after")
            assert await read_all(response) == b"helloworld"
            monkeypatch.undo()
        await transport.aclose()


async def test_attempts_that_failed_leave_nothing_in_the_pool(unused_port: int) -> None:
    """httpcore2 keeps a tunnel whose handshake failed, or whose proxy said no, for ever."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await exchange.stream.receive()
        await exchange.send(b"this is no TLS")
        await exchange.closed_by_peer()

    async with serve(play) as proxy:
        transport = HttpxTransport(
            ConnectionConfig(server=f"https://127.0.0.1:{unused_port}", verify=False, proxy_url=proxy.url)
        )
        for _ in range(5):
            with pytest.raises(TransportError):
                async with transport.stream(PODS):
                    pytest.fail("no tunnel")
        pools: Any = transport._pools
        assert sum(len(pool.transport._pool.connections) for pool in pools) == 0
        await transport.aclose()


ON_TRIO = """
import trio, kubeinformer.connection as c
async def main(): c.default_transport(c.ConnectionConfig(server='http://127.0.0.1:1'))
trio.run(main)
"""


@pytest.mark.parametrize("ask", ["from kubeinformer.connection import HttpxTransport", ON_TRIO])
def test_without_the_extra(ask: str) -> None:
    script = f"import sys\nsys.modules['httpx2'] = None\n{ask}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert "kubeinformer.errors.ConfigError: " in done.stderr.splitlines()[-1]
    assert "pip install 'kubeinformer[httpx]'" in done.stderr.splitlines()[-1]
