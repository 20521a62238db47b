"""Finds the cluster, once, when ``connect()`` is entered.

Rules. The first source that is given or found decides. If it is broken, the search ends with an error, because the next
one could be another cluster than the one that was meant. In this order:

1. ``server=`` and what goes with it
2. ``kubeconfig=``
3. ``$KUBECONFIG``, one or several files; files that do not exist are skipped, as in kubectl, but one must exist
4. ``~/.kube/config``, if it exists and names a context
5. the service account of the pod in which this process runs

Nothing here opens a connection or runs a plugin: the first request does that.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import anyio.to_thread

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import Anonymous, ClientCertificate, Credentials, Secret, StaticToken
from kubeinformer.connection.in_cluster import SERVICE_ACCOUNT, in_cluster_config
from kubeinformer.connection.proxy import proxy_for
from kubeinformer.errors import ConfigError, UsageError

__all__ = ["load_config"]


async def load_config(
    kubeconfig: str | os.PathLike[str] | None = None,
    context: str | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    credentials: Credentials | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    client_certificate_file: str | os.PathLike[str] | None = None,
    client_key_file: str | os.PathLike[str] | None = None,
    tls_server_name: str | None = None,
    insecure_skip_tls_verify: bool = False,
    proxy_url: str | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> ConnectionConfig:
    """Find out how to connect to the cluster.

    The first of these that is given or exists is used: ``server``, ``kubeconfig``, the files in ``$KUBECONFIG``,
    ``~/.kube/config`` (if it names a context), the service account of the pod. If it is broken, that is an error, and
    the next one is not tried.

    Args:
        kubeconfig: The only kubeconfig file to use.
        context: A context of the kubeconfig; None for its current context.
        server: The URL of an API server. All arguments below, except ``service_account``, need it.
        token: A bearer token.
        credentials: A source of credentials, instead of ``token``.
        ca_file: PEM file with the certificate authorities to trust instead of the system's.
        client_certificate_file: PEM file with the client certificate.
        client_key_file: Its private key, if it is not in the same file.
        tls_server_name: The name in the server's certificate, if it is not the host of the URL.
        insecure_skip_tls_verify: If True, the server's certificate is not verified, and any server is trusted.
        proxy_url: A proxy; None to follow the environment (HTTPS_PROXY, NO_PROXY).
        service_account: Where the kubelet mounts the service account.

    Raises:
        ConfigError: No cluster was found, or the one that was found cannot be used. The message lists where it was
            looked for, in order.
        UsageError: Arguments exclude each other.
    """
    # Errors pass this frame, so variables that may contain a secret must not show it in a traceback.
    token, proxy_url, server = map(_hidden, (token, proxy_url, server))
    environ = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environ |= {name: Secret(os.environ[name]) for name in _PROXIES if name in os.environ}
    explicit = {
        "token": token,
        "credentials": credentials,
        "ca_file": ca_file,
        "client_certificate_file": client_certificate_file,
        "client_key_file": client_key_file,
        "tls_server_name": tls_server_name,
        "insecure_skip_tls_verify": insecure_skip_tls_verify or None,
        "proxy_url": proxy_url,
    }
    given = [f"{name}=" for name, value in explicit.items() if value is not None]
    if server is None:
        if given:
            # Combined with a kubeconfig, a token would be sent together with that file's client certificate, and the
            # server would accept either of them.
            raise UsageError(f"{', '.join(given)} only go with server=: without it the kubeconfig says all of this")
        # In a thread, because files may be on a slow disk, and large ones take a while to parse.
        return await anyio.to_thread.run_sync(_search, kubeconfig, context, environ, service_account)
    if kubeconfig is not None or context is not None:
        raise UsageError("server= and kubeconfig= or context= exclude each other: give one of them")
    if token is not None and credentials is not None:
        raise UsageError("token= and credentials= exclude each other: give one of them")
    certificate = None
    if client_certificate_file is not None or client_key_file is not None:
        certificate = ClientCertificate(
            certificate_file=_text(client_certificate_file), key_file=_text(client_key_file)
        )
    return ConnectionConfig(
        server=server,
        credentials=StaticToken(token) if token is not None else credentials or Anonymous(),
        ca_file=_text(ca_file),
        client_certificate=certificate,
        tls_server_name=tls_server_name,
        verify=not insecure_skip_tls_verify,
        proxy_url=proxy_url or proxy_for(server, environ),
        source="server=",
    )


# All environment variables that are read. The URLs of proxies may contain passwords.
_VARIABLES = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NO_PROXY", "no_proxy")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")


def _hidden(text: str | None) -> str | None:
    return None if text is None else Secret(text)


def _text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _search(
    kubeconfig: str | os.PathLike[str] | None, context: str | None, environ: Mapping[str, str], service_account: Path
) -> ConnectionConfig:
    # Imported here and not above: with server=, no kubeconfig is read, and what that needs stays out of memory.
    from kubeinformer.connection.kubeconfig import kubeconfig_connection, read_kubeconfig  # noqa: PLC0415 - see above

    looked: list[str] = []
    if kubeconfig is not None:
        file = Path(kubeconfig).expanduser()
        if not file.is_file():
            raise ConfigError(f"kubeconfig={str(file)!r}: no such file")
        return kubeconfig_connection(read_kubeconfig([file]), context, environ)
    if variable := environ.get("KUBECONFIG"):
        files = [Path(name).expanduser() for name in variable.split(os.pathsep) if name]
        existing = [file for file in files if file.is_file()]
        if not existing:
            raise ConfigError(
                f"KUBECONFIG={variable!r}: no such file; repair the variable, or unset it to use ~/.kube/config or "
                "the pod's service account"
            )
        return kubeconfig_connection(read_kubeconfig(existing), context, environ)
    looked.append("KUBECONFIG: not set")
    home = Path("~/.kube/config").expanduser()
    if home.is_file():
        found = read_kubeconfig([home])
        if not found.is_empty:
            return kubeconfig_connection(found, context, environ)
        looked.append(f"{home}: names no context")
    else:
        looked.append(f"{home}: no such file")
    if context is not None:
        raise ConfigError(f"context {context!r} was asked for, but there is no kubeconfig. {_told(looked)}")
    try:
        return in_cluster_config(folder=service_account, environ=environ)
    except ConfigError as error:
        looked.append(f"service account: {error}")
    raise ConfigError(f"no cluster found. {_told(looked)}. Give server= or kubeconfig=, or set KUBECONFIG")


def _told(looked: list[str]) -> str:
    return "Looked for, in order: " + "; ".join(f"{number}. {what}" for number, what in enumerate(looked, 1))
