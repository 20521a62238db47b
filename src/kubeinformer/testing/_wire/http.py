"""One client connection: HTTP/1.1 by h11, on a raw non-blocking socket.

Rules. A connection knows bytes and requests, but nothing about Kubernetes. A client that disappears ends its connection
and nothing else. There are no queues: `Exchange.send` returns when the kernel has accepted the bytes. So a slow reader
slows only its own handler, and costs no memory.

Theory. Raw sockets are used instead of the streams of the event loop, because faults have to be exact. A reset is a
close with SO_LINGER 0, a half-closed connection is a shutdown, and there is no buffer of a transport between a write
and the kernel. anyio can wait until a raw socket is ready, on asyncio and on trio.
"""

import contextlib
import errno
import http
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import anyio
import anyio.lowlevel
import h11

__all__ = ["Connection", "Exchange", "Handler", "HttpRequest", "Put", "Tampering"]

_RECEIVE_SIZE = 65_536  # bytes
_BODY_LIMIT = 16 * 1024 * 1024  # bytes; etcd refuses anything near this size, so no client sends more
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds
_PHRASES = {int(status): status.phrase for status in http.HTTPStatus}
_GONE = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EBADF})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One decoded request. Header names are in lower case. If a query parameter is repeated, the last value counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)  # not in the repr, because it may contain a token
    body: bytes = b""


class Connection:
    """One accepted socket, and the task that serves it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._h11 = h11.Connection(h11.SERVER)
        self._scope = anyio.CancelScope()
        self._is_cut = False

    async def serve(self, handle: "Handler") -> None:
        """Answer requests until either side closes. Nothing that a client does makes this raise."""
        with self._socket, self._scope:
            try:
                while (request := await self._receive_request()) is not None:
                    await handle(Exchange(self, request))
                    if self._h11.our_state is not h11.DONE:
                        return
                    self._h11.start_next_cycle()
            except (h11.RemoteProtocolError, h11.LocalProtocolError):
                return  # the client does not speak HTTP, or the handler gave up in the middle of a body
            except OSError as error:
                if error.errno not in _GONE:
                    raise

    def cut(self, *, reset: bool) -> None:
        """Drop the connection now, in the middle of what is sent: with a TCP reset, or with a plain close."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._is_cut = True
        self._scope.cancel()

    def half_close(self) -> None:
        """Close the sending half, in the middle of what is sent. The other half stays open."""
        with contextlib.suppress(OSError):  # the client has closed it already
            self._socket.shutdown(socket.SHUT_WR)

    async def _receive_request(self) -> HttpRequest | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                self._h11.receive_data(await self._receive())
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_LIMIT:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _decode(head, bytes(body))
            else:
                return None

    async def _receive(self) -> bytes:
        while True:
            try:
                return self._socket.recv(_RECEIVE_SIZE)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)

    async def send(self, event: h11.Event) -> None:
        """Send one part of a response. Lets other tasks run."""
        data = memoryview(self._h11.send(event) or b"")
        await anyio.lowlevel.checkpoint()
        while data:
            if self._is_cut:
                # The cancellation by cut() only arrives at the next wait; nothing may be sent until then.
                raise ConnectionResetError(errno.ECONNRESET, "the connection was cut")
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)

    async def wait_closed_by_peer(self) -> bool:
        """Wait until the client closes the connection. Returns False if it sends something instead."""
        while True:
            try:
                return self._socket.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError:
                return True


Put: TypeAlias = Callable[[bytes], Awaitable[None]]


class Tampering(Protocol):
    """What is done to one answer on purpose (see ``_faults``). It may raise OSError to abandon the answer."""

    async def before_head(self) -> None:
        """Called before the head is sent."""

    async def after_head(self) -> None:
        """Called when the head has been sent."""

    async def data(self, data: bytes, put: Put) -> None:
        """Handle a part of the body, in the form for the wire. ``put`` passes it on."""

    async def opened(self, put: Put, flush: Callable[[], Awaitable[None]]) -> None:
        """Called when a watch has been accepted. ``put`` adds events, and the next ``flush`` sends them."""

    async def event(self, event: bytes, put: Put, flush: Callable[[], Awaitable[None]]) -> None:
        """Handle an event of a watch, before compression. ``put`` passes it on."""


class Exchange:
    """One request, which can be answered once.

    Attributes:
        request: The request.
        connection: The connection on which it came.
        status: The HTTP status of the answer; None until there is one.
        on_start: Called with the status, before the first byte of the answer is sent.
        tampering: What is done to the answer on purpose, usually nothing.
    """

    def __init__(self, connection: Connection, request: HttpRequest) -> None:
        self.request = request
        self.status: int | None = None
        self.on_start: Callable[[int], None] | None = None
        self.tampering: Tampering | None = None
        self.connection = connection
        self._is_guarded = False

    async def respond(
        self, status: int, body: bytes, headers: Sequence[tuple[str, str]] = (), content_type: str = "application/json"
    ) -> None:
        """Send a complete answer."""
        await self.start(status, [*headers, ("Content-Length", str(len(body)))], content_type)
        await self.send(body)
        await self.finish()

    async def start(
        self, status: int, headers: Sequence[tuple[str, str]] = (), content_type: str = "application/json"
    ) -> None:
        """Send the head of an answer. Without a Content-Length, the body is chunked."""
        if self.tampering is not None:
            await self.tampering.before_head()
        self.status = status
        if self.on_start is not None:
            self.on_start(status)
        fields = [("Cache-Control", "no-cache, private"), ("Content-Type", content_type), *headers]
        reason = _PHRASES.get(status, "")
        await self.connection.send(h11.Response(status_code=status, headers=fields, reason=reason))
        if self.tampering is not None:
            await self.tampering.after_head()

    async def send(self, data: bytes) -> None:
        """Send a part of the body. The answer to a HEAD has none."""
        if not data or self.request.method == "HEAD":
            return
        if self.tampering is None:
            await self._put(data)
        else:
            await self.tampering.data(data, self._put)

    async def _put(self, data: bytes) -> None:
        await self.connection.send(h11.Data(data=data))

    async def finish(self) -> None:
        """End the body cleanly."""
        await self.connection.send(h11.EndOfMessage())

    async def until_disconnect(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run something that may be silent for a long time, and cancel it if the client goes away."""
        if self._is_guarded:
            return await work()  # called inside such work: two tasks cannot wait for the same socket
        self._is_guarded = True

        async def guard() -> None:
            if await self.connection.wait_closed_by_peer():
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(guard)
            with contextlib.suppress(OSError):  # the client is gone; the connection ends, unfinished
                await work()
            tasks.cancel_scope.cancel()
        self._is_guarded = False
        return None


Handler: TypeAlias = Callable[[Exchange], Awaitable[None]]


def _decode(head: h11.Request, body: bytes) -> HttpRequest:
    target = urlsplit(head.target.decode("ascii"))
    return HttpRequest(
        method=head.method.decode("ascii"),
        path=unquote(target.path),
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )
