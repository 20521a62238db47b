"""Which API server, how its identity is proved, and who we are: one frozen value.

Rules. What would be unsafe cannot be constructed: `ConnectionConfig` refuses to carry credentials over plain http to
another host, through whatever road it came (arguments, kubeconfig, code of the user's own), and refuses a URL with a
password in it. The repr shows no secret.

Not here. Where the values come from: ``load``, ``kubeconfig``, ``in_cluster``.
"""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from kubeinformer.connection.credentials import Anonymous, ClientCertificate, Credentials
from kubeinformer.errors import ConfigError

__all__ = ["ConnectionConfig", "is_loopback", "split_url"]


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address without brackets, can only be this machine (RFC 6761, RFC 1122)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # ::ffff:127.0.0.1 is loopback only to Python 3.13 and later.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _parsed(url: str) -> SplitResult | None:
    """None for what is no URL: a ValueError would quote it, and be the context of ours."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed on access: raises here for a bad one
    except ValueError:
        return None
    return parts


def split_url(url: str, what: str, schemes: tuple[str, ...]) -> SplitResult:
    """Parse a URL given by a user.

    Args:
        url: The URL.
        what: What it is for, to begin the message with.
        schemes: The schemes accepted.

    Raises:
        ConfigError: No such scheme, no host, or a bad port. The URL is not shown: it may hold a password.
    """
    parts = _parsed(url)
    if parts is None:
        raise ConfigError(f"{what} is not a URL: check its host and port")
    if parts.scheme not in schemes or not parts.hostname:
        accepted = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
        raise ConfigError(f"{what} is not a URL of the form {accepted}")
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """How to reach one API server.

    Attributes:
        server: Base URL, http or https, perhaps with a path; kept without a trailing slash.
        credentials: What gives the ``Authorization`` header.
        ca_file: PEM file with the authorities to trust in place of the system's.
        ca_data: The same as PEM text; wins over ``ca_file``.
        client_certificate: What we present in the TLS handshake, unless the credentials bring their own.
        tls_server_name: The name to ask for (SNI) and to check the certificate against, if not the URL's host.
        verify: False trusts anybody who answers.
        proxy_url: http or https proxy. None goes straight to the server.
        namespace: The namespace that ``kubectl`` would take by default.
        headers: More headers for each request; impersonation needs them.
        source: Where all this was found, for messages.

    Raises:
        ConfigError: The URL is none, holds a password, or would carry credentials in the clear to another host.
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
    headers: tuple[tuple[str, str], ...] = ()
    source: str = "arguments"

    def __post_init__(self) -> None:
        parts = split_url(self.server, f"the server's URL (from {self.source})", ("https", "http"))
        if parts.username is not None or parts.password is not None:
            raise ConfigError(
                f"the server's URL (from {self.source}) holds a user name or password, which ends up in logs: "
                "remove it, and give a token or a user entry in a kubeconfig instead"
            )
        if parts.query or parts.fragment:
            raise ConfigError(f"the server's URL (from {self.source}) has a query or fragment: end it after the path")
        # The one place where a frozen value is written: it is being made.
        object.__setattr__(self, "server", self.server.rstrip("/"))
        if self.proxy_url is not None:
            split_url(self.proxy_url, f"the proxy's URL (from {self.source})", ("http", "https"))
        self._refuse_plain_text(parts.scheme, parts.hostname or "")

    def _refuse_plain_text(self, scheme: str, host: str) -> None:
        """Credentials may cross plain http inside this machine only; a proxy elsewhere would read them as well."""
        if scheme == "https" or isinstance(self.credentials, Anonymous):
            return
        if self.proxy_url is not None:
            proxy_host = urlsplit(self.proxy_url).hostname or ""
            host = host if is_loopback(proxy_host) else proxy_host
        if not is_loopback(host):
            raise ConfigError(
                f"refusing to send credentials (from {self.source}) over plain http to {host}: anybody on the way "
                "could read them; use https://, or `kubectl proxy` on this machine, or give no credentials"
            )
