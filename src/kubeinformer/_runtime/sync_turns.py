"""A limit for the informers of one cluster: how many may read a whole snapshot at the same time.

Why. Fifty informers that start together would request fifty initial streams at once, and their page budgets would add
up. Both the client and the server would peak at fifty times what one informer needs. Turns cost no time if the network
or one core is the bottleneck, and for every informer here it is.

Rules. A turn begins with a watch-list or with the first page. It ends with the snapshot, or with the wait after a
failure, so that a server which refuses one resource does not hold up the others. Turns are given in the order of the
requests. Watches from a known position need no turn, so live informers are never held back.
"""

import anyio

__all__ = ["CONCURRENT_SYNCS", "SyncTurns", "Turn"]

# One stream is limited by the network or by one core, and two use each other's waits; four leave room for slow ones.
CONCURRENT_SYNCS = 4


class SyncTurns:
    """Turns to read a whole snapshot.

    Args:
        limit: How many informers can have a turn at the same time.

    Raises:
        ValueError: The limit is not a whole number of at least 1.
    """

    def __init__(self, limit: int = CONCURRENT_SYNCS) -> None:
        if type(limit) is not int or limit < 1:
            raise ValueError(f"concurrent_syncs={limit!r} must be a whole number of informers, at least 1")
        self._limiter = anyio.CapacityLimiter(limit)

    def turn(self) -> "Turn":
        """Make the turn of one informer. It is not taken yet."""
        return Turn(self._limiter)


class Turn:
    """The turn of one informer. It can be taken and given back any number of times."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._is_taken = False

    async def take(self) -> None:
        """Wait for the turn; does nothing if it is taken already. Cancelling leaves it as it was."""
        if not self._is_taken:
            await self._limiter.acquire_on_behalf_of(self)
            self._is_taken = True

    def give_back(self) -> None:
        """Give the turn to the next informer; does nothing if it is not taken."""
        if self._is_taken:
            self._is_taken = False
            self._limiter.release_on_behalf_of(self)
