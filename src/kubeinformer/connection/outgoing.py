"""What every transport sends, and how its sockets are configured: one definition for aiohttp and httpx2.

Rules. Only this module percent-encodes URLs. Credentials are requested for each request. Passwords of proxies are
removed from URLs, because HTTP libraries quote these in their exceptions.
"""

import base64
import functools
import importlib.metadata
import platform
import socket
import ssl
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate, Secret, sendable
from kubeinformer.connection.tls import client_context
from kubeinformer.connection.transport import HttpRequest

__all__ = [
    "CONNECT_TIMEOUT",
    "IDLE_CONNECTION_LIFE",
    "READ_BUFFER",
    "TlsFiles",
    "keep_alive",
    "request_headers",
    "request_target",
    "request_url",
    "split_proxy",
]

# Name resolution, TCP, proxy and TLS together. client-go's dialer allows 30 s for TCP alone. A controller that retries
# with backoff is better off with less.
CONNECT_TIMEOUT = 10.0  # seconds

# How long a connection without a stream is kept for the next one. This is aiohttp's default.
IDLE_CONNECTION_LIFE = 15.0  # seconds

# 256 KiB is what asyncio reads from a socket at once. Smaller buffers would pause and resume on every read, and larger
# ones were not faster. It is aiohttp's default since 3.14, which pauses the socket at twice this size.
READ_BUFFER = 2**18  # bytes

# A peer counts as dead after 30 + 3 * 10 s. client-go: keep-alive 30 s.
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 30, 10, 3  # seconds, seconds, count


def keep_alive(sock: socket.socket) -> None:
    """Make the kernel detect that a peer is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
    ):
        if hasattr(socket, option):  # macOS before Python 3.13 lacks the first
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def request_target(config: ConnectionConfig, request: HttpRequest) -> str:
    """Method and URL without query: the name of the request in errors and logs."""
    return f"{request.method} {config.server}{request.path}"


def request_url(config: ConnectionConfig, request: HttpRequest) -> str:
    """The whole URL, percent-encoded."""
    base = config.server + quote(request.path)
    return f"{base}?{urlencode(request.query, quote_via=quote)}" if request.query else base


async def request_headers(config: ConnectionConfig, own: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of the request itself, those of the configuration, and the credentials.

    Raises:
        ConfigError: No credentials are available.
    """
    headers = [*own, *config.headers, ("User-Agent", _agent())]
    if authorization := sendable(await config.credentials.authorization()):
        headers.append(("Authorization", authorization))
    return headers


@functools.cache
def _agent() -> str:
    return f"kubeinformer/{importlib.metadata.version('kubeinformer')} (python/{platform.python_version()})"


def split_proxy(proxy_url: str | None) -> tuple[str | None, str | None]:
    """The proxy's URL without the password, because exceptions quote it; and the header that carries the password."""
    if proxy_url is None:
        return None, None
    parts = urlsplit(proxy_url)
    if parts.username is None:
        return proxy_url, None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, Secret("Basic " + base64.b64encode(pair.encode()).decode())


class TlsFiles:
    """The TLS context of one configuration: read when it is first needed, and again after `forget`.

    Args:
        config: Which authorities to trust, and which certificate to send if the credentials have none of their own.
    """

    def __init__(self, config: ConnectionConfig) -> None:
        self._config = config
        self._known: tuple[ClientCertificate | None, ssl.SSLContext] | None = None

    def context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        """The context for this certificate. It is reused until another certificate is given.

        Raises:
            ConfigError: A file cannot be used.
        """
        if self._known is None or self._known[0] != certificate:
            self._known = (certificate, client_context(self._config, certificate))
        return self._known[1]

    def forget(self) -> None:
        """Read the files again next time, because they may have been renewed."""
        self._known = None
