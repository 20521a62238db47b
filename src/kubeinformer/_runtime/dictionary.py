"""Trains the compression's dictionary beside the stream: neither the event loop nor the sync waits for it."""

from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.compression import train

__all__ = ["train_dictionary"]


async def train_dictionary(cache: Cache[Any], samples_ready: anyio.Event) -> None:
    """Once enough objects have come: train in a worker thread, then encode the earlier bodies anew, in slices.

    Abandoned when cancelled: a thread that still computes keeps nothing but its samples, for a tenth of a second.
    """
    compression = cache.codec.compression
    if compression is None:
        return
    await samples_ready.wait()
    dictionary = await anyio.to_thread.run_sync(train, compression.take_samples(), abandon_on_cancel=True)
    if dictionary is None:
        return
    compression.install(dictionary)
    for _ in cache.recode():
        await anyio.lowlevel.checkpoint()
