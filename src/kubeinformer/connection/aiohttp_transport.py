"""The transport for asyncio, on aiohttp.

Rules. aiohttp only moves bytes: no decompression, no redirects, no cookies, no environment, no retries, no timeouts
except for connecting. Every error that it may raise is translated at this boundary (``aiohttp_failures``). A stream
that is left early is aborted; it is neither read to its end nor closed politely. A polite TLS shutdown with a dead peer
would hold the socket for half a minute.

Theory. There is one session without a limit of connections. Each stream holds a connection for minutes, so any limit
would be a deadlock for that many informers. Connections are reused after bodies that were read to the end (list pages,
errors). TCP keep-alive finds dead peers before the read deadline does; the deadline finds those behind a proxy that
keeps its side of the connection alive. If bytes are already buffered, `receive` returns them without a timer and
without passing through the event loop. The buffer is then empty after at most twice ``READ_BUFFER``, so other tasks get
their turn.

TLS files are read at the first request, and again after a 401 or a failed handshake. So rotated certificates are found
without watching files.

Limits. A body whose end is marked neither by chunks nor by a length (HTTP/1.0) ends cleanly whenever the connection
ends: HTTP cannot tell the difference. API servers never send one. Bytes that arrived just before a cut may be dropped
with it. This does no harm, because a stream that was cut is requested again from the last position.
"""

import asyncio
import io
import logging
import socket
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
import yarl

from kubeinformer.connection import aiohttp_failures as failures
from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.failures import Failure
from kubeinformer.connection.outgoing import (
    CONNECT_TIMEOUT,
    IDLE_CONNECTION_LIFE,
    READ_BUFFER,
    TlsFiles,
    keep_alive,
    request_headers,
    request_target,
    request_url,
    split_proxy,
)
from kubeinformer.connection.transport import HttpRequest, Response
from kubeinformer.errors import ConnectionFailed, ReadDeadlineExceeded, TransportError, UsageError

__all__ = ["AiohttpTransport", "payload"]

_log = logging.getLogger("kubeinformer.connection")

# What getaddrinfo returns. aiohttp.AddrInfoType is the same, but ends with a tuple without type arguments.
_AddressInfo: TypeAlias = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class AiohttpTransport:
    """The `Transport` on aiohttp. It needs asyncio.

    It opens and reads nothing before the first request. It belongs to the event loop of that request.

    Args:
        config: The server, the trusted authorities and the credentials.
        connect_timeout: The time limit for making a connection, in seconds: DNS, TCP, proxy and TLS together.
    """

    def __init__(self, config: ConnectionConfig, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        self._config = config
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._waits: set[asyncio.Timeout] = set()  # for a response's head
        self._tls = TlsFiles(config)
        self._closed = False
        self._proxy, self._proxy_authorization = split_proxy(config.proxy_url)

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        """Send a request. Arguments and errors as in `Transport.stream`."""
        return self._stream(request)

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        target = request_target(self._config, request)
        response = _AiohttpResponse(await self._send(request, target), target)
        try:
            yield response
        finally:
            response.drop()

    @property
    def server(self) -> str:
        """The server's base URL."""
        return self._config.server

    async def reauthenticate(self) -> None:
        """Forget cached credentials and TLS files, because the server answered 401. The next request gets new ones."""
        self._tls.forget()
        await self._config.credentials.refresh()

    async def aclose(self) -> None:
        """Close all connections; streams that are still open raise `ConnectionLost`. Idempotent."""
        self._closed = True
        for wait in self._waits:  # aiohttp does not interrupt requests that are connecting
            wait.reschedule(asyncio.get_running_loop().time())
        session, self._session = self._session, None
        if session is not None:
            await session.close()  # aborts TLS connections: aiohttp's ssl_shutdown_timeout is 0 by default
            # The sockets of streams that were just dropped are closed by callbacks in the next turn of the loop.
            await asyncio.sleep(0)

    async def _send(self, request: HttpRequest, target: str) -> aiohttp.ClientResponse:
        if self._closed:
            raise UsageError(f"{target}: the transport is closed")
        answer = await self._answer(request, target)
        if isinstance(answer, aiohttp.ClientResponse):
            return answer
        # Raised here, so that the foreign exception, which may hold headers, is not the context of this error, and no
        # frame that this error passes has headers among its variables.
        _log.debug("request failed", extra={"target": target, "failure": str(answer)})
        raise answer

    async def _answer(self, request: HttpRequest, target: str) -> aiohttp.ClientResponse | TransportError:
        url = yarl.URL(request_url(self._config, request), encoded=True)
        # aiohttp would ask for an encoding that is not decoded here, and send a body as an octet stream.
        automatic = ("Accept-Encoding", "Content-Type")
        try:
            options = await self.options(request.headers)
            async with self._wait(request.head_timeout):
                return await self.session.request(
                    request.method, url, data=payload(request.body), skip_auto_headers=automatic, **options
                )
        except failures.FOREIGN as error:
            # A timeout of aiohttp is a TimeoutError as well, but it concerns connecting.
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                return (
                    Failure(target).broke_before_head(None)
                    if self._closed
                    else ReadDeadlineExceeded(request.head_timeout)
                )
            return self.failed(error, target)

    async def options(self, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """The arguments of each request: headers with credentials, TLS context, proxy.

        Args:
            headers: The headers of the request itself.

        Raises:
            ConfigError: The credentials or a TLS file cannot be used.
        """
        headers = await request_headers(self._config, headers)
        certificate = await self._config.credentials.client_certificate()
        # aiohttp does not reuse the connections of another context.
        context = self._tls.context(certificate) if self._config.server.startswith("https:") else None
        tunnelled = context and self._proxy and self._proxy_authorization
        if context is None and self._proxy_authorization:
            headers.append(("Proxy-Authorization", self._proxy_authorization))  # there is no CONNECT to carry it
        return {
            "headers": headers,
            "ssl": context or True,
            "server_hostname": self._config.tls_server_name,
            "proxy": self._proxy,
            "proxy_headers": {"Proxy-Authorization": self._proxy_authorization} if tunnelled else None,
            "allow_redirects": False,
        }

    def failed(self, error: Exception, target: str) -> TransportError:
        """The error that says why there is no answer."""
        failure = failures.not_opened(error, target, through_proxy=self._proxy is not None)
        if isinstance(failure, ConnectionFailed):
            self._tls.forget()
        return failure

    @asynccontextmanager
    async def _wait(self, head_timeout: float) -> AsyncGenerator[None]:
        async with asyncio.timeout(head_timeout) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session of aiohttp, which is made on first use.

        Raises:
            UsageError: The transport is closed.
        """
        if self._closed:
            raise UsageError("the transport is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=0,
                    keepalive_timeout=IDLE_CONNECTION_LIFE,
                    socket_factory=_open_socket,
                    # Not aiodns, even if installed: the system's resolver knows search domains and /etc/hosts.
                    resolver=aiohttp.ThreadedResolver(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
                auto_decompress=False,
                trust_env=False,  # no netrc; proxies in the environment are looked up when the config is loaded
                read_bufsize=READ_BUFFER,
            )
            # aiohttp sends a GET again if its connection breaks before the answer. Here only the list-watch machine
            # decides on retries and delays. There is no public switch (aiohttp's own TestClient sets this as well);
            # a test counts the requests.
            self._session._retry_connection = False  # noqa: SLF001 - see above
        return self._session


class _AiohttpResponse:
    """One answer. See `kubeinformer.connection.Response`."""

    __slots__ = ("_answer", "_content", "_gone", "_target", "headers", "status")

    def __init__(self, answer: aiohttp.ClientResponse, target: str) -> None:
        self._answer, self._content, self._target = answer, answer.content, target
        self.status = answer.status
        self.headers: Mapping[str, str] = {
            name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers
        }
        # If a body is not chunked as announced, aiohttp 3.14 closes the connection, but does not tell the reader, which
        # would wait until the deadline (_http_parser.pyx, feed_data: `self._payload = None; raise ex`).
        self._gone: asyncio.Future[None] | None = None
        if answer.connection is not None and answer.connection.protocol is not None:
            self._gone = answer.connection.protocol.closed
            if self._gone is not None:
                self._gone.add_done_callback(self._on_gone)

    async def receive(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the seam's signature
        """Return the next bytes, ``b""`` at the clean end; see `Response.receive`."""
        try:
            if data := self._content.read_nowait():
                return data
            async with asyncio.timeout(timeout):
                return await self._content.readany()
        except TimeoutError:
            self.drop()  # a peer that was silent for so long is dead: do not trust later bytes
            raise ReadDeadlineExceeded(timeout) from None
        except (*failures.FOREIGN, RuntimeError) as error:  # RuntimeError: closed while it was read
            failure = failures.lost(error, self._target)
        raise failure

    def drop(self) -> None:
        """Drop the connection, unless the body was read to its end and aiohttp has taken it back. Idempotent."""
        if self._gone is not None:
            self._gone.remove_done_callback(self._on_gone)
            # The connection may stay open, idle. What ends it then is no problem, and asyncio must not log it.
            self._gone.remove_done_callback(_ask)  # one callback is enough, however many answers it carried
            self._gone.add_done_callback(_ask)
        connection = self._answer.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._answer.close()

    def _on_gone(self, gone: asyncio.Future[None]) -> None:
        """Wake the reader, unless aiohttp has reported to it how the body ended."""
        broken = None if gone.cancelled() else gone.exception()  # reading it also keeps asyncio from logging it
        if self._content.exception() is None and not self._content.is_eof():
            self._content.set_exception(broken or aiohttp.ClientPayloadError("the body is not framed as announced"))


def _ask(gone: asyncio.Future[None]) -> None:
    if not gone.cancelled():
        gone.exception()


def payload(body: bytes) -> io.BytesIO | None:
    """A body in a buffer, which aiohttp sends in parts. It would warn of bytes over 1 MiB."""
    return io.BytesIO(body) if body else None


def _open_socket(address: _AddressInfo) -> socket.socket:
    family, kind, protocol, *_ = address
    sock = socket.socket(family, kind, protocol)
    keep_alive(sock)
    return sock
