"""Reconciles every object again from time to time, evenly.

Theory. Controllers that look at something outside of the cluster, or do not trust their own bookkeeping, want each key
again every so often. All at once would be a burst of work and writes that the server feels; spread over the period the
same work is a trickle. Live changes are not held up: they have the higher priority.
"""

import math
from typing import Any, Final, final

import anyio

from kubeinformer import Store
from kubeinformer.controller._queue.queue import LOW_PRIORITY, WorkQueue

__all__ = ["Resync"]

_STEP: Final = 1.0  # seconds between two portions: a timer for each key would be thousands
_MOST: Final = 250  # keys at once, so that nothing else waits for more than a millisecond or two: then sooner


@final
class Resync:
    """Adds all keys of a store to a queue once in each period.

    Args:
        store: Whose keys.
        queue: Where they go.
        period: Seconds.
    """

    def __init__(self, store: Store[Any], queue: WorkQueue[str], period: float) -> None:
        self._store = store
        self._queue = queue
        self._period = period

    async def run(self) -> None:
        """Go on until cancelled. The first key comes again after one portion's time, the last one after the period."""
        began = anyio.current_time()
        while True:
            keys = tuple(self._store)
            portions = max(1, int(self._period / _STEP), math.ceil(len(keys) / _MOST))
            for number in range(portions):
                await anyio.sleep_until(began + self._period * (number + 1) / portions)
                for key in keys[number * len(keys) // portions : (number + 1) * len(keys) // portions]:
                    self._queue.add(key, priority=LOW_PRIORITY)
            # Later than that if the process stood still: what it missed would come all at once.
            began = max(began + self._period, anyio.current_time())
