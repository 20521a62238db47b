"""One reader of an informer's events: limited in memory, coalescing, independent of every other reader.

Theory. What a reader has not taken yet is at most one `Pending` for each key, in the order in which the keys first
changed. It shares the entries of the cache. So even the slowest reader holds only references, at most a few for each
key. Other readers, the cache and the network never wait for it.

The objects that the store held when the reader came (the backlog) are kept as keys only. Each object is looked up when
the reader reaches its key. A key in the backlog needs no pending change, because the reader will see the state of that
moment.
"""

from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Self, final

import anyio
import anyio.lowlevel
import msgspec
from typing_extensions import TypeVar

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.entries import Change, Entry
from kubeinformer._cache.folding import Pending, fold
from kubeinformer._cache.reader import Reader
from kubeinformer.errors import UsageError
from kubeinformer.events import Added, Deleted, Event, Synced, Updated
from kubeinformer.resources import RawObject

__all__ = ["Subscription"]

T = TypeVar("T", default=RawObject)

_SYNCED: Final = ""  # marks the place of Synced among the pending keys; no object has an empty key
_TURN = 32  # events that are returned in a row before other tasks get a turn


@final
class Subscription(Generic[T]):
    """An async context manager and async iterator over events, made by ``Informer.events()``.

    Entering it starts the collection of events. The iteration ends when the informer is closed. Only one task may read
    at a time. It takes a key and a pair of references for each object that has changed since this reader last looked.
    """

    def __init__(
        self,
        cache: Cache[T],
        subscribers: list["Subscription[T]"],
        *,
        is_synced: Callable[[], bool],
        is_closed: Callable[[], bool],
    ) -> None:
        self._cache = cache
        self._subscribers = subscribers
        self._is_synced = is_synced
        self._is_closed = is_closed
        self._backlog: dict[str, None] = {}
        self._pending: OrderedDict[str, Pending | None] = OrderedDict()
        self._second: Event[T] | None = None  # the Added of a replaced object, after its Deleted
        self._wakeup: anyio.Event | None = None
        self._until_pause = _TURN
        self._is_reading = False

    @property
    def pending(self) -> int:
        """The number of keys with something that this reader has not taken yet."""
        return len(self._backlog) + len(self._pending) + (self._second is not None)

    async def __aenter__(self) -> Self:
        if self._is_reading:
            raise UsageError("a subscription is one reader: call informer.events() once for each `async with`")
        self._is_reading = True
        self._backlog = dict.fromkeys(reversed(self._cache.entries))  # read from its end, so the oldest key comes first
        if self._is_synced():
            self.mark_synced()
        self._subscribers.append(self)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_reading = False
        self._subscribers.remove(self)
        self._backlog.clear()
        self._pending.clear()
        self._second = None
        self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event[T]:
        """Return the next event, and wait for it if there is none. Cancelling the wait does not lose an event.

        Raises:
            UsageError: It was called outside of its ``async with``, where no event would arrive.
        """
        if not self._is_reading:
            raise UsageError("events are read inside of `async with informer.events() as events:`")
        self._until_pause -= 1
        if self._until_pause <= 0:
            self._until_pause = _TURN
            await anyio.lowlevel.checkpoint()
        while True:
            if self._is_closed() or not self._is_reading:
                raise StopAsyncIteration
            event = self._take()
            if event is not None:
                return event
            self._wakeup = anyio.Event()
            await self._wakeup.wait()
            self._until_pause = _TURN

    def push(self, change: Change) -> None:
        """Add a change to what is pending. Called by the informer, after the store has it."""
        key = change.key
        if key in self._backlog:
            if change.new is None:
                del self._backlog[key]
            return
        pending = fold(self._pending.get(key), change)
        if pending is None:
            del self._pending[key]
        else:
            self._pending[key] = pending
            self.wake()

    def mark_synced(self) -> None:
        """Place `Synced` after everything that is pending now."""
        self._pending[_SYNCED] = None
        self.wake()

    def wake(self) -> None:
        """Let a waiting reader look again."""
        if self._wakeup is not None:
            self._wakeup.set()
            self._wakeup = None

    def _take(self) -> Event[T] | None:
        if self._second is not None:
            event, self._second = self._second, None
            return event
        if self._backlog:
            key, _ = self._backlog.popitem()
            return Added._lazily(key, self._source(key, self._cache.entries[key]))  # noqa: SLF001 - our own events
        if not self._pending:
            return None
        key, pending = self._pending.popitem(last=False)
        return Synced() if pending is None else self._event(key, pending)

    def _event(self, key: str, pending: Pending) -> Event[T]:
        # Events are built lazily through private constructors, because the public ones take decoded objects.
        match pending:
            case Pending(seen=None, new=Entry() as new):
                return Added._lazily(key, self._source(key, new))  # noqa: SLF001 - see above
            case Pending(seen=Entry() as seen, gone=None, new=Entry() as new):
                return Updated._lazily(key, self._source(key, seen), self._source(key, new))  # noqa: SLF001
            case Pending(gone=Entry() as gone, new=new):
                if new is not None:
                    self._second = Added._lazily(key, self._source(key, new))  # noqa: SLF001 - see above
                known = pending.final_state_known
                return Deleted._lazily(key, self._source(key, gone), final_state_known=known)  # noqa: SLF001
            case _:
                raise AssertionError("a pending change has one of four forms")

    def _source(self, key: str, entry: Entry) -> "_Source[T]":
        return _Source(self._cache.reader, key, entry)


class _Source(msgspec.Struct, Generic[T], frozen=True):  # a Struct, because one is made for each event
    """What an event decodes when its object is read."""

    reader: Reader[T]
    key: str
    entry: Entry

    def load(self) -> T:
        return self.reader.load(self.key, self.entry)

    def metadata(self) -> RawObject:
        return self.reader.metadata(self.key, self.entry)
