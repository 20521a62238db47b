"""How long to wait before the next attempt, as pure functions of the number of attempts and a random number.

The delays have full jitter: they are uniform between 0 and a bound that doubles. After the restart of an API server all
clients of a cluster come back at once. Only full jitter spreads them over the whole interval; a fixed fraction does not
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

__all__ = ["backoff_delay", "doubling"]

_MOST_DOUBLINGS = 64  # 2.0**64 is far over any limit; without a bound the power would overflow after 1,023 failures


def doubling(first: float, limit: float, times: int) -> float:
    """``first`` doubled ``times`` times, at most ``limit``. Seconds in, seconds out."""
    return min(limit, first * 2.0 ** min(times, _MOST_DOUBLINGS))


def backoff_delay(attempt: int, jitter: float, *, first: float, limit: float, floor: float = 0.0) -> float:
    """Seconds to wait before attempt number ``attempt + 2``.

    Args:
        attempt: The number of failures in a row before this one; 0 after the first failure.
        jitter: A random number in [0, 1).
        first: The bound after the first failure, in seconds.
        limit: The largest bound, in seconds.
        floor: The shortest delay, in seconds: what the server asked for (Retry-After).
    """
    return max(floor, jitter * doubling(first, limit, attempt))
