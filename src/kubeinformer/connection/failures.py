"""What went wrong on the network, in words that say what to do about it. The same for every transport.

Rules. A message says what was tried (host and path; no query, no credentials), what the result was, and what to do. A
plain error, from the system or from ssl, is kept as the cause, but bare: without its traceback, whose frames hold
headers, and without the errors that are chained to it. So neither a traceback with variables nor a walk along the
chain, as error trackers do it, can show a token.

Not here. What the exceptions of the HTTP libraries mean: ``aiohttp_failures``, ``httpx_failures``.
"""

import socket
import ssl

from kubeinformer.errors import ConnectionFailed, ConnectionLost, TransportError

__all__ = ["Failure", "bare", "words"]


def bare(error: BaseException | None) -> BaseException | None:
    """Remove the frames of an error and the errors chained to it. Changes the error, which nobody else uses."""
    if error is not None:
        error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def words(error: BaseException | None) -> str:
    """The error's text from the system or from OpenSSL."""
    if error is None:
        return "closed"
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


class Failure:
    """Makes the errors of one request.

    Args:
        target: Method, and URL without query.
        through_proxy: Whether there is a proxy in between.
    """

    def __init__(self, target: str, *, through_proxy: bool = False) -> None:
        self._target, self._through_proxy = target, through_proxy

    def proxy_refused(self, said: str) -> TransportError:
        """The proxy did not answer CONNECT with success."""
        return self._failed(f"the proxy refused to connect to the server (HTTP {said}); {_CHECK_PROXY}", None)

    def proxy_unreachable(self, cause: BaseException | None) -> TransportError:
        """No connection to the proxy itself could be made."""
        return self._failed(f"the proxy cannot be reached ({words(cause)}); {_CHECK_PROXY}", cause)

    def no_connection(self, cause: BaseException | None) -> TransportError:
        """No server answered, or not one to be trusted."""
        return self._failed(_why_no_connection(cause, through_proxy=self._through_proxy), cause)

    def unresolvable(self, cause: BaseException | None) -> TransportError:
        """The server's name is unknown."""
        return self._failed(f"the host's name does not resolve ({words(cause)}); {_CHECK_NAME}", cause)

    def not_in_time(self) -> TransportError:
        """The time limit for connecting is over."""
        return self._failed(
            "no connection in time; check the address, routes, firewalls and NetworkPolicies",
            None,
        )

    def not_http(self) -> TransportError:
        """What arrived is not the head of a response. The parser's message quotes bytes, so it is not shown."""
        return self._lost(
            "what answered does not speak HTTP; check the port, and whether the server's URL must begin with https://",
            None,
        )

    def hung_up(self, cause: BaseException | None) -> TransportError:
        """The connection ended where the head should have begun."""
        return self._lost(
            "the server hung up before it answered; it may be restarting, or a proxy between drops idle connections",
            cause,
        )

    def broke_before_head(self, cause: BaseException | None) -> ConnectionLost:
        """The connection broke after the request was sent, at least in part."""
        return self._lost(f"the connection broke before an answer came ({words(cause)})", cause)

    def broke_in_body(self, cause: BaseException | None, why: str | None = None) -> ConnectionLost:
        """The connection ended, or its framing was broken, before the body was complete."""
        return self._lost(f"the connection broke before the answer was complete ({why or words(cause)})", cause)

    def _failed(self, why: str, cause: BaseException | None) -> ConnectionFailed:
        failure = ConnectionFailed(f"{self._target}: {why}")
        failure.__cause__ = bare(cause)
        return failure

    def _lost(self, why: str, cause: BaseException | None) -> ConnectionLost:
        failure = ConnectionLost(f"{self._target}: {why}")
        failure.__cause__ = bare(cause)
        return failure


_CHECK_PROXY = "check proxy-url, HTTPS_PROXY and NO_PROXY"
_CHECK_NAME = "check the server's URL and DNS"


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
                f"the TLS handshake failed ({words(error)}); check the client certificate, and that both sides "
                "speak TLS 1.2 or later"
            )
        case ConnectionRefusedError():
            return "connection refused: nothing listens there; check host and port, and that the server runs"
        case socket.gaierror():
            return f"the host's name does not resolve ({words(error)}); {_CHECK_NAME}"
        case _:
            way = "proxy-url and the network" if through_proxy else "host, port and the network between"
            return f"no connection ({words(error)}); check {way}"


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
