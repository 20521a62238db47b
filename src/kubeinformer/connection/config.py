"""Which API server to use, how to verify it, and which credentials to send: one frozen value.

Rules. An unsafe configuration cannot be constructed. `ConnectionConfig` refuses to send credentials over plain http to
another host, wherever the values come from (arguments, kubeconfig, the user's own code). It also refuses a URL with a
password. Its repr shows no secret.

Theory. Several parties read a URL: this module checks it, and the HTTP library follows it. If they could read something
in two ways (whitespace, control characters, backslashes, letters beyond ASCII in the host), it is refused. The scheme
is stored in lower case. So the URL that was checked is the one that is followed.

Not here. Where the values come from: ``load``, ``kubeconfig``, ``in_cluster``.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

from kubeinformer.connection.credentials import Anonymous, ClientCertificate, Credentials, Secret
from kubeinformer.errors import ConfigError

__all__ = ["ConnectionConfig", "is_loopback", "split_url"]

_URL = re.compile(r"[\x21-\x5b\x5d-\x7e]*")  # visible ASCII without the backslash, which some programs read as a slash

# RFC 9110, 5.1 and 5.5. Values are sent as UTF-8, as Go does, because the names of users are not all ASCII.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")

# The first two must be given as `credentials`, which keeps them out of reprs and off plain http. The others would
# change the request into another one.
_NOT_HEADERS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "host", "connection", "content-length", "transfer-encoding")
)


_TLS_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,252}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address without brackets, can only be this machine (RFC 1122).

    ``localhost`` is in every hosts file. Names below it are this machine only according to RFC 6761. glibc may ask DNS
    for them; in a pod, ``kube.localhost`` is then the service ``kube`` of the namespace ``localhost``.
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Only Python 3.13 and later treat ::ffff:127.0.0.1 as loopback.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _parsed(url: str) -> SplitResult | None:
    """Parse a URL. None if it is not one: a ValueError would quote it, and become the context of another error."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed on access: raises here if it is malformed
    except ValueError:
        return None
    return parts


def split_url(url: str, schemes: tuple[str, ...]) -> SplitResult | str:
    """Parse a URL given by a user.

    Args:
        url: The URL.
        schemes: The accepted schemes.

    Returns:
        The parts of the URL; or what is wrong with it, as the end of a sentence. The URL is not in it, because it may
        contain a password. It is not an exception, because that would hold frames with the URL among their variables.
    """
    parts = _parsed(url) if _URL.fullmatch(url) else None
    if parts is None:
        return "is not a URL: check its host and port"
    if parts.scheme not in schemes or not (parts.hostname or "").strip("."):
        accepted = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
        return f"is not a URL of the form {accepted}"
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """How to connect to one API server.

    Attributes:
        server: The base URL, http or https, with or without a path. It is kept without a trailing slash.
        credentials: The source of the ``Authorization`` header.
        ca_file: PEM file with the certificate authorities to trust instead of the system's.
        ca_data: The same as PEM text. Takes precedence over ``ca_file``.
        client_certificate: The certificate for the TLS handshake, unless the credentials have their own.
        tls_server_name: The server name for SNI and for checking the certificate, if it is not the host of the URL.
        verify: If False, the server's certificate is not verified, and any server is trusted.
        proxy_url: An http or https proxy; None for a direct connection.
        namespace: The default namespace, as in ``kubectl``.
        headers: Additional headers for each request, for example for impersonation.
        source: Where this configuration was found, for messages.

    Raises:
        ConfigError: The URL is malformed, contains a password, or would send credentials unencrypted to another host;
            ``tls_server_name`` is malformed; or a header cannot be sent, or must not be given here
            (``Authorization``).
    """

    server: str
    credentials: Credentials = field(default_factory=Anonymous)
    ca_file: str | None = None
    ca_data: str | None = field(default=None, repr=False)
    client_certificate: ClientCertificate | None = None
    tls_server_name: str | None = None
    verify: bool = True
    proxy_url: str | None = field(default=None, repr=False)  # may hold a password
    namespace: str = "default"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    source: str = "arguments"

    def __post_init__(self) -> None:
        checks = (self._problem_of_the_server, self._problem_of_the_proxy, self._problem_in_plain_text)
        problems = (check() for check in (*checks, self._problem_of_the_name, self._problem_of_the_headers))
        problem = next((problem for problem in problems if problem is not None), None)
        if problem is not None:
            raise ConfigError(problem)  # in this frame, whose variables contain no URL and no header

    def _problem_of_the_server(self) -> str | None:
        """What is wrong with the URL. If nothing is, the URL is stored in a normal form."""
        what = f"the server's URL (from {self.source})"
        parts = split_url(self.server, ("https", "http"))
        if isinstance(parts, str):
            return f"{what} {parts}"
        if parts.username is not None or parts.password is not None:
            return (
                f"{what} holds a user name or password, which ends up in logs: "
                "remove it, and give a token or a user entry in a kubeconfig instead"
            )
        if parts.query or parts.fragment:
            return f"{what} has a query or fragment: end it after the path"
        # Here and below, attributes of a frozen value are set, because it is still being made.
        object.__setattr__(self, "server", urlunsplit(parts).rstrip("/"))
        return None

    def _problem_of_the_proxy(self) -> str | None:
        if self.proxy_url is None:
            return None
        proxy = Secret(self.proxy_url)
        object.__setattr__(self, "proxy_url", proxy)
        parts = split_url(proxy, ("http", "https"))
        return f"the proxy's URL (from {self.source}) {parts}" if isinstance(parts, str) else None

    def _problem_in_plain_text(self) -> str | None:
        """Plain http may carry credentials only inside this machine. A proxy elsewhere would read them as well."""
        # Not isinstance(): a subclass may send credentials.
        if self.server.startswith("https:") or type(self.credentials) is Anonymous:
            return None
        host = urlsplit(self.server).hostname or ""
        if self.proxy_url is not None:
            proxy_host = urlsplit(self.proxy_url).hostname or ""
            host = host if is_loopback(proxy_host) else proxy_host
        if is_loopback(host):
            return None
        return (
            f"refusing to send credentials (from {self.source}) over plain http to {host}: anybody on the way "
            "could read them; use https://, or `kubectl proxy` on this machine, or give no credentials"
        )

    def _problem_of_the_name(self) -> str | None:
        # A name that consists of dots would silently switch off the check of the name: aiohttp strips the dots, asyncio
        # takes the empty rest for no name, and OpenSSL compares with nothing.
        name = self.tls_server_name
        if name is None or _TLS_NAME.fullmatch(name) or _is_address(name):
            return None
        return f"tls-server-name {name!r} (from {self.source}) is not a host's name or address"

    def _problem_of_the_headers(self) -> str | None:
        for name, value in self.headers:
            what = f"the header {name!r} (from {self.source}) cannot be"
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                return f"{what} sent: names are letters, digits and dashes, values text without control characters"
            if name.lower() in _NOT_HEADERS:
                return f"{what} given: credentials= says who you are, and the others are the transport's"
        return None
