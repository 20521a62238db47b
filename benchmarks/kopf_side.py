"""kopf on the tasks of `benchmarks.controller`: an event handler that is called for every object and every change.

    pods COUNT | latency

Prints the same as `benchmarks.controller_side`. The handlers that kopf uses for reconciliation (``on.update``) would
write an annotation to each object. An event handler leaves objects alone, like a reconcile here.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import kopf
from benchmarks.memory import peak_mb, resident_mb

_SETTLE = 3.0  # seconds, as for ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["pods", "latency"])
    parser.add_argument("count", type=int, nargs="?", default=0)
    options = parser.parse_args()
    role = pods(options.count) if options.role == "pods" else latency()
    print(json.dumps(asyncio.run(role)), flush=True)


async def pods(count: int) -> dict[str, Any]:
    """Call an empty handler for every pod, then idle."""
    left, done = count, asyncio.Event()
    loop = asyncio.get_running_loop()

    async def handle(**_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    registry = kopf.OperatorRegistry()
    kopf.on.event("v1", "pods", registry=registry)(handle)
    cpu, start = time.process_time(), loop.time()

    async def work() -> dict[str, Any]:
        await done.wait()
        seconds, spent = loop.time() - start, time.process_time() - cpu
        await asyncio.sleep(_SETTLE)
        return {
            "pods": count,
            "start_to_done_seconds": round(seconds, 3),
            "cpu_us_per_reconcile": round(1e6 * spent / count, 1),
            "idle_rss_mb": resident_mb(),
            "peak_rss_mb": peak_mb(),
            "kopf": version("kopf"),
        }

    return await _operate(registry, work, clusterwide=True)


async def latency() -> dict[str, Any]:
    """When the handler first saw each version of the ConfigMaps."""
    seen: dict[str, float] = {}
    works = asyncio.Event()

    async def handle(meta: Any, **_: Any) -> None:
        seen.setdefault(meta["resourceVersion"], time.monotonic())
        works.set()

    registry = kopf.OperatorRegistry()
    kopf.on.event("v1", "configmaps", registry=registry)(handle)

    async def work() -> dict[str, Any]:
        await works.wait()
        await asyncio.sleep(1.0)
        print(json.dumps({"synced": True}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.sleep(1.0)
        return {"seen": seen}

    return await _operate(registry, work, namespaces=["latency"])


async def _operate(
    registry: kopf.OperatorRegistry,
    work: Callable[[], Awaitable[dict[str, Any]]],
    **where: Any,
) -> dict[str, Any]:
    def login(**_: Any) -> kopf.ConnectionInfo:
        server, token, ca_file = (os.environ[f"BENCH_{name}"] for name in ("SERVER", "TOKEN", "CA_FILE"))
        return kopf.ConnectionInfo(server=server, token=token, ca_path=ca_file)

    kopf.on.login(registry=registry)(login)
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # no events about what it does
    stop = asyncio.Event()
    operator = asyncio.create_task(
        kopf.operator(registry=registry, settings=settings, standalone=True, stop_flag=stop, **where)
    )
    try:
        return await work()
    finally:
        stop.set()
        await operator


if __name__ == "__main__":
    main()
