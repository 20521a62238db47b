"""A `Cluster` makes shared informers, and sends single requests over the same connection."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, final, overload

import anyio.abc

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import Retain, Transform, make_codec
from kubeinformer._cache.indexes import Indexer
from kubeinformer._cache.reader import Model, Reader, checked_transform
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.shards import checked_shard
from kubeinformer._protocol.timing import Timing
from kubeinformer._runtime.client import Client
from kubeinformer._runtime.consistency import ConsistencyCheck
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.frames import without_frames
from kubeinformer._runtime.health import Health
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.reflector import Reflector
from kubeinformer._runtime.repair import Repair
from kubeinformer._runtime.sync_turns import SyncTurns
from kubeinformer._runtime.writes import Write, WriteLog
from kubeinformer.connection import Transport
from kubeinformer.errors import KubeInformerError, UsageError
from kubeinformer.informer import Informer
from kubeinformer.resources import RawObject, Resource, check_namespace

if TYPE_CHECKING:
    from kubeinformer.connection.api_client import ApiClient

__all__ = ["Cluster"]

T = TypeVar("T")


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
        self._api_client: ApiClient | None = None

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """The informers that are open now, in the order in which they were made: for metrics and probes."""
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
        shard: tuple[int, int] | None = None,
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
        shard: tuple[int, int] | None = None,
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
        shard: tuple[int, int] | None = None,
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
        shard: tuple[int, int] | None = None,
    ) -> Informer[Any]:
        """Mirror a collection, from now until the scope of this cluster ends.

        Returns immediately; await `Informer.synced` for the first complete state. Equal arguments return the same
        informer: one stream and one store for any number of readers. Functions and models are equal if they are the
        same object. So define an indexer once, not as a lambda in each call.

        Args:
            resource: ``v1/pods``, ``apps/v1/deployments``, ``example.com/v1/widgets``.
            model: What reads return instead of dicts: a `msgspec.Struct` type, a model of kubernetes_asyncio such as
                ``V1Pod``, or any callable that takes a dict. Objects are converted when they are read.
            namespace: One namespace; None for all, and for cluster-scoped resources.
            label_selector: As in kubectl: ``app=web,tier in (a,b)``. Applied by the server.
            field_selector: As in kubectl: ``spec.nodeName=node-7``. Applied by the server.
            metadata_only: Ask the server for metadata only: no spec, no status.
            transform: Changes each object before readers get it: takes a dict that it may change, and returns that
                or another one. Runs when an object is read, so it does not slow down the sync; `Store.raw` returns
                the object as it was before.
            indexers: By the name of the index, a function that returns the values under which to find an object.
            retain: What is kept of each object: ``"compressed"``, ``"bytes"``, ``"objects"``, ``"metadata"`` or
                ``"keys"``.
            shard: Mirror one part of several, as (index, count): ``(0, 3)`` is the first of three. A hash of its uid
                decides to which part an object belongs, for its whole life. So several processes can share a large
                collection, its memory and its work. A server that supports shards (alpha feature gate
                ShardedListAndWatch, from 1.36) sends only that part; others send everything, and the rest is dropped
                here.

        Raises:
            ValueError: ``resource``, ``namespace``, a selector, ``retain`` or ``shard`` is malformed; the message shows
                the accepted forms.
            UsageError: The scope of the cluster has ended.
        """
        collection = Collection(
            resource=Resource.parse(resource),
            namespace=check_namespace(namespace) if namespace else None,
            label_selector=_sendable("label_selector", label_selector),
            field_selector=_sendable("field_selector", field_selector),
            metadata_only=metadata_only,
            compressed=self._compressed,
            shard=checked_shard(shard),
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
        """Send one request on the same connection, and return the object that the server answers with.

        For writes, and for reads of objects that no informer mirrors; on asyncio and trio. The request is sent once.
        Only after a 401, which the server decides before it does anything, are credentials renewed and the request
        sent again.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: Such as ``/version``, or ``Resource.parse("apps/v1/deployments").path("shop", "web", "status")``. Not
                percent-encoded, and without a query.
            body: An object, or a JSON patch, which is sent as JSON; bytes are sent unchanged.
            query: Query parameters, such as ``{"fieldManager": "me"}``.
            headers: Additional headers, such as ``Accept``, which is ``application/json`` by default.
            content_type: The type of the body. For patches: ``application/merge-patch+json``,
                ``application/json-patch+json``, ``application/strategic-merge-patch+json``,
                ``application/apply-patch+yaml`` (JSON is YAML).
            timeout: Seconds for everything: credentials, connection, answer.

        Returns:
            The answer, decoded at once: read large lists in pages, with ``limit`` and ``continue``. ``{}`` if the
            answer is empty.

        Raises:
            Unauthorized, Forbidden, NotFound, Conflict, AlreadyExists, Invalid: As their names say.
            ServerRefused: Another 4xx; all the above are subclasses of it.
            ServerUnavailable: 408, 410, 429, 5xx, and redirects; ``retry_after`` has the seconds, if the server gave
                any.
            RequestTimeout: The time is up. Here and with the next error, a write may have been executed all the same.
            TransportError: The network failed. After `ConnectionFailed`, nothing was executed.
            ProtocolError: The answer is not a JSON object, or is larger than ``object_size_limit`` of `connect`.
            ConfigError: No credential was available.
            ValueError: Method, path or headers cannot be sent.
            UsageError: The body is not JSON, or the cluster is closed.
        """
        try:
            return await self._client.fetch_object(
                method,
                path,
                body,
                query=query or {},
                headers=headers or {},
                content_type=content_type,
                timeout=timeout,
            )
        except KubeInformerError as error:
            raise without_frames(error)  # noqa: B904 - it is the same error

    async def request_text(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - as above
    ) -> str:
        """GET text instead of an object: ``/readyz``, ``/metrics``, the log of a pod. Otherwise as `request`.

        Bytes that are not UTF-8 are replaced. ``Accept`` is ``*/*`` by default.
        """
        try:
            return await self._client.fetch_text(path, query=query or {}, headers=headers or {}, timeout=timeout)
        except KubeInformerError as error:
            raise without_frames(error)  # noqa: B904 - it is the same error

    @property
    def api_client(self) -> "ApiClient":
        """kubernetes_asyncio's `ApiClient` on this connection: ``CoreV1Api(cluster.api_client)``. Needs asyncio.

        Its requests use the same server, credentials, TLS settings, proxy and headers as all others. Credentials are
        renewed in the same way, and redirects are not followed. HTTP errors are kubernetes_asyncio's `ApiException`,
        network failures are the errors of this library, and ``_request_timeout`` raises a TimeoutError. Writes are
        recorded, see `record_writes`. The client is closed with the cluster.

        The first use imports kubernetes_asyncio, which takes a second and 65 MB: do it when the program starts.

        Raises:
            UsageError: This is trio, or ``connect(transport=...)`` got something else than an `AiohttpTransport`; or
                the cluster is closed.
        """
        if self._api_client is None:
            if self._tasks.cancel_scope.cancel_called:
                raise UsageError("no api_client: the cluster is closed; ask inside `async with connect()`")
            # Here and not above: see the docstring.
            from kubeinformer.connection.api_client import make_api_client  # noqa: PLC0415 - see above

            self._api_client = make_api_client(self._transport, self._client.confirm)
        return self._api_client

    async def _close_api_client(self) -> None:
        if self._api_client is not None:
            await self._api_client.close()

    def record_writes(self) -> AbstractContextManager[list[Write]]:
        """Collect the writes that this task, and tasks that it starts, make in a ``with`` block.

        ``with cluster.record_writes() as writes: ...`` gives a list, to wait until an informer has seen its writes. The
        list grows with each write through `request` or `api_client` that the server confirms with a resource version.
        Blocks may be nested; each list has the writes inside of its block. Not recorded: dry runs, deletions of whole
        collections, and deletions that the server answers without an object.
        """
        return self._writes.record()

    async def _mirror(self, identity: Hashable, informer: Informer[Any]) -> None:
        try:
            await informer._run()  # noqa: SLF001 - the cluster runs its informers
        finally:
            # Not kept beyond its end: a program that makes and closes informers forever must not collect their stores.
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
    """Check that a selector can be part of a URL. It is percent-encoded there, so no character in it ends it."""
    if selector and not selector.isprintable():
        raise ValueError(f"{name}={selector!r} must be one line of text, such as 'app=web' or 'metadata.name=web-0'")
    return selector or ""
