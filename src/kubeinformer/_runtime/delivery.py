"""Where the machine's writes go: first into the store, then to the readers, then to those who wait for a version.

Rules. The store is written before anybody is notified. ``synced`` is set once and stays set: after a whole snapshot was
there, a later resync does not change that.
"""

from typing import Generic

import anyio
import anyio.lowlevel
from typing_extensions import TypeVar

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.entries import Change
from kubeinformer._protocol.steps import BeginSweep, CacheWrite, Remove, Sweep, Upsert
from kubeinformer._protocol.versions import has_reached
from kubeinformer._runtime.signal import Signal
from kubeinformer._runtime.subscription import Subscription
from kubeinformer.resources import RawObject

__all__ = ["Delivery"]

T = TypeVar("T", default=RawObject)


class Delivery(Generic[T]):
    """Applies writes to one cache and passes the changes on."""

    def __init__(self, cache: Cache[T]) -> None:
        self._cache = cache
        self._subscribers: list[Subscription[T]] = []
        self._waiters: list[tuple[str, anyio.Event]] = []
        self.synced: anyio.Event = anyio.Event()
        self.closed: anyio.Event = anyio.Event()
        self.next_snapshot: anyio.Event = anyio.Event()
        self.samples_ready: Signal = Signal()
        self.changes: int = 0

    def subscribe(self) -> Subscription[T]:
        """A reader that is not listening yet."""
        return Subscription(self._cache, self._subscribers, is_synced=self.synced.is_set, is_closed=self.closed.is_set)

    @property
    def subscriptions(self) -> tuple[int, int]:
        """The number of readers, and the number of keys that they have not taken yet."""
        return len(self._subscribers), sum(subscription.pending for subscription in self._subscribers)

    def apply(self, write: CacheWrite) -> None:
        """Apply anything but a `Sweep`."""
        match write:
            case Upsert(identity, body):
                for change in self._cache.upsert(identity, body):
                    self._publish(change)
                if self._cache.has_enough_samples:
                    self.samples_ready.give()
            case Remove(identity, body):
                removed = self._cache.remove(identity, body)
                if removed is not None:
                    self._publish(removed)
            case BeginSweep():
                self._cache.begin_sweep()
            case Sweep():
                raise AssertionError("a sweep takes turns with others: use complete()")

    async def complete(self, sweep: Sweep) -> None:
        """A snapshot is complete: delete what it did not contain. Then the store equals it."""
        for change in self._cache.sweep():
            if change is None:
                await anyio.lowlevel.checkpoint()
            else:
                self._publish(change)
        self.reached(sweep.resource_version)
        taken, self.next_snapshot = self.next_snapshot, anyio.Event()
        taken.set()
        if not self.synced.is_set():
            self.synced.set()
            for subscriber in self._subscribers:
                subscriber.mark_synced()

    def reached(self, resource_version: str) -> None:
        """The store now equals this version of the server."""
        if resource_version == self._cache.resource_version:
            return
        self._cache.resource_version = resource_version
        for wanted, event in self._waiters:
            if has_reached(resource_version, wanted):
                event.set()

    async def wait_until_reached(self, resource_version: str) -> None:
        """Wait until the store equals this version or a later one. Cancelling leaves nothing behind."""
        if has_reached(self._cache.resource_version, resource_version):
            return
        waiter = (resource_version, anyio.Event())
        self._waiters.append(waiter)
        try:
            await waiter[1].wait()
        finally:
            self._waiters.remove(waiter)

    def close(self) -> None:
        """End all iterations and waits."""
        self.closed.set()
        self.synced.set()
        self.next_snapshot.set()
        for subscriber in self._subscribers:
            subscriber.wake()
        for _, event in self._waiters:
            event.set()

    def _publish(self, change: Change) -> None:
        self.changes += 1
        for subscriber in self._subscribers:
            subscriber.push(change)
