"""Whether a position can still be trusted, or has to be proven before a watch goes on from there.

A database restored from a backup goes back in time, perhaps to before the position. An API server then takes a watch
from there as if nothing were wrong, and is silent until its versions have passed the position; what became of the
objects meanwhile is never told (seen: 1.37.2, etcd restored without a bumped revision). A list that must not be older
than the position is refused, though. So a position from which nothing was heard for longer than any restore takes is
proven by such a list, of one object, before a watch goes on from it.

What counts is when an answer comes, not when it was asked for: a connection can be accepted by the kernel long before
the server behind it runs (seen: a watch that was sent to a server about to start, and answered after the restore).
"""

__all__ = ["Silence"]

# Proxies that hold an answer back until there is something in it are late whenever nothing happens.
_LATE_LIMIT = 3


class Silence:
    """Since when nothing was heard from the server that proves what it has reached.

    Args:
        proof_after: See `Timing`.
    """

    __slots__ = ("_last", "_late", "_proof_after")

    def __init__(self, proof_after: float) -> None:
        self._proof_after = proof_after
        self._last = 0.0
        self._late = 0  # watches in a row that were answered too late

    def broken_at(self, now: float) -> None:
        """The server said something that proves what it has reached."""
        self._last = now

    def is_long(self, now: float) -> bool:
        """Whether the server may have been restored meanwhile."""
        return now - self._last >= self._proof_after

    def is_long_at_answer(self, now: float) -> bool:
        """As `is_long`, of a watch that is answered only now: it is to be dropped, and the position to be proven.

        Not for ever: the third in a row is taken.
        """
        self._late = (self._late + 1) % _LATE_LIMIT if self.is_long(now) else 0
        return self._late > 0
