"""A server process that replays a recording to every watch, as fast as the socket accepts it. For `benchmarks.live`.

``python -m benchmarks.replay FOLDER [--gzip]``: a watch gets the initial events immediately, and the live events when
``/go`` is requested. With ``--gzip``, each piece is one gzip member in one chunk, as API servers of 1.37 flush. All of
it is prepared before the address is printed, so this process only writes while it is being read.
"""

import argparse
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.loopback import PIECE, Answer, forever, serve
from benchmarks.recording import EVENTS_FILE, INITIAL_FILE

_GZIP_FORMAT, _LEVEL = 31, 1  # API servers compress at level 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gzip", action="store_true")
    arguments = parser.parse_args()
    pack = _member if arguments.gzip else bytes
    initial, events = (
        [pack(piece) for piece in _flushes((arguments.folder / name).read_bytes())]
        for name in (INITIAL_FILE, EVENTS_FILE)
    )
    go = threading.Event()

    def stream() -> Iterator[bytes]:
        yield from initial
        go.wait()
        yield from events
        yield from forever()

    def respond(target: str) -> Answer:
        if target == "/go":
            go.set()
            return Answer([])
        return Answer(stream(), headers={"Content-Encoding": "gzip"} if arguments.gzip else {})

    serve(respond)


def _flushes(data: bytes) -> Iterator[bytes]:
    """Cut into pieces of whole events."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        yield data[start:end]
        start = end


def _member(data: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_FORMAT)
    return compressor.compress(data) + compressor.flush()


if __name__ == "__main__":
    main()
