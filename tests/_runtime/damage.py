"""A store in which bytes go bad, and who mends them: what the tests of the repair look at."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
from tests._runtime.mirror import PODS
from tests._runtime.scripted import GUARD, QUICK, Answer, ScriptedTransport, page
from tests._runtime.source import Source

from kubeinformer import CorruptEntry, RawObject, Timing
from kubeinformer._cache.entries import Entry
from kubeinformer._protocol.requests import Collection
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.repair import Repair

KEY = "default/a"
NOTE = "x" * 100


def no_wait() -> float:
    return 0.0


def damage(source: Source, name: str = "a") -> Entry:
    """Overwrite what is kept, as an extension module that has gone wild would."""
    entry = source.cache.entries[f"default/{name}"]
    assert isinstance(entry.body, bytes)
    entry.body = b"?" * len(entry.body)
    return entry


def read(source: Source, name: str = "a") -> RawObject:
    return source.cache.reader.load(f"default/{name}", source.cache.entries[f"default/{name}"])


def kept_bytes(source: Source) -> int:
    return sum(len(entry.body) for entry in source.cache.entries.values())


def is_damaged(source: Source, name: str = "a") -> bool:
    try:
        read(source, name)
    except CorruptEntry:
        return True
    return False


def answer(*objects: RawObject) -> Answer:
    return Answer([page(objects, 99)])


@asynccontextmanager
async def repairing(
    source: Source,
    transport: ScriptedTransport,
    *,
    collection: Collection = PODS,
    limits: Limits | None = None,
    timing: Timing = QUICK,
    jitter: Callable[[], float] = no_wait,
) -> AsyncGenerator[None]:
    """Mend what is reported, while the body runs."""
    made = Repair(Listing(collection, transport, limits or Limits(), timing), source.cache, jitter)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.run)
            yield
            tasks.cancel_scope.cancel()
    finally:
        await transport.aclose()
    assert transport.open_streams == 0


async def settled() -> None:
    with anyio.fail_after(GUARD):
        await anyio.wait_all_tasks_blocked()
