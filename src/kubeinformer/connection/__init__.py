"""How bytes get here: where the cluster is, who we are to it, and the transports.

::

    load                load_config(): finds the cluster in arguments, kubeconfig, in_cluster; proxy in the environment
    config              ConnectionConfig, what was found: one frozen value
    kubeconfig          reads files of other people's: sections says how values are read, yaml_documents what may be
    credentials         who we are: tokens, files; exec_plugin and auth_provider ask other programs
    tls                 whom we trust, and what we present: the TLS context
    transport           the seam: HttpRequest, Response, Transport
    aiohttp_transport   the transport for asyncio; aiohttp_failures says why it failed
    httpx_transport     the transport for trio, and for mocks; httpx_network has its sockets, httpx_response what comes
                        back, httpx_failures as above
    api_client          kubernetes_asyncio's client on aiohttp's transport; imported only when it is asked for
    outgoing, failures  what both share: what is sent, and the words for what went wrong
    default             default_transport(): the one to take here
"""

from typing import TYPE_CHECKING

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import Credentials
from kubeinformer.connection.default import default_transport
from kubeinformer.connection.load import load_config
from kubeinformer.connection.transport import HttpRequest, Response, Transport

if TYPE_CHECKING:
    from kubeinformer.connection.aiohttp_transport import AiohttpTransport
    from kubeinformer.connection.httpx_transport import HttpxTransport

__all__ = [
    "AiohttpTransport",
    "ConnectionConfig",
    "Credentials",
    "HttpRequest",
    "HttpxTransport",
    "Response",
    "Transport",
    "default_transport",
    "load_config",
]


def __getattr__(name: str) -> object:
    """Import a transport when it is asked for, not before: aiohttp costs 0.2 s, and httpx2 may not be installed."""
    if name == "AiohttpTransport":
        from kubeinformer.connection.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - see above

        return AiohttpTransport
    if name == "HttpxTransport":
        from kubeinformer.connection.httpx_transport import HttpxTransport  # noqa: PLC0415 - see above

        return HttpxTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
