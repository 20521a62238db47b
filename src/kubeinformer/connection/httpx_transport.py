"""The transport for trio, and for asyncio where httpx2 should see the requests, on httpx2.

Rules. httpx2 moves bytes and does nothing else. The transport sits below `httpx2.AsyncClient`, where there are no
redirects, no cookies, no environment, no content decoding and no hooks; httpcore2's pool beneath has no limit, no
retries and no HTTP/2. Every error that may come out is translated at this boundary (``httpx_failures``). A stream that
is left early is aborted, not drained.

Theory. One pool for each TLS context: another client certificate must not be sent over a connection of the old one.
A pool that was replaced is closed when its last stream ends. httpcore2 keeps connections in its pool that were
cancelled or failed between two of its steps, open and never used again (a tunnel whose handshake failed, a
connection whose request was cancelled before it was sent), so whatever ends a request while it still connects takes
its own socket with it and replaces the pool. httpcore2's ``trace`` tells when a request connects, and when it is
through: the time for connecting covers name, TCP, proxy and TLS together, however many steps that is.

TLS files are read at the first request, and again after a 401 or a failed handshake, as with aiohttp.

Limits. Proxies: http and https, no SOCKS (`ConnectionConfig` refuses it). A body that ends neither by chunk nor by
length ends cleanly whenever the connection does, as with aiohttp.

Measured beside aiohttp on asyncio (``benchmarks/transports.py``, Python 3.11; trio is the same): bytes a second 0.5 of
aiohttp's in chunks of 64 KiB, 0.4 in chunks of 6.5 KB, 0.2 in chunks of 400 bytes, since h11 parses each chunk in
Python, about 9 us, and httpcore2 hands each over by itself. An informer's events a second: 0.9 with gzip, 0.7 without.
Of the time in `receive` 2% is spent here.

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
                # Raised out here: the foreign exception is not the context of ours, and none of the frames that ours
                # passes has headers among its locals.
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
        """The pool for the certificate of now."""
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
        """Close pools that were replaced and carry no stream any more."""
        for pool in [pool for pool in self._pools if pool is not self._pool and not pool.streams]:
            self._pools.discard(pool)
            with anyio.CancelScope(shield=True):
                await pool.transport.aclose()


class _Pool:
    """What sends requests, for which TLS context, and how many streams it carries."""

    __slots__ = ("context", "streams", "transport")

    def __init__(self, transport: httpx2.AsyncBaseTransport, context: ssl.SSLContext | None) -> None:
        self.transport, self.context, self.streams = transport, context, 0


class _PoolTransport(httpx2.AsyncBaseTransport):
    """httpcore2's pool on sockets of ours: `httpx2.AsyncHTTPTransport` has no way to give it a backend."""

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
    """httpcore2's stream as httpx2's, without a generator between."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = aiter(self._stream)
        return chunks

    async def aclose(self) -> None:
        if (aclose := getattr(self._stream, "aclose", None)) is not None:
            await aclose()


class _Attempt:
    """One request until its head has come: what it is at, and how long that may take.

    Attributes:
        scope: What the request runs in.
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
        """Why there is no head, if this was raised."""
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
        """Why there is no head, if the scope was cancelled."""
        failure = Failure(self.target)
        if self._closed:
            return failure.broke_before_head(None)
        if self.connecting and self.scope.deadline < self._head_deadline:
            return failure.not_in_time()
        return ReadDeadlineExceeded(self._head_timeout)
