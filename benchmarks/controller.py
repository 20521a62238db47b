"""What a controller adds to an informer: queue, reconciles, latency, memory; compared with kopf. Prints one JSON line.

    KUBEBUILDER_ASSETS="$(tests/e2e/envtest/build)" .venv-bench/bin/python -m benchmarks.controller

``queue``: this number of keys is added, then each is taken and marked as done. Each add, get and done is one operation.

``pods``: an empty reconcile of every pod of a real API server. ``reconciles_per_second`` counts from the moment at
which the informer is in sync and the controller is started. The values with ``again_`` are for adding all keys once
more. ``start_to_done_seconds`` counts from the connection. Then the controller idles: ``idle_rss_mb``.

``latency``: this process patches ConfigMaps on the real server, one after the other, at a fixed rate that does not
depend on how long the answers take. A sample is the time from a write to the start of the reconcile that sees it.
``from_answer`` counts from when the server's answer to the write has arrived. ``from_request`` counts from when the
write was sent, so it includes the work of the server. ``watch`` is the same for a task that only reads the lines of the
watch: no controller can be faster.

``kopf``, if it is installed, does both with an event handler. That is the nearest counterpart that kopf has: it gets
every event, and leaves nothing on objects. It has no store, so its memory cannot be compared directly.

Everything that is measured is a process of its own (`benchmarks.controller_side`, `benchmarks.kopf_side`).
"""

import argparse
import asyncio
import json
import os
import platform
import ssl
import time
from importlib.util import find_spec
from typing import Any

import aiohttp
from benchmarks.children import Child, child, run
from benchmarks.plane import control_plane, create_all, fill_with_pods

NAMESPACE = "latency"
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
OURS, KOPF = "benchmarks.controller_side", "benchmarks.kopf_side"
_WARM_UP = 1.0  # seconds of writes that are not counted: connections are made, code paths are warm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=100_000, help="of the queue")
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=200.0, help="writes a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of writes")
    parser.add_argument("--configmaps", type=int, default=400, help="that are written in turn")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments)), flush=True)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    sides = {"kubeinformer": OURS} | ({"kopf": KOPF} if find_spec("kopf") else {})
    result: dict[str, Any] = {"queue": run(OURS, "queue", str(options.keys)), "pods": {}, "latency": {}}
    with control_plane() as plane:
        fill_with_pods(0, options.pods)
        for name, module in sides.items():
            result["pods"][name] = run(module, "pods", str(options.pods))
        create_all("/api/v1/namespaces", [NAMESPACE], lambda name: {"metadata": {"name": name}})
        create_all(PATH, range(options.configmaps), lambda number: {"metadata": {"name": f"map-{number}"}})
        for name, module in {"watch": OURS, **sides}.items():
            with child(module, "watch" if name == "watch" else "latency") as side:
                result["latency"][name] = latency(side, options)
        result["server"] = plane.api.version
    return result | {"python": platform.python_version(), "options": vars(options)}


def latency(side: Child, options: argparse.Namespace) -> dict[str, float]:
    """Write while a process watches, and compare what both saw."""
    side.read()  # it is in sync
    writes = asyncio.run(write(options))
    side.tell("end")
    seen: dict[str, float] = side.read()["seen"]
    start = min(sent for sent, _ in writes.values()) + _WARM_UP
    counted = {version: (sent, answered) for version, (sent, answered) in writes.items() if sent >= start}
    both = counted.keys() & seen.keys()
    return {
        "writes": len(counted),
        "coalesced": len(counted) - len(both),  # a later write of the same object came before anybody looked
        **_percentiles("from_answer", [seen[version] - counted[version][1] for version in both]),
        **_percentiles("from_request", [seen[version] - counted[version][0] for version in both]),
    }


async def write(options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Patch ConfigMaps; when each resulting version was asked for, and when its answer was here."""
    writes: dict[str, tuple[float, float]] = {}
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    headers = {
        "authorization": "Bearer " + os.environ["BENCH_TOKEN"],
        "content-type": "application/merge-patch+json",
    }
    connector = aiohttp.TCPConnector(ssl=tls, limit=64)
    async with aiohttp.ClientSession(os.environ["BENCH_SERVER"], headers=headers, connector=connector) as session:

        async def patch(number: int) -> None:
            body = json.dumps({"data": {"number": str(number)}})
            sent = time.monotonic()
            async with session.patch(f"{PATH}/map-{number % options.configmaps}", data=body) as response:
                response.raise_for_status()
                raw = await response.read()
            answered = time.monotonic()
            writes[json.loads(raw)["metadata"]["resourceVersion"]] = sent, answered

        start = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(options.rate * (options.seconds + _WARM_UP))):
                await asyncio.sleep(start + number / options.rate - time.monotonic())
                tasks.create_task(patch(number))
    return writes


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    points = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        f"{name}_{point}_ms": round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
        for point, share in points.items()
    }


if __name__ == "__main__":
    main()
