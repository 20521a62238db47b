"""What the errors mean that come out of httpx2; ``failures`` has the words.

Rules. Sockets raise their own errors here (``httpx_network``), so httpcore2 adds few: h11's complaints and a proxy's
refusal. httpx2's come from a transport that a user handed in, or from a mock; they stand for what they are named.
Neither is ever the cause of ours: h11's quote bytes, and httpx2's lead to the request.
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
    """The error to raise when no response's head came.

    Args:
        error: What was raised.
        target: URL without query.
        through_proxy: Whether a proxy stands between.
        connecting: Whether it was while the connection was made.
        to_proxy: Whether that was the connection to the proxy itself.

    Returns:
        `ConnectionFailed` if no connection came to be, `ConnectionLost` if one broke; the cause is set.
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
    """The error to raise when the body ended before it was complete; the cause is set."""
    why = None
    if isinstance(error, (httpcore2.ProtocolError, httpx2.ProtocolError)):
        why = "the peer hung up" if "peer closed" in str(error) else "the body is not framed as announced"
    return Failure(target).broke_in_body(_plain(error), why)


def _plain(error: Exception) -> BaseException | None:
    """The error to show as the cause: the system's or ssl's, if there is one."""
    return error if isinstance(error, OSError) else None
