"""A reflector with all its parts, on a scripted transport: the object under test in the tests of `_runtime`."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests._runtime.scripted import QUICK, ScriptedTransport

from kubeinformer import Resource, Retain, Timing
from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import make_codec
from kubeinformer._cache.entries import Change
from kubeinformer._cache.indexes import Indexer
from kubeinformer._cache.reader import Reader
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.requests import Collection
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.health import Health
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.reflector import Reflector
from kubeinformer._runtime.scopes import open_task_group
from kubeinformer._runtime.sync_turns import SyncTurns

PODS = Collection(resource=Resource.parse("v1/pods"))


def new_cache(
    retain: Retain = "compressed", indexers: Mapping[str, Indexer[dict[str, Any]]] | None = None
) -> Cache[dict[str, Any]]:
    codec = make_codec(retain, "v1")
    return Cache("v1/pods", codec, Reader("v1/pods", codec), indexers)


@dataclass
class Mirror:
    """One collection being mirrored."""

    transport: ScriptedTransport
    cache: Cache[dict[str, Any]]
    delivery: Delivery[dict[str, Any]]
    health: Health
    machine: ListWatch

    @property
    def versions(self) -> dict[str, int]:
        """The store: names (the namespace is always the same) and versions."""
        return {key.removeprefix("default/"): int(entry.resource_version) for key, entry in self.cache.entries.items()}

    @property
    def failures(self) -> dict[str, int]:
        return dict(self.health.failures)


@asynccontextmanager
async def mirroring(
    transport: ScriptedTransport,
    *,
    collection: Collection = PODS,
    timing: Timing = QUICK,
    limits: Limits | None = None,
    turns: SyncTurns | None = None,
    indexers: Mapping[str, Indexer[dict[str, Any]]] | None = None,
    jitter: Callable[[], float] = lambda: 0.0,
) -> AsyncGenerator[Mirror]:
    """Run a reflector while the body runs."""
    cache = new_cache(indexers=indexers)
    delivery, health, machine = Delivery(cache), Health("v1/pods"), ListWatch("v1/pods", timing)
    turn = (turns or SyncTurns()).turn()
    reflector = Reflector(collection, transport, delivery, health, machine, limits or Limits(), turn, jitter)
    async with open_task_group() as tasks:
        tasks.start_soon(reflector.run)
        yield Mirror(transport, cache, delivery, health, machine)
    assert transport.open_streams == 0


async def mirrored(*script: Any, **options: Any) -> Mirror:
    """Play a script to its end, then stop."""
    async with mirroring(ScriptedTransport(*script), **options) as mirror:
        await mirror.transport.idle()
    return mirror


def record_changes(mirror: Mirror) -> list[tuple[str, str | None, str | None]]:
    """A list that fills with each change that reaches the readers: key, old and new version."""
    changes: list[tuple[str, str | None, str | None]] = []
    publish = mirror.delivery._publish

    def spy(change: Change) -> None:
        old, new = (entry.resource_version if entry else None for entry in (change.old, change.new))
        changes.append((change.key, old, new))
        publish(change)

    mirror.delivery._publish = spy  # type: ignore[method-assign] # looks on, changes nothing
    return changes
