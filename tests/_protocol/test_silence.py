"""How long nothing was heard, and what an answer after it is worth."""

import pytest

from kubeinformer._protocol.silence import Silence


@pytest.fixture
def silence() -> Silence:
    silence = Silence(10)
    silence.broken_at(100)
    return silence


@pytest.mark.parametrize(("now", "is_long"), [(100, False), (109.9, False), (110, True), (200, True)])
def test_a_silence_is_long_from_its_limit_on(silence: Silence, now: float, *, is_long: bool) -> None:
    assert silence.is_long(now) is is_long
    assert silence.is_long_at_answer(now) is is_long


def test_before_anything_was_heard_it_is_long() -> None:
    assert not Silence(10).is_long(9)
    assert Silence(10).is_long(10)


def test_whatever_is_heard_breaks_it(silence: Silence) -> None:
    silence.broken_at(105)
    assert not silence.is_long(114)
    assert silence.is_long(115)


def test_the_third_late_answer_in_a_row_is_taken(silence: Silence) -> None:
    assert [silence.is_long_at_answer(110 + number) for number in range(7)] == [True, True, False] * 2 + [True]


def test_an_answer_in_time_makes_the_next_late_one_the_first(silence: Silence) -> None:
    assert silence.is_long_at_answer(110)
    assert silence.is_long_at_answer(111)
    silence.broken_at(112)
    assert not silence.is_long_at_answer(113)
    assert [silence.is_long_at_answer(130) for _ in range(3)] == [True, True, False]
