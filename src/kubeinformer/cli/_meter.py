"""What the demo measures: the informer's own statistics, the events that a reader gets, and the memory of the process.

Rules. Every figure that is shown is measured in this run. The events are counted by a reader that iterates over
``informer.events()`` like any user. It decodes nothing, like a controller that only uses the keys.
"""

from collections import deque
from dataclasses import dataclass

import anyio

from kubeinformer import Informer, InformerStatistics, Synced
from kubeinformer.cli._memory import Memory, own_memory

__all__ = ["Figures", "Meter"]

_RATE_WINDOW = 3.0  # seconds that "events/s" covers: long enough to be steady, short enough to show a cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The measurements at one moment.

    Attributes:
        elapsed: Seconds since the informer was started.
        statistics: The statistics of the informer.
        synced_after: Seconds until the first snapshot was complete; None while it is not.
        mirrored: Bytes of JSON in the first snapshot, as sent. While it is not complete: the bytes until now.
        mirrored_wire: The same, in compressed bytes as received.
        first_events: The reader's events about the first snapshot.
        events: The reader's events after those.
        rate: The recent rate of ``events``, per second.
        memory: The memory of this process.
        memory_before: The same, before the informer was started.
    """

    elapsed: float
    statistics: InformerStatistics
    synced_after: float | None
    mirrored: int
    mirrored_wire: int
    first_events: int
    events: int
    rate: float
    memory: Memory
    memory_before: Memory

    @property
    def resumes(self) -> int:
        """How often a lost stream was resumed where it ended: all watches, except the first one after a list."""
        requests = self.statistics.requests
        return max(0, requests.get("watch", 0) - bool(requests.get("list", 0)))

    @property
    def mean_rate(self) -> float:
        """Events per second, on average since the first snapshot."""
        if self.synced_after is None or self.elapsed <= self.synced_after:
            return 0.0
        return self.events / (self.elapsed - self.synced_after)


class Meter:
    """Measures one informer from now on."""

    def __init__(self, informer: Informer, memory_before: Memory) -> None:
        self._informer = informer
        self._memory_before = memory_before
        self._started = anyio.current_time()
        self._synced_after: float | None = None
        self._at_sync: InformerStatistics | None = None
        self._first_events = 0
        self._events = 0
        self._lately: deque[tuple[float, int]] = deque()

    async def count(self) -> None:
        """Read events until the informer is closed."""
        async with self._informer.events() as events:
            async for event in events:
                if isinstance(event, Synced):
                    self._first_events, self._events = self._events, 0
                else:
                    self._events += 1

    async def note_sync(self) -> None:
        """Wait for the first snapshot, and record its time and size."""
        await self._informer.synced()
        self._synced_after = anyio.current_time() - self._started
        self._at_sync = self._informer.statistics()

    def figures(self) -> Figures:
        """The current measurements."""
        statistics = self._informer.statistics()
        snapshot = self._at_sync or statistics
        now = anyio.current_time()
        return Figures(
            elapsed=now - self._started,
            statistics=statistics,
            synced_after=self._synced_after,
            mirrored=snapshot.decoded_bytes,
            mirrored_wire=snapshot.received_bytes,
            first_events=self._first_events,
            events=self._events,
            rate=self._rate(now),
            memory=own_memory(),
            memory_before=self._memory_before,
        )

    def _rate(self, now: float) -> float:
        lately = self._lately
        if lately and self._events < lately[-1][1]:
            lately.clear()  # the count started again after the first snapshot
        lately.append((now, self._events))
        while len(lately) > 2 and now - lately[1][0] >= _RATE_WINDOW:  # noqa: PLR2004 - a rate needs two points
            lately.popleft()
        then, before = lately[0]
        seconds = now - then
        return (self._events - before) / seconds if seconds > 0 else 0.0
