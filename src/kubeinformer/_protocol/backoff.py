"""How long to wait before the next try, as pure functions of the number of tries and a random number.

Full jitter (uniform between 0 and a doubling bound) rather than a fixed fraction: after an API server's restart all
clients of a cluster come back at once, and only full jitter spreads them over the whole interval
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

__all__ = ["backoff_delay", "doubling"]

_MOST_DOUBLINGS = 64  # 2.0**64 is far over any limit; without a bound the power would overflow after 1,023 failures


def doubling(first: float, limit: float, times: int) -> float:
    """``first`` doubled ``times`` times, at most ``limit``. Seconds in, seconds out."""
    return min(limit, first * 2.0 ** min(times, _MOST_DOUBLINGS))


def backoff_delay(attempt: int, jitter: float, *, first: float, limit: float, floor: float = 0.0) -> float:
    """Seconds to wait before try number ``attempt + 2``.

    Args:
        attempt: Failures in a row before this one; 0 after the first.
        jitter: A random number in [0, 1).
        first: Bound after the first failure, in seconds.
        limit: Largest bound, in seconds.
        floor: What the server asked for (Retry-After), in seconds: never waited less.
    """
    return max(floor, jitter * doubling(first, limit, attempt))
