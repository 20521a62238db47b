"""Writes rows to stdout, and stays interruptible while it does.

Theory. Writing blocks the event loop on purpose: when the reader of a pipe is slow, the informer then stops reading
from the server, and TCP holds the server back. Nothing piles up on either side; changes of the same object meanwhile
coalesce, and a stream that the server gives up is resumed. A thread for writing would add a queue and an exit that
hangs on a full pipe.

asyncio turns Ctrl-C into a cancellation at the next await, which a blocked write never reaches; during a write,
Python's own handler takes over and raises on the spot.
"""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

from kubeinformer.cli._ending import CommandError

__all__ = ["Output"]

_BLOCK = 64 * 1024  # bytes collected before a write: 16 pages, what a Linux pipe holds


class Output:
    """Stdout, in bytes, collected to blocks. Flush it before waiting for anything.

    Raises:
        CommandError: The shell closed it (``>&-``).
    """

    def __init__(self) -> None:
        if sys.stdout is None:
            raise CommandError("stdout is closed: there is nowhere to print to")
        self._stream = sys.stdout.buffer
        self._encoding = sys.stdout.encoding or "utf-8"
        self._collected = bytearray()

    def text(self, line: str) -> None:
        """Write a line. What the terminal's character set lacks is escaped."""
        self.line(line.encode(self._encoding, "backslashreplace"))

    def line(self, line: bytes) -> None:
        """Write a line of bytes."""
        self._collected += line
        self._collected += b"\n"
        if len(self._collected) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Hand everything over to the reader; blocks until it has room.

        Raises:
            BrokenPipeError: The reader is gone.
        """
        if not self._collected:
            return
        collected, self._collected = self._collected, bytearray()
        with _interruptible():
            self._stream.write(collected)
            self._stream.flush()


@contextmanager
def _interruptible() -> Generator[None]:
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous):  # ignored, as under nohup, or not Python's: that is the starter's wish
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
