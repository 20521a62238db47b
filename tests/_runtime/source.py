"""A delivery without a network: what the tests of readers write to."""

import json
from typing import Any, TypeAlias

from tests._runtime.mirror import new_cache
from tests._runtime.scripted import pod

from kubeinformer import Event
from kubeinformer._protocol.identity import identify
from kubeinformer._protocol.steps import BeginSweep, Remove, Sweep, Upsert
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.subscription import Subscription

Raw: TypeAlias = dict[str, Any]


class Source:
    """A delivery, and writes to it by name."""

    def __init__(self, *, synced: bool = True) -> None:
        self.cache = new_cache()
        self.delivery = Delivery(self.cache)
        self.version = 0
        self.delivery.apply(BeginSweep())
        if synced:
            self.delivery.synced.set()

    def put(self, name: str, uid: str = "", **more: Any) -> Raw:
        self.version += 1
        obj = pod(name, self.version, uid, **more)
        body = json.dumps(obj).encode()
        self.delivery.apply(Upsert(identify("v1/pods", body, None), body))
        return obj

    def delete(self, name: str) -> Raw:
        self.version += 1
        uid = self.cache.entries[f"default/{name}"].uid
        obj = pod(name, self.version, uid)
        body = json.dumps(obj).encode()
        self.delivery.apply(Remove(identify("v1/pods", body, None), body))
        return obj

    async def resync(self, *names: str) -> None:
        """A snapshot that holds these, in the version that is known."""
        self.delivery.apply(BeginSweep())
        for name in names:
            entry = self.cache.entries[f"default/{name}"]
            body = self.cache.codec.raw(name, entry)
            self.delivery.apply(Upsert(identify("v1/pods", body, None), body))
        await self.delivery.complete(Sweep(str(self.version)))

    @property
    def state(self) -> dict[str, Raw]:
        return {key: self.cache.reader.load(key, entry) for key, entry in self.cache.entries.items()}


def drain(reader: Subscription[Any]) -> list[Event[Any]]:
    """Take everything that a reader has not taken yet, without waiting."""
    events = []
    while (event := reader._take()) is not None:
        events.append(event)
    return events
