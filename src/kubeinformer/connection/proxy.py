"""Which proxy to use according to the environment.

Rules. The same as for kubectl and every Go client (``golang.org/x/net/http/httpproxy``, which
``http.ProxyFromEnvironment`` calls): ``HTTPS_PROXY`` for https servers and ``HTTP_PROXY`` for http servers, in upper or
lower case. ``NO_PROXY`` contains names, ``.suffixes``, addresses, CIDRs, each of them optionally with a port, and
``*``. No proxy is used to reach this machine itself. A ``proxy-url`` in the kubeconfig takes precedence and ignores
``NO_PROXY``, as in kubectl.

Python's ``urllib.request.proxy_bypass`` is not used, because it does not support CIDRs, and in a cluster NO_PROXY
contains entries such as ``10.0.0.0/8``.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from kubeinformer.connection.config import is_loopback
from kubeinformer.connection.credentials import Secret

__all__ = ["proxy_for"]


def proxy_for(server: str, environ: Mapping[str, str]) -> str | None:
    """The proxy to use for a server's URL, or None for a direct connection."""
    try:
        parts = urlsplit(server)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None  # ConnectionConfig refuses the URL with a better message
    name = "HTTPS_PROXY" if parts.scheme == "https" else "HTTP_PROXY"
    proxy = environ.get(name) or environ.get(name.lower())
    if not proxy or is_loopback(host):
        return None
    exceptions = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if any(_matches(entry.strip().lower(), host, port) for entry in exceptions.split(",")):
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether one entry of NO_PROXY matches the host."""
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
    # "example.com" matches the host and all names below it, ".example.com" only the names below it.
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
