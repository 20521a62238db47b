"""Whether a position can still be trusted, or has to be proven before a watch continues from it.

A database that is restored from a backup goes back in time, perhaps to before the position. The API server then accepts
a watch from the position as if nothing were wrong. It sends nothing until its versions have passed the position, and
what the restore did to the objects meanwhile is never sent (seen: 1.37.2, etcd restored without a bumped revision). But
such a server refuses a list that must not be older than the position. So after a silence that is long enough for a
restore, the position is proven by such a list, of one object, before a watch continues from it.

What counts is the time of the answer, not of the request. The kernel can accept a connection long before the server
behind it runs (seen: a watch that was sent to a server about to start, and answered after the restore).
"""

__all__ = ["Silence"]

# Some proxies hold an answer back until it has content. They are late whenever nothing happens.
_LATE_LIMIT = 3


class Silence:
    """Since when nothing was heard from the server that proves which version it has reached.

    Args:
        proof_after: See `Timing`.
    """

    __slots__ = ("_last", "_late", "_proof_after")

    def __init__(self, proof_after: float) -> None:
        self._proof_after = proof_after
        self._last = 0.0
        self._late = 0  # watches in a row that were answered too late

    def broken_at(self, now: float) -> None:
        """The server said something that proves which version it has reached."""
        self._last = now

    def is_long(self, now: float) -> bool:
        """Whether the server may have been restored meanwhile."""
        return now - self._last >= self._proof_after

    def is_long_at_answer(self, now: float) -> bool:
        """As `is_long`, for a watch that is answered only now. If so, drop the watch and prove the position.

        Not forever: the third late watch in a row is accepted.
        """
        self._late = (self._late + 1) % _LATE_LIMIT if self.is_long(now) else 0
        return self._late > 0
