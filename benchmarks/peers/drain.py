"""The yardstick: reads and decompresses the watch-list, counts lines, keeps nothing."""

import asyncio

from benchmarks.drain import drain
from benchmarks.peers.measured import Clock, hold, report


def main() -> None:
    clock = Clock()
    lines, ends_in_line = 0, False

    def see(piece: bytes) -> None:
        nonlocal lines, ends_in_line
        lines += piece.count(b"\n")
        ends_in_line = not piece.endswith(b"\n")
        if lines:
            clock.saw_object()

    asyncio.run(drain(compressed=True, see=see))
    # The last line is the bookmark, and it was not read further than to what makes it the last one.
    report(clock.synced(lines if ends_in_line else lines - 1))
    hold()


if __name__ == "__main__":
    main()
