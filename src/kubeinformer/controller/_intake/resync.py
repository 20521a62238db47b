"""Reconciles every object again from time to time, spread evenly.

Theory. Some controllers look at something outside of the cluster, or do not trust their own bookkeeping. They want each
key again after some time. All keys at once would be a burst of work and writes that the server feels. Spread over the
period, the same work is hardly noticeable. Live changes are not delayed, because they have the higher priority.
"""

import math
from typing import Any, Final, final

import anyio

from kubeinformer import Store
from kubeinformer.controller._queue.queue import LOW_PRIORITY, WorkQueue

__all__ = ["Resync"]

_STEP: Final = 1.0  # seconds between two portions: a timer for each key would be thousands
_MOST: Final = 250  # keys at once, so that nothing else waits for more than a millisecond or two; then more portions


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
        """Run until cancelled. In each period, the first key is added after the time of one portion, the last one at
        the end.
        """
        began = anyio.current_time()
        while True:
            keys = tuple(self._store)
            portions = max(1, int(self._period / _STEP), math.ceil(len(keys) / _MOST))
            for number in range(portions):
                await anyio.sleep_until(began + self._period * (number + 1) / portions)
                for key in keys[number * len(keys) // portions : (number + 1) * len(keys) // portions]:
                    self._queue.add(key, priority=LOW_PRIORITY)
            # Later than that if the process stood still; otherwise everything that it missed would come at once.
            began = max(began + self._period, anyio.current_time())
