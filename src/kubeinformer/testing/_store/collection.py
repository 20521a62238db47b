"""The objects of one resource and their recent history: what lists, watches and continue tokens read.

Rules. There is one writer (the thread of the event loop), and no await in here. Readers never get a private copy of
objects or events: a list and an initial stream hold references to immutable records, a watch holds its position in the
shared history.

Theory. The history is also an undo log, because each change knows what was there before. So the state at an earlier
version is the newest state with the later changes undone (`View`). That is why a continue token needs no snapshot: it
can be served as long as the history reaches back, which is also the rule of the real server. The history is limited in
events and in bytes. A watch that falls behind its oldest change gets a 410, as on a real server. So a slow reader does
not cost memory.

``floor`` is the oldest version from which a watch is possible. It only rises, so an expired version stays expired.

Not here. What a write means (``_store.storage``), selectors, JSON.
"""

import heapq
from bisect import bisect_left, bisect_right, insort
from itertools import islice
from operator import attrgetter
from typing import TypeAlias

import msgspec

from kubeinformer.testing._made.synthetic import Lazy
from kubeinformer.testing._store.signal import Signal
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["Change", "Collection", "HistoryLost", "Record", "Stored", "View"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """One object at one version. ``body`` is the form in which it is stored (``_types.kinds``)."""

    rv: int
    body: bytes


Stored: TypeAlias = Record | Lazy
"""An object at rest: kept bytes, or an index from which the bytes are generated."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """One entry of the history.

    Attributes:
        rv: The version that the change made.
        key: ``namespace/name`` or ``name``.
        before: The object before the change, None if the change created it.
        after: The object after the change; for a deletion, its last state with the version of the deletion.
        is_deletion: Whether the object is gone.
    """

    rv: int
    key: str
    before: Stored | None
    after: Record
    is_deletion: bool


class HistoryLost(Exception):
    """The history does not reach back to the requested version. ``oldest`` is the oldest version that it reaches."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


class Collection:
    """All objects of one resource.

    Args:
        type_: The type of the objects.
        floor: The version at which the collection was created. No watch can begin before it.
        max_changes: The maximum number of changes in the history.
        max_bytes: The approximate maximum size of the objects in the history, in bytes.
    """

    def __init__(self, type_: ResourceType, floor: int, max_changes: int, max_bytes: int) -> None:
        self.type = type_
        self.floor: int = floor
        self.is_closed: bool = False
        self.news: Signal = Signal()
        self.entries: dict[str, Stored] = {}
        self.keys: list[str] = []  # sorted, because etcd lists in the order of the keys
        self._changes: list[Change] = []
        self._first = 0  # the position of _changes[0]; positions count changes from the beginning
        self._bytes = 0
        self._max_changes, self._max_bytes = max_changes, max_bytes

    def put(self, key: str, record: Record) -> None:
        """Create or replace an object."""
        before = self.entries.get(key)
        if before is None:
            insort(self.keys, key)
        self.entries[key] = record
        self._remember(Change(record.rv, key, before, record, is_deletion=False))

    def remove(self, key: str, last: Record) -> None:
        """Delete an object. ``last`` is its last state, with the version of the deletion."""
        before = self.entries.pop(key)
        del self.keys[bisect_left(self.keys, key)]
        self._remember(Change(last.rv, key, before, last, is_deletion=True))

    def load(self, entries: dict[str, Stored], version: int) -> None:
        """Add many objects without a history. Every older version expires, and so do open watches."""
        self.entries.update(entries)
        self.keys = sorted(self.entries)
        # One position is left out, so that even a watch that is up to date notices that it missed something.
        self._first += len(self._changes) + 1
        self._changes, self._bytes = [], 0
        self.floor = version
        self.news.notify()

    def expire(self, version: int) -> None:
        """Refuse new watches and continue tokens below this version. Open watches keep their position."""
        self.floor = max(self.floor, version)

    def close(self) -> None:
        """End all watches when they have read what is left."""
        self.is_closed = True
        self.news.notify()

    @property
    def end(self) -> int:
        """The position after the newest change."""
        return self._first + len(self._changes)

    def position_after(self, version: int) -> int:
        """The position at which a watch from this version begins.

        Raises:
            HistoryLost: The version is older than the history.
        """
        if version < self.floor:
            raise HistoryLost(self.floor)
        return self._first + bisect_right(self._changes, version, key=attrgetter("rv"))

    def change_at(self, position: int) -> Change:
        """Return the change at a position before `end`.

        Raises:
            HistoryLost: The history no longer has it.
        """
        if position < self._first:
            raise HistoryLost(self._changes[0].rv - 1 if self._changes else self.floor)
        return self._changes[position - self._first]

    def changes_since(self, version: int) -> list[Change]:
        """Return all changes after a version.

        Raises:
            HistoryLost: The version is older than the history.
        """
        return self._changes[self.position_after(version) - self._first :]

    def _remember(self, change: Change) -> None:
        self._changes.append(change)
        self._bytes += _weight(change)
        if len(self._changes) > self._max_changes or self._bytes > self._max_bytes:
            self._forget()
        self.news.notify()

    def _forget(self) -> None:
        # Remove an eighth more than necessary, because removing the front of a list moves the rest. The newest change
        # stays, however large it is, because a watch that is up to date must get it.
        count = max(0, len(self._changes) - self._max_changes) + self._max_changes // 8
        dropped = 0
        for index, change in enumerate(self._changes[:-1]):
            if index >= count and self._bytes <= self._max_bytes:
                break
            self._bytes -= _weight(change)
            dropped = index + 1
        if dropped:
            self.floor = max(self.floor, self._changes[dropped - 1].rv)
            del self._changes[:dropped]
            self._first += dropped


def _weight(change: Change) -> int:
    before = change.before
    return len(change.after.body) + (len(before.body) if isinstance(before, Record) else 0)


class View:
    """A collection as it was at a version. Read it before the next await; what it returns may be kept.

    Raises:
        HistoryLost: The history does not reach back to that version.
    """

    def __init__(self, collection: Collection, version: int) -> None:
        self._keys, self._entries = collection.keys, collection.entries
        self._undone: dict[str, Stored | None] = {}
        for change in collection.changes_since(version):
            self._undone.setdefault(change.key, change.before)
        self._revived = sorted(
            key for key, before in self._undone.items() if before is not None and key not in self._entries
        )

    def items(self, start: str, end: str, limit: int | None = None) -> list[tuple[str, Stored]]:
        """Return keys and objects from ``start`` to before ``end``, in key order, at most ``limit`` of them."""
        keys = self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, end)]
        if not self._undone:
            return [(key, self._entries[key]) for key in keys[:limit]]
        revived = self._revived[bisect_left(self._revived, start) : bisect_left(self._revived, end)]
        merged = ((key, self._at(key)) for key in heapq.merge(keys, revived))
        return list(islice(((key, stored) for key, stored in merged if stored is not None), limit))

    def count(self, start: str, end: str) -> int:
        """Count the objects that `items` would return."""
        revived = bisect_left(self._revived, end) - bisect_left(self._revived, start)
        created = sum(1 for key, before in self._undone.items() if before is None and self._is_new(key, start, end))
        return bisect_left(self._keys, end) - bisect_left(self._keys, start) + revived - created

    def _is_new(self, key: str, start: str, end: str) -> bool:
        return start <= key < end and key in self._entries

    def _at(self, key: str) -> Stored | None:
        return self._undone[key] if key in self._undone else self._entries[key]
