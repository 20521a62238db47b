"""The transport for trio, and for asyncio if httpx2 should see the requests, on httpx2.

Rules. httpx2 only moves bytes. This transport uses what is below `httpx2.AsyncClient`, where there are no redirects, no
cookies, no environment, no content decoding and no hooks. httpcore2's pool beneath has no limit, no retries and no
HTTP/2. Every error that may come out of it is translated at this boundary (``httpx_failures``). A stream that is left
early is aborted, and not read to its end.

Theory. There is one pool for each TLS context, because a request with another client certificate must not be sent over
a connection of the old one. A pool that was replaced is closed when its last stream ends.

If a connection is cancelled or fails between two of its steps, httpcore2 keeps it in its pool, open and never used
again (a tunnel whose handshake failed, or a connection whose request was cancelled before it was sent). So whatever
ends a request while it is still connecting also closes its socket and replaces the pool. httpcore2's ``trace`` tells
when a request starts connecting, and when it is connected. The time limit for connecting covers name resolution, TCP,
proxy and TLS together, however many steps that takes.

TLS files are read at the first request, and again after a 401 or a failed handshake, as with aiohttp.

Limits. Proxies: http and https, but not SOCKS (`ConnectionConfig` refuses it). A body whose end is marked neither by
chunks nor by a length ends cleanly whenever the connection ends, as with aiohttp.

Measured in comparison with aiohttp on asyncio (``benchmarks/transports.py``, Python 3.11; trio is the same): the bytes
per second are 0.5 of aiohttp's in chunks of 64 KiB, 0.4 in chunks of 6.5 KB, and 0.2 in chunks of 400 bytes, because
h11 parses each chunk in Python, which takes about 9 us, and httpcore2 passes on each of them by itself. The events per
second of an informer are 0.9 with gzip and 0.7 without. 2% of the time in `receive` is spent in this module.

Source. httpcore2 2.16.2, ``_async/connection_pool.py``, ``_async/http11.py``, ``_async/http_proxy.py``.
"""

import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, final

import anyio

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.failures import Failure
from kubeinformer.connection.outgoing import (
    CONNECT_TIMEOUT,
    IDLE_CONNECTION_LIFE,
    TlsFiles,
    request_headers,
    request_target,
    request_url,
    split_proxy,
)
from kubeinformer.connection.transport import HttpRequest, Response
from kubeinformer.errors import (
    ConfigError,
    ConnectionFailed,
    ReadDeadlineExceeded,
    TransportError,
    UsageError,
)

try:
    import httpcore2
    import httpx2

    from kubeinformer.connection import httpx_failures as failures
    from kubeinformer.connection.httpx_network import Backend, Wire
    from kubeinformer.connection.httpx_response import HttpxResponse
except ModuleNotFoundError as _missing:
    if _missing.name not in {"httpx2", "httpcore2"}:
        raise
    raise ConfigError(
        "the transport for trio, HttpxTransport, needs httpx2: install it with `pip install 'kubeinformer[httpx]'`, "
        "or run on asyncio (`anyio.run(main)` does)"
    ) from _missing

__all__ = ["HttpxTransport"]

_log = logging.getLogger("kubeinformer.connection")


@final
class HttpxTransport:
    """The `Transport` on httpx2, for asyncio and trio.

    It opens and reads nothing before the first request. It belongs to the event loop of that request.

    Args:
        config: The server, the trusted authorities and the credentials.
        connect_timeout: The time limit for making a connection, in seconds: DNS, TCP, proxy and TLS together.
        transport: Sends the requests instead of a connection pool: `httpx2.MockTransport` in a test, or your own
            transport. Then the proxy and TLS settings of ``config`` are not used; this transport has its own. It is
            closed together with this one. Mocks that patch httpcore2, as respx does through pytest-httpx2, do not need
            this argument.

    Raises:
        ConfigError: httpx2 is not installed.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._connect_timeout = connect_timeout
        self._tls = TlsFiles(config)
        self._proxy, self._proxy_authorization = split_proxy(config.proxy_url)
        self._given = transport is not None
        self._pool = _Pool(transport, None) if transport is not None else None
        self._pools = {self._pool} if self._pool else set[_Pool]()
        self._attempts: set[_Attempt] = set()
        self._responses: set[HttpxResponse] = set()
        self._closed = False

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        """Send a request. Arguments and errors as in `Transport.stream`."""
        return self._stream(request)

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        attempt = _Attempt(request_target(self._config, request), through_proxy=self._proxy is not None)
        pool = await self._pool_for(attempt.target)
        pool.streams += 1
        try:
            await self._close_unused()
            outcome = await self._answer(request, attempt, pool)
            if isinstance(outcome, TransportError):
                # Raised here, so that the foreign exception is not the context of this error, and no frame that this
                # error passes has headers among its variables.
                _log.debug("request failed", extra={"target": attempt.target, "failure": str(outcome)})
                raise outcome
            response = HttpxResponse(outcome, attempt.target)
            self._responses.add(response)
            try:
                yield response
            finally:
                self._responses.discard(response)
                await response.drop()
        finally:
            pool.streams -= 1
            await self._close_unused()

    async def reauthenticate(self) -> None:
        """Forget cached credentials and TLS files, because the server answered 401. The next request gets new ones."""
        self._tls.forget()
        await self._config.credentials.refresh()

    async def aclose(self) -> None:
        """Close all connections; streams that are still open raise `ConnectionLost`. Idempotent."""
        self._closed = True
        for attempt in list(self._attempts):
            attempt.close()
        for response in list(self._responses):
            response.close()
        pools, self._pools = self._pools, set()
        for pool in pools:
            await pool.transport.aclose()

    async def _answer(
        self, request: HttpRequest, attempt: "_Attempt", pool: "_Pool"
    ) -> httpx2.Response | TransportError:
        asked = httpx2.Request(
            request.method,
            request_url(self._config, request),
            headers=await request_headers(self._config, request.headers),
            content=request.body,
            extensions={"trace": attempt.trace, "sni_hostname": self._config.tls_server_name},
        )
        answer: httpx2.Response | None = None
        attempt.begin(request.head_timeout, self._connect_timeout)
        self._attempts.add(attempt)
        try:
            with attempt.scope:
                answer = await pool.transport.handle_async_request(asked)
        except failures.FOREIGN as error:
            return self._failed(attempt.failed(error))
        finally:
            self._attempts.discard(attempt)
            if answer is None and attempt.connecting:
                await attempt.abort()
                if self._pool is pool and not self._given:
                    self._pool = None
        return self._failed(attempt.timed_out()) if answer is None else answer

    def _failed(self, failure: TransportError) -> TransportError:
        if isinstance(failure, ConnectionFailed):
            self._tls.forget()  # files may have been renewed: read them again
        return failure

    async def _pool_for(self, target: str) -> "_Pool":
        """The pool for the current certificate."""
        context: ssl.SSLContext | None = None
        if not self._given and any(url.startswith("https:") for url in (self._config.server, self._proxy or "")):
            context = self._tls.context(await self._config.credentials.client_certificate())
        if self._closed:
            raise UsageError(f"{target}: the transport is closed")
        if self._pool is None or (self._pool.context is not context and not self._given):
            self._pool = _Pool(_PoolTransport(context, self._proxy, self._proxy_authorization), context)
            self._pools.add(self._pool)
        return self._pool

    async def _close_unused(self) -> None:
        """Close the pools that were replaced and no longer have a stream."""
        for pool in [pool for pool in self._pools if pool is not self._pool and not pool.streams]:
            self._pools.discard(pool)
            with anyio.CancelScope(shield=True):
                await pool.transport.aclose()


class _Pool:
    """A pool of connections, its TLS context, and how many streams it has."""

    __slots__ = ("context", "streams", "transport")

    def __init__(self, transport: httpx2.AsyncBaseTransport, context: ssl.SSLContext | None) -> None:
        self.transport, self.context, self.streams = transport, context, 0


class _PoolTransport(httpx2.AsyncBaseTransport):
    """httpcore2's pool on the sockets of ``httpx_network``: `httpx2.AsyncHTTPTransport` does not accept a backend."""

    def __init__(self, context: ssl.SSLContext | None, proxy: str | None, proxy_authorization: str | None) -> None:
        options: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": None,
            "keepalive_expiry": IDLE_CONNECTION_LIFE,
            "network_backend": Backend(),
        }
        self._pool: httpcore2.AsyncConnectionPool
        if proxy is None:
            self._pool = httpcore2.AsyncConnectionPool(**options)
        else:
            self._pool = httpcore2.AsyncHTTPProxy(
                proxy,
                proxy_headers=[("Proxy-Authorization", proxy_authorization)] if proxy_authorization else None,
                proxy_ssl_context=context if proxy.startswith("https:") else None,
                **options,
            )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    """Adapts httpcore2's stream to httpx2, without a generator in between."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = aiter(self._stream)
        return chunks

    async def aclose(self) -> None:
        if (aclose := getattr(self._stream, "aclose", None)) is not None:
            await aclose()


class _Attempt:
    """One request until the head of its response has arrived: its current step, and the time limit for that.

    Attributes:
        scope: The cancel scope in which the request runs.
        connecting: Whether it is making its connection.
    """

    def __init__(self, target: str, *, through_proxy: bool) -> None:
        self.target = target
        self.scope = anyio.CancelScope()
        self.connecting = False
        self._through_proxy = through_proxy
        self._to_proxy = False
        self._closed = False
        self._wire: Wire | None = None

    def begin(self, head_timeout: float, connect_timeout: float) -> None:
        self._head_timeout, self._connect_timeout = head_timeout, connect_timeout
        self._head_deadline = self.scope.deadline = anyio.current_time() + head_timeout

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore2 at each of its steps."""
        match event:
            case "connection.connect_tcp.started":
                self.connecting, self._to_proxy = True, self._through_proxy
                self.scope.deadline = min(self._head_deadline, anyio.current_time() + self._connect_timeout)
            case "connection.connect_tcp.complete":
                self._wire = info["return_value"]
            case "http11.send_request_headers.started":
                self._to_proxy = False
                if info["request"].method != b"CONNECT":
                    self.connecting = False
                    self.scope.deadline = self._head_deadline
            case _:
                pass

    def close(self) -> None:
        """The transport is being closed."""
        self._closed = True
        self.scope.cancel()

    async def abort(self) -> None:
        """Close the connection that was being made."""
        if self._wire is not None:
            with anyio.CancelScope(shield=True):
                await self._wire.aclose()

    def failed(self, error: Exception) -> TransportError:
        """The error that says why there is no head, given what was raised."""
        if self._closed:
            return self.timed_out()
        if isinstance(error, failures.SILENT):
            return ReadDeadlineExceeded(self._head_timeout)
        return failures.not_opened(
            error,
            self.target,
            through_proxy=self._through_proxy,
            connecting=self.connecting,
            to_proxy=self._to_proxy,
        )

    def timed_out(self) -> TransportError:
        """The error that says why there is no head, if the scope was cancelled."""
        failure = Failure(self.target)
        if self._closed:
            return failure.broke_before_head(None)
        if self.connecting and self.scope.deadline < self._head_deadline:
            return failure.not_in_time()
        return ReadDeadlineExceeded(self._head_timeout)
