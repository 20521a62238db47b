"""Which key is processed next: the rules of the work queue, without clock, I/O or waiting.

Rules. A key is in at most one of three places: ready, delayed, or "again", which means that it waits until its own
processing ends. Because of "again", a key is never processed twice at the same time, and is still processed once more
if it was added meanwhile. Adding a key to a place where it already is can only raise its priority and bring its time
forward. So a ready key forgets its delay: whoever processes it decides anew. (controller-runtime's priority queue does
the same; client-go's would hand the key out once more after the delay.)

Theory. Each priority is a lane, first in first out, and the highest lane goes first. A busy high lane must not starve
the others. So among the keys that are taken while several lanes have keys, every tenth is the one that has been ready
longest, whatever its lane. For this, ``_ready`` keeps all ready keys in the order in which they came. Lanes and
``_ready`` are ordered dicts: finding, moving, and taking from the front all cost constant time. A lane exists only
while it has keys, so its memory is given back after a first sync. Delays are a heap. An item of the heap is outdated if
``_delayed`` says something else; when most items are outdated, the heap is built anew.

Not here. Who waits for a key, and the clock (``queue``); how long a key is delayed (``limits``).
Source. client-go util/workqueue and controller-runtime pkg/controller/priorityqueue, for behaviour.
"""

import heapq
from bisect import insort
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

__all__ = ["OLDEST_EVERY", "QueueStatistics", "Schedule"]

K = TypeVar("K", bound=Hashable, default=str)

# One in ten: a first sync of many keys makes progress beside any number of changes, and slows them by a tenth.
OLDEST_EVERY = 10
OUTDATED_SLACK = 64  # outdated delays; with fewer of them, building the heap anew is not worth it


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatistics:
    """The current state of a work queue, and what it has done so far.

    Attributes:
        depth: The number of ready keys by priority; priorities without keys are left out.
        delayed: Keys that wait until a later time.
        processing: Keys that were handed out and are not done.
        again: How many of these were added again meanwhile.
        added: How often a key that was not waiting began to wait.
        retries: How often a key was delayed (``add_rate_limited``, ``add_after``).
        longest_waiting: Seconds for which the oldest of the ready keys has been ready; 0 if there is none.
        longest_running: Seconds since the oldest of the keys in processing was handed out; 0 if there is none.
        unfinished_work: Seconds for which all keys in processing have been processed so far, added up.
        is_shut_down: Whether ``shut_down`` was called.
    """

    depth: dict[int, int]
    delayed: int
    processing: int
    again: int
    added: int
    retries: int
    longest_waiting: float
    longest_running: float
    unfinished_work: float
    is_shut_down: bool


class Schedule(Generic[K]):
    """Keys, and what is known of each. ``now`` is in seconds, and never goes back."""

    def __init__(self) -> None:
        self._ready: OrderedDict[K, tuple[int, float]] = OrderedDict()  # its lane, and since when
        self._lanes: dict[int, OrderedDict[K, None]] = {}
        self._order: list[int] = []  # negated priorities of the lanes: the first one's go first
        self._turn = 0  # of those in which more than one lane had keys
        self._processing: dict[K, tuple[int, float]] = {}  # its priority, and since when
        self._again: dict[K, tuple[int, float]] = {}  # its priority, and since when it is due
        self._delayed: dict[K, tuple[float, int, int]] = {}  # when it is due, the heap item's number, its priority
        self._heap: list[tuple[float, int, K]] = []
        self._delays = 0  # numbers heap items: equal times in the order asked for, and keys need none
        self.added: int = 0
        self.retries: int = 0
        self.is_shut_down: bool = False

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def is_exhausted(self) -> bool:
        """Whether no key will ever be handed out any more."""
        return self.is_shut_down and not self._ready and not self._again

    @property
    def is_drained(self) -> bool:
        """Whether, in addition, all keys are done."""
        return self.is_exhausted and not self._processing

    def add(self, key: K, priority: int, now: float) -> None:
        """Make a key ready, or make it ready once it is no longer being processed."""
        if self.is_shut_down:
            return
        self.promote(now)  # what was due before this key goes before it
        if self._delayed and (delayed := self._delayed.pop(key, None)) is not None:
            priority = max(priority, delayed[2])
        self._make_ready(key, priority, now)

    def add_after(self, key: K, seconds: float, priority: int, now: float) -> None:
        """Make a key ready when some time has passed, unless it becomes ready earlier."""
        if self.is_shut_down:
            return
        if seconds <= 0:
            self.add(key, priority, now)
            return
        self.retries += 1
        self.promote(now)
        if key in self._ready or key in self._again:
            self._make_ready(key, priority, now)  # is earlier than any delay; what may change is its priority
            return
        self._delay(key, now + seconds, priority)

    def promote(self, now: float) -> None:
        """Make ready what is due."""
        while self._heap and self._heap[0][0] <= now:
            item = heapq.heappop(self._heap)
            if self._is_current(item):
                due, _, priority = self._delayed.pop(item[2])
                self._make_ready(item[2], priority, due)

    def next_due(self) -> float | None:
        """When the first of the delayed keys is due; None without one."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> tuple[K, float] | None:
        """Hand out a key, and say since when it was ready. None if there is none, now or for good."""
        self.promote(now)
        if not self._ready:
            return None
        if len(self._order) > 1 and self._is_turn_of_the_oldest():
            key, (priority, since) = self._ready.popitem(last=False)
            self._leave_lane(key, priority)
        else:
            priority = -self._order[0]
            lane = self._lanes[priority]
            key, _ = lane.popitem(last=False)
            if not lane:
                self._close_lane(priority)
            _, since = self._ready.pop(key)
        self._processing[key] = (priority, now)
        return key, since

    def priority_of(self, key: K) -> int:
        """The priority with which a key in processing was handed out. `ValueError` if the key is not in processing."""
        if key not in self._processing:
            raise ValueError(f"{key!r} is not being processed: only what get() gave has a priority")
        return self._processing[key][0]

    def done(self, key: K) -> float:
        """End the processing of a key, and say when it began. `ValueError` if the key is not in processing."""
        if (processing := self._processing.pop(key, None)) is None:
            raise ValueError(f"{key!r} is not being processed: call done() once for each key that get() gave")
        if self._again and (again := self._again.pop(key, None)) is not None:
            self._enter_lane(key, *again)
        return processing[1]

    def shut_down(self, *, drain: bool) -> None:
        """Take no more keys, and forget delayed ones; without ``drain``, also those that have not been handed out."""
        self.is_shut_down = True
        self._delayed.clear()
        self._heap.clear()
        if not drain:
            for place in (self._ready, self._lanes, self._order, self._again):
                place.clear()

    def statistics(self, now: float) -> QueueStatistics:
        """See `QueueStatistics`."""
        running = [now - since for _, since in self._processing.values()]
        return QueueStatistics(
            depth={-place: len(self._lanes[-place]) for place in self._order},
            delayed=len(self._delayed),
            processing=len(self._processing),
            again=len(self._again),
            added=self.added,
            retries=self.retries,
            longest_waiting=next((now - since for _, since in self._ready.values()), 0.0),
            longest_running=max(running, default=0.0),
            unfinished_work=sum(running),
            is_shut_down=self.is_shut_down,
        )

    def _is_turn_of_the_oldest(self) -> bool:
        self._turn = (self._turn + 1) % OLDEST_EVERY
        return self._turn == 0

    def _make_ready(self, key: K, priority: int, since: float) -> None:
        known = self._ready.get(key)
        if known is not None:
            if priority > known[0]:
                self._leave_lane(key, known[0])
                self._enter_lane(key, priority, known[1])
        elif key in self._processing:
            again = self._again.get(key)
            if again is None:
                self.added += 1
                self._again[key] = (priority, since)
            elif priority > again[0]:
                self._again[key] = (priority, again[1])
        else:
            self.added += 1
            self._enter_lane(key, priority, since)

    def _delay(self, key: K, due: float, priority: int) -> None:
        known = self._delayed.get(key)
        if known is not None:
            priority = max(priority, known[2])
            if due >= known[0]:
                self._delayed[key] = (known[0], known[1], priority)
                return
        self._delays += 1
        self._delayed[key] = (due, self._delays, priority)
        heapq.heappush(self._heap, (due, self._delays, key))
        if len(self._heap) > 2 * len(self._delayed) + OUTDATED_SLACK:
            self._heap = [item for item in self._heap if self._is_current(item)]
            heapq.heapify(self._heap)

    def _enter_lane(self, key: K, priority: int, since: float) -> None:
        self._ready[key] = (priority, since)
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = OrderedDict()
            insort(self._order, -priority)
        lane[key] = None

    def _leave_lane(self, key: K, priority: int) -> None:
        lane = self._lanes[priority]
        del lane[key]
        if not lane:
            self._close_lane(priority)

    def _close_lane(self, priority: int) -> None:
        del self._lanes[priority]
        self._order.remove(-priority)

    def _is_current(self, item: tuple[float, int, K]) -> bool:
        known = self._delayed.get(item[2])
        return known is not None and known[1] == item[1]
