"""How long a key waits before it is retried.

Theory. There are two limits, as in client-go's default (`DefaultTypedControllerRateLimiter`), and the longer wait
counts. `Backoff` limits one key that always fails: its wait doubles with each failure, until the key is forgotten.
`TokenBucket` limits very many keys that fail together: the first ``burst`` retries cost nothing, then ``rate`` retries
per second are let through. Neither reads a clock: time is an argument.
"""

from collections.abc import Hashable
from typing import Generic

from typing_extensions import TypeVar

__all__ = ["Backoff", "TokenBucket"]

K = TypeVar("K", bound=Hashable, default=str)

# 2.0 ** 1024 does not fit into a float. 64 doublings are more than any two sensible limits are apart.
MAX_DOUBLINGS = 64


class Backoff(Generic[K]):
    """Exponential waits by key: ``base``, twice that, and so on up to ``limit`` (seconds).

    Raises:
        ValueError: The base is not positive, or the limit below it.
    """

    def __init__(self, base: float, limit: float) -> None:
        if not 0 < base <= limit < float("inf"):
            raise ValueError(
                f"base_delay={base!r} and max_delay={limit!r} must be seconds, 0 < base_delay <= max_delay"
            )
        self._base = base
        self._limit = limit
        self._failures: dict[K, int] = {}

    def next(self, key: K) -> float:
        """Count one more failure of a key, and return the seconds that it has to wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return min(self._base * 2.0 ** min(failures, MAX_DOUBLINGS), self._limit)

    def forget(self, key: K) -> None:
        """Start over with this key; does nothing for one that has not failed."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often the key has failed since it was last forgotten."""
        return self._failures.get(key, 0)


class TokenBucket:
    """Lets ``burst`` retries through at once, and ``rate`` per second on average.

    Raises:
        ValueError: The rate is not positive, or the burst is below 1.
    """

    def __init__(self, rate: float, burst: int) -> None:
        if not 0 < rate < float("inf"):
            raise ValueError(f"rate={rate!r} must be retries a second, above 0")
        if type(burst) is not int or burst < 1:
            raise ValueError(f"burst={burst!r} must be a whole number of retries, at least 1")
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled: float | None = None  # when the tokens were last counted

    def reserve(self, now: float) -> float:
        """Take a token, even one that is not there yet, and return the seconds until it is there."""
        if self._filled is not None:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._filled) * self._rate)
        self._filled = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)
