"""What aiohttp's exceptions mean. The texts of the errors are in ``failures``.

Rules. aiohttp's exceptions are never chained if they hold the headers of the request or the address of the proxy
(`ClientResponseError`, `ClientConnectorError`). The plain error beneath them becomes the cause instead.
"""

import ssl
from urllib.parse import urlsplit

import aiohttp

from kubeinformer.connection.failures import Failure
from kubeinformer.errors import ConnectionLost, TransportError

__all__ = ["FOREIGN", "lost", "not_opened"]

FOREIGN = (aiohttp.ClientError, OSError, ValueError)
"""What aiohttp may raise for reasons outside this process. ssl.SSLError and TimeoutError are OSErrors; ValueError is
what it raises for bytes that make no HTTP head."""


def not_opened(error: Exception, target: str, *, through_proxy: bool) -> TransportError:
    """The error to raise if the head of the response did not arrive.

    Args:
        error: The exception from aiohttp.
        target: Method, and URL without query.
        through_proxy: Whether there is a proxy in between.

    Returns:
        `ConnectionFailed` if no connection was made, `ConnectionLost` if one broke; the cause is set.
    """
    plain = _plain(error)
    failure = Failure(target, through_proxy=through_proxy)
    match error:
        case aiohttp.ClientHttpProxyError():
            return failure.proxy_refused(f"{error.status} {error.message}")
        case aiohttp.ClientProxyConnectionError():
            return failure.proxy_unreachable(plain)
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError() if (
            through_proxy and not _is_about(error, target)
        ):
            return failure.proxy_unreachable(plain)  # TLS to the proxy: aiohttp names it only by host and port
        case aiohttp.ClientConnectorDNSError() | UnicodeError():  # the latter: a name that no resolver accepts
            return failure.unresolvable(plain)
        case aiohttp.ConnectionTimeoutError():
            return failure.not_in_time()
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            return failure.no_connection(plain)
        case aiohttp.ClientResponseError() | ValueError():
            return failure.not_http()
        case aiohttp.ServerDisconnectedError():
            return failure.hung_up(plain)
        case _:
            return failure.broke_before_head(plain)


def lost(error: Exception, target: str) -> ConnectionLost:
    """The error to raise if the body ended before it was complete; the cause is set."""
    return Failure(target).broke_in_body(_plain(error))


def _is_about(error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError, target: str) -> bool:
    server = urlsplit(target.partition(" ")[2])
    return (error.host, error.port) == (server.hostname, server.port or (443 if server.scheme == "https" else 80))


def _plain(error: Exception) -> BaseException | None:
    """The error to show as the cause. It neither holds nor leads to headers and addresses of proxies."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return error.certificate_error
        case aiohttp.ClientConnectorError():
            return error.os_error
        case aiohttp.ClientResponseError() | aiohttp.ConnectionTimeoutError():
            return None  # the HTTP parser's error beneath quotes bytes, and the timeout's quotes the query
        case _:
            return error
