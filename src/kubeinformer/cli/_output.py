"""Writes rows to stdout, and stays interruptible while it does.

Theory. Writing blocks the event loop on purpose: when the reader of a pipe is slow, the informer then stops reading
from the server, and TCP holds the server back. Nothing piles up on either side; changes of the same object meanwhile
coalesce, and a stream that the server gives up is resumed. A thread for writing would add a queue and an exit that
hangs on a full pipe.

asyncio turns Ctrl-C into a cancellation at the next await. A write that blocks never reaches one, and neither does
the row that is being made when the key is pressed if the write after it blocks. So Ctrl-C is noted on its way to
asyncio: it ends a write on the spot, and lets none begin.
"""

import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from kubeinformer.cli._ending import CommandError

__all__ = ["Output"]

_BLOCK = 64 * 1024  # bytes collected before a write: 16 pages, what a Linux pipe holds


class Output:
    """Stdout, in bytes, collected to blocks. Flush it before waiting for anything.

    As a context manager, entered in the event loop, it stays interruptible by Ctrl-C.

    Raises:
        CommandError: The shell closed it (``>&-``).
    """

    def __init__(self) -> None:
        if sys.stdout is None:
            raise CommandError("stdout is closed: there is nowhere to print to")
        self._stream = sys.stdout.buffer
        self._encoding = sys.stdout.encoding or "utf-8"
        self._collected = bytearray()
        self._asyncio = signal.getsignal(signal.SIGINT)
        self._is_interrupted = False
        self._is_writing = False

    def __enter__(self) -> Self:
        # Otherwise Ctrl-C is ignored, as under nohup, or not Python's to handle: that is the starter's wish.
        if callable(self._asyncio):
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if callable(self._asyncio):
            signal.signal(signal.SIGINT, self._asyncio)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._is_interrupted = True
        if self._is_writing:
            raise KeyboardInterrupt
        assert callable(self._asyncio)
        self._asyncio(number, frame)

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
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        if not self._collected:
            return
        collected, self._collected = self._collected, bytearray()
        self._is_writing = True
        try:
            if self._is_interrupted:
                raise KeyboardInterrupt
            self._stream.write(collected)
            self._stream.flush()
        finally:
            self._is_writing = False
