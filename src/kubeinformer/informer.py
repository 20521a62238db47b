"""The informer, which mirrors one collection.

An informer is made by ``Cluster.informer``. It runs until the scope of its cluster ends or `Informer.aclose` is called.
"""

from typing import TYPE_CHECKING, Generic, final

import anyio
from typing_extensions import TypeVar

from kubeinformer._cache.cache import Cache
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.steps import Phase
from kubeinformer._protocol.versions import is_comparable
from kubeinformer._runtime.consistency import ConsistencyCheck, ConsistencyReport
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.dictionary import train_dictionaries
from kubeinformer._runtime.health import Health, InformerStatistics
from kubeinformer._runtime.reflector import Reflector
from kubeinformer._runtime.repair import Repair
from kubeinformer._runtime.scopes import open_task_group
from kubeinformer._runtime.subscription import Subscription
from kubeinformer.errors import InformerClosed, KubeInformerError, ServerRefused, SyncTimeout, WaitTimeout
from kubeinformer.resources import RawObject
from kubeinformer.store import Store

if TYPE_CHECKING:
    from kubeinformer.cluster import Cluster

__all__ = ["Informer"]

T = TypeVar("T", default=RawObject)


@final
class Informer(Generic[T]):
    """A live, local copy of one collection, and its changes.

    Made by `Cluster.informer`. Everybody who asks with equal arguments gets the same one.

    Attributes:
        store: The objects.
        cluster: The cluster that they are in.
    """

    def __init__(
        self,
        cluster: "Cluster",
        collection: Collection,
        cache: Cache[T],
        delivery: Delivery[T],
        health: Health,
        reflector: Reflector,
        repair: Repair,
        check: ConsistencyCheck,
        check_interval: float | None,
    ) -> None:
        self.cluster = cluster
        self._collection = collection
        self._cache = cache
        self._delivery = delivery
        self._health = health
        self._reflector = reflector
        self._repair = repair
        self._check = check
        self._check_interval = check_interval
        self._scope = anyio.CancelScope()
        self._finished = anyio.Event()
        self._failure: Exception | None = None
        self.store: Store[T] = Store(cache)

    def __repr__(self) -> str:
        where = f" in {self._collection.namespace!r}" if self._collection.namespace else ""
        shard = self._collection.shard
        part = f", shard {shard.index} of {shard.count}" if shard else ""
        return f"<Informer {self._collection}{where}{part}: {self._health.phase}, {len(self.store)} objects>"

    @property
    def resource(self) -> str:
        """The resource, as it was given to `Cluster.informer`."""
        return str(self._collection)

    @property
    def namespace(self) -> str | None:
        """The namespace that is mirrored; None for all, and for cluster-scoped resources."""
        return self._collection.namespace

    @property
    def label_selector(self) -> str:
        """The label selector that restricts it; empty for none."""
        return self._collection.label_selector

    @property
    def field_selector(self) -> str:
        """The field selector that restricts it; empty for none."""
        return self._collection.field_selector

    @property
    def is_partial(self) -> bool:
        """Whether selectors or ``shard=`` may leave out objects of this resource and namespace."""
        asked = self._collection
        return bool(asked.label_selector or asked.field_selector or asked.shard)

    @property
    def keeps_metadata(self) -> bool:
        """Whether the store has labels, annotations and owner references: all forms but ``retain="keys"`` do."""
        return self._cache.codec.keeps_labels

    @property
    def is_live(self) -> bool:
        """Whether the informer is receiving live changes now. It is not during a reconnect, although it is `synced`."""
        return self._health.phase is Phase.LIVE

    @property
    def last_activity(self) -> float | None:
        """When the last byte arrived, on the event loop's clock (`anyio.current_time`); None before the first."""
        return self._health.last_activity

    @property
    def staleness(self) -> float | None:
        """Seconds since the server last confirmed that the store is current; None before the first sync.

        A complete snapshot confirms it, and so does any byte of a live stream. A quiet collection only gets bookmarks,
        every minute or two, so that only several minutes mean trouble. While the stream is down, the value grows
        without end. For a liveness probe: ``(pods.staleness or 0) < 600``.
        """
        proven = self._health.last_proof
        return None if proven is None else max(0.0, anyio.current_time() - proven)

    async def synced(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - adds the cause to the error
        """Wait until the store has been equal to a complete snapshot of the server.

        Args:
            timeout: Seconds over all retries; None waits forever (controller-runtime gives up after 120).

        Raises:
            ServerRefused: The time is up, and the server's last answer was a refusal; names verb and resource.
            SyncTimeout: The time is up for another reason; the last failure is its cause. The informer keeps trying.
            InformerClosed: The informer was closed.

        Cancelling leaves the store as it is. Once synced, an informer stays synced, also during a resync; `is_live`
        tells whether the stream works now.
        """
        with anyio.move_on_after(timeout):
            await self._delivery.synced.wait()
        self._check_open()
        if not self._delivery.synced.is_set():
            error = self._health.last_error
            if isinstance(error, ServerRefused):
                raise error
            is_queued = self._health.phase is Phase.QUEUED
            raise SyncTimeout(self.resource, timeout or 0.0, error, is_queued=is_queued) from error

    async def wait_for(self, resource_version: str, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait until the store has reached a version, for example to read your own write.

        Args:
            resource_version: ``metadata.resourceVersion`` of what a write to this resource returned.
            timeout: Seconds; None waits forever.

        Raises:
            WaitTimeout: The time is up. If this informer's selectors leave out the written object, the store only
                passes its version with the server's next bookmark, a minute or two later.
            ValueError: It is not a resource version.
            InformerClosed: The informer was closed.
        """
        if not is_comparable(resource_version):
            raise ValueError(f"not a resource version: {resource_version!r}; it is a decimal number such as '20816'")
        self._check_open()
        with anyio.move_on_after(timeout) as scope:
            await self._delivery.wait_until_reached(resource_version)
        self._check_open()
        if scope.cancelled_caught:
            raise WaitTimeout(self.resource, resource_version, self.store.resource_version, timeout or 0.0)

    async def check_consistency(self, *, repair: bool = True, timeout: float = 180.0) -> ConsistencyReport:  # noqa: ASYNC109 - also named in the error
        """Compare the store with the server: keys, uids and resource versions, with a paged list of metadata.

        It should never find a difference. ``connect(consistency_check_interval=...)`` repeats it regularly. It costs
        the server a list of metadata, and this process almost no memory.

        Args:
            repair: If anything differs, resync in place, and wait for it.
            timeout: Seconds that the store may take to reach the version of the list. If selectors leave out most of a
                collection, that may take until the next bookmark, a minute or two.

        Raises:
            SyncTimeout, ServerRefused: The informer has not synced in time.
            WaitTimeout: The store did not reach the version of the list: the stream is behind, or silent.
            ServerRefused, ServerUnavailable, TransportError, ProtocolError: The list could not be read.
            InformerClosed: The informer was closed.
        """
        await self.synced(timeout=timeout)
        report: ConsistencyReport | None = None

        async def cancel_when_closed(scope: anyio.CancelScope) -> None:
            await self._delivery.closed.wait()
            scope.cancel()

        async with open_task_group() as tasks:
            tasks.start_soon(cancel_when_closed, tasks.cancel_scope)
            report = await self._check.check(repair=repair, patience=timeout)
        self._check_open()
        assert report is not None
        return report

    def events(self) -> Subscription[T]:
        """Make a new reader: ``async with informer.events() as events: async for event in events: ...``.

        It first gets an `Added` for every object in the store, then `Synced`, then the changes. A slow reader gets the
        latest state of each key, and misses states in between. A reader that applies all its events in order always
        arrives at the state of the store.

        Raises:
            InformerClosed: The informer was closed.
        """
        self._check_open()
        return self._delivery.subscribe()

    def statistics(self) -> InformerStatistics:
        """Counters and the present condition, for metrics and for debugging."""
        health, (subscriptions, pending) = self._health, self._delivery.subscriptions
        return InformerStatistics(
            phase=health.phase,
            objects=len(self._cache.entries),
            stored_bytes=self._cache.stored_bytes,
            received_bytes=health.received_bytes,
            decoded_bytes=health.decoded_bytes,
            events=health.events,
            changes=self._delivery.changes,
            requests=dict(health.requests),
            syncs=health.syncs,
            resyncs=self._reflector.resyncs,
            failures=dict(health.failures),
            subscriptions=subscriptions,
            pending=pending,
            last_error=health.last_error,
            last_activity=health.last_activity,
            checks=self._check.checks,
            divergences=self._check.divergences,
            resource_version=self._cache.resource_version,
        )

    async def aclose(self) -> None:
        """Stop mirroring, for everybody who uses this informer: iterations end, and waits raise `InformerClosed`.

        The store keeps its content. Asking the cluster again with the same arguments makes a new informer.
        """
        self._scope.cancel()
        await self._finished.wait()

    @property
    def is_closed(self) -> bool:
        """Whether `aclose` was called, or the scope of the cluster has ended."""
        return self._scope.cancel_called or self._delivery.closed.is_set()

    async def _run(self) -> None:
        try:
            with self._scope:
                async with open_task_group() as tasks:
                    tasks.start_soon(train_dictionaries, self._cache, self._delivery.samples_ready)
                    tasks.start_soon(self._repair.run)
                    if self._check_interval is not None:
                        tasks.start_soon(self._check.run, self._check_interval)
                    await self._reflector.run()
        except Exception as error:
            # All that wait raise this error, too. If they raised InformerClosed, an exception group would leave
            # connect().
            self._failure = error
            if isinstance(error, KubeInformerError):
                raise error.with_traceback(None)  # noqa: B904 - the same error, without the frames that had the object
            raise  # a bug: here it is more important to know where it happened
        finally:
            self._health.phase = Phase.WAITING
            self._delivery.close()
            self._finished.set()

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.is_closed:
            raise InformerClosed(self.resource)
