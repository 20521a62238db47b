"""A reader that knows nothing but its events, and checks each one against what it has learnt before."""

from collections.abc import Callable
from typing import Any, TypeAlias

from tests._protocol.at_once import at_once

from kubeinformer import Added, Deleted, Event, Synced, Updated
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.subscription import Subscription
from kubeinformer.errors import CorruptEntry

Known: TypeAlias = dict[str, Any] | None
"""An object, or None where memory was damaged before the reader came to it."""


def loaded(load: Callable[[], dict[str, Any]]) -> Known:
    try:
        return load()
    except CorruptEntry:
        return None


def agree(one: Known, other: Known) -> bool:
    return one is None or other is None or one == other


def same_version(one: Known, other: Known) -> bool:
    """All that can be compared after a restore that gave numbers twice: a repaired body may be of another history."""
    if one is None or other is None:
        return True
    return all(one["metadata"][name] == other["metadata"][name] for name in ("uid", "resourceVersion"))


class FoldingReader:
    """Folds its events to a state."""

    def __init__(self, delivery: Delivery[dict[str, Any]]) -> None:
        self.agree = agree
        self.subscription: Subscription[dict[str, Any]] = delivery.subscribe()
        at_once(self.subscription.__aenter__())
        self.state: dict[str, Known] = {}
        self.synced = 0

    def take(self, most: int = 1_000) -> None:
        for _ in range(most):
            event = self.subscription._take()
            if event is None:
                break
            self.fold(event)

    def fold(self, event: Event[dict[str, Any]]) -> None:
        match event:
            case Added(key=key):
                assert key not in self.state, "Added twice"
                self.state[key] = loaded(lambda: event.object)
            case Updated(key=key):
                seen, old, new = self.state[key], loaded(lambda: event.old), loaded(lambda: event.object)
                assert self.agree(seen, old), "what changed is not what was told before"
                if old and new:
                    assert old["metadata"]["uid"] == new["metadata"]["uid"], "another object is no update"
                    assert old != new
                self.state[key] = new
            case Deleted(key=key):
                seen, last = self.state.pop(key), loaded(lambda: event.object)
                assert not (seen and last) or seen["metadata"]["uid"] == last["metadata"]["uid"]
            case Synced():
                self.synced += 1
                assert self.synced == 1, "Synced twice"

    def close(self) -> None:
        at_once(self.subscription.__aexit__(None, None, None))

    def check_bounds(self, stored: set[str]) -> None:
        """What it holds back is about objects that are there, or that it knows of."""
        subscription = self.subscription
        assert set(subscription._backlog) <= stored
        second = subscription._second
        about = stored | self.state.keys() | ({second.key} if isinstance(second, Added) else set())
        told = {key for key in subscription._pending if key}
        assert told <= about
        assert not told & subscription._backlog.keys()
        assert subscription.pending <= len(about) + 2  # Synced, and the second half of a replacement

    def check_agrees(self, store: dict[str, Known]) -> None:
        assert self.state.keys() == store.keys()
        assert all(self.agree(self.state[key], store[key]) for key in store)
