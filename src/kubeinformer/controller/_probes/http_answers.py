"""As much of HTTP/1.1 as a probe needs: one GET, one answer, then the connection is closed.

Rules. Anybody who can reach the port can send a request, so everything has a limit: the size and the time of a request,
and the number of connections. Only the request line and one header are read; bodies are not. Each connection is closed
after its answer. When there are too many connections, the oldest one is closed, so that many silent clients cannot keep
a probe out.
"""

import contextlib
import errno
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import anyio
import anyio.abc

from kubeinformer.controller.cancellation import PLAIN_ERRORS, is_cancellation

__all__ = ["Answer", "Answerer", "Handler"]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

HEAD_LIMIT = 8192  # bytes of request line and headers; nginx and Apache take as much
DEADLINE = 5.0  # seconds for a whole connection, on top of what the answer takes to make
MAX_CONNECTIONS = 32  # a prober, a scraper and people; each costs a task and up to HEAD_LIMIT
# Errors of accept(2) that concern the connection to be accepted, not the listener.
_GONE = frozenset(
    {errno.ECONNABORTED, errno.EPROTO, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EPERM, errno.ETIMEDOUT}
    | {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}
)
_PAUSE = 0.1  # seconds until accept is tried again after a failure, for example when the process is out of descriptors

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]\r\n")
_ACCEPT = re.compile(rb"\r\naccept:[ \t]*([ -~]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[str, str], Awaitable[Answer]]
"""Takes the path without query, and the header ``Accept``."""


class Answerer:
    """Answers each connection that a listener accepts, once."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._connections: dict[anyio.CancelScope, None] = {}  # oldest first

    async def serve(self, listener: anyio.abc.SocketListener) -> None:
        """Accept connections until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:
                    if error.errno in _GONE:
                        continue  # as when a client has left the backlog
                    logger.warning("a probe's connection could not be accepted", extra={"error": str(error)})
                    await anyio.sleep(_PAUSE)
                    continue
                if len(self._connections) >= MAX_CONNECTIONS:
                    oldest = next(iter(self._connections))
                    del self._connections[oldest]
                    oldest.cancel()
                scope = anyio.CancelScope()
                self._connections[scope] = None
                tasks.start_soon(self._converse, stream, scope)

    async def _converse(self, stream: anyio.abc.SocketStream, scope: anyio.CancelScope) -> None:
        try:
            # The client has gone. OSError: trio's sockets say so in their own words when one direction is closed.
            with scope, contextlib.suppress(anyio.BrokenResourceError, anyio.EndOfStream, OSError):
                await self._answer(stream)
        finally:
            self._connections.pop(scope, None)
            await anyio.aclose_forcefully(stream)

    async def _answer(self, stream: anyio.abc.SocketStream) -> None:
        head = None
        with anyio.move_on_after(DEADLINE):
            head = await _read_head(stream)
        if head is None:
            return  # too slow to be told so
        method, answer = await self._answer_to(head)
        with anyio.move_on_after(DEADLINE):
            await stream.send(_render(answer, with_body=method != b"HEAD"))
            await stream.send_eof()
            await _see_off(stream)

    async def _answer_to(self, head: bytes) -> tuple[bytes, Answer]:
        if len(head) > HEAD_LIMIT:
            return b"GET", _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if not (request := _REQUEST_LINE.match(head)):
            return b"GET", _plain(HTTPStatus.BAD_REQUEST)
        method, target = request.groups()
        if method not in {b"GET", b"HEAD"}:
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        path = target.partition(b"?")[0].decode("ascii")
        accept = _ACCEPT.search(head)
        try:
            return method, await self._handle(path, accept[1].decode("ascii") if accept else "")
        except PLAIN_ERRORS as error:
            if is_cancellation(error):
                raise
            # An answer is made of other people's collectors and checks: what they raise must not end the program.
            logger.exception("an answer could not be made", extra={"path": path})
            return method, _plain(HTTPStatus.INTERNAL_SERVER_ERROR)


async def _read_head(stream: anyio.abc.SocketStream) -> bytes:
    """Everything up to the empty line, or more than `HEAD_LIMIT` bytes."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) <= HEAD_LIMIT:
        head += await stream.receive(HEAD_LIMIT)
    before, end, _ = head.partition(b"\r\n\r\n")
    return before + end


async def _see_off(stream: anyio.abc.SocketStream) -> None:
    """Wait until the client has hung up: closed before, with bytes unread, TCP may take the answer back."""
    read = 0
    while read <= HEAD_LIMIT:
        read += len(await stream.receive(HEAD_LIMIT))


def _plain(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.phrase}\n".encode())


def _render(answer: Answer, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (answer.body if with_body else b"")
