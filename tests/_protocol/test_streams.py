import pytest

from kubeinformer._protocol.streams import Initial, Live, Page
from kubeinformer._protocol.timing import Timing

TIMING = Timing()


def test_a_live_stream_may_be_silent_until_its_own_end_and_a_margin() -> None:
    assert Live(TIMING, 400, 0.0).read_deadline == 415.0


def test_one_bookmark_tells_no_interval() -> None:
    live = Live(TIMING, 400, 0.0)
    live.bookmark(60.0)
    assert live.read_deadline == 415.0


def test_two_bookmarks_tell_three_times_their_interval() -> None:
    live = Live(TIMING, 400, 0.0)
    live.bookmark(60.0)
    live.bookmark(180.0)
    assert live.read_deadline == 360.0


def test_bookmarks_in_a_burst_do_not_make_it_hasty() -> None:
    live = Live(TIMING, 400, 0.0)
    live.bookmark(60.0)
    live.bookmark(60.0)
    assert live.read_deadline == 30.0
    live.bookmark(120.0)
    live.bookmark(120.5)
    assert live.read_deadline == 180.0  # the longest interval counts


def test_intervals_of_less_than_a_second_are_learned_too() -> None:
    live = Live(Timing(shortest_read_deadline=0.1), 400, 0.0)
    for now in (1.0, 1.25, 1.375):
        live.bookmark(now)
    assert live.read_deadline == 0.75


def test_initial_streams_and_pages_are_dead_after_a_minute_of_silence() -> None:
    assert Initial(TIMING, 400, 0.0).read_deadline == 60.0
    assert Page(TIMING, 10.0).read_deadline == 60.0


@pytest.mark.parametrize(("now", "expected"), [(159.9, False), (160.0, True)])
def test_an_initial_stream_is_stuck_a_minute_after_its_last_new_object(now: float, expected: bool) -> None:  # noqa: FBT001
    initial = Initial(TIMING, 400, 10.0)
    assert initial.is_stuck(70.0)
    initial.last_new = 100.0
    assert initial.is_stuck(now) is expected


def test_bytes_alone_keep_no_stream_alive() -> None:
    initial, live = Initial(TIMING, 400, 10.0), Live(TIMING, 400, 10.0)
    assert initial.timeout_seconds == 400
    assert [initial.is_overdue(now) for now in (69.9, 70.0)] == [False, True]
    assert [live.is_overdue(now) for now in (424.9, 425.0)] == [False, True]
    live.bookmark(420.0)
    assert live.is_overdue(425.0), "its end is the server's promise, whatever comes"
    page = Page(TIMING, 10.0)
    assert [page.is_overdue(now) for now in (309.9, 310.0)] == [False, True]
