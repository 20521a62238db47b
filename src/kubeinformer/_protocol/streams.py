"""What is known about the current response: how long it may be silent, and whether it still makes progress.

An `Initial` stream becomes `Live` when its end bookmark comes; a `Page` is one list body. Each class holds only what is
valid in its state. None holds a position: the position outlives the connection, and belongs to the machine.
"""

from typing import TypeAlias

from kubeinformer._protocol.timing import Timing

__all__ = ["Initial", "Live", "Page", "Stream"]


class Initial:
    """A watch-list before its end bookmark.

    Attributes:
        timeout_seconds: After how long the server will end the stream.
        last_new: When the last new object came, or the stream opened.
    """

    __slots__ = ("_timing", "last_new", "timeout_seconds")

    def __init__(self, timing: Timing, timeout_seconds: int, now: float) -> None:
        self._timing = timing
        self.timeout_seconds = timeout_seconds
        self.last_new = now

    @property
    def read_deadline(self) -> float:
        """Seconds of silence that mean a dead peer. Objects follow one another directly, so any long silence does."""
        return self._timing.initial_silence

    def is_stuck(self, now: float) -> bool:
        """Whether new objects stopped coming so long ago that the end bookmark never will."""
        return now - self.last_new >= self._timing.initial_progress

    def is_overdue(self, now: float) -> bool:
        """Whether to give the stream up, although bytes come."""
        return self.is_stuck(now)


class Page:
    """A list body."""

    __slots__ = ("_opened", "_timing")

    def __init__(self, timing: Timing, now: float) -> None:
        self._timing = timing
        self._opened = now

    @property
    def read_deadline(self) -> float:
        """As for `Initial`."""
        return self._timing.initial_silence

    def is_overdue(self, now: float) -> bool:
        """Whether it takes longer than a server allows itself: a list shows no progress before its end, only bytes."""
        return now - self._opened >= self._timing.list_timeout


class Live:
    """A watch that delivers changes as they happen.

    A dead connection without a FIN looks just like a quiet cluster; only bookmarks tell them apart. A server with a
    watch cache sends them every minute or two (119 s were seen); a server without one sends none. So the interval is
    learned from each stream. Until two bookmarks have come, only the end of the stream itself is certain.

    Attributes:
        opened: When live events began.
    """

    __slots__ = ("_last_bookmark", "_longest_gap", "_timeout_seconds", "_timing", "opened")

    def __init__(self, timing: Timing, timeout_seconds: int, now: float) -> None:
        self._timing = timing
        self._timeout_seconds = timeout_seconds
        self.opened = now
        self._last_bookmark: float | None = None
        self._longest_gap: float | None = None

    def bookmark(self, now: float) -> None:
        """A bookmark came. The longest gap counts: bookmarks that come in bursts must not shorten the deadline."""
        if self._last_bookmark is not None:
            self._longest_gap = max(self._longest_gap or 0.0, now - self._last_bookmark)
        self._last_bookmark = now

    def is_overdue(self, now: float) -> bool:
        """Whether it outlived its end. Servers end each watch in time, so later bytes do not come from a server."""
        return now - self.opened >= self._timeout_seconds + self._timing.read_margin

    @property
    def read_deadline(self) -> float:
        """Seconds of silence that mean a dead peer."""
        if self._longest_gap is None:
            return self._timeout_seconds + self._timing.read_margin
        return max(self._timing.shortest_read_deadline, self._timing.bookmark_patience * self._longest_gap)


Stream: TypeAlias = Initial | Page | Live
