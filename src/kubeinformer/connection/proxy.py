"""Which proxy the environment asks for.

Rules. As kubectl and every Go client (``golang.org/x/net/http/httpproxy``, which ``http.ProxyFromEnvironment`` calls):
``HTTPS_PROXY`` for https servers, ``HTTP_PROXY`` for http ones, in upper or lower case, ``NO_PROXY`` with names,
``.suffixes``, addresses, CIDRs, each perhaps with a port, and ``*``. This machine is never reached through a proxy.
A ``proxy-url`` in the kubeconfig comes first and ignores ``NO_PROXY``, as in kubectl.

Python's ``urllib.request.proxy_bypass`` is not used because it knows no CIDRs, and ``10.0.0.0/8`` is what NO_PROXY
holds in a cluster.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from kubeinformer.connection.config import is_loopback
from kubeinformer.connection.credentials import Secret

__all__ = ["proxy_for"]


def proxy_for(server: str, environ: Mapping[str, str]) -> str | None:
    """The proxy to use for a server's URL, or None to go straight."""
    try:
        parts = urlsplit(server)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None  # ConnectionConfig refuses the URL in better words
    name = "HTTPS_PROXY" if parts.scheme == "https" else "HTTP_PROXY"
    proxy = environ.get(name) or environ.get(name.lower())
    if not proxy or is_loopback(host):
        return None
    exceptions = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if any(_matches(entry.strip().lower(), host, port) for entry in exceptions.split(",")):
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether one entry of NO_PROXY names the host."""
    if not entry:
        return False
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = _split_port(entry)
    if entry_port and entry_port != str(port):
        return False
    if address is not None:
        return address == _address(name)
    bare = name.removeprefix("*").removeprefix(".")
    # "example.com" names the host and all below it, ".example.com" only those below.
    return host.endswith(f".{bare}") or (host == bare and not name.startswith((".", "*")))


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    name, _, port = entry.rpartition(":")
    return (name, port) if name and ":" not in name else (entry, "")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
