"""However streams are cut, versions expire and objects come and go: the store is a snapshot, and in the end the latest.

The machine, the cache and the readers run against a reference server. Rules are what servers, networks and readers do;
after each step every reader's folded events must agree with the store, and whenever the machine has a position the
store must equal the server's state at that version.

Seeded bugs die only because of all of these: resyncs that are interrupted, plain bookmarks among initial events, the
snapshot compared at every version, versions that stay expired, and the final state compared in `teardown`.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests._protocol.reference_server import RESOURCE, Page, Server, Stream, Versions

from kubeinformer import Added, Deleted, Event, Synced, Updated
from kubeinformer._cache.cache import Cache
from kubeinformer._cache.codecs import make_codec
from kubeinformer._cache.entries import Change
from kubeinformer._cache.reader import Reader
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.requests import ListFetch, ProofFetch
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.steps import CacheWrite, Phase, Reauthenticate, Send, Sweep, Wait
from kubeinformer._protocol.timing import Timing
from kubeinformer._protocol.watch_events import Bookmark, ObjectEvent
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.subscription import Subscription

_NAMES = "abcde"
_names = st.sampled_from(_NAMES)
_UNHAPPY = {
    "503": Status(503, "ServiceUnavailable"),
    "429": Status(429, "TooManyRequests", retry_after=5.0),
    "401": Status(401, "Unauthorized"),
    "403": Status(403, "Forbidden"),
    "404": Status(404, "NotFound"),
    "400": Status(400, "BadRequest"),
}


def at_once(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


class FoldingReader:
    """A reader that knows nothing but its events, and holds each to what it knew before."""

    def __init__(self, delivery: Delivery[dict[str, Any]]) -> None:
        self.subscription: Subscription[dict[str, Any]] = delivery.subscribe()
        at_once(self.subscription.__aenter__())  # type: ignore[arg-type] # what it returns is not looked at
        self.state: dict[str, dict[str, Any]] = {}
        self.synced = 0

    def take(self, most: int = 1_000) -> None:
        for _ in range(most):
            event = self.subscription._take()
            if event is None:
                break
            self.fold(event)

    def fold(self, event: Event[dict[str, Any]]) -> None:
        match event:
            case Added(key=key, object=new):
                assert key not in self.state
                self.state[key] = new
            case Updated(key=key, old=old, object=new):
                assert old == self.state[key]
                assert old["metadata"]["uid"] == new["metadata"]["uid"]
                assert old != new
                self.state[key] = new
            case Deleted(key=key, object=last, final_state_known=known):
                seen = self.state.pop(key)
                assert seen["metadata"]["uid"] == last["metadata"]["uid"]
                assert known or int(seen["metadata"]["resourceVersion"]) <= int(last["metadata"]["resourceVersion"])
            case Synced():
                self.synced += 1
                assert self.synced == 1


class Conversation(RuleBasedStateMachine):
    """One informer, one server, and everything that can go wrong between them."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.machine = ListWatch(RESOURCE)
        codec = make_codec("compressed", "v1")
        self.cache = Cache(RESOURCE, codec, Reader(RESOURCE, codec))
        self.delivery = Delivery(self.cache)
        self.delivery._publish = self.publishing(self.delivery._publish)  # type: ignore[method-assign, assignment] # looks on
        self.now = 0.0
        self.answer: Stream | Page | None = None
        self.items_read = 0
        self.restored = False
        self.readers = [FoldingReader(self.delivery) for _ in range(2)]
        self.fast = FoldingReader(self.delivery)

    def publishing(self, publish: Callable[[Change], None]) -> Callable[[Change], None]:
        def look(change: Change) -> None:
            old, new = change.old, change.new
            assert old is not None or new is not None
            if old is not None and new is not None:
                assert old.uid == new.uid
                assert old.resource_version != new.resource_version, "an event about an unchanged object"
                assert self.restored or int(old.resource_version) < int(new.resource_version), "back in time"
            publish(change)

        return look

    # What the store says.

    @property
    def versions(self) -> Versions:
        return {
            key.removeprefix("default/"): (entry.uid, int(entry.resource_version))
            for key, entry in self.cache.entries.items()
        }

    def write(self, write: CacheWrite | None) -> None:
        if isinstance(write, Sweep):
            at_once(self.delivery.complete(write))
            assert self.versions == self.server.state_at(int(write.resource_version))
            assert self.cache._unseen == 0
        elif write is not None:
            self.delivery.apply(write)
        self.fast.take()
        assert self.fast.state == {key: self.cache.reader.load(key, e) for key, e in self.cache.entries.items()}

    # The server's side.

    @initialize(names=st.lists(_names, unique=True), patience=st.booleans())
    def begin(self, names: list[str], *, patience: bool) -> None:
        for name in names:
            self.server.put(name, same_uid=False)
        self.server.refuses_watch_list = patience

    @rule(name=_names, same_uid=st.booleans())
    def put(self, name: str, *, same_uid: bool) -> None:
        self.server.put(name, same_uid=same_uid)

    @precondition(lambda self: self.server.latest)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.server.delete(data.draw(st.sampled_from(sorted(self.server.latest))))

    @precondition(lambda self: self.server.latest)
    @rule(data=st.data(), same_uid=st.booleans())
    def recreate(self, data: st.DataObject, *, same_uid: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.server.latest)))
        self.server.delete(name)
        self.server.put(name, same_uid=same_uid)

    @rule()
    def change_elsewhere(self) -> None:
        self.server.change_elsewhere()

    @rule(behind=st.integers(0, 3))
    def compact(self, behind: int) -> None:
        self.server.compact(self.server.version - behind)

    @rule(refuses=st.booleans(), ignores=st.booleans(), limitless=st.booleans())
    def upgrade(self, *, refuses: bool, ignores: bool, limitless: bool) -> None:
        self.server.refuses_watch_list, self.server.ignores_watch_list = refuses, ignores
        self.server.ignores_limit = limitless

    @rule()
    def restart(self) -> None:
        """Its watch cache starts at the newest version."""
        self.server.compact(self.server.version)
        self.cut()

    @rule(back=st.integers(1, 4))
    def restore(self, back: int) -> None:
        self.server.restore(back)
        self.restored = True
        self.cut()
        self.now += Timing().proof_after  # the servers were stopped for it

    # The network's side.

    @precondition(lambda self: self.answer is None)
    @rule(jitter=st.floats(0, 1, exclude_max=True))
    def connect(self, jitter: float = 0.5) -> None:
        """Do what the machine says until a request has been answered."""
        send = self.next_request(jitter)
        if isinstance(send.fetch, ProofFetch):
            refusal = self.server.proof(send.fetch)
            if refusal is None:
                self.machine.opened(self.now)
            else:
                self.machine.refused(refusal, refusal.retry_after, self.now)
            return
        answer = self.server.list(send.fetch) if isinstance(send.fetch, ListFetch) else self.server.watch(send.fetch)
        if isinstance(answer, Status):
            self.machine.refused(answer, answer.retry_after, self.now)
            return
        self.answer, self.items_read = answer, 0
        self.write(self.machine.opened(self.now))

    @precondition(lambda self: self.answer is None)
    @rule(trouble=st.sampled_from(["nobody", *_UNHAPPY]), jitter=st.floats(0, 1, exclude_max=True))
    def connect_in_vain(self, trouble: str, jitter: float) -> None:
        self.next_request(jitter)
        if trouble == "nobody":
            self.machine.broken(self.now)
        else:
            self.machine.refused(_UNHAPPY[trouble], _UNHAPPY[trouble].retry_after, self.now)

    def next_request(self, jitter: float) -> Send:
        for _ in range(3):
            match self.machine.next_step(self.now, jitter):
                case Wait(seconds):
                    self.now += seconds
                case Reauthenticate():
                    pass
                case Send() as send:
                    return send
        raise AssertionError("the machine waits twice for one reason")

    @precondition(lambda self: isinstance(self.answer, Stream))
    @rule(events=st.integers(1, 4))
    def deliver(self, events: int = 1) -> None:
        for _ in range(events):
            if not isinstance(self.answer, Stream):
                return
            event = self.server.next_event(self.answer)
            if event is not None:
                self.receive(event)
            elif self.answer.ends_initial:
                self.receive(self.server.end_bookmark(self.answer))

    @precondition(lambda self: isinstance(self.answer, Stream) and bool(self.answer.initial))
    @rule(data=st.data())
    def shuffle(self, data: st.DataObject) -> None:
        assert isinstance(self.answer, Stream)
        self.answer.initial = data.draw(st.permutations(self.answer.initial))

    @precondition(lambda self: isinstance(self.answer, Stream))
    @rule()
    def send_plain_bookmark(self) -> None:
        assert isinstance(self.answer, Stream)
        self.receive(self.server.plain_bookmark(self.answer))

    @precondition(lambda self: isinstance(self.answer, Stream) and self.answer.ends_initial and not self.answer.initial)
    @rule()
    def send_end_bookmark(self) -> None:
        assert isinstance(self.answer, Stream)
        self.receive(self.server.end_bookmark(self.answer))

    def receive(self, event: ObjectEvent | Bookmark) -> None:
        self.write(self.machine.receive(event, self.now))
        if not self.machine.is_open:
            self.cut()

    @precondition(lambda self: isinstance(self.answer, Page))
    @rule(items=st.integers(0, 3))
    def read_page(self, items: int) -> None:
        assert isinstance(self.answer, Page)
        for item in self.answer.items[self.items_read : self.items_read + items]:
            self.items_read += 1
            self.write(self.machine.receive_item(item))

    @precondition(lambda self: isinstance(self.answer, Page))
    @rule()
    def end_page(self) -> None:
        assert isinstance(self.answer, Page)
        page = self.answer
        self.read_page(len(page.items))
        self.answer = None
        self.machine.accept_page(page.meta)
        self.write(self.machine.page_complete(page.meta, 100, len(page.items)))

    @rule()
    def cut(self) -> None:
        if self.answer is not None:
            self.answer = None
            self.machine.broken(self.now)

    @precondition(lambda self: isinstance(self.answer, Stream))
    @rule(status=st.sampled_from([Status(500), Status(429, retry_after=3.0), Status(410, "Expired"), Status(400)]))
    def send_error(self, status: Status) -> None:
        self.answer = None
        self.machine.refused(status, status.retry_after, self.now)

    @rule(seconds=st.floats(0, 700))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    # The readers' side.

    @rule(data=st.data(), events=st.integers(1, 4))
    def read(self, data: st.DataObject, events: int) -> None:
        data.draw(st.sampled_from(self.readers)).take(events)

    @precondition(lambda self: len(self.readers) < 5)
    @rule()
    def subscribe(self) -> None:
        self.readers.append(FoldingReader(self.delivery))

    # What always holds.

    @invariant()
    def store_is_the_servers_state_at_the_position(self) -> None:
        position = self.machine.position
        if position is not None and int(position) in self.server._states:
            assert self.versions == self.server.state_at(int(position))

    @invariant()
    def what_is_counted_is_what_is_there(self) -> None:
        entries = self.cache.entries.values()
        assert self.cache._unseen == sum(entry.generation != self.cache._generation for entry in entries)
        assert self.cache.stored_bytes == sum(len(entry.body) for entry in entries)

    @invariant()
    def readers_hold_one_change_for_each_key(self) -> None:
        for reader in self.readers:
            assert reader.subscription.pending <= 2 * len(_NAMES) + 2

    @invariant()
    def open_is_open(self) -> None:
        assert self.machine.is_open == (self.answer is not None)
        assert (self.machine.phase is Phase.WAITING) == (self.answer is None)

    def teardown(self) -> None:
        """All is well from now on: so the store must become the server's latest state, and the readers' too."""
        self.server.refuses_watch_list = self.server.ignores_limit = False
        for _ in range(60):
            match self.answer:
                case None:
                    self.connect()
                case Page():
                    self.end_page()
                case Stream():
                    self.deliver(2 * len(_NAMES) + len(self.server._history))
                    if self.machine.phase is Phase.LIVE:
                        break
                    if self.answer is not None:  # a stream that ignores what was asked: the machine has to see that
                        self.now += 60
                        self.cut()
        assert self.machine.phase is Phase.LIVE
        assert self.versions == self.server.latest
        for reader in [*self.readers, self.fast, FoldingReader(self.delivery)]:
            reader.take()
            assert reader.synced == 1
            found = {key.removeprefix("default/"): _version(item) for key, item in reader.state.items()}
            assert found == self.server.latest


def _version(item: dict[str, Any]) -> tuple[str, int]:
    version = int(item["metadata"]["resourceVersion"])
    assert item["spec"] == {"seen": version}
    assert json.dumps(item)
    return item["metadata"]["uid"], version


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
