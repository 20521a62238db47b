"""What the errors that come out of httpx2 mean. The texts are in ``failures``.

Rules. Sockets raise their own errors here (``httpx_network``), so httpcore2 adds only a few: h11's errors, and the
refusal of a proxy. httpx2's errors come from a transport that a user passed in, or from a mock; they mean what their
names say. Neither of them is ever the cause of an error of this library: h11's errors quote bytes, and httpx2's lead to
the request.
"""

import socket
import ssl
from typing import TypeAlias

import anyio
import httpcore2
import httpx2

from kubeinformer.connection.failures import Failure
from kubeinformer.connection.httpx_network import BROKEN
from kubeinformer.errors import ConnectionLost, TransportError

__all__ = ["FOREIGN", "SILENT", "lost", "not_opened"]

_Foreign: TypeAlias = tuple[type[Exception], ...]

_TIMED_OUT: _Foreign = (httpcore2.ConnectTimeout, httpx2.ConnectTimeout)
_NOT_CONNECTED: _Foreign = (httpcore2.ConnectError, httpx2.ConnectError)
_NOT_HTTP: _Foreign = (httpcore2.ProtocolError, httpx2.ProtocolError, ValueError)

SILENT: _Foreign = (httpcore2.ReadTimeout, httpx2.ReadTimeout)
"""What a transport of somebody else's, or a mock, raises when a peer says nothing."""

FOREIGN: _Foreign = (
    *BROKEN,
    anyio.EndOfStream,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpx2.TransportError,
    httpx2.StreamError,
    ValueError,
)
"""What may come for reasons outside this process. ssl.SSLError and TimeoutError are OSErrors; ValueError is what a name
raises that no resolver takes."""


def not_opened(
    error: Exception, target: str, *, through_proxy: bool, connecting: bool, to_proxy: bool
) -> TransportError:
    """The error to raise if the head of the response did not arrive.

    Args:
        error: The exception that was raised.
        target: Method, and URL without query.
        through_proxy: Whether there is a proxy in between.
        connecting: Whether it was raised while the connection was being made.
        to_proxy: Whether that was the connection to the proxy itself.

    Returns:
        `ConnectionFailed` if no connection was made, `ConnectionLost` if one broke; the cause is set.
    """
    plain = _plain(error)
    failure = Failure(target, through_proxy=through_proxy)
    match error:
        case httpcore2.ProxyError() | httpx2.ProxyError():
            return failure.proxy_refused(str(error))
        case OSError() | anyio.BrokenResourceError() if to_proxy:
            return failure.proxy_unreachable(plain)
        case socket.gaierror() | UnicodeError():
            return failure.unresolvable(plain)
        case _ if isinstance(error, _TIMED_OUT):
            return failure.not_in_time()
        case ssl.SSLError():  # after the handshake too: TLS 1.3 refuses a client certificate there
            return failure.no_connection(plain)
        case OSError() | anyio.BrokenResourceError() if connecting:
            return failure.no_connection(plain)
        case _ if isinstance(error, _NOT_CONNECTED):
            return failure.no_connection(plain)
        case httpcore2.RemoteProtocolError() if "without sending a response" in str(error):
            return failure.hung_up(plain)
        case _ if isinstance(error, _NOT_HTTP):
            return failure.not_http()
        case _:
            return failure.broke_before_head(plain)


def lost(error: Exception, target: str) -> ConnectionLost:
    """The error to raise if the body ended before it was complete; the cause is set."""
    why = None
    if isinstance(error, (httpcore2.ProtocolError, httpx2.ProtocolError)):
        why = "the peer hung up" if "peer closed" in str(error) else "the body is not framed as announced"
    return Failure(target).broke_in_body(_plain(error), why)


def _plain(error: Exception) -> BaseException | None:
    """The error to show as the cause: the system's or ssl's, if there is one."""
    return error if isinstance(error, OSError) else None
