"""The connection to the cluster: which cluster it is, which credentials are sent, and the transports.

::

    load                load_config(): finds the cluster in arguments, kubeconfig, in_cluster; proxy in the environment
    config              ConnectionConfig, the result: one frozen value
    kubeconfig          reads kubeconfig files; sections reads their values, yaml_documents limits their cost
    credentials         the credentials: tokens, files; exec_plugin and auth_provider run other programs
    tls                 the TLS context: which servers are trusted, and which certificate is sent
    transport           the interface: HttpRequest, Response, Transport
    aiohttp_transport   the transport for asyncio; aiohttp_failures translates its errors
    httpx_transport     the transport for trio, and for mocks; httpx_network has its sockets, httpx_response the
                        responses, httpx_failures translates its errors
    api_client          kubernetes_asyncio's client on aiohttp's transport; imported only when it is used
    outgoing, failures  what both transports share: what is sent, and the texts of errors
    default             default_transport(): chooses the transport for the running event loop
"""

from typing import TYPE_CHECKING

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate, Credentials
from kubeinformer.connection.default import default_transport
from kubeinformer.connection.load import load_config
from kubeinformer.connection.transport import HttpRequest, Response, Transport

if TYPE_CHECKING:
    from kubeinformer.connection.aiohttp_transport import AiohttpTransport
    from kubeinformer.connection.httpx_transport import HttpxTransport

__all__ = [
    "AiohttpTransport",
    "ClientCertificate",
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
    """Import a transport on first use: aiohttp takes 0.2 s, and httpx2 may not be installed."""
    if name == "AiohttpTransport":
        from kubeinformer.connection.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - see above

        return AiohttpTransport
    if name == "HttpxTransport":
        from kubeinformer.connection.httpx_transport import HttpxTransport  # noqa: PLC0415 - see above

        return HttpxTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
