"""What went wrong on the network, in words that say what to do about it.

Rules. A message says what was tried (host, path; no query, no credentials), what came back, and what to do. aiohttp's
exceptions are never chained where they hold the request's headers or the proxy's address (`ClientResponseError`,
`ClientConnectorError`): the plain error beneath them is the cause instead, so that neither a traceback nor a repr of
the chain, as error trackers take it, can show a token.
"""

import socket
import ssl

import aiohttp

from kubeinformer.errors import ConnectionFailed, ConnectionLost, TransportError

__all__ = ["FOREIGN", "lost", "not_opened"]

FOREIGN = (aiohttp.ClientError, OSError, ValueError)
"""What aiohttp may raise for reasons outside this process. ssl.SSLError and TimeoutError are OSErrors; ValueError is
what it raises for bytes that make no HTTP head."""


def not_opened(error: Exception, target: str, *, through_proxy: bool) -> TransportError:
    """The error to raise when no response's head came.

    Args:
        error: What aiohttp raised.
        target: URL without query.
        through_proxy: Whether a proxy stands between.

    Returns:
        `ConnectionFailed` if no connection came to be, `ConnectionLost` if one broke; the cause is set.
    """
    plain = _plain(error)
    failure: TransportError
    match error:
        case aiohttp.ClientHttpProxyError():
            failure = ConnectionFailed(
                f"GET {target}: the proxy refused to connect to the server (HTTP {error.status} {error.message}); "
                "check proxy-url, HTTPS_PROXY and NO_PROXY"
            )
        case aiohttp.ClientProxyConnectionError():
            failure = ConnectionFailed(
                f"GET {target}: the proxy cannot be reached ({_words(plain)}); "
                "check proxy-url, HTTPS_PROXY and NO_PROXY"
            )
        case aiohttp.ClientConnectorDNSError():
            failure = ConnectionFailed(
                f"GET {target}: the host's name does not resolve ({_words(plain)}); check the server's URL and DNS"
            )
        case aiohttp.ConnectionTimeoutError():
            failure = ConnectionFailed(
                f"GET {target}: no connection in time; check the address, routes, firewalls and NetworkPolicies"
            )
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            failure = ConnectionFailed(f"GET {target}: {_why_no_connection(plain, through_proxy=through_proxy)}")
        case aiohttp.ClientResponseError() | ValueError():
            failure = ConnectionLost(
                f"GET {target}: what answered does not speak HTTP; check the port, and whether the server's URL must "
                "begin with https://"
            )
        case aiohttp.ServerDisconnectedError():
            failure = ConnectionLost(
                f"GET {target}: the server hung up before it answered; it may be restarting, or a proxy between "
                "drops idle connections"
            )
        case _:
            failure = ConnectionLost(f"GET {target}: the connection broke before an answer came ({_words(plain)})")
    failure.__cause__ = plain
    return failure


def lost(error: Exception, target: str) -> ConnectionLost:
    """The error to raise when the body ended before it was complete; the cause is set."""
    plain = _plain(error)
    failure = ConnectionLost(f"GET {target}: the connection broke before the answer was complete ({_words(plain)})")
    failure.__cause__ = plain
    return failure


def _plain(error: Exception) -> BaseException | None:
    """The error to show as the cause: one that holds neither headers nor addresses of proxies, nor leads to them."""
    plain = _beneath(error)
    if plain is not None:
        # aiohttp's frames have the headers among their variables.
        plain.__traceback__ = plain.__cause__ = plain.__context__ = None
    return plain


def _beneath(error: Exception) -> BaseException | None:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return error.certificate_error
        case aiohttp.ClientConnectorError():
            return error.os_error
        case aiohttp.ClientResponseError() | aiohttp.ConnectionTimeoutError():
            return None  # the HTTP parser's error beneath quotes bytes, and the timeout's quotes the query
        case _:
            return error


def _words(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _why_no_connection(error: BaseException | None, *, through_proxy: bool) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return _why_not_trusted(error)
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST" | "RECORD_LAYER_FAILURE"):
            return (
                "the server does not speak TLS on this port; check the port, or begin the server's URL with http:// if "
                "it is a local proxy"
            )
        case ssl.SSLError():
            return (
                f"the TLS handshake failed ({_words(error)}); check the client certificate, and that both sides "
                "speak TLS 1.2 or later"
            )
        case ConnectionRefusedError():
            return "connection refused: nothing listens there; check host and port, and that the server runs"
        case socket.gaierror():
            return f"the host's name does not resolve ({_words(error)}); check the server's URL and DNS"
        case _:
            way = "proxy-url and the network" if through_proxy else "host, port and the network between"
            return f"no connection ({_words(error)}); check {way}"


def _why_not_trusted(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message
    # Codes of X509_V_ERR_*: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
    match error.verify_code:
        case 62 | 64:  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
            remedy = "use a name that the certificate holds, or give it as tls-server-name"
        case 9 | 10:  # CERT_NOT_YET_VALID, CERT_HAS_EXPIRED
            remedy = "renew the server's certificate, or set this machine's clock"
        case _:
            remedy = "give the authority that signed it as ca_file, or certificate-authority-data in the kubeconfig"
    return f"the server's certificate is not trusted ({said}); {remedy}"
