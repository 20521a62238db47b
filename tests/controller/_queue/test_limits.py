import math
from typing import Any

import pytest

from kubeinformer.controller._queue.limits import Backoff, TokenBucket


def test_each_failure_doubles_the_wait_up_to_the_limit() -> None:
    backoff: Backoff = Backoff(0.005, 1000.0)
    waits = [backoff.next("a") for _ in range(20)]
    assert waits[:4] == [0.005, 0.01, 0.02, 0.04]
    assert waits[17:] == [655.36, 1000.0, 1000.0]
    assert backoff.failures("a") == 20
    assert (backoff.next("b"), backoff.failures("b")) == (0.005, 1)


def test_a_forgotten_key_starts_over() -> None:
    backoff: Backoff = Backoff(1, 10)
    backoff.next("a")
    backoff.next("a")
    backoff.forget("a")
    backoff.forget("never seen")
    assert backoff.failures("a") == 0
    assert backoff.next("a") == 1


def test_a_key_that_fails_for_ever_is_no_overflow() -> None:
    backoff: Backoff = Backoff(0.005, 1000.0)
    assert {backoff.next("a") for _ in range(3000)} >= {1000.0}
    assert backoff.next("a") == 1000.0


def test_the_smallest_limits_there_are() -> None:
    backoff: Backoff = Backoff(1.0, 1.0)
    assert [backoff.next("a") for _ in range(2)] == [1.0, 1.0]
    bucket = TokenBucket(1.0, 1)
    assert [bucket.reserve(0.0) for _ in range(2)] == [0.0, 1.0]


@pytest.mark.parametrize(("base", "limit"), [(0, 1), (-1, 1), (2, 1), (1, math.inf), (math.nan, 1), (1, math.nan)])
def test_waits_that_are_none(base: float, limit: float) -> None:
    with pytest.raises(ValueError, match=r"^base_delay=.* and max_delay=.* must be seconds, 0 < base_delay <="):
        Backoff(base, limit)


def test_the_burst_is_free_and_the_rest_queues_up() -> None:
    bucket = TokenBucket(10.0, 3)
    assert [bucket.reserve(5.0) for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])
    assert bucket.reserve(5.2) == pytest.approx(0.1)  # two tokens came, both were spoken for


def test_tokens_come_back_but_never_more_than_the_burst() -> None:
    bucket = TokenBucket(10.0, 2)
    for _ in range(4):
        bucket.reserve(0.0)
    assert [bucket.reserve(3600.0) for _ in range(3)] == pytest.approx([0, 0, 0.1])


def test_a_clock_that_goes_back_takes_no_tokens() -> None:
    bucket = TokenBucket(1.0, 2)
    bucket.reserve(10.0)
    assert bucket.reserve(5.0) == 0


@pytest.mark.parametrize(
    ("rate", "burst", "named"),
    [(0, 1, "rate"), (-1, 1, "rate"), (math.inf, 1, "rate"), (math.nan, 1, "rate"), (1, 0, "burst"), (1, 1.5, "burst")],
)
def test_a_bucket_that_is_none(rate: float, burst: Any, named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}=.* must be "):
        TokenBucket(rate, burst)
