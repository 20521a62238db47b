"""How bytes get here: where the cluster is, who we are to it, and the transports.

::

    load          finds the cluster: arguments, kubeconfig, service account
    config        ConnectionConfig, what was found: one frozen value
    credentials   who we are: tokens, files; exec_plugin and auth_provider run other programs for it
    tls           the TLS context
    transport     the seam: HttpRequest, Response, Transport
    aiohttp_transport   the transport for asyncio
"""

from typing import TYPE_CHECKING

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import Credentials
from kubeinformer.connection.transport import HttpRequest, Response, Transport

if TYPE_CHECKING:
    from kubeinformer.connection.aiohttp_transport import AiohttpTransport

__all__ = [
    "AiohttpTransport",
    "ConnectionConfig",
    "Credentials",
    "HttpRequest",
    "Response",
    "Transport",
]


def __getattr__(name: str) -> object:
    """Import aiohttp when its transport is asked for, not before: it costs 0.2 s and is of no use on trio."""
    if name == "AiohttpTransport":
        from kubeinformer.connection.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - see above

        return AiohttpTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
