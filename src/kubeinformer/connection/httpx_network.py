"""The sockets of the httpx2 transport: httpcore2's network backend, on anyio for both event loops.

Rules. Errors from the system, ssl and anyio are left unchanged: httpcore2 passes on errors that it does not know, so
``httpx_failures`` gets the plain error. A connection is aborted when it is closed, without a TLS shutdown, so a peer
that no longer reads cannot hold a socket. No read waits longer than the silence that its reader allows. If something
fails or is cancelled, whoever asked for it closes the connection.

Theory. httpcore2 has its own backends, and accepts others. Its own could not be used. The one for trio does a TLS
shutdown inside a shield; a cancelled handshake leaks its socket; sockets to proxies get no options; the limit of
silence is fixed when a body begins, while here each `Response.receive` has its own. The caller limits the time for
connecting (``httpx_transport``), so the timeouts that httpcore2 passes to each call are ignored. TLS is done here,
because the streams of anyio and trio return one record of 16 KiB for each call; this one returns all that has arrived.

Source. httpcore2 2.16.2, ``_backends/base.py`` (the interface), ``_backends/trio.py``, ``_async/connection_pool.py``.
RFC 8446, 6.1: a connection may end without an alert. HTTP's own framing says whether the body was complete.
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
        silence: Seconds that a read may wait for data; None until the head has arrived, because until then the sender
            of the request limits the time.
    """

    def __init__(self) -> None:
        self.silence: float | None = None

    async def receive(self, silence: float | None) -> bytes:
        """All that has arrived, or ``b""`` if the peer ended the connection.

        Raises:
            ReadDeadlineExceeded: Nothing arrived for ``silence`` seconds.
        """
        raise NotImplementedError

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        raise NotImplementedError

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore2's signature
        """May return more than ``max_bytes``. httpcore2 passes all of it to h11, and fewer calls are faster."""
        return await self.receive(self.silence)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - httpcore2's signature
        """Send all of it.

        Raises:
            httpcore2.WriteError: The connection broke. httpcore2 then looks for an answer that arrived before that.
        """
        try:
            if buffer:
                await self.send(buffer)
        except BROKEN:
            raise httpcore2.WriteError from None  # the original error would hold the buffer in its frames

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore2's signature
    ) -> "Wire":
        """Do the TLS handshake. From now on, this wire may only be used to close it if the handshake fails.

        Raises:
            ssl.SSLError: The peer is not trusted, does not speak TLS, or closed the connection.
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
        except anyio.BrokenResourceError as error:  # httpcore2's pool would remove the cause
            broken = error.__cause__ if isinstance(error.__cause__, OSError) else error
        else:
            broken = ReadDeadlineExceeded(silence)
        raise broken

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def aclose(self) -> None:
        """Abort the connection, even if cancelled, and then let other tasks run. Idempotent."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Tells httpcore2 whether an idle connection has something to read, which can only be its end."""
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
                pass  # the connection ended without an alert: HTTP decides whether that is a clean end
            except ssl.SSLError:
                if not records:
                    raise
                # OpenSSL raises it again at the next read, because a session that has failed stays failed.
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
        """Send what OpenSSL wants to send, and receive something for it to read."""
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
            OSError: No address answers, or the name does not resolve.
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
    """The error for the only or the first address, instead of anyio's "All connection attempts failed"."""
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
