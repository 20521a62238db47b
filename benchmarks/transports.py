"""How fast each transport passes on what a server sends; prints one JSON line.

    .venv/bin/python -m benchmarks.transports [--rounds 5] [--profile TRANSPORT LOOP KIND]

One process writes prepared bytes as fast as the socket accepts them. Another one reads them through a transport and
throws them away. ``drain`` is 512 MB in chunks of 64 KiB. ``events`` is 40,000 chunks of 6.5 KB, one pod each, as from
an API server that does not compress. ``small`` is 200,000 chunks of 400 bytes. The figures are medians; processor time
is that of the reader.
"""

import argparse
import cProfile
import json
import os
import platform
import pstats
import socket
import statistics
import sys
import threading
import time
from typing import Any

import anyio
from benchmarks.children import child, run

KINDS = {"drain": (65_536, 8_000), "events": (6_500, 40_000), "small": (400, 200_000)}  # bytes of a chunk, chunks
STACKS = [("aiohttp", "asyncio"), ("httpx", "asyncio"), ("httpx", "trio")]
_BLOCK = 2**18  # bytes written at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", nargs=3, metavar=("TRANSPORT", "LOOP", "KIND"))
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--read", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*KINDS[options.serve])
    elif options.read:
        transport, loop, url = options.read
        print(json.dumps(anyio.run(read, transport, url, backend=loop)))
    elif options.profile:
        transport, loop, kind = options.profile
        with child("benchmarks.transports", "--serve", kind) as server, cProfile.Profile() as profile:
            anyio.run(read, transport, server.read()["url"], backend=loop)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    else:
        print(
            json.dumps({kind: compare(kind, options.rounds) for kind in KINDS} | {"python": platform.python_version()})
        )


def compare(kind: str, rounds: int) -> dict[str, Any]:
    size, count = KINDS[kind]
    figures: dict[str, Any] = {}
    with child("benchmarks.transports", "--serve", kind) as server:
        url = server.read()["url"]
        measured: dict[tuple[str, str], list[dict[str, float]]] = {stack: [] for stack in STACKS}
        for _ in range(rounds):
            for stack, found in measured.items():
                found.append(run("benchmarks.transports", "--read", *stack, url))
    for stack, found in measured.items():
        seconds = statistics.median(one["seconds"] for one in found)
        figures["-".join(stack)] = {
            "mb_per_second": round(size * count / seconds / 1e6),
            "chunks_per_second": round(count / seconds),
            "cpu_us_per_chunk": round(statistics.median(one["cpu"] for one in found) / count * 1e6, 2),
            "reads": round(statistics.median(one["reads"] for one in found)),
        }
    return figures


async def read(transport: str, url: str) -> dict[str, float]:
    from kubeinformer import connection  # noqa: PLC0415 - not in the writing process

    made = {"aiohttp": connection.AiohttpTransport, "httpx": connection.HttpxTransport}[transport](
        connection.ConnectionConfig(server=url)
    )
    reads = 0
    async with made.stream(connection.HttpRequest(path="/")) as response:
        started, cpu = time.perf_counter(), time.process_time()
        while await response.receive(60):
            reads += 1
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    await made.aclose()
    return {"seconds": seconds, "cpu": cpu, "reads": reads}


def serve(size: int, count: int) -> None:
    """Answer each connection with so many chunks, prepared before, until standard input ends."""
    chunk = b"%x\r\n%b\r\n" % (size, os.urandom(size))
    at_once = max(1, _BLOCK // len(chunk))
    block = chunk * at_once
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(count // at_once):
                connection.sendall(block)
            connection.sendall(chunk * (count % at_once) + b"0\r\n\r\n")
            connection.recv(1)

    def accept() -> None:
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
