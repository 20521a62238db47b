"""The clients of `benchmarks.blog`, in a process of their own: informers that sync and start over; prints a JSON line.

``list`` sends what the classic informer sends to the server, with the smallest possible client. It is the first request
of client-go (``limit=500&resourceVersion=0``; the server ignores the limit when it answers from its watch cache), with
gzip as client-go requests it. The answer is read to its end and thrown away. ``watch-list`` and ``paged`` are both
``connect()``, ``informer("v1/secrets", retain="metadata")`` and ``synced()``; then the client leaves the scope of the
cluster and starts over. The server decides which of the two it is. If a client did not do what its mode says, that is
an error.

There is no pause between two syncs, except after a failed one. When the time is up, unfinished syncs are dropped and do
not count.
"""

import argparse
import json
import logging
import os
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Callable

import aiohttp
import anyio

from kubeinformer import InformerStatistics, connect

_FIRST_LIST = "/api/v1/secrets?limit=500&resourceVersion=0"
_PAUSE = 1.0  # seconds, after a failure

# Endless; each item is a sync's failures by name, empty if it was complete.
Syncs = AsyncGenerator[dict[str, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=_MODES)
    parser.add_argument("--informers", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--secrets", type=int, required=True, help="how many a sync must find")
    arguments = parser.parse_args()
    logging.getLogger("kubeinformer").setLevel(logging.ERROR)  # failed requests are counted
    work = (_MODES[arguments.mode], arguments.informers, arguments.seconds, arguments.secrets)
    syncs, failures = anyio.run(run, *work)
    print(json.dumps({"syncs": syncs, "failures": failures}))


async def run(mode: Callable[[int], Syncs], informers: int, seconds: float, secrets: int) -> tuple[int, Counter[str]]:
    """So many informers at a time, for so long; how often one was synced, and what went wrong."""
    failures: Counter[str] = Counter()
    done = 0

    async def informer() -> None:
        nonlocal done
        async for failed in mode(secrets):
            failures.update(failed)
            done += not failed

    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as tasks:
            for _ in range(informers):
                tasks.start_soon(informer)
    return done, failures


async def lists(_secrets: int) -> Syncs:
    """The whole list in one answer. Its bytes are not looked at, but an answer that is cut off is an error."""
    headers = {
        "authorization": "Bearer " + os.environ["BENCH_TOKEN"],
        "accept": "application/json",
        "accept-encoding": "gzip",
    }
    url = os.environ["BENCH_SERVER"] + _FIRST_LIST
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=2**18, timeout=timeout) as session:
        while True:
            try:
                async with session.get(url, headers=headers, ssl=tls) as response:
                    response.raise_for_status()
                    async for _ in response.content.iter_any():
                        pass
            except aiohttp.ClientError as error:
                yield {type(error).__name__: 1}
                await anyio.sleep(_PAUSE)
            else:
                yield {}


async def watch_lists(secrets: int) -> Syncs:
    while True:
        numbers = await _sync(secrets)
        if "list" in numbers.requests:
            raise RuntimeError(f"not a watch-list: {numbers}")
        yield numbers.failures


async def pages(secrets: int) -> Syncs:
    while True:
        numbers = await _sync(secrets)
        if "list" not in numbers.requests:
            raise RuntimeError(f"the server did not refuse the watch-list: {numbers}")
        yield {name: count for name, count in numbers.failures.items() if name != "ServerRefused"}


async def _sync(secrets: int) -> InformerStatistics:
    server, token, ca_file = (os.environ[f"BENCH_{name}"] for name in ("SERVER", "TOKEN", "CA_FILE"))
    async with connect(server=server, token=token, ca_file=ca_file) as cluster:
        informer = cluster.informer("v1/secrets", retain="metadata")
        await informer.synced()
        numbers = informer.statistics()
        if numbers.objects != secrets:
            raise RuntimeError(f"synced with {numbers.objects} of {secrets} Secrets")
        return numbers


_MODES: dict[str, Callable[[int], Syncs]] = {"list": lists, "watch-list": watch_lists, "paged": pages}


if __name__ == "__main__":
    main()
