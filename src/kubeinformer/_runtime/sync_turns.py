"""A budget across the informers of one cluster: how many may read a whole snapshot at the same time.

Why. Fifty informers that start together ask the server for fifty initial streams at once, and their page budgets add
up: both sides peak at fifty times what one needs. Taking turns costs no time where the network or one core is the
bound, which it is for every informer here.

Rules. A turn begins with a watch-list or the first page and ends with the snapshot, or with the wait after a failure:
a server that refuses one resource must not hold up the others. Turns are given in the order in which they were asked
for. Watches from a known position need none: live informers are never held back.
"""

import anyio

__all__ = ["CONCURRENT_SYNCS", "SyncTurns", "Turn"]

# One stream is bound by the network or by one core, and two cover for each other's waits; four leave room for slow
# ones.
CONCURRENT_SYNCS = 4


class SyncTurns:
    """Turns to read a whole snapshot.

    Args:
        limit: How many can be had at once.

    Raises:
        ValueError: The limit is no whole number of at least 1.
    """

    def __init__(self, limit: int = CONCURRENT_SYNCS) -> None:
        if type(limit) is not int or limit < 1:
            raise ValueError(f"concurrent_syncs={limit!r} must be a whole number of informers, at least 1")
        self._limiter = anyio.CapacityLimiter(limit)

    def turn(self) -> "Turn":
        """Make one informer's turn, not taken yet."""
        return Turn(self._limiter)


class Turn:
    """One informer's turn. Taken and given back any number of times."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._is_taken = False

    async def take(self) -> None:
        """Wait for it; does nothing when it is taken already. Cancelling leaves it as it was."""
        if not self._is_taken:
            await self._limiter.acquire_on_behalf_of(self)
            self._is_taken = True

    def give_back(self) -> None:
        """Let the next one have it; does nothing when it is not taken."""
        if self._is_taken:
            self._is_taken = False
            self._limiter.release_on_behalf_of(self)
