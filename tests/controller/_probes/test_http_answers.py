"""Clients that are slow, silent, malicious or many; the probes between them get their answer."""

import asyncio
import errno
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
from tests.controller.http_probe import ask, get

from kubeinformer.controller._probes import http_answers
from kubeinformer.controller._probes.http_answers import HEAD_LIMIT, MAX_CONNECTIONS, Answer, Answerer, Handler

pytestmark = pytest.mark.anyio

GUARD = 10.0


async def echo(path: str, accept: str) -> Answer:
    await anyio.lowlevel.checkpoint()
    if path == "/raises":
        raise RuntimeError("a collector is broken")
    if path == "/cancelled":
        raise asyncio.CancelledError  # a collector looked at a future that somebody has cancelled
    return Answer(HTTPStatus.OK, f"{path} {accept}".encode())


@asynccontextmanager
async def serving(handle: Handler = echo) -> AsyncGenerator[int]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    first = listener.listeners[0]
    assert isinstance(first, anyio.abc.SocketListener)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(Answerer(handle).serve, first)
        with anyio.fail_after(GUARD):
            yield int(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610 - this is no Django
        tasks.cancel_scope.cancel()


async def test_an_answer_and_goodbye() -> None:
    async with serving() as port:
        asked = await get(port, "/path?verbose=1", "ACCEPT:  text/plain; version=1.0.0")
        assert (asked.status, asked.text) == (200, "/path text/plain; version=1.0.0")
        assert asked.headers == {
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(len(asked.text)),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "connection": "close",
        }
        assert (await get(port, "/")).text == "/ "


async def test_an_old_client_and_one_that_wants_the_head_only() -> None:
    async with serving() as port:
        assert (await ask(port, b"GET /old HTTP/1.0\r\n\r\n")).text == "/old "
        asked = await get(port, "/path", method="HEAD")
        assert (asked.status, asked.headers["content-length"], asked.text) == (200, "6", "")


async def test_a_request_that_comes_in_pieces_with_more_behind_it() -> None:
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        for piece in (b"GE", b"T /path HTTP/1.1\r\n", b"Accept: x\r\n", b"\r", b"\nGET /second HTTP/1.1\r\n\r\n"):
            await stream.send(piece)
            await anyio.lowlevel.checkpoint()
        assert (await stream.receive()).endswith(b"/path x")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /path HTTP/1.1\r\n\r\n", 405),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (b"GET path HTTP/1.1\r\n\r\n", 400),
        (b"GET  /path HTTP/1.1\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET /path HTTP/1.1\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01 a TLS client\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /" + b"a" * HEAD_LIMIT + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /path HTTP/1.1\r\nX: " + b"a" * HEAD_LIMIT, 431),
    ],
)
async def test_what_is_no_request_of_a_probe(request_: bytes, status: int) -> None:
    async with serving() as port:
        asked = await ask(port, request_)
        assert asked.status == status
        assert asked.text == f"{HTTPStatus(status).phrase}\n"
        assert asked.headers.get("allow") == ("GET, HEAD" if status == 405 else None)
        assert (await get(port, "/still-there")).status == 200


async def test_a_body_is_not_waited_for_to_its_end() -> None:
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET /path HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        assert (await stream.receive()).endswith(b"/path ")
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
        await stream.send(b"a" * (HEAD_LIMIT + 1))
        assert (await get(port, "/still-there")).status == 200


@pytest.mark.parametrize("path", ["/raises", "/cancelled"])
async def test_an_answer_that_cannot_be_made(path: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        with caplog.at_level(logging.ERROR, "kubeinformer.controller"):
            asked = await get(port, path)
        assert (asked.status, asked.text) == (500, "Internal Server Error\n")
        assert (await get(port, "/still-there")).status == 200
    assert [record.message for record in caplog.records] == ["an answer could not be made"]


async def test_an_answer_that_is_being_made_at_the_end_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    asked = anyio.Event()

    async def hang(path: str, accept: str) -> Answer:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError(path, accept)

    async with serving(hang) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET /path HTTP/1.1\r\n\r\n")
        await asked.wait()
    assert not caplog.records


async def test_clients_that_say_nothing_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_answers, "DEADLINE", 0.05)
    async with serving() as port:
        assert (await ask(port, b"GET /path HTTP/1.1\r\n")).raw == b""


async def test_clients_that_do_not_take_their_answer_or_never_stop_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_answers, "DEADLINE", 0.5)  # within which this process has to come to read and answer

    async def go_on(stream: anyio.abc.SocketStream) -> None:
        while True:
            await stream.send(b"more")
            await anyio.sleep(0.01)

    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET /path HTTP/1.1\r\n\r\n")
        assert await stream.receive()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):  # it was left, though it has not hung up
            await go_on(stream)


async def test_a_client_that_goes_at_once() -> None:
    async with serving() as port:
        for request in (b"", b"GET /path HT", b"GET /path HTTP/1.1\r\n\r\n"):
            stream = await anyio.connect_tcp("127.0.0.1", port)
            if request:
                await stream.send(request)
            await anyio.aclose_forcefully(stream)
        assert (await get(port, "/still-there")).status == 200


async def test_a_crowd_of_silent_clients_does_not_keep_a_probe_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_answers, "DEADLINE", 10 * GUARD)
    async with serving() as port, AsyncExitStack() as crowd:
        silent = [
            await crowd.enter_async_context(await anyio.connect_tcp("127.0.0.1", port))
            for _ in range(MAX_CONNECTIONS + 5)
        ]
        assert (await get(port, "/probe")).status == 200
        for stream in silent[:6]:  # those that came first had to go
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
        await silent[-1].send(b"GET /late HTTP/1.1\r\n\r\n")
        assert (await silent[-1].receive()).endswith(b"/late ")


class FailingListener:
    """Fails to accept a few times, then waits for ever."""

    def __init__(self, *errors: int) -> None:
        self.left = list(errors)
        self.done = anyio.Event()

    async def accept(self) -> Any:
        await anyio.lowlevel.checkpoint()
        if self.left:
            raise OSError(self.left.pop(), "no")
        self.done.set()
        await anyio.sleep_forever()


async def test_failing_to_accept_is_not_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_answers, "_PAUSE", 0.01)
    listener: Any = FailingListener(errno.EMFILE, errno.ECONNABORTED, errno.EMFILE)
    with caplog.at_level(logging.WARNING, "kubeinformer.controller"), anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Answerer(echo).serve, listener)
            await listener.done.wait()
            tasks.cancel_scope.cancel()
    assert [record.message for record in caplog.records] == ["a probe's connection could not be accepted"] * 2
