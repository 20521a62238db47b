"""The way in: ``connect()`` opens a connection, a `Cluster` hands out shared informers, and one scope ends them all.

Single requests, writes among them, go over the same connection: `Cluster.request`.
"""

from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from os import PathLike
from typing import Any, TypeVar, final, overload

import anyio
import anyio.abc

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import Retain, Transform, make_codec
from kubeinformer._cache.indexes import Indexer
from kubeinformer._cache.reader import Model, Reader, checked_transform
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.timing import Timing
from kubeinformer._runtime.client import Client
from kubeinformer._runtime.consistency import ConsistencyCheck
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.health import Health
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.reflector import Reflector
from kubeinformer._runtime.repair import Repair
from kubeinformer._runtime.scopes import open_task_group
from kubeinformer._runtime.sync_turns import CONCURRENT_SYNCS, SyncTurns
from kubeinformer._runtime.writes import Write, WriteLog
from kubeinformer.connection import ConnectionConfig, Transport, default_transport, load_config
from kubeinformer.connection.credentials import Secret
from kubeinformer.errors import UsageError
from kubeinformer.informer import Informer
from kubeinformer.resources import RawObject, Resource, check_namespace

__all__ = ["Cluster", "connect"]

T = TypeVar("T")

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
) -> AsyncGenerator["Cluster"]:
    """Open a connection to a cluster; leaving the context ends every informer and task made in it.

    Looks for the cluster in this order: ``transport=``, ``config=``, ``server=``, ``kubeconfig=``, ``$KUBECONFIG``,
    ``~/.kube/config``, the service account inside a pod. Nothing is sent before an informer is asked for.

    Args:
        kubeconfig: Path of a kubeconfig file.
        context: Name of the context in it; None for its current one.
        server: URL of the API server, such as ``https://10.0.0.1:6443``. Plain http is accepted, but a token is
            never sent over it to another host.
        token: Bearer token for ``server``.
        ca_file: PEM file with the authorities that ``server``'s certificate must come from; None for the system's.
        config: A whole connection, made by hand or by `load_config`.
        transport: Carries the requests in place of the default one. It is closed on leaving.
        compressed: Ask the server for gzip: 13 times fewer bytes for pods, at no cost in time on a fast server.
        object_size_limit: Largest object accepted, in bytes of JSON, at least 1; also the largest answer to
            `Cluster.request`.
        page_budget: Memory for a list's body before it is parsed as it streams, in bytes, at least 1.
        concurrent_syncs: How many informers may read a whole snapshot at the same time, at least 1; the others wait
            for their turn. Informers that only follow changes are never held back.
        consistency_check_interval: Seconds between two comparisons of each informer's store with a paged list of the
            server's metadata, greater than 0; what differs is logged and mended by a new snapshot. None for never:
            see `Informer.check_consistency`.
        timing: Waiting times of the protocol, for tests.

    Raises:
        ConfigError: No usable way to a cluster was found; lists what was looked for.
        UsageError: Arguments that exclude each other.
        ValueError: A limit is out of range.
        KubeInformerError: On leaving, what ended an informer for good. It is alone, not in an ExceptionGroup.
    """
    # Errors leave through here, and error reporters print a frame's variables.
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
    try:
        async with open_task_group() as tasks:
            yield Cluster(
                transport,
                tasks,
                limits=limits,
                turns=turns,
                timing=timing or Timing(),
                compressed=compressed,
                check_interval=consistency_check_interval,
            )
    finally:
        # Shielded: connections and private files must go also when it is a cancellation that ends the scope.
        with anyio.CancelScope(shield=True):
            await transport.aclose()


@final
class Cluster:
    """A connection to one cluster. Made by `connect`."""

    def __init__(
        self,
        transport: Transport,
        tasks: anyio.abc.TaskGroup,
        *,
        limits: Limits,
        turns: SyncTurns,
        timing: Timing,
        compressed: bool,
        check_interval: float | None,
    ) -> None:
        self._transport = transport
        self._tasks = tasks
        self._limits = limits
        self._turns = turns
        self._timing = timing
        self._compressed = compressed
        self._check_interval = check_interval
        self._informers: dict[Hashable, Informer[Any]] = {}
        self._writes = WriteLog()
        self._client = Client(transport, size_limit=limits.object_size, compressed=compressed, writes=self._writes)

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """Those that are open now, in the order of their making: for metrics and probes."""
        return tuple(informer for informer in self._informers.values() if not informer.is_closed)

    @overload
    def informer(
        self,
        resource: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        transform: Transform | None = None,
        indexers: Mapping[str, Indexer[RawObject]] | None = None,
        retain: Retain = "compressed",
    ) -> Informer[RawObject]: ...

    @overload
    def informer(
        self,
        resource: str,
        *,
        model: type[T],
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        transform: Transform | None = None,
        indexers: Mapping[str, Indexer[T]] | None = None,
        retain: Retain = "compressed",
    ) -> Informer[T]: ...

    @overload
    def informer(
        self,
        resource: str,
        *,
        model: Callable[[RawObject], T],
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        transform: Transform | None = None,
        indexers: Mapping[str, Indexer[T]] | None = None,
        retain: Retain = "compressed",
    ) -> Informer[T]: ...

    def informer(
        self,
        resource: str,
        *,
        model: Model[Any] | None = None,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        transform: Transform | None = None,
        indexers: Mapping[str, Indexer[Any]] | None = None,
        retain: Retain = "compressed",
    ) -> Informer[Any]:
        """Mirror a collection, from now until this cluster's scope ends. Never blocks: await `Informer.synced`.

        Equal arguments give the same informer: one stream, one store, any number of readers. Functions and models are
        equal when they are the same object, so define an indexer once rather than in a lambda at each call.

        Args:
            resource: ``v1/pods``, ``apps/v1/deployments``, ``example.com/v1/widgets``.
            model: What reads give instead of dicts: a `msgspec.Struct` type, a model of kubernetes_asyncio such as
                ``V1Pod``, or any callable that takes a dict. Objects are decoded to it when they are read.
            namespace: One namespace; None for all, and for cluster-scoped resources.
            label_selector: As in kubectl: ``app=web,tier in (a,b)``. Applied by the server.
            field_selector: As in kubectl: ``spec.nodeName=node-7``. Applied by the server.
            metadata_only: Ask the server for metadata alone: no spec, no status.
            transform: Changes each object before anybody sees it: takes a dict of its own to change, returns it or
                another. Runs when an object is read, so the sync does not pay for it; `Store.raw` has what is kept.
            indexers: Functions that give the values to find an object by, by the index's name.
            retain: What is kept of each object: ``"compressed"``, ``"bytes"``, ``"objects"``, ``"metadata"`` or
                ``"keys"``.

        Raises:
            ValueError: ``resource``, ``namespace``, a selector or ``retain`` is malformed; the message shows the
                accepted forms.
            UsageError: The cluster's scope has ended.
        """
        collection = Collection(
            resource=Resource.parse(resource),
            namespace=check_namespace(namespace) if namespace else None,
            label_selector=_sendable("label_selector", label_selector),
            field_selector=_sendable("field_selector", field_selector),
            metadata_only=metadata_only,
            compressed=self._compressed,
        )
        indexers = dict(indexers or {})
        identity = (collection, retain, model, transform, tuple(sorted(indexers.items(), key=lambda item: item[0])))
        known = self._informers.get(identity)
        if known is not None and not known.is_closed:
            return known
        if self._tasks.cancel_scope.cancel_called:
            raise UsageError(f"no informer for {collection}: its cluster is closed; ask inside `async with connect()`")
        informer = self._make(collection, retain, model, transform, indexers)
        self._informers[identity] = informer
        self._tasks.start_soon(self._mirror, identity, informer, name=f"kubeinformer {collection}")
        return informer

    async def request(
        self,
        method: str,
        path: str,
        body: RawObject | list[Any] | bytes | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 30.0,  # noqa: ASYNC109 - also named in the error
    ) -> RawObject:
        """Send one request on the same connection, and give the object that the server answers with.

        For writes, and for reads of what no informer mirrors. On asyncio and trio. Never sent twice, except that after
        a 401, which the server decides before anything else, credentials are renewed and it is sent once more.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: Such as ``/version``, or ``Resource.parse("apps/v1/deployments").path("shop", "web", "status")``. Not
                percent-encoded, without query.
            body: An object, or a JSON patch, to be sent as JSON; bytes are sent as they are.
            query: Parameters, such as ``{"fieldManager": "me"}``.
            headers: More of them, such as ``Accept``, which is ``application/json`` by default.
            content_type: Of the body. Patches have theirs: ``application/merge-patch+json``,
                ``application/json-patch+json``, ``application/strategic-merge-patch+json``,
                ``application/apply-patch+yaml`` (JSON is YAML).
            timeout: Seconds for all of it: credentials, connection, answer.

        Returns:
            The answer, decoded in one go: page large lists with ``limit`` and ``continue``. ``{}`` for an empty one.

        Raises:
            Unauthorized, Forbidden, NotFound, Conflict, AlreadyExists, Invalid: As their names say.
            ServerRefused: Another 4xx; all the above are of this type.
            ServerUnavailable: 408, 410, 429, 5xx, and redirects: ``retry_after`` says for how long, if the server did.
            RequestTimeout: The time is up. As with the next, a write may have been done all the same.
            TransportError: The network failed. After `ConnectionFailed` nothing was done.
            ProtocolError: The answer is no JSON object, or larger than ``object_size_limit`` of `connect`.
            ConfigError: No credential could be had.
            ValueError: Method, path or headers cannot be sent.
            UsageError: The body is no JSON, or the cluster is closed.
        """
        return await self._client.fetch_object(
            method,
            path,
            body,
            query=query or {},
            headers=headers or {},
            content_type=content_type,
            timeout=timeout,
        )

    async def request_text(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - as above
    ) -> str:
        """GET what is text and no object: ``/readyz``, ``/metrics``, a pod's log. Otherwise as `request`.

        What is not UTF-8 is replaced. ``Accept`` is ``*/*`` by default.
        """
        return await self._client.fetch_text(path, query=query or {}, headers=headers or {}, timeout=timeout)

    def record_writes(self) -> AbstractContextManager[list[Write]]:
        """Collect the writes made in a ``with`` block, by this task and those it starts: to wait until they are seen.

        ``with cluster.record_writes() as writes: ...`` gives a list that grows with each write of this cluster that the
        server has confirmed with a version: `request`, and what goes through `api_client`. Blocks may be nested; each
        list has what is inside. Not recorded: dry runs, deletions of whole collections, and deletions that the server
        answers with no object.
        """
        return self._writes.record()

    async def _mirror(self, identity: Hashable, informer: Informer[Any]) -> None:
        try:
            await informer._run()  # noqa: SLF001 - ours to run
        finally:
            # Not kept beyond its end: who makes and closes informers for ever must not collect their stores.
            if self._informers.get(identity) is informer:
                del self._informers[identity]

    def _make(
        self,
        collection: Collection,
        retain: Retain,
        model: Model[Any] | None,
        transform: Transform | None,
        indexers: Mapping[str, Indexer[Any]],
    ) -> Informer[Any]:
        name = str(collection)
        transform = checked_transform(name, transform)
        codec = make_codec(retain, collection.resource.api_version, transform)
        cache = Cache(name, codec, Reader(name, codec, model, transform), indexers)
        delivery = Delivery(cache)
        health = Health(name)
        machine = ListWatch(name, self._timing)
        reflector = Reflector(collection, self._transport, delivery, health, machine, self._limits, self._turns.turn())
        listing = Listing(collection, self._transport, self._limits, self._timing)
        repair = Repair(listing, cache)
        check = ConsistencyCheck(listing, cache, delivery, reflector, self._turns.turn())
        return Informer(self, collection, cache, delivery, health, reflector, repair, check, self._check_interval)


def _sendable(name: str, selector: str | None) -> str:
    """A selector that can go into a URL: it is percent-encoded there, so that nothing in it ends it."""
    if selector and not selector.isprintable():
        raise ValueError(f"{name}={selector!r} must be one line of text, such as 'app=web' or 'metadata.name=web-0'")
    return selector or ""
