"""The sockets beneath the httpx2 transport: httpcore2's network backend, on anyio for both event loops.

Rules. Errors are left as the system, ssl or anyio raised them: httpcore2 lets pass what it does not know, and
``httpx_failures`` has the plain error at hand. A wire is aborted when it is closed: no TLS goodbye, so a peer that
reads no more cannot hold a socket. No read waits longer than the silence that its reader allows. What fails or is
cancelled is closed by who asked for it.

Theory. httpcore2 has backends of its own, and lets others be given. These were of no use: trio's says goodbye behind
a shield; a handshake that is cancelled leaks its socket; sockets to proxies get no options; the time for silence is
fixed when a body begins, while here each `Response.receive` has its own. Connecting is bounded by who asks
(``httpx_transport``), so the timeouts that httpcore2 hands to each call are not looked at.
TLS is done here because anyio's and trio's streams give one record a call, 16 KiB: this one gives all that has come.

Source. httpcore2 2.16.2, ``_backends/base.py`` (the interface), ``_backends/trio.py``, ``_async/connection_pool.py``.
RFC 8446, 6.1: a connection may end without an alert; HTTP's own framing says whether the body was complete.
"""

import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import anyio
import anyio.abc
import httpcore2

from kubeinformer.connection.outgoing import READ_BUFFER, keep_alive
from kubeinformer.errors import ReadDeadlineExceeded

__all__ = ["BROKEN", "Backend", "Wire"]

BROKEN = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What a socket may raise when its connection breaks, or is closed under its reader."""


class Wire(httpcore2.AsyncNetworkStream):
    """One connection.

    Attributes:
        silence: Seconds for which a read may find nothing; None until the head has come, as long as who sent the
            request keeps the time.
    """

    def __init__(self) -> None:
        self.silence: float | None = None

    async def receive(self, silence: float | None) -> bytes:
        """All that has come, or ``b""`` when the peer ended the connection.

        Raises:
            ReadDeadlineExceeded: Nothing came for so many seconds.
        """
        raise NotImplementedError

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        raise NotImplementedError

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore2's signature
        """May give more than ``max_bytes``: httpcore2 hands it to h11 whole, and fewer turns are faster."""
        return await self.receive(self.silence)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - httpcore2's signature
        """Send all of it.

        Raises:
            httpcore2.WriteError: The connection broke. httpcore2 then looks for an answer that came before it did.
        """
        try:
            if buffer:
                await self.send(buffer)
        except BROKEN:
            raise httpcore2.WriteError from None  # what it was raised from would hold the buffer in its frames

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore2's signature
    ) -> "Wire":
        """Shake hands. Nothing else may use this wire from now on, but for closing it when the handshake fails.

        Raises:
            ssl.SSLError: The peer is not to be trusted, does not speak TLS, or hung up.
        """
        wire = _TlsWire(self, ssl_context, server_hostname)
        await wire.handshake()
        return wire


class _TcpWire(Wire):
    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        super().__init__()
        self._stream = stream

    async def receive(self, silence: float | None) -> bytes:
        broken: Exception
        try:
            if silence is None:
                return await self._stream.receive(READ_BUFFER)
            with anyio.move_on_after(silence):
                return await self._stream.receive(READ_BUFFER)
        except anyio.EndOfStream:
            return b""
        except anyio.BrokenResourceError as error:  # httpcore2's pool would take the cause off
            broken = error.__cause__ if isinstance(error.__cause__, OSError) else error
        else:
            broken = ReadDeadlineExceeded(silence)
        raise broken

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def aclose(self) -> None:
        """Abort the connection, then give others a turn. The first happens also when cancelled. Idempotent."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """httpcore2 asks whether an idle connection has something to read: that can only be its end."""
        sock = self._stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - not Django's
        match info:
            case "socket":
                return sock
            case "is_readable":
                return _is_readable(sock)
            case _:
                return None


class _TlsWire(Wire):
    def __init__(self, below: Wire, context: ssl.SSLContext, server_hostname: str | None) -> None:
        super().__init__()
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    async def handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._exchange(None)
            else:
                return await self._flush()

    async def receive(self, silence: float | None) -> bytes:
        while True:
            records: list[bytes] = []
            try:
                while record := self._tls.read(READ_BUFFER):
                    records.append(record)
            except ssl.SSLWantReadError:
                if not records:
                    await self._exchange(silence)
                    continue
            except ssl.SSLEOFError:
                pass  # no alert before the end: whether it is a good end is for HTTP to say
            except ssl.SSLError:
                if not records:
                    raise
                # OpenSSL says it again at the next read: a session that failed stays so.
            return b"".join(records)

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def aclose(self) -> None:
        await self._below.aclose()

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "ssl_object":
                return self._tls
            case "is_readable" if self._incoming.pending:
                return True
            case _:
                return self._below.get_extra_info(info)

    async def _exchange(self, silence: float | None) -> None:
        """Send what OpenSSL wants to send, and get it something to read."""
        await self._flush()
        if data := await self._below.receive(silence):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._below.send(self._outgoing.read())


class Backend(httpcore2.AsyncNetworkBackend):
    """Opens connections."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore2's signature
        local_address: str | None = None,  # noqa: ARG002 - as above
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> Wire:
        """Connect to the first address of the host that answers.

        Raises:
            OSError: None does, or the name does not resolve.
        """
        try:
            stream = await anyio.connect_tcp(host, port)
        except OSError as error:
            failure = _first(error)
        else:
            keep_alive(stream.extra(anyio.abc.SocketAttribute.raw_socket))  # noqa: S610 - not Django's
            return _TcpWire(stream)
        raise failure


def _first(error: OSError) -> OSError:
    """What anyio says of one address, or of the first of several, in place of "All connection attempts failed"."""
    cause: BaseException | None = error.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause if isinstance(cause, OSError) else error


def _is_readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
