"""The measured side of `benchmarks.controller`: kubeinformer, and the bare watch that it is compared with.

    queue KEYS | pods COUNT | latency | watch

Prints the results on one line. ``latency`` and ``watch`` first print a line when they are in sync, and then wait for a
word. After that, they print when they saw each version, in seconds of the system's monotonic clock.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from benchmarks.memory import peak_mb, resident_mb

from kubeinformer import Cluster, connect
from kubeinformer.controller import Controller, Request, WorkQueue

CONFIGMAPS = "/api/v1/namespaces/latency/configmaps"
_SETTLE = 3.0  # seconds in which an idle process becomes one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["queue", "pods", "latency", "watch"])
    parser.add_argument("count", type=int, nargs="?", default=0)
    options = parser.parse_args()
    roles: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "queue": lambda: queue(options.count),
        "pods": lambda: pods(options.count),
        "latency": latency,
        "watch": watch,
    }
    print(json.dumps(anyio.run(roles[options.role])), flush=True)


async def queue(count: int) -> dict[str, Any]:
    """Adds, gets and dones of so many keys, by one task."""
    keys = [f"namespace-{number % 20}/name-{number}" for number in range(count)]
    keyed: WorkQueue = WorkQueue("bench")
    start = time.perf_counter()
    for key in keys:
        keyed.add(key)
    added = time.perf_counter()
    for _ in keys:
        keyed.done(await keyed.get())
    end = time.perf_counter()
    return {
        "keys": count,
        "adds_per_second": round(count / (added - start)),
        "gets_and_dones_per_second": round(count / (end - added)),
        "keys_per_second": round(count / (end - start)),
        "operations_per_second": round(3 * count / (end - start)),
    }


def connected() -> AbstractAsyncContextManager[Cluster]:
    server, token, ca_file = (os.environ[f"BENCH_{name}"] for name in ("SERVER", "TOKEN", "CA_FILE"))
    return connect(server=server, token=token, ca_file=ca_file)


class Counter:
    """An empty reconcile, but for counting."""

    def __init__(self, count: int) -> None:
        self._left = count
        self.done = anyio.Event()

    def again(self, count: int) -> None:
        """Count from the start."""
        self._left, self.done = count, anyio.Event()

    async def reconcile(self, request: Request) -> None:  # noqa: ARG002 - empty
        """What a controller calls."""
        self._left -= 1
        if not self._left:
            self.done.set()


async def pods(count: int) -> dict[str, Any]:
    """Reconcile every pod, twice, then idle."""
    connecting = time.perf_counter()
    async with connected() as cluster, anyio.create_task_group() as tasks:
        informer = cluster.informer("v1/pods")
        await informer.synced(timeout=300)
        assert len(informer.store) == count, f"{len(informer.store)} pods are there"
        counter = Counter(count)
        controller = Controller(informer, counter.reconcile)
        first, cpu = time.perf_counter(), time.process_time()
        tasks.start_soon(controller.run)
        await counter.done.wait()
        first_done, first_cpu = time.perf_counter(), time.process_time() - cpu
        counter.again(count)
        again, cpu = time.perf_counter(), time.process_time()
        for key in informer.store:
            controller.queue.add(key)
        await counter.done.wait()
        again_done, again_cpu = time.perf_counter(), time.process_time() - cpu
        await anyio.sleep(_SETTLE)
        idle, peak = resident_mb(), peak_mb()
        tasks.cancel_scope.cancel()
    return {
        "pods": count,
        "reconciles_per_second": round(count / (first_done - first)),
        "cpu_us_per_reconcile": round(1e6 * first_cpu / count, 1),
        "again_reconciles_per_second": round(count / (again_done - again)),
        "again_cpu_us_per_reconcile": round(1e6 * again_cpu / count, 1),
        "start_to_done_seconds": round(first_done - connecting, 3),
        "idle_rss_mb": idle,
        "peak_rss_mb": peak,
        "imports_kubernetes_asyncio": "kubernetes_asyncio" in sys.modules,
        "python": platform.python_version(),
    }


async def latency() -> dict[str, Any]:
    """When a reconcile first saw each version of the ConfigMaps."""
    seen: dict[str, float] = {}
    works = anyio.Event()

    async def reconcile(request: Request) -> None:
        started = time.monotonic()
        found = request.object
        if found is not None:
            seen.setdefault(found["metadata"]["resourceVersion"], started)
            works.set()

    async with connected() as cluster, anyio.create_task_group() as tasks:
        tasks.start_soon(Controller(cluster.informer("v1/configmaps", namespace="latency"), reconcile).run)
        await works.wait()
        await _until_told()
        tasks.cancel_scope.cancel()
    return {"seen": seen}


async def watch() -> dict[str, Any]:
    """When each line of a bare watch was here."""
    import ssl  # noqa: PLC0415 - what one role needs is not in the memory of the others

    import aiohttp  # noqa: PLC0415 - as above
    import msgspec  # noqa: PLC0415 - as above

    seen: dict[str, float] = {}
    works = anyio.Event()

    class Metadata(msgspec.Struct):
        resourceVersion: str  # noqa: N815 - as in the API

    class Item(msgspec.Struct):
        metadata: Metadata

    class Event(msgspec.Struct):
        object: Item

    decoder = msgspec.json.Decoder(Event)

    async def read(session: aiohttp.ClientSession) -> None:
        async with session.get(CONFIGMAPS, params={"watch": "1"}) as response:
            async for line in response.content:
                here = time.monotonic()
                seen.setdefault(decoder.decode(line).object.metadata.resourceVersion, here)
                works.set()

    headers = {"authorization": "Bearer " + os.environ["BENCH_TOKEN"]}
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    connector = aiohttp.TCPConnector(ssl=tls)
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(
            os.environ["BENCH_SERVER"], headers=headers, connector=connector, timeout=timeout
        ) as session,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(read, session)
        await works.wait()
        await _until_told()
        tasks.cancel_scope.cancel()
    return {"seen": seen}


async def _until_told() -> None:
    await anyio.sleep(1.0)  # for the rest of what is there
    print(json.dumps({"synced": True}), flush=True)
    await anyio.to_thread.run_sync(sys.stdin.readline)
    await anyio.sleep(1.0)  # for what is on its way


if __name__ == "__main__":
    main()
