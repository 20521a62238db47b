"""The entry point: ``connect()`` opens a connection, and leaving its scope ends everything that was made in it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from os import PathLike

import anyio

from kubeinformer._protocol.timing import Timing
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.scopes import open_task_group
from kubeinformer._runtime.sync_turns import CONCURRENT_SYNCS, SyncTurns
from kubeinformer.cluster import Cluster
from kubeinformer.connection import ConnectionConfig, Transport, default_transport, load_config
from kubeinformer.connection.credentials import Secret
from kubeinformer.errors import UsageError

__all__ = ["connect"]

_DEFAULT_LIMITS = Limits()


@asynccontextmanager
async def connect(
    kubeconfig: str | PathLike[str] | None = None,
    context: str | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    ca_file: str | PathLike[str] | None = None,
    config: ConnectionConfig | None = None,
    transport: Transport | None = None,
    compressed: bool = True,
    object_size_limit: int = _DEFAULT_LIMITS.object_size,
    page_budget: int = _DEFAULT_LIMITS.page,
    concurrent_syncs: int = CONCURRENT_SYNCS,
    consistency_check_interval: float | None = None,
    timing: Timing | None = None,
) -> AsyncGenerator[Cluster]:
    """Open a connection to a cluster. Leaving the context ends every informer and task that was started in it.

    The first of these that is given or found is used: ``transport=``, ``config=``, ``server=``, ``kubeconfig=``,
    ``$KUBECONFIG``, ``~/.kube/config``, the service account inside a pod. No request is sent before you ask for an
    informer or call `Cluster.request`.

    Args:
        kubeconfig: Path of a kubeconfig file.
        context: Name of the context in it; None for its current one.
        server: URL of the API server, such as ``https://10.0.0.1:6443``. Plain http is accepted, but a token is
            never sent over it to another host.
        token: Bearer token for ``server``.
        ca_file: PEM file with the certificate authorities to trust for ``server``; None for the system's.
        config: A complete configuration, made by hand or by `load_config`.
        transport: Sends the requests instead of the default transport. It is closed on leaving.
        compressed: Ask the server for gzip: 13 times fewer bytes for pods, at no cost in time on a fast server.
        object_size_limit: Largest object accepted, in bytes of JSON, at least 1; also the largest answer to
            `Cluster.request`.
        page_budget: Bytes of a list that are held in memory at once, at least 1. A larger list is parsed while it
            arrives.
        concurrent_syncs: How many informers may read a whole snapshot at the same time, at least 1; the others wait
            for their turn. Informers that only follow changes never wait.
        consistency_check_interval: Seconds between two comparisons of each informer's store with a paged list of the
            server's metadata, greater than 0. Differences are logged, and repaired by a new snapshot. None for never:
            see `Informer.check_consistency`.
        timing: Waiting times of the protocol, for tests.

    Raises:
        ConfigError: No cluster was found; the message lists where it looked.
        UsageError: Two arguments exclude each other.
        ValueError: A limit is out of range.
        KubeInformerError: On leaving: the error that ended an informer for good. It is not in an ExceptionGroup.
    """
    # Errors pass this frame, and error reporters print the variables of a frame.
    token = None if token is None else Secret(token)
    server = None if server is None else Secret(server)
    limits = Limits(object_size=object_size_limit, page=page_budget)
    if consistency_check_interval is not None and not consistency_check_interval > 0:
        raise ValueError(f"consistency_check_interval={consistency_check_interval!r} must be seconds, more than 0")
    turns = SyncTurns(concurrent_syncs)
    others = any(given is not None for given in (server, token, ca_file, kubeconfig, context))
    if transport is not None and (config is not None or others):
        raise UsageError("connect(transport=...) says how to reach the server: give nothing else that does")
    if config is not None and others:
        raise UsageError("connect(config=...) says how to reach the server: give nothing else that does")
    if transport is None:
        if config is None:
            config = await load_config(kubeconfig, context, server=server, token=token, ca_file=ca_file)
        transport = default_transport(config)
    cluster: Cluster | None = None
    try:
        async with open_task_group() as tasks:
            cluster = Cluster(
                transport,
                tasks,
                limits=limits,
                turns=turns,
                timing=timing or Timing(),
                compressed=compressed,
                check_interval=consistency_check_interval,
            )
            yield cluster
    finally:
        # Shielded: connections and private files must be removed even if a cancellation ends the scope.
        with anyio.CancelScope(shield=True):
            if cluster is not None:
                await cluster._close_api_client()  # noqa: SLF001 - this scope closes the cluster's client
            await transport.aclose()
