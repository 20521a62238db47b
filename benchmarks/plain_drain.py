"""The lower bound of every sync over plain HTTP: reads the same answer and throws it away. For `benchmarks.scale`.

``python -m benchmarks.plain_drain URL --until TEXT`` prints the seconds from the request to the text that ends the
answer. It uses a blocking socket and a fixed buffer. No HTTP client is faster, so this measures the speed of the server
alone.
"""

import argparse
import json
import socket
import time
from urllib.parse import urlsplit

_BUFFER = 256 * 1024  # bytes; what the transport under test reads at most at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--until", required=True, help="the text that ends the answer; an empty one: its last chunk")
    arguments = parser.parse_args()
    print(json.dumps(drain(arguments.url, arguments.until.encode() or b"\r\n0\r\n\r\n")))


def drain(url: str, end: bytes) -> dict[str, float]:
    parts = urlsplit(url)
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    tail, size = b"", 0
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        started = time.perf_counter()
        request = (
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: identity\r\n\r\n"
        )
        connection.sendall(request.encode())
        while end not in tail:
            count = connection.recv_into(view)
            if not count:
                raise RuntimeError(f"{url}: the answer ended before {end!r}")
            size += count
            tail = tail[-len(end) :] + buffer[max(0, count - 1024) : count]  # what ends the answer ends what came
        seconds = time.perf_counter() - started
    return {"seconds": round(seconds, 3), "mb": round(size / 1e6, 1)}


if __name__ == "__main__":
    main()
