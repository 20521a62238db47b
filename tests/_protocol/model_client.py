"""One informer without its loop and its network: machine, cache, delivery, dictionaries, repairs.

What must hold at every change is checked here at every change. What must hold between steps is checked by the model.
"""

from collections.abc import Iterator
from typing import Any

from tests._protocol.at_once import Waiting, at_once
from tests._protocol.folding_reader import FoldingReader, Known, loaded, same_version
from tests._protocol.reference_server import RESOURCE, Server, State, content

from kubeinformer import Resource, Retain
from kubeinformer._cache import compression
from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import make_codec
from kubeinformer._cache.entries import Change
from kubeinformer._cache.reader import Reader
from kubeinformer._protocol.kinds import KindCheck
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.pages import ListItem
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.steps import BeginSweep, CacheWrite, Sweep
from kubeinformer._protocol.timing import Timing
from kubeinformer._protocol.versions import has_reached
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.repair import Repair

_COLLECTION = Collection(resource=Resource.parse(RESOURCE))


class _Repair(Repair):
    """Fetches without a network."""

    def __init__(self, cache: Cache[Any], server: Server) -> None:
        nothing: Any = None  # no transport: see _fetch
        super().__init__(Listing(collection=_COLLECTION, transport=nothing, limits=Limits(), timing=Timing()), cache)
        self._server = server

    async def _fetch(self, key: str) -> ListItem | None:
        return self._server.item(key.removeprefix("default/"))


class Client:
    """What an informer holds, and readers of any speed."""

    def __init__(self, server: Server, retain: Retain) -> None:
        self.server = server
        self.retain = retain
        self.machine = ListWatch(RESOURCE)
        self._kinds = KindCheck(_COLLECTION)
        codec = make_codec(retain, "v1")
        self.cache: Cache[dict[str, Any]] = Cache(RESOURCE, codec, Reader(RESOURCE, codec))
        self.delivery = Delivery(self.cache)
        self._publish, self.delivery._publish = self.delivery._publish, self._look  # type: ignore[method-assign] # looks on
        self._repair = _Repair(self.cache, server)
        self._recoding: Iterator[None] = iter(())
        self._held_at_sweep = self._damages = 0
        self.may_go_back = False  # a restore, or a wrong bookmark, has made earlier states true again
        self.ambiguous = False  # a restore gives numbers twice: equal versions may be different states
        self.readers = [self.new_reader() for _ in range(2)]
        self.fast = self.new_reader()
        self.waiting: dict[int, tuple[str, Waiting]] = {}

    def new_reader(self) -> FoldingReader:
        reader = FoldingReader(self.delivery)
        if self.ambiguous:
            reader.agree = same_version
        return reader

    def become_ambiguous(self) -> None:
        """A restore gives numbers twice."""
        self.ambiguous = True
        for reader in [*self.readers, self.fast]:
            reader.agree = same_version

    # What is there.

    @property
    def versions(self) -> dict[str, tuple[str, int]]:
        entries = self.cache.entries
        return {key.removeprefix("default/"): (e.uid, int(e.resource_version)) for key, e in entries.items()}

    def objects(self) -> dict[str, Known]:
        reader = self.cache.reader
        return {key: loaded(lambda: reader.load(key, entry)) for key, entry in self.cache.entries.items()}  # noqa: B023 - called at once

    def check_equals(self, states: dict[str, State]) -> None:
        """The store is this state of the server, and each object is what the server has."""
        assert self.versions == {name: state[:2] for name, state in states.items()}
        if not self.ambiguous:
            for key, item in self.objects().items():
                name = key.removeprefix("default/")
                assert item is None or item == self._kept(name, states[name])

    def _kept(self, name: str, state: State) -> dict[str, Any]:
        item = content(name, state)
        if self.retain in {"metadata", "keys"}:
            del item["spec"]
        return item

    # What happens.

    def write(self, write: CacheWrite | None) -> None:
        if isinstance(write, Sweep):
            at_once(self.delivery.complete(write))
            assert self.cache._unseen == 0
        elif write is not None:
            if isinstance(write, BeginSweep):
                self._kinds.begin()
                self._held_at_sweep = len(self.cache.entries)
            else:
                self._kinds.accept(write.identity)
            self.delivery.apply(write)
        if self.machine.position is not None:
            self.delivery.reached(self.machine.position)
        self.fast.take()
        self.fast.check_agrees(self.objects())
        for wanted, waiter in self.waiting.values():
            was_done = waiter.is_done
            waiter.look()
            assert was_done or not waiter.is_done or has_reached(self.cache.resource_version, wanted), "told too early"

    def _look(self, change: Change) -> None:
        old, new = change.old, change.new
        assert old is not None or new is not None
        if old is not None and new is not None:
            assert old.uid == new.uid, "another object is no change of this one"
            assert old.resource_version != new.resource_version, "an event about an unchanged object"
            assert self.may_go_back or int(old.resource_version) < int(new.resource_version), "back in time"
        self._publish(change)

    def train(self) -> None:
        """As the dictionary's task does when it is told that there are samples; the rest is `recode`."""
        codec = self.cache.codec.compression
        if codec is None or not codec.has_enough_samples:
            return
        dictionary = compression.train(codec.take_samples())
        if dictionary is not None:
            codec.install(dictionary)
            self._recoding = self.cache.recode()

    def recode(self, strides: int) -> None:
        for _, _ in zip(range(strides), self._recoding, strict=False):
            pass

    def damage(self, key: str, at: int) -> None:
        """Overwrite a byte of what is kept of an object: reads of it fail, and of nothing else."""
        before, entry = self.objects(), self.cache.entries[key]
        if not isinstance(entry.body, bytes) or self.cache.codec.compression is None or before[key] is None:
            return
        self._damages += 1
        damaged = bytearray(entry.body)
        damaged[at % len(damaged)] ^= 0xFF
        entry.body = bytes(damaged)
        assert self.objects() == {**before, key: None}, "damage that was not seen"

    def repair(self) -> None:
        """Fetch again what a read has found damaged. What is left has another version on the server by now."""
        at_once(self._repair._mend_all())
        assert all(self.cache.entries[key] is entry for key, entry in self._repair._damaged.items())

    def wait_for(self, version: int) -> None:
        waiter = Waiting(self.delivery.wait_until_reached(str(version)))
        self.waiting[id(waiter)] = (str(version), waiter)

    def stop_waiting(self) -> None:
        _, (_, waiter) = self.waiting.popitem()
        waiter.cancel()

    # What holds between steps.

    def check_bounds(self) -> None:
        cache = self.cache
        entries = cache.entries.values()
        assert cache._unseen == sum(entry.generation != cache._generation for entry in entries)
        assert cache._unseen <= self._held_at_sweep, "the reuse pool holds more than the store did"
        assert cache.stored_bytes == sum(len(e.body) for e in entries if isinstance(e.body, bytes))
        codec = cache.codec.compression
        if codec is not None:
            assert len(codec._samples) <= compression.SAMPLE_COUNT
            assert codec._sample_bytes == sum(map(len, codec._samples))
            assert codec._sample_bytes < compression.SAMPLE_BYTES + compression.LARGEST_SAMPLE
            assert codec.current <= compression.DICTIONARY_LIMIT
        for reader in [*self.readers, self.fast]:
            reader.check_bounds(set(cache.entries))
        assert len(self.delivery._subscribers) == len(self.readers) + 1
        assert len(self._repair._damaged) <= self._damages

    def check_waiting(self) -> None:
        open_waits = 0
        for wanted, waiter in self.waiting.values():
            reached = has_reached(self.cache.resource_version, wanted)
            assert waiter.is_done or not reached, "it waits for what is there"
            open_waits += not waiter.is_done
        assert len(self.delivery._waiters) == open_waits
