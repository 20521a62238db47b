import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.backoff import backoff_delay, doubling

_jitters = st.floats(0, 1, exclude_max=True)


def test_bounds_double_up_to_the_limit() -> None:
    assert [doubling(0.8, 30.0, times) for times in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


@pytest.mark.parametrize("times", [64, 1_023, 1_024, 10**9])
def test_any_number_of_failures_stays_at_the_limit(times: int) -> None:
    assert doubling(0.8, 30.0, times) == 30.0


@given(attempt=st.integers(0, 5_000), jitter=_jitters)
def test_jitter_is_full_it_spreads_from_nothing_to_the_bound(attempt: int, jitter: float) -> None:
    delay = backoff_delay(attempt, jitter, first=0.8, limit=30.0)
    assert delay == jitter * doubling(0.8, 30.0, attempt)
    assert 0 <= delay <= 30.0


@given(attempt=st.integers(0, 50), jitter=_jitters, floor=st.floats(0, 100))
def test_retry_after_is_a_floor_and_no_addition(attempt: int, jitter: float, floor: float) -> None:
    delay = backoff_delay(attempt, jitter, first=0.8, limit=30.0, floor=floor)
    assert delay == max(floor, backoff_delay(attempt, jitter, first=0.8, limit=30.0))
