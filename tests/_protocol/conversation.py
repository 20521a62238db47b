"""One informer, one server, and everything that can go wrong between them: the state machine that `test_model` runs.

The rules are what servers, networks and readers do. Only few rules end an answer, and some rules let everything go well
for a while. Otherwise hardly any example would get to a second snapshot.
"""

from typing import Any
from unittest import mock

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests._protocol.model_client import Client
from tests._protocol.reference_server import Habits, Page, Server, Stream
from tests._protocol.wire import (
    GARBAGE,
)

from kubeinformer import Retain
from kubeinformer._protocol.requests import Fetch, ListFetch, ProofFetch, WatchFetch
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.steps import BeginSweep, CacheWrite, Phase, Reauthenticate, Send, Sweep, Wait
from kubeinformer._protocol.timing import Timing
from kubeinformer._protocol.versions import has_reached
from kubeinformer._protocol.watch_events import Bookmark, ObjectEvent
from kubeinformer.errors import ProtocolError

_NAMES = "abcdef"
_names = st.sampled_from(_NAMES)
_seldom = st.sampled_from([False, False, True])
_habits = st.builds(
    Habits,
    refuses_watch_list=st.booleans(),
    ignores_watch_list=_seldom,
    ignores_limit=_seldom,
    mixes_versions=_seldom,
    repeats_pages=_seldom,
    lag=st.integers(0, 3),
)
_jitters = st.floats(0, 1, exclude_max=True)
_RETAINED: tuple[Retain, ...] = ("compressed", "compressed", "bytes", "objects", "metadata", "keys")
_UNHAPPY = {
    "503": Status(503, "ServiceUnavailable"),
    "429": Status(429, "TooManyRequests", retry_after=5.0),
    "401": Status(401, "Unauthorized"),
    "403": Status(403, "Forbidden"),
    "404": Status(404, "NotFound"),
    "400": Status(400, "BadRequest"),
    "410": Status(410, "Expired"),
}
_IN_STREAM = (Status(500), Status(429, retry_after=3.0), Status(410, "Expired"), Status(410), Status(400))
_LATE_AND_DROPPED = 2  # in a row; a third may not happen to be the one across which the server is restored
_FEW: dict[str, Any] = {"SAMPLE_COUNT": 1, "WINDOW": 1, "DEGRADED": 0.0, "DICTIONARY_LIMIT": 2}


class Conversation(RuleBasedStateMachine):
    """One informer, one server, and everything that can go wrong between them."""

    def __init__(self) -> None:
        super().__init__()
        # Dictionaries are made of a few samples, and several times in an example.
        self.few = mock.patch.multiple("kubeinformer._cache.compression", **_FEW)
        self.few.start()
        self.server = Server()
        self.client = Client(self.server, "compressed")
        self.machine = self.client.machine
        self.now = 0.0
        self.answer: Stream | Page | None = None
        self.items_read = 0
        self.is_mixing = False  # whether the page that is read comes from a server that breaks the snapshot
        self.life = 0  # in which life of the server the position was learned
        self.rushed = 0  # requests since the last wait or the last answer that was of use
        self.owes_wait = False
        self.pages = 0  # of one list
        self.late = 0  # watches in a row that were dropped because their answer came late
        self.ahead: int | None = None  # the store is this version, which is later than the position

    @initialize(
        names=st.sampled_from(["", "ac", _NAMES[:-1], _NAMES]), habits=_habits, retain=st.sampled_from(_RETAINED)
    )
    def begin(self, names: str, habits: Habits, retain: Retain) -> None:
        self.client = Client(self.server, retain)
        self.machine = self.client.machine
        for name in names:
            self.server.put(name, same_uid=False)
        self.server.habits = habits

    # What every write must leave behind.

    def write(self, write: CacheWrite | None) -> None:
        if isinstance(write, Sweep):
            version = int(write.resource_version)
            self.life = self.server.lives
            if isinstance(self.answer, Stream) and self.answer.end is not None and self.answer.end > version:
                self.ahead, version = self.answer.end, self.answer.end
                self.client.may_go_back = True
            self.client.write(write)
            self.client.check_equals(self.server.state_at(version))
        else:
            self.pages = 0 if isinstance(write, BeginSweep) else self.pages
            self.client.write(write)

    # The server's side.

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

    @rule(behind=st.integers(0, 3), elsewhere=st.booleans())
    def compact(self, behind: int, *, elsewhere: bool) -> None:
        if elsewhere:
            self.server.change_elsewhere()
        self.server.compact(self.server.version - behind)

    @rule(habits=_habits)
    def upgrade(self, habits: Habits) -> None:
        self.server.habits = habits

    def restart(self) -> None:
        """Its watch cache starts at the newest version."""
        self.server.compact(self.server.version)
        self.lose()

    def restore(self, back: int, *, reuses_numbers: bool, writes_again: bool = False) -> None:
        self.lose()
        self.server.restore(back, reuses_numbers=reuses_numbers, writes_again=writes_again)
        self.client.may_go_back = True
        if reuses_numbers:
            self.client.become_ambiguous()
        self.now += Timing().proof_after * 1.01  # the servers were stopped for it; more than rounding takes off
        self.rushed = 0  # as in `pass_time`

    # The network's side.

    @precondition(lambda self: self.answer is None)
    @rule(jitter=_jitters)
    def connect(self, jitter: float = 0.5) -> None:
        """Do what the machine says until a request has been answered."""
        self.answer_to(self.next_request(jitter).fetch)

    def answer_to(self, fetch: Fetch) -> None:
        if isinstance(fetch, ProofFetch):
            refusal = self.server.proof(fetch)
            if refusal is None:
                self.machine.opened(self.now)
            else:
                self.machine.refused(refusal, refusal.retry_after, self.now)
            return
        answer = self.server.list(fetch) if isinstance(fetch, ListFetch) else self.server.watch(fetch, self.life)
        if isinstance(answer, Status):
            self.machine.refused(answer, answer.retry_after, self.now)
            return
        write = self.machine.opened(self.now)
        if not self.machine.is_open:
            self.late += 1
            return
        self.answer, self.items_read = answer, 0
        self.is_mixing = self.server.habits.mixes_versions
        self.late = 0 if isinstance(fetch, WatchFetch) else self.late
        self.write(write)
        self.opened()

    def opened(self) -> None:
        """An answer begins to arrive."""

    @precondition(lambda self: self.answer is None)
    @rule(trouble=st.sampled_from(["nobody", "a comparison", *_UNHAPPY]), jitter=_jitters)
    def connect_in_vain(self, trouble: str, jitter: float) -> None:
        fetch = self.next_request(jitter).fetch
        if isinstance(fetch, ProofFetch) and trouble in {"400", "403"}:
            trouble = "nobody"  # who may not ask for a proof goes on without: then nobody can know
        if trouble == "a comparison" and self.machine.position is not None:
            self.machine.resync()  # so the answer is dropped when it comes
            assert self.machine.opened(self.now) is None
            self.rushed = 0
        elif trouble in {"nobody", "a comparison"}:
            self.machine.broken(self.now)
        else:
            self.machine.refused(_UNHAPPY[trouble], _UNHAPPY[trouble].retry_after, self.now)

    def next_request(self, jitter: float) -> Send:
        for _ in range(3):
            match self.machine.next_step(self.now, jitter):
                case Wait(seconds):
                    assert seconds >= 0
                    self.now += seconds
                    self.rushed, self.owes_wait = 0, False
                case Reauthenticate():
                    pass
                case Send() as send:
                    # At once: after a first 410, after a refused watch-list; both in a row make three requests.
                    assert not self.owes_wait, "a broken connection is opened again at once"
                    self.rushed += 1
                    assert self.rushed <= 3, "a server that refuses is hammered"
                    return send
        raise AssertionError("the machine waits twice for one reason")

    @precondition(lambda self: not isinstance(self.answer, Page))
    @rule(events=st.integers(0, 5), early=st.booleans())
    def deliver(self, events: int, *, early: bool = False) -> None:
        if self.answer is None:
            self.connect()
        for _ in range(events):
            if not isinstance(self.answer, Stream):
                return
            event = self.server.next_event(self.answer, early=early)
            if event is not None:
                self.send(event)
            elif self.answer.ends_initial:
                self.send(self.server.end_bookmark(self.answer))

    @precondition(lambda self: isinstance(self.answer, Stream) and bool(self.answer.initial))
    @rule(data=st.data())
    def shuffle(self, data: st.DataObject) -> None:
        assert isinstance(self.answer, Stream)
        self.answer.initial = data.draw(st.permutations(self.answer.initial))

    @precondition(lambda self: isinstance(self.answer, Stream) and bool(self.answer.sent))
    @rule(index=st.integers(0, 20))
    def repeat(self, index: int) -> None:
        assert isinstance(self.answer, Stream)
        self.send(self.server.repeated(self.answer, index))

    @precondition(lambda self: isinstance(self.answer, Stream))
    @rule()
    def send_plain_bookmark(self) -> None:
        assert isinstance(self.answer, Stream)
        self.send(self.server.plain_bookmark(self.answer))

    @precondition(lambda self: isinstance(self.answer, Stream) and self.answer.ends_initial and not self.answer.initial)
    @rule(behind=st.sampled_from([0, 0, 0, 1, 3]))
    def send_end_bookmark(self, behind: int) -> None:
        assert isinstance(self.answer, Stream)
        self.send(self.server.end_bookmark(self.answer, behind))

    def send(self, event: ObjectEvent | Bookmark) -> None:
        self.receive(event)

    def receive(self, event: ObjectEvent | Bookmark) -> None:
        try:
            write = self.machine.receive(event, self.now)
        except ProtocolError:
            self.machine.broken(self.now)
            write = None
        self.write(write)
        if not self.machine.is_open:
            self.lose()

    @precondition(lambda self: not isinstance(self.answer, Stream))
    @rule(items=st.integers(0, 3))
    def read_page(self, items: int) -> None:
        if self.answer is None:
            self.connect()
        if not isinstance(self.answer, Page):
            return
        # Servers send a list's metadata first. Of one that breaks the snapshot and sends it last, items would be in the
        # store before anybody can know: that store is nobody's state until the next list, and there is nothing to hold.
        if self.is_mixing and not self.items_read and not self.is_accepted():
            return
        for item in self.answer.items[self.items_read : self.items_read + items]:
            self.items_read += 1
            self.write(self.machine.receive_item(item))

    @precondition(lambda self: isinstance(self.answer, Page))
    @rule()
    def end_page(self) -> None:
        assert isinstance(self.answer, Page)
        page = self.answer
        self.read_page(len(page.items))
        if self.answer is not page or not self.is_accepted():
            return
        self.write(self.machine.page_complete(page.meta, 100, len(page.items)))
        self.answer = None
        self.page_was_of_use()

    def is_accepted(self) -> bool:
        assert isinstance(self.answer, Page)
        try:
            self.machine.accept_page(self.answer.meta)
        except ProtocolError:
            self.lose()
            return False
        return True

    @precondition(lambda self: self.answer is not None)
    @rule(data=st.data(), kind=st.sampled_from(["cut", "cut", "error", "garbage", "restart", "restore"]))
    def end_badly(self, data: st.DataObject, kind: str) -> None:
        """One rule for all that ends an answer: several would leave hardly any stream alive for long."""
        match kind:
            case "error" if isinstance(self.answer, Stream):
                self.send_error(data.draw(st.sampled_from(_IN_STREAM)))
            case "garbage":
                self.send_garbage(data.draw(st.sampled_from(GARBAGE)))
            case "restart":
                self.restart()
            case "restore":
                self.restore(data.draw(st.integers(1, 4)), reuses_numbers=data.draw(st.booleans()))
            case _:
                self.cut(data)

    @precondition(lambda self: self.answer is None)
    @rule(back=st.integers(1, 4), reuses_numbers=st.booleans(), writes_again=st.booleans())
    def restore_unseen(self, back: int, *, reuses_numbers: bool, writes_again: bool) -> None:
        self.restore(back, reuses_numbers=reuses_numbers, writes_again=writes_again)

    @precondition(lambda self: self.answer is None and self.late < _LATE_AND_DROPPED)
    @rule(back=st.integers(1, 4), reuses_numbers=st.booleans(), writes_again=st.booleans(), jitter=_jitters)
    def restore_while_it_waits(self, back: int, jitter: float, *, reuses_numbers: bool, writes_again: bool) -> None:
        """A request that the kernel has taken while no server ran; the restored one answers it."""
        fetch = self.next_request(jitter).fetch
        self.restore(back, reuses_numbers=reuses_numbers, writes_again=writes_again)
        self.answer_to(fetch)

    def cut(self, data: st.DataObject) -> None:  # noqa: ARG002 - where is drawn where there are bytes
        self.lose()

    def page_was_of_use(self) -> None:
        self.rushed = 0
        self.pages += 1
        assert self.pages <= 1 + len(_NAMES) // 2, "a list without an end"

    def lose(self) -> None:
        """The connection is gone, and all that was on its way."""
        if self.answer is not None:
            self.answer = None
            self.owes_wait = True
            self.machine.broken(self.now)

    def send_error(self, status: Status) -> None:
        self.answer = None
        self.machine.refused(status, status.retry_after, self.now)

    def send_garbage(self, line: bytes) -> None:  # noqa: ARG002 - what it is matters where there are bytes
        self.lose()

    @rule(times=st.integers(1, 5))
    def go_well(self, times: int) -> None:
        for _ in range(times):
            self.client.train()
            self.advance()

    @rule(seconds=st.floats(0, 700))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.rushed = self.rushed if seconds < 1 else 0

    # The readers' side, and what goes on beside.

    @rule(data=st.data(), events=st.integers(1, 4))
    def read(self, data: st.DataObject, events: int) -> None:
        if self.client.readers:
            data.draw(st.sampled_from(self.client.readers)).take(events)

    @precondition(lambda self: len(self.client.readers) < 5)
    @rule()
    def subscribe(self) -> None:
        self.client.readers.append(self.client.new_reader())

    @precondition(lambda self: self.client.readers)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.client.readers) - 1))
        self.client.readers.pop(index).close()

    @rule(ahead=st.integers(-1, 2))
    def wait_for(self, ahead: int) -> None:
        self.client.wait_for(self.server.version + ahead)

    @precondition(lambda self: self.client.waiting)
    @rule()
    def stop_waiting(self) -> None:
        self.client.stop_waiting()

    @rule(strides=st.integers(0, 2))
    def train(self, strides: int) -> None:
        self.client.train()
        self.client.recode(strides)

    @precondition(lambda self: self.client.cache.entries)
    @rule(data=st.data(), at=st.integers(0, 1_000))
    def damage(self, data: st.DataObject, at: int) -> None:
        self.client.damage(data.draw(st.sampled_from(sorted(self.client.cache.entries))), at)

    @rule()
    def find_difference(self) -> None:
        """Who compares the store with the server says that they differ; a live stream is given up."""
        had_position = self.machine.position is not None
        self.machine.resync()
        if had_position:
            self.answer = None
            self.rushed = 0

    @rule()
    def repair(self) -> None:
        self.client.repair()

    # What always holds.

    @invariant()
    def store_is_the_servers_state_at_the_position(self) -> None:
        position = self.machine.position
        if position is None:
            self.ahead = None
            return
        if self.ahead is not None and int(position) >= self.ahead:
            self.ahead = None
        if self.ahead is None and self.server.knows(int(position), self.life):
            self.client.check_equals(self.server.state_at(int(position)))
        assert self.client.cache.resource_version == position

    @invariant()
    def what_is_held_is_bounded(self) -> None:
        self.client.check_bounds()

    @invariant()
    def who_waits_has_reason_to(self) -> None:
        self.client.check_waiting()

    @invariant()
    def open_is_open(self) -> None:
        assert self.machine.is_open == (self.answer is not None)
        assert (self.machine.phase is Phase.WAITING) == (self.answer is None)

    def teardown(self) -> None:
        try:
            self.come_to_rest()
            self.check_end()
        finally:
            self.few.stop()

    def come_to_rest(self) -> None:
        """All is well from now on."""
        self.server.habits = Habits(ignores_watch_list=self.server.habits.ignores_watch_list)
        for _ in range(60):
            self.advance()
            if self.machine.phase is Phase.LIVE:
                self.advance()
                break
            if isinstance(self.answer, Stream):  # one that ignores what was asked: the machine has to see that
                self.now += 60
                self.lose()
        if isinstance(self.answer, Stream):
            self.send(self.server.plain_bookmark(self.answer))
            self.all_arrives()
        self.client.repair()

    def advance(self) -> None:
        """All that is due comes."""
        match self.answer:
            case None:
                self.connect()
            case Page():
                self.end_page()
            case Stream():
                self.deliver(2 * len(_NAMES) + self.server.pending_changes)
                self.all_arrives()

    def all_arrives(self) -> None:
        """Nothing is on its way any more."""

    def check_end(self) -> None:
        """So the store must be the server's latest state, and the readers' too."""
        client, server = self.client, self.server
        assert self.machine.phase is Phase.LIVE
        assert self.machine.position == str(server.version)
        client.check_equals(server.latest)
        assert None not in client.objects().values(), "damage was not mended"
        for reader in [*client.readers, client.fast, client.new_reader()]:
            reader.take()
            assert reader.synced == 1
            reader.check_agrees(client.objects())
            reader.close()
            assert reader.subscription.pending == 0
        assert client.delivery.subscriptions == (0, 0)
        for wanted, waiter in client.waiting.values():
            waiter.look()
            assert waiter.is_done == has_reached(str(server.version), wanted) or waiter.is_done
            waiter.cancel()
        assert not client.delivery._waiters
