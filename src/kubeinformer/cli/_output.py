"""Writes rows to stdout, and can be interrupted at any time.

Theory. Writing blocks the event loop on purpose. If the reader of a pipe is slow, the informer stops reading from the
server, and TCP slows the server down. So nothing piles up on either side. Meanwhile, changes of the same object are
coalesced, and a stream that the server gives up is resumed. A thread for writing would need a queue, and the exit would
hang on a full pipe.

asyncio turns Ctrl-C into a cancellation at the next await. A write that blocks never gets there. If the key is pressed
while a row is being made, and the next write blocks, the cancellation does not come either. So this module handles
Ctrl-C before asyncio does: it ends a write immediately, and lets no other one begin.
"""

import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from kubeinformer.cli._ending import CommandError

__all__ = ["Output"]

_BLOCK = 64 * 1024  # bytes collected before a write: 16 pages, the capacity of a Linux pipe


class Output:
    """Stdout, written in blocks of bytes. Flush it before you wait for anything.

    Use it as a context manager in the event loop; then Ctrl-C interrupts it.

    Raises:
        CommandError: The shell closed stdout (``>&-``).
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
        # Otherwise Ctrl-C is ignored, as under nohup, or not handled by Python: whoever started us wants it so.
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
        """Write a line. Characters that the encoding of stdout lacks are escaped."""
        self.line(line.encode(self._encoding, "backslashreplace"))

    def line(self, line: bytes) -> None:
        """Write a line of bytes."""
        self._collected += line
        self._collected += b"\n"
        if len(self._collected) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write everything collected so far; blocks until the reader has room.

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
