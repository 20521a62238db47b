"""Which key goes next. What only shows when somebody waits is in test_queue.py, arbitrary histories in
test_queue_model.py."""

import pytest

from kubeinformer.controller import LOW_PRIORITY
from kubeinformer.controller._queue.schedule import OLDEST_EVERY, OUTDATED_SLACK, Schedule


def drain(schedule: Schedule, now: float = 0.0) -> list[str]:
    keys = []
    while taken := schedule.take(now):
        keys.append(taken[0])
        schedule.done(taken[0])
    return keys


def ends(schedule: Schedule) -> tuple[bool, bool]:
    return schedule.is_exhausted, schedule.is_drained


def test_first_in_first_out_in_a_priority_and_higher_ones_first() -> None:
    schedule: Schedule = Schedule()
    for key, priority in (("low", LOW_PRIORITY), ("a", 0), ("b", 0), ("high", 5), ("c", 0)):
        schedule.add(key, priority, 0.0)
    assert schedule.statistics(0.0).depth == {5: 1, 0: 3, LOW_PRIORITY: 1}
    assert drain(schedule) == ["high", "a", "b", "c", "low"]
    assert schedule.statistics(0.0).depth == {}


def test_adding_again_changes_nothing_but_a_higher_priority() -> None:
    schedule: Schedule = Schedule()
    for key, priority in (("a", 0), ("b", 0), ("c", 0), ("c", 1), ("c", -1), ("a", 0), ("a", -1)):
        schedule.add(key, priority, 100.0)
    assert len(schedule) == 3
    assert schedule.added == 3
    assert drain(schedule, 100.0) == ["c", "a", "b"]


def test_a_busy_lane_does_not_starve_the_others() -> None:
    schedule: Schedule = Schedule()
    for number in range(5):
        schedule.add(f"low-{number}", LOW_PRIORITY, 0.0)
    taken = []
    for turn in range(5 * OLDEST_EVERY):
        schedule.add(f"high-{turn}", 0, 1.0)
        schedule.add(f"more-{turn}", 0, 1.0)
        key, _ = schedule.take(1.0) or ("", 0)
        taken.append(key)
    assert [key for key in taken if key.startswith("low")] == [f"low-{number}" for number in range(5)]
    assert [taken.index(f"low-{number}") for number in range(2)] == [OLDEST_EVERY - 1, 2 * OLDEST_EVERY - 1]
    assert schedule.statistics(1.0).depth == {0: 55}
    assert all(key.startswith(("high", "more")) for key in drain(schedule, 1.0))


def test_a_long_backlog_does_not_keep_a_change_waiting() -> None:
    """The turns of the oldest are counted only where a choice was made."""
    schedule: Schedule = Schedule()
    for number in range(100):
        schedule.add(f"low-{number}", LOW_PRIORITY, 0.0)
    for _ in range(3 * OLDEST_EVERY - 1):
        schedule.take(0.0)
    schedule.add("live", 0, 0.0)
    assert schedule.take(0.0) == ("live", 0.0)


def test_a_key_in_processing_comes_once_more() -> None:
    schedule: Schedule = Schedule()
    schedule.add("a", 0, 0.0)
    assert schedule.take(1.0) == ("a", 0.0)
    schedule.add("a", LOW_PRIORITY, 2.0)
    schedule.add("a", 1, 3.0)
    schedule.add("a", 0, 4.0)
    assert schedule.take(5.0) is None
    assert (len(schedule), schedule.statistics(5.0).again) == (0, 1)
    assert schedule.done("a") == 1.0
    assert schedule.statistics(6.0).depth == {1: 1}
    assert schedule.take(6.0) == ("a", 2.0)
    assert schedule.priority_of("a") == 1
    schedule.done("a")
    assert schedule.take(7.0) is None


def test_the_earliest_delay_and_the_highest_priority_win() -> None:
    schedule: Schedule = Schedule()
    schedule.add_after("a", 10, 0, 0.0)
    schedule.add_after("a", 20, 4, 0.0)
    assert schedule.next_due() == 10
    schedule.add_after("a", 5, 2, 1.0)
    assert schedule.next_due() == 6
    assert schedule.take(5.9) is None
    assert schedule.take(7.0) == ("a", 6.0)
    assert schedule.priority_of("a") == 4
    schedule.done("a")
    assert schedule.take(100.0) is None
    assert schedule.retries == 3


def test_what_is_ready_forgets_its_delay() -> None:
    schedule: Schedule = Schedule()
    schedule.add_after("a", 10, 7, 0.0)
    schedule.add("a", 0, 1.0)
    assert schedule.statistics(1.0).depth == {7: 1}
    schedule.add_after("a", 1, 9, 1.0)
    assert schedule.statistics(1.0).depth == {9: 1}
    assert schedule.next_due() is None
    assert drain(schedule, 100.0) == ["a"]


def test_what_comes_once_more_forgets_its_delay() -> None:
    schedule: Schedule = Schedule()
    schedule.add("a", 0, 0.0)
    schedule.take(0.0)
    schedule.add("a", 0, 1.0)
    schedule.add_after("a", 10, 3, 1.0)
    assert schedule.statistics(1.0).delayed == 0
    schedule.done("a")
    assert schedule.statistics(1.0).depth == {3: 1}
    assert drain(schedule, 100.0) == ["a"]


def test_no_delay_is_an_add() -> None:
    schedule: Schedule = Schedule()
    schedule.add_after("a", 0, 0, 0.0)
    schedule.add_after("b", -1, 0, 0.0)
    assert drain(schedule) == ["a", "b"]
    assert schedule.retries == 0


def test_keys_become_ready_in_the_order_in_which_they_are_due() -> None:
    schedule: Schedule = Schedule()
    schedule.add_after("b", 2, 0, 0.0)
    schedule.add_after("a", 1, 0, 0.0)
    schedule.add("c", 0, 3.0)  # after both were due, and nobody looked in between
    assert drain(schedule, 3.0) == ["a", "b", "c"]


def test_a_key_due_while_in_processing_waits_for_its_end() -> None:
    schedule: Schedule = Schedule()
    schedule.add("a", 0, 0.0)
    schedule.take(0.0)
    schedule.add_after("a", 1, 0, 0.0)
    assert schedule.statistics(0.0).delayed == 1
    assert schedule.take(2.0) is None
    assert schedule.statistics(2.0).again == 1
    schedule.done("a")
    assert schedule.take(2.0) == ("a", 1.0)


def test_a_key_put_off_earlier_and_earlier_takes_no_memory() -> None:
    schedule: Schedule = Schedule()
    for turn in range(10_000):
        schedule.add_after("a", 20_000 - turn, 0, 0.0)
        schedule.add_after(f"b-{turn % 5}", 20_000 - turn, 0, 0.0)
    assert len(schedule._heap) <= 2 * 6 + OUTDATED_SLACK + 1
    assert schedule.next_due() == 10_001
    assert schedule.statistics(0.0).delayed == 6
    schedule.promote(1e9)
    assert len(schedule) == 6


def test_keys_put_off_again_and_again_come_in_order() -> None:
    schedule: Schedule = Schedule()
    due = dict[str, float]()
    for turn in range(5000):
        key, seconds = f"a-{turn * 7 % 100}", float(1 + turn * 7919 % 10_007)
        schedule.add_after(key, seconds, 0, 0.0)
        due[key] = min(seconds, due.get(key, seconds))
    found = list[tuple[str, float]]()
    while (now := schedule.next_due()) is not None:
        found.append(schedule.take(now) or ("", 0.0))
    assert found == sorted(due.items(), key=lambda item: item[1])


def test_a_delay_that_was_forgotten_does_not_shorten_a_later_one() -> None:
    schedule: Schedule = Schedule()
    schedule.add_after("a", 5, 0, 0.0)
    schedule.add("a", 0, 0.0)
    assert drain(schedule) == ["a"]
    schedule.add_after("a", 8, 0, 0.0)
    assert schedule.next_due() == 8
    assert schedule.take(5.0) is None
    assert schedule.take(8.0) == ("a", 8.0)


def test_keys_need_no_order_among_each_other() -> None:
    schedule: Schedule[str | int | None] = Schedule()
    for key in (None, 1, "a"):
        schedule.add_after(key, 1, 0, 0.0)
    assert [schedule.take(1.0) for _ in range(3)] == [(None, 1.0), (1, 1.0), ("a", 1.0)]


@pytest.mark.parametrize("call", ["done", "priority_of"])
def test_only_what_was_handed_out_can_be_done(call: str) -> None:
    schedule: Schedule = Schedule()
    schedule.add("a", 0, 0.0)
    with pytest.raises(ValueError, match=r"^'a' is not being processed: "):
        getattr(schedule, call)("a")
    schedule.take(0.0)
    schedule.done("a")
    with pytest.raises(ValueError, match=r"^'a' is not being processed: "):
        getattr(schedule, call)("a")


def test_draining_hands_out_what_is_ready_and_what_changed_meanwhile() -> None:
    schedule: Schedule = Schedule()
    for key in ("a", "b"):
        schedule.add(key, 0, 0.0)
    schedule.take(0.0)
    schedule.add("a", 0, 0.0)
    schedule.add_after("c", 1, 0, 0.0)
    schedule.shut_down(drain=True)
    assert schedule.statistics(0.0).delayed == 0
    schedule.add("d", 0, 0.0)
    schedule.add_after("d", 1, 0, 0.0)
    schedule.add_after("d", 0, 0, 0.0)
    assert ends(schedule) == (False, False)
    assert schedule.take(9.0) == ("b", 0.0)
    assert ends(schedule) == (False, False)
    schedule.done("a")
    assert schedule.take(9.0) == ("a", 0.0)
    assert ends(schedule) == (True, False)
    schedule.done("a")
    schedule.done("b")
    assert ends(schedule) == (True, True)
    assert schedule.take(9.0) is None


def test_a_drain_is_not_over_before_what_is_ready_is_taken() -> None:
    schedule: Schedule = Schedule()
    schedule.add("a", 0, 0.0)
    schedule.shut_down(drain=True)
    assert ends(schedule) == (False, False)
    assert drain(schedule) == ["a"]
    assert ends(schedule) == (True, True)


def test_aborting_hands_out_nothing_more() -> None:
    schedule: Schedule = Schedule()
    for key in ("a", "b"):
        schedule.add(key, 0, 0.0)
    schedule.take(0.0)
    schedule.add("a", 0, 0.0)
    schedule.shut_down(drain=False)
    assert ends(schedule) == (True, False)
    assert schedule.take(0.0) is None
    schedule.done("a")
    assert schedule.take(0.0) is None
    assert ends(schedule) == (True, True)


def test_statistics_say_who_waits_and_who_works() -> None:
    schedule: Schedule = Schedule()
    for key, now in (("a", 0.0), ("b", 1.0), ("c", 2.0)):
        schedule.add(key, 0, now)
    for now in (3.0, 5.0):
        schedule.take(now)
    schedule.add_after("d", 60, 0, 5.0)
    found = schedule.statistics(7.0)
    assert found.depth == {0: 1}
    assert (found.delayed, found.processing, found.again, found.added, found.retries) == (1, 2, 0, 3, 1)
    assert (found.longest_waiting, found.longest_running, found.unfinished_work) == (5.0, 4.0, 6.0)
    assert not found.is_shut_down


def test_statistics_of_nothing() -> None:
    found = Schedule[str]().statistics(7.0)
    assert (found.depth, found.longest_waiting, found.longest_running, found.unfinished_work) == ({}, 0, 0, 0)
