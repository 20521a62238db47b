"""The service account that Kubernetes gives to every pod.

Rules. As in client-go's ``rest.InClusterConfig``, the address of the API server is in two environment variables, and
the rest in files that the kubelet mounts and renews. This module imports only the standard library and this package,
because memory matters most in pods.

Source. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

import os
from collections.abc import Mapping
from pathlib import Path

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import TokenFile
from kubeinformer.connection.proxy import proxy_for
from kubeinformer.errors import ConfigError

__all__ = ["SERVICE_ACCOUNT", "in_cluster_config"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the service account's files."""

_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def in_cluster_config(*, folder: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] | None = None) -> ConnectionConfig:
    """The configuration of the pod we run in.

    Args:
        folder: Where ``token``, ``ca.crt`` and ``namespace`` are.
        environ: The environment; None takes the process's.

    Raises:
        ConfigError: This is not a pod, or one without a service account; the message says what is missing.
    """
    environ = os.environ if environ is None else environ
    host, port = environ.get(_HOST), environ.get(_PORT)
    if not host or not port:
        raise ConfigError(f"not in a pod: {_HOST} and {_PORT} are not set")
    for needed in ("token", "ca.crt"):
        if not (folder / needed).is_file():
            raise ConfigError(
                f"{_HOST} is set, but {folder / needed} does not exist: the pod has no service account token; "
                "check automountServiceAccountToken"
            )
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        namespace = (folder / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        namespace = ""  # client-go's clients do not need it either: only code that uses "the current namespace" does
    return ConnectionConfig(
        server=server,
        credentials=TokenFile(folder / "token"),
        ca_file=str(folder / "ca.crt"),
        proxy_url=proxy_for(server, environ),
        namespace=namespace or "default",
        source=f"the service account in {folder}",
    )
