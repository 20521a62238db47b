"""The table of the protocol's notes, row by row: what comes in, what the machine then says and asks.

Jitter is 1 unless a test says otherwise, so every delay shows its upper bound; time moves only when a test moves it.
"""

import math
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.pages import ListItem, PageMeta
from kubeinformer._protocol.requests import (
    Collection,
    Fetch,
    ListFetch,
    ProofFetch,
    WatchFetch,
    WatchListFetch,
    build_request,
)
from kubeinformer._protocol.status import Cause, Status
from kubeinformer._protocol.steps import (
    BeginSweep,
    CacheWrite,
    Phase,
    Reauthenticate,
    Remove,
    Send,
    Sweep,
    Upsert,
    Wait,
)
from kubeinformer._protocol.timing import Timing
from kubeinformer._protocol.watch_events import Bookmark, EventType, ObjectEvent
from kubeinformer.errors import ProtocolError
from kubeinformer.resources import Resource

EXPIRED = Status(410, "Expired", "too old resource version: 1 (20816)")
GONE = Status(410, "Gone")
TOO_LARGE = Status(
    504, "Timeout", "Too large resource version: 9, current: 7", (Cause("ResourceVersionTooLarge", "", ""),), 1.0
)
BUSY = Status(429, "TooManyRequests")
BROKEN = Status(500, "InternalError")

WATCH_LIST = WatchListFetch(600)
FIRST_PAGE = ListFetch(4)


def identity(name: str, version: int) -> Identity:
    return Identity(name, "default", f"uid-of-{name}", str(version), "Pod", "v1")


def event(event_type: EventType, name: str, version: int) -> ObjectEvent:
    return ObjectEvent(event_type, identity(name, version), f"{name}@{version}".encode())


def added(name: str, version: int) -> ObjectEvent:
    return event(EventType.ADDED, name, version)


def modified(name: str, version: int) -> ObjectEvent:
    return event(EventType.MODIFIED, name, version)


def deleted(name: str, version: int) -> ObjectEvent:
    return event(EventType.DELETED, name, version)


def upsert(name: str, version: int) -> Upsert:
    return Upsert(identity(name, version), f"{name}@{version}".encode())


def remove(name: str, version: int) -> Remove:
    return Remove(identity(name, version), f"{name}@{version}".encode())


def meta(version: int, token: str = "", kind: str = "Pod") -> PageMeta:
    return PageMeta(str(version), token, kind, "v1", None, None)


class Talk:
    """The shell's side of the conversation."""

    def __init__(self, timing: Timing | None = None) -> None:
        # Proofs have tests of their own: for all others no silence is long.
        self.machine = ListWatch("v1/pods", timing or Timing(proof_after=math.inf))
        self.now = 1_000.0
        self.jitter = 1.0

    def ask(self) -> Fetch:
        """What is asked for now, without any wait."""
        step = self.machine.next_step(self.now, self.jitter)
        assert isinstance(step, Send), step
        return step.fetch

    def wait(self) -> float:
        """What is waited for now. Time passes."""
        step = self.machine.next_step(self.now, self.jitter)
        assert isinstance(step, Wait), step
        self.now += step.seconds
        return step.seconds

    def phase(self) -> Phase:
        return self.machine.phase

    def is_open(self) -> bool:
        return self.machine.is_open

    def position(self) -> str | None:
        return self.machine.position

    def opened(self) -> BeginSweep | None:
        return self.machine.opened(self.now)

    def receive(self, *events: ObjectEvent | Bookmark) -> list[CacheWrite | None]:
        return [self.machine.receive(one, self.now) for one in events]

    def bookmark(self, version: int, *, end: bool = False) -> CacheWrite | None:
        return self.machine.receive(Bookmark(str(version), end), self.now)

    def refused(self, status: Status, retry_after: float | None = None) -> None:
        self.machine.refused(status, retry_after, self.now)

    def broken(self) -> None:
        self.machine.broken(self.now)

    def page(self, page_meta: PageMeta, *items: tuple[str, int], size: int = 100) -> Sweep | None:
        """A whole list body."""
        for name, version in items:
            item = ListItem(identity(name, version), f"{name}@{version}".encode())
            assert self.machine.receive_item(item) == upsert(name, version)
        self.machine.accept_page(page_meta)
        return self.machine.page_complete(page_meta, size, len(items))

    # Ways to get somewhere.

    def initial(self) -> None:
        assert self.ask() == WATCH_LIST
        assert self.opened() == BeginSweep()

    def live(self, version: int = 7) -> None:
        self.initial()
        assert self.bookmark(version, end=True) == Sweep(str(version))

    def paged(self) -> None:
        """Watch-list was refused; the first page is out."""
        assert self.ask() == WATCH_LIST
        self.refused(Status(422, "Invalid"))
        assert self.ask() == FIRST_PAGE

    def later_page(self) -> None:
        """The second page is out."""
        self.paged()
        assert self.opened() == BeginSweep()
        assert self.page(meta(7, "token"), ("a", 1)) is None
        assert self.ask() == ListFetch(32, "token")


@pytest.fixture
def talk() -> Talk:
    return Talk()


# start, or position lost


def test_start_asks_for_a_watch_list_and_begins_a_generation(talk: Talk) -> None:
    assert talk.position() is None
    assert talk.ask() == WATCH_LIST
    assert talk.phase() is Phase.WAITING
    assert not talk.is_open()
    assert talk.machine.read_deadline == 60.0
    assert talk.opened() == BeginSweep()
    assert talk.phase() is Phase.INITIAL
    assert talk.is_open()
    assert talk.position() is None
    assert talk.machine.verb == "watch"


def test_start_in_paged_mode_asks_for_a_small_first_page_and_begins_a_generation(talk: Talk) -> None:
    talk.paged()
    assert talk.machine.verb == "list"
    assert talk.opened() == BeginSweep()
    assert talk.phase() is Phase.PAGING
    assert talk.machine.read_deadline == 60.0


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 300), (0.5, 450), (0.999, 600)])
def test_timeout_seconds_are_spread_over_the_whole_range(talk: Talk, jitter: float, seconds: int) -> None:
    talk.jitter = jitter
    assert talk.ask() == WatchListFetch(seconds)


def test_every_request_on_the_wire() -> None:
    pods = Collection(resource=Resource.parse("v1/pods"))
    watch, rest = "watch=true", "&allowWatchBookmarks=true&timeoutSeconds=600"
    talk = Talk()
    asked = [talk.ask()]
    talk.refused(Status(422))
    for version, token in ((7, "t1"), (7, "t2"), (7, "")):
        asked.append(talk.ask())
        talk.opened()
        talk.page(meta(version, token), ("a", 1), size=10**6)
    asked.append(talk.ask())
    assert [urlencode(build_request(pods, fetch).query) for fetch in asked] == [
        f"{watch}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion={rest}",
        "limit=4",
        "limit=4&continue=t1",
        "limit=4&continue=t2",
        f"{watch}&resourceVersion=7{rest}",
    ]


# initial stream


def test_initial_added_and_modified_are_upserts(talk: Talk) -> None:
    talk.initial()
    assert talk.receive(added("a", 5), added("b", 3), modified("a", 8)) == [
        upsert("a", 5),
        upsert("b", 3),
        upsert("a", 8),
    ]


def test_initial_deleted_is_a_removal(talk: Talk) -> None:
    talk.initial()
    assert talk.receive(added("a", 5), deleted("a", 8)) == [upsert("a", 5), remove("a", 8)]


def test_initial_events_never_give_a_position(talk: Talk) -> None:
    talk.initial()
    for one in (added("a", 50), modified("a", 51), deleted("a", 52), Bookmark("60", ends_initial=False)):
        talk.receive(one)
        assert talk.position() is None
    talk.broken()
    talk.wait()
    assert talk.ask() == WATCH_LIST


def test_initial_plain_bookmark_means_nothing(talk: Talk) -> None:
    talk.initial()
    assert talk.bookmark(9) is None
    assert talk.phase() is Phase.INITIAL
    assert talk.is_open()


def test_initial_end_bookmark_sweeps_and_goes_live_on_the_same_stream(talk: Talk) -> None:
    talk.initial()
    talk.receive(added("a", 5), added("b", 3))
    assert talk.bookmark(7, end=True) == Sweep("7")
    assert talk.position() == "7"
    assert talk.phase() is Phase.LIVE
    assert talk.is_open()
    assert talk.receive(modified("b", 8)) == [upsert("b", 8)]
    assert talk.position() == "8"


@pytest.mark.parametrize("in_stream", [False, True])
@pytest.mark.parametrize("status", [EXPIRED, GONE, Status(500, "Expired")])
def test_initial_410_begins_again_at_once_and_only_once(talk: Talk, status: Status, *, in_stream: bool) -> None:
    for expected in (None, 0.8, 1.6):
        assert talk.ask() == WATCH_LIST
        if in_stream:
            talk.opened()
            talk.receive(added("a", 5))
        talk.refused(status)
        assert not talk.is_open()
        if expected is not None:
            assert talk.wait() == expected


def test_initial_410_is_free_again_after_a_sync(talk: Talk) -> None:
    talk.initial()
    talk.refused(EXPIRED)
    talk.live()
    talk.refused(EXPIRED)
    talk.wait()
    talk.initial()
    talk.refused(EXPIRED)
    assert talk.ask() == WATCH_LIST


@pytest.mark.parametrize("code", [400, 415, 422])
@pytest.mark.parametrize("in_stream", [False, True])
def test_initial_refused_is_paged_at_once_without_backoff(talk: Talk, code: int, *, in_stream: bool) -> None:
    assert talk.ask() == WATCH_LIST
    if in_stream:
        talk.opened()
    talk.refused(Status(code))
    assert not talk.is_open()
    talk.broken()  # the shell drops the connection: settled already
    assert talk.ask() == FIRST_PAGE


def test_refusal_of_the_pages_too_backs_off(talk: Talk) -> None:
    talk.paged()
    talk.refused(Status(400, "BadRequest", "unable to parse the selector"))
    assert talk.wait() == 0.8
    assert talk.ask() == FIRST_PAGE


def test_refused_watch_list_is_tried_again_at_the_first_resync_after_ten_minutes(talk: Talk) -> None:
    start = talk.now
    talk.paged()
    talk.opened()
    assert talk.page(meta(7)) == Sweep("7")
    for minutes, expected in ((9.9, FIRST_PAGE), (10, WATCH_LIST)):
        assert isinstance(talk.ask(), WatchFetch)
        talk.opened()
        talk.now = start + 60 * minutes
        talk.refused(EXPIRED)
        talk.wait()
        talk.now = start + 60 * minutes
        assert talk.ask() == expected
        assert talk.opened() == BeginSweep()
        if expected == FIRST_PAGE:
            talk.page(meta(8))


def test_ten_minutes_alone_are_no_reason_to_resync(talk: Talk) -> None:
    talk.paged()
    talk.opened()
    talk.page(meta(7))
    talk.now += 3_600
    assert talk.ask() == WatchFetch("7", 600)


@pytest.mark.parametrize("status", [BUSY, BROKEN, Status(503), TOO_LARGE, Status(405)])
@pytest.mark.parametrize("in_stream", [False, True])
def test_initial_busy_or_failing_is_asked_the_same_again(talk: Talk, status: Status, *, in_stream: bool) -> None:
    assert talk.ask() == WATCH_LIST
    if in_stream:
        talk.opened()
    talk.refused(status)
    assert talk.wait() == 0.8
    assert talk.ask() == WATCH_LIST


def test_initial_stream_that_breaks_thrice_becomes_pages(talk: Talk) -> None:
    for expected in ((0.8, 1.6, 3.2), (12.8, 25.6, 30.0)):
        for seconds in expected:
            talk.initial()
            talk.receive(added("a", 5))
            talk.broken()
            assert talk.wait() == seconds
        assert talk.ask() == FIRST_PAGE
        talk.broken()
        talk.now += 600  # watch-list is tried again, and three times too
        talk.wait()


def test_initial_streams_that_never_opened_are_no_reason_for_pages(talk: Talk) -> None:
    for _ in range(10):
        assert talk.ask() == WATCH_LIST
        talk.broken()
        talk.wait()


def test_initial_failures_count_in_a_row_a_sync_forgets_them(talk: Talk) -> None:
    for _ in range(2):
        talk.initial()
        talk.broken()
        talk.wait()
    talk.live()
    talk.refused(EXPIRED)
    talk.wait()
    for _ in range(2):
        talk.initial()
        talk.broken()
        talk.wait()
    assert talk.ask() == WATCH_LIST


def test_initial_errors_in_the_stream_count_as_breaks(talk: Talk) -> None:
    for _ in range(3):
        talk.initial()
        talk.refused(BROKEN)
        talk.wait()
    assert talk.ask() == FIRST_PAGE


@pytest.mark.parametrize(
    "one", [modified("a", 9), deleted("a", 9), Bookmark("9", ends_initial=False)], ids=["modified", "deleted", "mark"]
)
def test_initial_stream_without_a_new_object_for_a_minute_becomes_pages(
    talk: Talk, one: ObjectEvent | Bookmark
) -> None:
    talk.initial()
    talk.receive(added("a", 5))
    talk.now += 59.9
    talk.receive(one)
    assert talk.is_open()
    talk.now += 0.1
    [write] = talk.receive(one)
    assert (write is None) is isinstance(one, Bookmark)  # what came is still applied
    assert not talk.is_open()
    talk.broken()  # the shell drops the connection: settled already
    assert talk.wait() == 0.8
    assert talk.ask() == FIRST_PAGE


def test_initial_stream_that_still_brings_objects_is_not_stuck(talk: Talk) -> None:
    talk.initial()
    for number in range(20):
        talk.now += 59
        talk.receive(added(f"a{number}", 5), modified("a0", 6))
        assert talk.is_open()


def test_initial_silence_for_a_minute_becomes_pages(talk: Talk) -> None:
    talk.initial()
    talk.receive(added("a", 5))
    talk.now += talk.machine.read_deadline
    talk.broken()
    talk.wait()
    assert talk.ask() == FIRST_PAGE


def test_what_comes_after_the_stream_was_given_up_changes_nothing(talk: Talk) -> None:
    talk.initial()
    talk.now += 60
    talk.bookmark(5)
    assert not talk.is_open()
    assert talk.bookmark(9, end=True) is None
    assert talk.receive(added("a", 5)) == [upsert("a", 5)]
    assert talk.position() is None
    assert talk.phase() is Phase.WAITING


# paging


def test_pages_follow_each_other_at_once_and_the_last_one_sweeps(talk: Talk) -> None:
    talk.paged()
    assert talk.opened() == BeginSweep()
    assert talk.page(meta(7, "t1"), ("a", 1), ("b", 2)) is None
    assert not talk.is_open()
    assert talk.position() is None
    assert talk.ask() == ListFetch(32, "t1")
    assert talk.opened() is None  # the same generation
    assert talk.page(meta(7, "t2"), ("c", 3)) is None
    assert talk.ask() == ListFetch(256, "t2")
    assert talk.opened() is None
    assert talk.page(meta(7), ("d", 4)) == Sweep("7")
    assert talk.position() == "7"
    assert talk.ask() == WatchFetch("7", 600)


def test_page_limit_follows_bytes(talk: Talk) -> None:
    talk.paged()
    talk.opened()
    talk.page(meta(7, "t1"), *[(f"a{number}", 1) for number in range(4)], size=8 * 2**20)
    assert talk.ask() == ListFetch(2, "t1")


@pytest.mark.parametrize("status", [BUSY, BROKEN, Status(503)])
def test_a_page_that_fails_is_asked_for_again_in_the_same_generation(talk: Talk, status: Status) -> None:
    talk.later_page()
    talk.refused(status)
    assert talk.wait() == 0.8
    assert talk.ask() == ListFetch(32, "token")
    assert talk.opened() is None


def test_a_page_that_breaks_is_asked_for_again(talk: Talk) -> None:
    talk.later_page()
    talk.opened()
    talk.broken()
    assert talk.wait() == 0.8
    assert talk.ask() == ListFetch(32, "token")


@pytest.mark.parametrize("code", [400, 415, 422])
def test_a_token_that_is_refused_is_not_tried_for_ever(talk: Talk, code: int) -> None:
    talk.later_page()
    talk.refused(Status(code, "BadRequest", "continue key is not valid"))
    assert talk.wait() == 0.8
    assert isinstance(talk.ask(), ListFetch)
    assert talk.opened() == BeginSweep()


def test_paging_410_on_the_first_page_begins_again_at_once_then_with_backoff(talk: Talk) -> None:
    talk.paged()
    talk.refused(EXPIRED)
    assert talk.ask() == FIRST_PAGE
    talk.refused(EXPIRED)
    assert talk.wait() == 0.8


def test_paging_410_on_a_later_page_asks_for_one_unpaged_list_in_a_new_generation(talk: Talk) -> None:
    talk.later_page()
    talk.refused(Status(410, "Expired", continue_token="newer"))
    assert talk.ask() == ListFetch(0)
    assert talk.opened() == BeginSweep()
    assert talk.page(meta(9), ("a", 1)) == Sweep("9")
    assert talk.ask() == WatchFetch("9", 600)


def test_unpaged_list_that_fails_is_asked_for_once_then_pages_again(talk: Talk) -> None:
    # A list that takes the server longer than its own time limit would never come.
    talk.later_page()
    talk.refused(EXPIRED)
    assert talk.ask() == ListFetch(0)
    talk.opened()
    talk.broken()
    assert talk.wait() == 0.8
    assert talk.ask() == ListFetch(32)
    assert talk.opened() == BeginSweep()


def test_a_server_that_expires_every_second_page_is_not_hammered(talk: Talk) -> None:
    talk.later_page()
    talk.refused(EXPIRED)
    for expected in (0.8, 1.6, 3.2):
        assert talk.ask() == ListFetch(0)
        talk.opened()
        talk.page(meta(9, "token"), ("a", 1))  # it insists on pages
        assert isinstance(talk.ask(), ListFetch)
        talk.refused(EXPIRED)
        assert talk.wait() == expected


def test_page_of_another_version_is_an_error_then_one_unpaged_list(talk: Talk) -> None:
    talk.later_page()
    talk.opened()
    with pytest.raises(ProtocolError, match="v1/pods: a later page is of version 8 while the first was of 7"):
        talk.page(meta(8), ("b", 2))
    assert talk.position() is None
    talk.broken()
    assert talk.wait() == 0.8
    assert talk.ask() == ListFetch(0)
    assert talk.opened() == BeginSweep()


def test_page_of_another_kind_is_an_error_then_one_unpaged_list(talk: Talk) -> None:
    talk.later_page()
    talk.opened()
    with pytest.raises(ProtocolError, match="a later page is a list of v1/Secret while the first was one of v1/Pod"):
        talk.machine.accept_page(meta(7, kind="Secret"))
    talk.broken()
    assert talk.wait() == 0.8
    assert talk.ask() == ListFetch(0)
    assert talk.opened() == BeginSweep()


def test_a_page_that_leads_back_is_an_error_then_one_unpaged_list(talk: Talk) -> None:
    talk.later_page()
    talk.opened()
    with pytest.raises(ProtocolError, match="after 2 pages the continue token leads back to an earlier one"):
        talk.page(meta(7, "token"), ("b", 2))
    talk.broken()
    talk.wait()
    assert talk.ask() == ListFetch(0)


def test_pages_that_go_in_circles_end(talk: Talk) -> None:
    talk.paged()
    for token in ("t1", "t2", "t3", "t1", "t2", "t3"):
        talk.opened()
        talk.page(meta(7, token))
        talk.ask()
    with pytest.raises(ProtocolError, match="after 7 pages the continue token leads back to an earlier one"):
        talk.page(meta(7, "t1"))


def test_a_later_page_that_never_can_be_read_begins_the_list_again(talk: Talk) -> None:
    talk.later_page()
    for _ in range(2):
        for again in (ListFetch(32, "token"), ListFetch(32, "token"), ListFetch(32)):
            talk.opened()
            talk.broken()
            talk.wait()
            assert talk.ask() == again
        assert talk.opened() == BeginSweep()
        talk.page(meta(7, "token"))
        assert talk.ask() == ListFetch(32, "token")


def test_failures_of_other_pages_do_not_count(talk: Talk) -> None:
    talk.later_page()
    for token in ("t2", "t3", "t4"):
        for _ in range(2):
            talk.opened()
            talk.broken()
            talk.wait()
            talk.ask()
        talk.opened()
        talk.page(meta(7, token))
        assert talk.ask() == ListFetch(32, token)


# live


def test_live_events_are_writes_and_move_the_position(talk: Talk) -> None:
    talk.live()
    for one, write, position in (
        (added("a", 8), upsert("a", 8), "8"),
        (modified("a", 9), upsert("a", 9), "9"),
        (deleted("a", 10), remove("a", 10), "10"),
    ):
        assert talk.receive(one) == [write]
        assert talk.position() == position


def test_live_bookmark_moves_the_position_and_writes_nothing(talk: Talk) -> None:
    talk.live()
    assert talk.bookmark(20) is None
    assert talk.position() == "20"
    # Only an initial stream can end: the annotation means nothing here.
    assert talk.bookmark(21, end=True) is None
    assert talk.position() == "21"


@pytest.mark.parametrize("came", [added("a", 8), modified("a", 8), deleted("a", 8), Bookmark("8", ends_initial=False)])
def test_live_stream_that_goes_back_in_time_is_an_error_then_a_resync(talk: Talk, came: ObjectEvent | Bookmark) -> None:
    """An old event once more could bring back what was deleted since; only a snapshot tells what is true."""
    talk.live(7)
    talk.receive(modified("a", 10))
    with pytest.raises(ProtocolError, match="v1/pods: version 8 came after version 10 in a live stream"):
        talk.receive(came)
    talk.broken()
    assert talk.position() is None
    assert talk.wait() > 0
    assert talk.ask() == WATCH_LIST


def test_live_event_of_the_version_at_hand_is_no_step_back(talk: Talk) -> None:
    talk.live(7)
    assert talk.receive(modified("a", 7), modified("a", 7)) == [upsert("a", 7), upsert("a", 7)]
    assert talk.position() == "7"


def test_live_versions_that_are_no_numbers_have_no_order(talk: Talk) -> None:
    talk.live(7)
    odd = ObjectEvent(EventType.ADDED, Identity("a", "default", "u", "v9", "Pod", "v1"), b"{}")
    talk.receive(odd, modified("a", 3))
    assert talk.position() == "3"


@pytest.mark.parametrize("version", [8, 30])
def test_live_stream_that_ends_is_watched_again_from_the_position(talk: Talk, version: int) -> None:
    talk.live()
    talk.receive(added("a", version))
    talk.broken()
    assert not talk.is_open()
    assert talk.position() == str(version)
    assert talk.wait() == 0.8
    assert talk.ask() == WatchFetch(str(version), 600)
    assert talk.opened() is None  # no new generation: nothing will be swept
    assert talk.phase() is Phase.LIVE


@pytest.mark.parametrize("status", [BUSY, BROKEN, Status(503), Status(504, "Timeout"), Status(403), Status(422)])
@pytest.mark.parametrize("in_stream", [False, True])
def test_live_failure_other_than_410_never_resyncs(talk: Talk, status: Status, *, in_stream: bool) -> None:
    talk.live()
    talk.broken()
    for _ in range(20):
        talk.wait()
        assert talk.ask() == WatchFetch("7", 600)
        if in_stream:
            talk.opened()
        talk.refused(status)
        assert talk.position() == "7"


def test_live_error_on_the_watch_lists_own_stream_keeps_the_position_too(talk: Talk) -> None:
    talk.live()
    talk.refused(Status(422, "Invalid"))
    talk.wait()
    assert talk.ask() == WatchFetch("7", 600)


@pytest.mark.parametrize("in_stream", [False, True])
def test_live_410_resyncs_without_a_position_after_backoff(talk: Talk, *, in_stream: bool) -> None:
    talk.live()
    talk.broken()
    talk.wait()
    assert talk.ask() == WatchFetch("7", 600)
    if in_stream:
        talk.opened()
    talk.refused(EXPIRED)
    assert talk.position() is None
    assert talk.wait() == 1.6
    talk.initial()


def test_too_large_version_three_times_loses_the_position(talk: Talk) -> None:
    talk.live(9)
    talk.broken()
    talk.wait()
    for times in (1, 2, 3):
        assert talk.ask() == WatchFetch("9", 600)
        talk.refused(TOO_LARGE, 1.0)
        assert talk.position() == (None if times == 3 else "9")
        assert talk.wait() >= 1.0
    assert talk.ask() == WATCH_LIST


def test_too_large_version_three_times_on_a_page_begins_the_list_again(talk: Talk) -> None:
    talk.later_page()
    for _ in range(2):
        for again in (ListFetch(32, "token"), ListFetch(32, "token"), ListFetch(32)):
            talk.refused(TOO_LARGE)
            talk.wait()
            assert talk.ask() == again
        assert talk.opened() == BeginSweep()
        talk.page(meta(7, "token"))
        assert talk.ask() == ListFetch(32, "token")


def test_too_large_versions_are_forgotten_when_a_watch_opens(talk: Talk) -> None:
    talk.live(9)
    talk.broken()
    for _ in range(4):
        talk.wait()
        for _ in range(2):
            assert talk.ask() == WatchFetch("9", 600)
            talk.refused(TOO_LARGE)
            talk.wait()
        assert talk.ask() == WatchFetch("9", 600)
        talk.opened()
        talk.broken()


# after a long silence the position is proven


@pytest.fixture
def silent() -> Talk:
    """Live at 9, then silence for as long as a restore may take, then cut."""
    talk = Talk(Timing(proof_after=10))
    talk.live(9)
    talk.now += 10
    talk.broken()
    talk.wait()
    return talk


def test_a_short_silence_needs_no_proof() -> None:
    talk = Talk(Timing(proof_after=10))
    talk.live(7)
    for version in (8, 9):
        talk.now += 9
        talk.receive(modified("a", version))
    talk.now += 9
    talk.broken()
    talk.wait()
    assert talk.ask() == WatchFetch("9", 600)
    talk.opened()
    talk.now += 9
    talk.broken()
    talk.wait()
    assert talk.ask() == ProofFetch("9"), "waiting is silence too"


@pytest.mark.parametrize(("seconds", "fetch"), [(9.5, WatchFetch("7", 600)), (10, ProofFetch("7"))])
def test_a_silence_is_long_from_its_limit_on(seconds: float, fetch: Fetch) -> None:
    talk = Talk(Timing(proof_after=10))
    talk.live(7)
    talk.broken()
    talk.jitter = 0.0
    talk.wait()
    talk.now, talk.jitter = 1_000.0 + seconds, 1.0
    assert talk.ask() == fetch


def test_a_position_is_proven_once_and_then_watched_from(silent: Talk) -> None:
    assert silent.ask() == ProofFetch("9")
    assert silent.machine.verb == "list"
    assert silent.opened() is None
    assert not silent.is_open(), "nothing of the answer is wanted"
    silent.broken()  # the connection that is dropped
    assert silent.position() == "9"
    assert silent.ask() == WatchFetch("9", 600), "at once"
    silent.opened()
    assert silent.phase() is Phase.LIVE


def test_a_proof_that_nobody_answers_is_asked_for_again_after_a_growing_wait(silent: Talk) -> None:
    for bound in (1.6, 3.2, 6.4):
        assert silent.ask() == ProofFetch("9")
        silent.broken()
        assert silent.wait() == bound
        assert silent.position() == "9"


def test_a_server_that_was_set_back_to_before_the_position_means_a_resync(silent: Talk) -> None:
    for times in (1, 2, 3):
        assert silent.ask() == ProofFetch("9")
        silent.refused(TOO_LARGE)
        assert silent.position() == (None if times == 3 else "9")
        assert silent.wait() >= 0.8
    assert silent.ask() == WATCH_LIST
    silent.opened()
    assert silent.bookmark(7, end=True) == Sweep("7")
    silent.broken()
    silent.jitter = 0.0
    silent.wait()
    assert silent.ask() == WatchFetch("7", 300), "a snapshot needs no proof"


def test_a_server_that_catches_up_is_watched_from_the_position(silent: Talk) -> None:
    for _ in range(2):
        assert silent.ask() == ProofFetch("9")
        silent.refused(TOO_LARGE, 1.0)
        assert silent.wait() >= 1.0
    assert silent.ask() == ProofFetch("9")
    silent.opened()
    silent.jitter = 0.0
    for _ in range(2):  # what was counted is forgotten
        assert isinstance(silent.ask(), WatchFetch)
        silent.refused(TOO_LARGE)
        silent.wait()
        assert silent.position() == "9"


@pytest.mark.parametrize("code", [400, 403, 405, 406, 422])
def test_where_a_position_cannot_be_proven_it_is_watched_from_as_ever(silent: Talk, code: int) -> None:
    assert silent.ask() == ProofFetch("9")
    silent.refused(Status(code))
    silent.broken()  # the connection that is dropped
    assert silent.ask() == WatchFetch("9", 600)


@pytest.mark.parametrize("status", [BUSY, BROKEN, Status(401), Status(408)])
def test_a_proof_that_cannot_be_given_now_is_asked_for_again(silent: Talk, status: Status) -> None:
    assert silent.ask() == ProofFetch("9")
    silent.refused(status)
    if status.code == 401:
        assert silent.machine.next_step(silent.now, silent.jitter) == Reauthenticate()
    assert silent.wait() == 1.6
    assert silent.ask() == ProofFetch("9")


@pytest.mark.parametrize("status", [EXPIRED, Status(404)])
def test_a_proof_may_find_that_the_position_is_lost(silent: Talk, status: Status) -> None:
    assert silent.ask() == ProofFetch("9")
    silent.refused(status)
    assert silent.position() is None
    silent.wait()
    assert silent.ask() == WATCH_LIST


@pytest.fixture
def late() -> Talk:
    """Live at 9, cut, and a watch that is answered after as long as a restore may take: the server was started anew."""
    talk = Talk(Timing(proof_after=10))
    talk.live(9)
    talk.broken()
    talk.wait()
    assert talk.ask() == WatchFetch("9", 600)
    talk.now += 10
    return talk


def test_a_watch_that_is_answered_after_a_long_silence_is_dropped_and_the_position_proven(late: Talk) -> None:
    assert late.opened() is None
    assert not late.is_open()
    assert late.phase() is Phase.WAITING
    late.broken()  # the connection that is dropped
    assert late.ask() == ProofFetch("9"), "at once"
    late.opened()
    assert late.ask() == WatchFetch("9", 600)
    late.opened()
    assert late.phase() is Phase.LIVE


def test_a_watch_that_is_answered_just_in_time_is_read() -> None:
    talk = Talk(Timing(proof_after=10))
    talk.live(9)
    talk.broken()
    talk.jitter = 0.0
    talk.wait()
    assert talk.ask() == WatchFetch("9", 300)
    talk.now = 1_009.9
    talk.opened()
    assert talk.phase() is Phase.LIVE


def test_a_server_that_is_always_late_is_watched_in_the_end(late: Talk) -> None:
    for _ in range(2):
        late.opened()
        assert not late.is_open()
        assert late.ask() == ProofFetch("9")
        late.opened()
        assert late.ask() == WatchFetch("9", 600)
        late.now += 10
    late.opened()
    assert late.phase() is Phase.LIVE
    late.now += 9
    late.broken()
    late.wait()
    assert late.position() == "9"


@pytest.mark.parametrize("fetch", [WATCH_LIST, FIRST_PAGE])
def test_a_snapshot_may_be_late(talk: Talk, fetch: Fetch) -> None:
    talk.machine = ListWatch("v1/pods", Timing(proof_after=10))
    if fetch == FIRST_PAGE:
        talk.paged()
    else:
        assert talk.ask() == WATCH_LIST
    talk.now += 10
    assert talk.opened() == BeginSweep()
    assert talk.is_open()


def test_a_snapshot_is_begun_however_long_nothing_was_heard() -> None:
    talk = Talk(Timing())
    talk.now += 10_000
    assert talk.ask() == WATCH_LIST


# any phase


def _nowhere(talk: Talk) -> None:
    talk.ask()


def _initial(talk: Talk) -> None:
    talk.initial()


def _later_page(talk: Talk) -> None:
    talk.later_page()


def _live(talk: Talk) -> None:
    talk.live()


anywhere = pytest.mark.parametrize("go", [_nowhere, _initial, _later_page, _live])


@anywhere
def test_401_refreshes_the_credentials_then_waits(talk: Talk, go: Callable[[Talk], None]) -> None:
    go(talk)
    position = talk.position()
    talk.refused(Status(401, "Unauthorized"))
    assert talk.machine.next_step(talk.now, talk.jitter) == Reauthenticate()
    assert talk.wait() == 0.8
    assert isinstance(talk.ask(), (WatchFetch, WatchListFetch, ListFetch))
    assert talk.position() == position


@anywhere
def test_403_keeps_everything_and_backs_off(talk: Talk, go: Callable[[Talk], None]) -> None:
    go(talk)
    position = talk.position()
    talk.refused(Status(403, "Forbidden"))
    assert talk.wait() == 0.8
    talk.ask()
    assert talk.position() == position


@anywhere
def test_404_parks_for_30_seconds_doubling_to_five_minutes(talk: Talk, go: Callable[[Talk], None]) -> None:
    go(talk)
    delays = []
    for _ in range(6):
        talk.refused(Status(404, "NotFound"))
        assert not talk.is_open()
        talk.broken()  # the shell drops the connection: settled already
        assert talk.position() is None
        delays.append(talk.wait())
        talk.jitter = 0.0  # a probe's delay needs none: nobody else waits for it
        assert isinstance(talk.ask(), (WatchListFetch, ListFetch))
    assert delays == [30, 60, 120, 240, 300, 300]


def test_404_on_a_page_begins_a_generation_when_the_resource_exists(talk: Talk) -> None:
    talk.later_page()
    talk.refused(Status(404))
    talk.wait()
    assert talk.ask() == ListFetch(32)
    assert talk.opened() == BeginSweep()


def test_404_ends_when_the_resource_exists(talk: Talk) -> None:
    for _ in range(3):
        talk.ask()
        talk.refused(Status(404))
        talk.wait()
    talk.live()
    talk.refused(Status(404))
    assert talk.wait() == 30


@anywhere
@pytest.mark.parametrize("status", [BUSY, BROKEN, Status(403), Status(401)])
def test_retry_after_is_a_floor(talk: Talk, status: Status, go: Callable[[Talk], None]) -> None:
    go(talk)
    talk.refused(status, 17.0)
    if status.code == 401:
        assert talk.machine.next_step(talk.now, 0.0) == Reauthenticate()
    talk.jitter = 0.0
    assert talk.wait() == 17.0


def test_retry_after_does_not_shorten_a_backoff(talk: Talk) -> None:
    for _ in range(5):
        talk.ask()
        talk.broken()
        talk.wait()
    talk.ask()
    talk.refused(BUSY, 1.0)
    assert talk.wait() == 25.6


@anywhere
def test_malformed_data_is_a_lost_connection(talk: Talk, go: Callable[[Talk], None]) -> None:
    # The shell records the typed error; to the machine it is as if the connection had broken.
    go(talk)
    position = talk.position()
    talk.broken()
    assert talk.wait() == 0.8
    talk.ask()
    assert talk.position() == position


def test_what_breaks_before_anything_was_asked_says_nothing(talk: Talk) -> None:
    talk.broken()
    assert talk.ask() == WATCH_LIST


def test_a_connection_that_breaks_while_it_is_dropped_says_nothing(talk: Talk) -> None:
    talk.live()
    talk.refused(EXPIRED)
    talk.broken()
    assert talk.wait() == 0.8
    assert talk.ask() == WATCH_LIST


# backoff


def test_backoff_doubles_from_0_8_to_30_seconds_when_nobody_answers(talk: Talk) -> None:
    delays = []
    for _ in range(8):
        talk.ask()
        talk.broken()
        delays.append(talk.wait())
    assert delays == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_backoff_has_full_jitter_drawn_when_it_is_waited(talk: Talk) -> None:
    for jitter, expected in ((0.0, 0.0), (0.25, 0.4), (0.5, 1.6)):
        talk.ask()
        talk.broken()
        talk.jitter = jitter
        assert talk.wait() == expected


def test_backoff_applies_to_clean_early_ends_too(talk: Talk) -> None:
    talk.live()
    delays = []
    for _ in range(8):
        talk.now += 1
        talk.broken()
        delays.append(talk.wait())
        talk.ask()
        talk.opened()
    assert delays == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


@pytest.mark.parametrize(("lived", "expected"), [(119.9, 6.4), (120, 0.8)])
def test_backoff_starts_over_after_two_minutes_of_health(talk: Talk, lived: float, expected: float) -> None:
    for _ in range(3):
        talk.ask()
        talk.broken()
        talk.wait()
    talk.now = 2_000.0
    talk.live()
    talk.now += lived
    talk.broken()
    assert talk.wait() == expected


@pytest.mark.parametrize("status", [EXPIRED, BROKEN])
def test_backoff_starts_over_whatever_ended_the_healthy_stream(talk: Talk, status: Status) -> None:
    for _ in range(3):
        talk.ask()
        talk.broken()
        talk.wait()
    talk.live()
    talk.now += 300
    talk.refused(status)
    assert talk.wait() == 0.8


def test_backoff_is_not_forgiven_for_a_long_initial_stream(talk: Talk) -> None:
    for _ in range(3):
        talk.ask()
        talk.broken()
        talk.wait()
    talk.initial()
    for _ in range(10):
        talk.now += 50
        talk.receive(added("a", 1))
    talk.broken()
    assert talk.wait() == 6.4


# read deadlines


def test_read_deadline_of_an_initial_stream_is_a_minute(talk: Talk) -> None:
    talk.initial()
    talk.receive(added("a", 5))
    assert talk.machine.read_deadline == 60.0


@pytest.mark.parametrize("again", [False, True])
def test_read_deadline_of_a_live_stream_is_its_own_end_and_a_margin(talk: Talk, *, again: bool) -> None:
    talk.live()
    if again:
        talk.broken()
        talk.wait()
        talk.ask()
        talk.opened()
    assert talk.machine.read_deadline == 615.0
    talk.receive(added("a", 9))
    assert talk.machine.read_deadline == 615.0


def test_read_deadline_after_two_bookmarks_is_three_times_their_interval(talk: Talk) -> None:
    talk.live()
    for version, expected in ((8, 615.0), (9, 357.0)):
        talk.now += 119
        talk.bookmark(version)
        assert talk.machine.read_deadline == expected


def test_read_deadline_is_learned_anew_on_each_stream(talk: Talk) -> None:
    talk.live()
    for version in (8, 9):
        talk.now += 20
        talk.bookmark(version)
    assert talk.machine.read_deadline == 60.0
    talk.broken()
    talk.wait()
    talk.ask()
    talk.opened()
    assert talk.machine.read_deadline == 615.0


def test_what_should_have_ended_is_overdue_although_bytes_come(talk: Talk) -> None:
    assert talk.machine.is_overdue(talk.now) is False, "nothing is open"
    talk.initial()
    assert [talk.machine.is_overdue(talk.now + seconds) for seconds in (59.5, 60)] == [False, True]
    talk.bookmark(7, end=True)
    assert [talk.machine.is_overdue(talk.now + seconds) for seconds in (614.5, 615)] == [False, True]


def test_a_list_that_does_not_end_is_overdue_some_time_after_it_began(talk: Talk) -> None:
    talk.paged()
    talk.opened()
    assert [talk.machine.is_overdue(talk.now + passed) for passed in (0, 299.9, 300)] == [False, False, True]


def test_shorter_times_can_be_handed_in() -> None:
    talk = Talk(Timing(backoff_first=0.001, initial_failure_limit=1, watch_timeout=(5, 5)))
    assert talk.ask() == WatchListFetch(5)
    talk.opened()
    talk.broken()
    assert talk.wait() == 0.001
    assert talk.ask() == FIRST_PAGE


# a resync that the shell asks for


def test_a_resync_gives_up_position_and_stream_and_asks_for_a_snapshot_at_once(talk: Talk) -> None:
    talk.live()
    talk.machine.resync()
    assert talk.position() is None
    assert not talk.is_open()
    talk.broken()  # the connection that is dropped
    talk.initial()


def test_a_stream_that_goes_back_in_pages_begins_a_generation(talk: Talk) -> None:
    talk.paged()
    talk.opened()
    talk.page(meta(7))
    assert isinstance(talk.ask(), WatchFetch)
    talk.opened()
    with pytest.raises(ProtocolError, match="v1/pods: version 5 came after version 7 in a live stream"):
        talk.receive(modified("a", 5))
    talk.broken()
    talk.wait()
    assert talk.ask() == FIRST_PAGE
    assert talk.opened() == BeginSweep()


def test_a_resync_in_pages_begins_a_generation(talk: Talk) -> None:
    talk.paged()
    talk.opened()
    talk.page(meta(7))
    assert isinstance(talk.ask(), WatchFetch)
    talk.opened()
    talk.machine.resync()
    assert talk.ask() == FIRST_PAGE
    assert talk.opened() == BeginSweep()


def test_a_resync_while_waiting_does_not_shorten_the_wait(talk: Talk) -> None:
    talk.live()
    talk.refused(BROKEN)
    talk.machine.resync()
    assert talk.wait() > 0
    talk.initial()


@pytest.mark.parametrize("get_there", [Talk.initial, Talk.later_page])
def test_a_resync_while_a_snapshot_is_taken_changes_nothing(talk: Talk, get_there: Callable[[Talk], None]) -> None:
    get_there(talk)
    phase, is_open = talk.phase(), talk.is_open()
    talk.machine.resync()
    assert (talk.phase(), talk.is_open()) == (phase, is_open)


def test_what_still_comes_of_a_watch_that_was_given_up_gives_no_position(talk: Talk) -> None:
    talk.live()
    talk.machine.resync()
    assert talk.receive(modified("a", 8)) == [upsert("a", 8)]
    assert talk.bookmark(9) is None
    assert talk.position() is None


def test_an_answer_that_comes_after_a_resync_opens_nothing(talk: Talk) -> None:
    talk.live()
    talk.broken()
    talk.wait()
    assert isinstance(talk.ask(), WatchFetch)
    talk.machine.resync()
    assert talk.opened() is None
    assert not talk.is_open()
    talk.initial()


# why positions were lost


def test_a_position_that_is_lost_is_counted_by_its_reason(talk: Talk) -> None:
    talk.live()
    assert talk.machine.resyncs == {}
    talk.refused(EXPIRED)
    talk.wait()
    talk.live(9)
    with pytest.raises(ProtocolError):
        talk.receive(modified("a", 5))
    talk.broken()
    talk.wait()
    talk.live(9)
    talk.refused(Status(404, "NotFound"))
    talk.wait()
    talk.live(9)
    talk.machine.resync()
    talk.live(9)
    talk.broken()
    talk.wait()
    for _ in range(3):
        talk.ask()
        talk.refused(TOO_LARGE, 1.0)
        talk.wait()
    assert talk.machine.resyncs == {"expired": 1, "back in time": 2, "not found": 1, "consistency check": 1}


def test_a_snapshot_that_begins_again_is_no_resync(talk: Talk) -> None:
    for _ in range(3):
        talk.initial()
        talk.refused(Status(404, "NotFound"))
        talk.wait()
    talk.later_page()
    talk.refused(EXPIRED)
    talk.machine.resync()
    assert talk.machine.resyncs == {}
