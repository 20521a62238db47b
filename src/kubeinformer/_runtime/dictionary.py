"""Trains the compression's dictionaries in the background: neither the event loop nor the sync waits for it."""

from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.compression import train
from kubeinformer._runtime.signal import Signal

__all__ = ["train_dictionaries"]


async def train_dictionaries(cache: Cache[Any], samples_ready: Signal) -> None:
    """Whenever there are enough samples: train in a worker thread, then encode the stored bodies again, in slices.

    A cancellation abandons the thread. If it is still computing, it only holds its samples, for a tenth of a second.
    """
    compression = cache.codec.compression
    if compression is None:
        return
    while True:
        await samples_ready.wait()
        if not compression.has_enough_samples:
            continue
        dictionary = await anyio.to_thread.run_sync(train, compression.take_samples(), abandon_on_cancel=True)
        if dictionary is None:
            continue
        compression.install(dictionary)
        for _ in cache.recode():
            await anyio.lowlevel.checkpoint()
