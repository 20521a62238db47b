"""The measured informer: a process that syncs, prints the cost, and does resyncs on request.

It prints one line after the first sync. After that, each word ``resync`` on standard input makes it reset its counters
and print ``{"ready": true}``. The parent then does what it wants to the server, sends ``go``, and gets one line when
the next snapshot is complete. Memory is what the operating system counts for the whole process, and processor time
includes all threads. Memory is measured one second later, when the bodies from before the dictionary have been encoded
again.
"""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from benchmarks.memory import peak_mb, reset_peak, resident_mb

from kubeinformer import Informer, Subscription, Synced, Timing, connect

_SETTLE = 1.0  # seconds
_TIMEOUT = 600.0  # seconds; a million objects take half a minute
_POLL = 0.05  # seconds; 20 looks a second cost a thousandth of a core

# When a resync begins the server is there: what is measured is the work, and not what a real client waits before it.
_AT_ONCE = Timing(backoff_first=0.01, backoff_limit=0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resource")
    parser.add_argument("--server", required=True)
    parser.add_argument("--token")
    parser.add_argument("--ca-file", type=Path)
    parser.add_argument("--retain", default="compressed")
    parser.add_argument("--identity", action="store_true", help="ask the server not to compress")
    parser.add_argument("--resyncs", action="store_true", help="take orders from standard input afterwards")
    logging.getLogger("kubeinformer").setLevel(logging.ERROR)  # what is refused or lost here is so on purpose
    asyncio.run(mirror(parser.parse_args()))


async def mirror(options: argparse.Namespace) -> None:
    async with connect(
        server=options.server,
        token=options.token,
        ca_file=options.ca_file,
        compressed=not options.identity,
        timing=_AT_ONCE,
    ) as cluster:
        connected = resident_mb()
        started, cpu = time.perf_counter(), time.process_time()
        informer = cluster.informer(options.resource, retain=options.retain)
        await informer.synced(timeout=_TIMEOUT)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        await anyio.sleep(_SETTLE)
        _say(_first_sync(informer, seconds, cpu, connected))
        if options.resyncs:
            await _obey(informer)


def _first_sync(informer: Informer, seconds: float, cpu: float, connected: float) -> dict[str, Any]:
    numbers = informer.statistics()
    objects = max(1, numbers.objects)
    steady, peak = resident_mb(), peak_mb()
    return {
        "objects": numbers.objects,
        "requests": numbers.requests,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "objects_per_second": round(objects / seconds),
        "json_mb": round(numbers.decoded_bytes / 1e6, 1),
        "wire_mb": round(numbers.received_bytes / 1e6, 1),
        "json_mb_per_second": round(numbers.decoded_bytes / 1e6 / seconds, 1),
        "connected_rss_mb": connected,
        "steady_rss_mb": steady,
        "peak_rss_mb": peak,
        "stored_bytes_per_object": round(numbers.stored_bytes / objects),
        "kb_per_object": round((steady - connected) * 1000 / objects, 3),
    }


async def _obey(informer: Informer) -> None:
    told: Counter[str] = Counter()
    snapshot_told = anyio.Event()
    async with informer.events() as events, anyio.create_task_group() as tasks:
        tasks.start_soon(_read, events, told, snapshot_told)
        await snapshot_told.wait()
        while await _word() == "resync":
            await _resync(informer, told)
        tasks.cancel_scope.cancel()


async def _read(events: Subscription, told: Counter[str], snapshot_told: anyio.Event) -> None:
    async for event in events:
        told[type(event).__name__] += 1
        if isinstance(event, Synced):
            snapshot_told.set()


async def _resync(informer: Informer, told: Counter[str]) -> None:
    await anyio.sleep(_SETTLE)
    told.clear()
    before, cpu, steady = informer.statistics(), time.process_time(), resident_mb()
    reset_peak()
    _say({"ready": True})
    assert await _word() == "go"
    started = time.perf_counter()
    with anyio.fail_after(_TIMEOUT):
        while informer.statistics().syncs == before.syncs:  # noqa: ASYNC110 - counters tell nobody when they change
            await anyio.sleep(_POLL)
        seconds = time.perf_counter() - started
        while informer.statistics().pending:  # noqa: ASYNC110 - as above
            await anyio.sleep(_POLL)
    cpu = time.process_time() - cpu
    await anyio.sleep(_SETTLE)
    after = informer.statistics()
    _say(
        {
            "objects": after.objects,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu, 3),
            "steady_rss_mb": steady,
            "peak_minus_steady_mb": round(peak_mb() - steady, 1),
            "rss_after_mb": resident_mb(),
            "json_mb": round((after.decoded_bytes - before.decoded_bytes) / 1e6, 1),
            "changes": after.changes - before.changes,
            "events": told.total(),
            "events_by_type": dict(told),
            "failures": dict(Counter(after.failures) - Counter(before.failures)),
        }
    )


async def _word() -> str:
    """The parent's next word; empty when it has nothing more to say."""
    line: str = await anyio.to_thread.run_sync(sys.stdin.readline)
    return line.strip()


def _say(figures: dict[str, Any]) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
