"""The work queue: keys go in, and workers that wait take them out one at a time.

Rules. Not safe for threads: all calls come from the event loop's thread. A wake-up never carries a key: the worker that
was woken takes a key itself, in the same step in which it returns. So a cancelled `get` had no key, and only the
wake-up could be lost; the cancelled worker passes it on to another one.

Theory. There is no background task. Waiting workers are of two kinds: sleepers, who wait until they are woken, and at
most one timekeeper, who also wakes up when the first delayed key is due. "On its way" is a worker that was woken but
has not run yet. Two invariants hold whenever the event loop has control. First: as long as somebody waits, each ready
key has a worker on its way. Second: while keys are delayed, there is a timekeeper, or a worker on its way. Each call
that could break an invariant ends in ``_wake``, which restores both. A worker on its way may find that another worker
took its key in between; then it waits again.

Speed. Taking a ready key does not pass through the event loop: that would cost three times as much as the queue's own
work. If workers always find keys, they would starve the loop. So `get` yields to the loop once in 2 ms; there it can
also be cancelled. All workers share these 2 ms: until the first one that yields has come back, each other one takes at
most one key.

Not here. Which key is next (``schedule``), and the delay after a failure (``limits``).
"""

import math
import time
from collections.abc import Callable, Hashable
from typing import Generic, final

import anyio
import anyio.lowlevel
from typing_extensions import TypeVar

from kubeinformer.controller._queue.limits import Backoff, TokenBucket
from kubeinformer.controller._queue.schedule import QueueStatistics, Schedule
from kubeinformer.controller.observer import Observer
from kubeinformer.errors import QueueShutDown

__all__ = ["LOW_PRIORITY", "QueueShutDown", "QueueStatistics", "WorkQueue"]

K = TypeVar("K", bound=Hashable, default=str)

LOW_PRIORITY = -100  # of the first sync and of resyncs, which every object goes through; as in controller-runtime
SLICE = 0.002  # seconds; as much work as a few trips through the loop, and far less than anybody notices


@final
class WorkQueue(Generic[K]):
    """Keys that wait to be processed, each at most once.

    A key is never handed out twice at the same time. If it is added while it is being processed, it is handed out once
    more when that is done. Higher priorities go first; within one priority, the key that came first. Every tenth key is
    the one that has waited longest, so that low priorities get their turn, too.

    Args:
        name: The name for errors and metrics.
        base_delay: Seconds that a key waits after its first failure. The delay doubles with each further failure.
        max_delay: The longest such delay, in seconds.
        rate: Retries per second of all keys together, after the burst.
        burst: How many retries are not held up by the rate.
        observer: Is told what happens.
        clock: Returns seconds that only grow, for tests. Waiting always uses the event loop's clock.

    Raises:
        ValueError: A limit is out of range.

    The default limits are those of client-go. The queue is not safe for threads: call it in the event loop.
    """

    def __init__(
        self,
        name: str = "",
        *,
        base_delay: float = 0.005,
        max_delay: float = 1000.0,
        rate: float = 10.0,
        burst: int = 100,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._schedule: Schedule[K] = Schedule()
        self._backoff: Backoff[K] = Backoff(base_delay, max_delay)
        self._bucket = TokenBucket(rate, burst)
        self._observer = observer
        self._clock = clock
        self._told = 0  # keys added of which the observer knows
        self._sleepers: dict[anyio.Event, None] = {}
        self._timekeeper: anyio.Event | None = None
        self._on_their_way = 0  # woken, and not running yet
        self._yielded = -math.inf  # when the slice began
        self._is_yielding = False  # whether the worker that will begin the next one is on its way round the loop
        self._drained = anyio.Event()
        if observer is not None:
            observer.queue_opened(self)

    def __len__(self) -> int:
        """The number of keys that are ready."""
        self._promote(self._clock())
        return len(self._schedule)

    def __repr__(self) -> str:
        return f"<WorkQueue {self.name!r}: {len(self._schedule)} ready>"

    def add(self, key: K, *, priority: int = 0) -> None:
        """Have a key processed as soon as its turn comes, whatever delay it had. Ignored after `shut_down`.

        Args:
            key: If it is added again while it waits, it is processed once.
            priority: Higher goes first. Adding a key again can only raise its priority.
        """
        self._schedule.add(key, priority, self._clock())
        self._changed()

    def add_after(self, key: K, seconds: float, *, priority: int = 0) -> None:
        """Have a key processed after some seconds. Ignored after `shut_down`.

        If a key is added several times, the earliest time counts; a key that is ready already stays ready. 0 or less is
        the same as `add`.

        Args:
            key: As for `add`.
            seconds: The delay from now.
            priority: As for `add`.

        Raises:
            ValueError: The delay is not a finite number of seconds.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"cannot add {key!r} after {seconds!r} seconds: it must be a finite number")
        now = self._clock()
        known = self._schedule.retries
        self._schedule.add_after(key, seconds, priority, now)
        if self._observer is not None and self._schedule.retries != known:
            self._observer.key_retried(self.name)
        if self._timekeeper is not None and self._schedule.next_due() == now + seconds:
            self._wake_up(self._timekeeper)  # to go to sleep again, for a shorter time
        self._changed()

    def add_rate_limited(self, key: K, *, priority: int = 0) -> float:
        """Have a failed key processed again, with a delay that grows each time until `forget` is called.

        Args:
            key: As for `add`.
            priority: As for `add`. `priority_of` returns that of a key that is being processed.

        Returns:
            The delay in seconds: the key's own delay or that of all retries together, whichever is longer. After
            `shut_down` the key is ignored, and the delay is infinite.
        """
        if self._schedule.is_shut_down:
            return math.inf
        delay = max(self._backoff.next(key), self._bucket.reserve(self._clock()))
        self.add_after(key, delay, priority=priority)
        return delay

    def forget(self, key: K) -> None:
        """Let a key's next failure count as its first one. Call it after the key was processed successfully."""
        self._backoff.forget(key)

    def retries(self, key: K) -> int:
        """Return how often a key was added by `add_rate_limited` since it was last forgotten."""
        return self._backoff.failures(key)

    async def get(self) -> K:
        """Wait for a key and take it. Call `done` once after each `get`, or that key is never handed out again.

        Raises:
            QueueShutDown: No more keys will come.

        Cancelling loses no key. While keys are ready, this yields to the event loop only once in 2 ms, not in each
        call.
        """
        if self._clock() - self._yielded >= SLICE:
            await self._yield()
        while True:
            now = self._clock()
            taken = self._schedule.take(now)
            if taken is not None:
                key, since = taken
                self._changed()
                if self._observer is not None:
                    self._observer.key_started(self.name, now - since, len(self._schedule))
                return key
            if self._schedule.is_exhausted:
                raise QueueShutDown(self.name)
            await self._wait(now)

    def priority_of(self, key: K) -> int:
        """Return the priority with which a key was handed out, for its retry.

        Raises:
            ValueError: The key is not being processed.
        """
        return self._schedule.priority_of(key)

    def done(self, key: K) -> None:
        """Report that a key is no longer being processed. If it was added meanwhile, it is ready again.

        Raises:
            ValueError: The key is not being processed.
        """
        since = self._schedule.done(key)
        self._changed()
        if self._observer is not None:
            self._observer.key_done(self.name, self._clock() - since)

    def shut_down(self, *, drain: bool = True) -> None:
        """Take no more keys. Can be called again, to end a drain early.

        Args:
            drain: Whether to hand out the keys that are ready, and those that were added while they were being
                processed; only delayed keys are dropped. If False, no more keys are handed out.
        """
        self._schedule.shut_down(drain=drain)
        self._changed()

    async def drained(self) -> None:
        """Wait until `shut_down` was called and all keys that were, or will be, handed out are done."""
        await self._drained.wait()

    def statistics(self) -> QueueStatistics:
        """Return counters and the current state, for metrics and for people."""
        now = self._clock()
        self._promote(now)
        return self._schedule.statistics(now)

    async def _yield(self) -> None:
        """Let the loop go on."""
        if self._is_yielding:
            await anyio.lowlevel.checkpoint()
            return
        self._is_yielding = True
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            self._is_yielding = False
        self._yielded = self._clock()

    async def _wait(self, now: float) -> None:
        """Sleep until there may be a key."""
        me = anyio.Event()
        due = self._schedule.next_due()
        if due is not None and self._timekeeper is None:
            self._timekeeper, patience = me, max(0.0, due - now)
        else:
            self._sleepers[me], patience = None, math.inf
        try:
            with anyio.move_on_after(patience):
                await me.wait()
        except BaseException:
            self._leave(me)
            self._wake()  # what this one was woken for
            raise
        self._leave(me)
        if not self._is_yielding:
            self._yielded = self._clock()

    def _leave(self, sleeper: anyio.Event) -> None:
        self._sleepers.pop(sleeper, None)
        if self._timekeeper is sleeper:
            self._timekeeper = None
        if sleeper.is_set():
            self._on_their_way -= 1

    def _promote(self, now: float) -> None:
        self._schedule.promote(now)
        self._changed()

    def _changed(self) -> None:
        """React to a change of the schedule: wake workers, and tell the observer."""
        if self._sleepers or self._timekeeper is not None:
            self._wake()
        if self._schedule.is_shut_down and self._schedule.is_drained:
            self._drained.set()
        if self._observer is not None:
            while self._told < self._schedule.added:
                self._told += 1
                self._observer.key_added(self.name, len(self._schedule))

    def _wake(self) -> None:
        """Restore the two invariants: see the head of the module."""
        if self._schedule.is_exhausted:
            while sleeper := self._any_sleeper():
                self._wake_up(sleeper)
            return
        while len(self._schedule) > self._on_their_way and (sleeper := self._any_sleeper()):
            self._wake_up(sleeper)
        if self._timekeeper is None and not self._on_their_way and self._schedule.next_due() is not None:
            for sleeper in self._sleepers:
                self._wake_up(sleeper)
                break

    def _any_sleeper(self) -> anyio.Event | None:
        return next(iter(self._sleepers), self._timekeeper)

    def _wake_up(self, sleeper: anyio.Event) -> None:
        self._sleepers.pop(sleeper, None)
        if self._timekeeper is sleeper:
            self._timekeeper = None
        self._on_their_way += 1
        sleeper.set()
