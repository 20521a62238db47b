"""The time and memory of one first sync, compared with only reading the same stream; prints one JSON line.

Starts a real kube-apiserver and etcd (found through KUBEBUILDER_ASSETS) and fills them with pods. Then the two sides
take turns, each in a process of its own. ``drain`` reads the watch-list to its end and throws the bytes away.
``informer`` is ``connect(server=..., token=..., ca_file=...)`` and ``synced()``. The seconds count from the first
request to the end bookmark, without imports. Memory is VmHWM of the whole process, read from the operating system.

    KUBEBUILDER_ASSETS="$(tests/e2e/envtest/build)" .venv/bin/python -m benchmarks.sync
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.memory import peak_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--role", choices=["drain", "informer"], help=argparse.SUPPRESS)
    parser.add_argument("--identity", action="store_true", help="ask the server not to compress")
    arguments = parser.parse_args()
    if arguments.role:
        print(json.dumps(asyncio.run(_ROLES[arguments.role](compressed=not arguments.identity))))
    else:
        print(json.dumps(compare(arguments.pods, arguments.rounds, compressed=not arguments.identity)))


def compare(pods: int, rounds: int, *, compressed: bool) -> dict[str, Any]:
    from benchmarks.plane import control_plane, fill_with_pods  # noqa: PLC0415 - not in the measured processes

    with control_plane() as plane:
        fill_with_pods(0, pods)
        run_role("drain", compressed=compressed)  # warms the server's cache, not counted
        results: dict[str, list[dict[str, float]]] = {"drain": [], "informer": []}
        for _ in range(rounds):
            for role, measured in results.items():
                measured.append(run_role(role, compressed=compressed))
        version = plane.api.version
    return summary(results, pods) | {"compressed": compressed, "server": version, "python": platform.python_version()}


def run_role(role: str, *, compressed: bool) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sync", "--role", role] + ([] if compressed else ["--identity"])
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def summary(results: dict[str, list[dict[str, float]]], pods: int) -> dict[str, Any]:
    """Medians, and the ratio pair by pair: the machine's speed drifts, pairs drift together."""

    def median(role: str, figure: str) -> float:
        return round(statistics.median(result[figure] for result in results[role]), 3)

    ratios = [
        informer["seconds"] / drain["seconds"]
        for drain, informer in zip(results["drain"], results["informer"], strict=True)
    ]
    return {
        "pods": pods,
        "rounds": len(ratios),
        "json_mb": median("informer", "json_mb"),
        "wire_mb": median("informer", "wire_mb"),
        "drain_seconds": median("drain", "seconds"),
        "informer_seconds": median("informer", "seconds"),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_worst": round(max(ratios), 3),
        "informer_cpu_seconds": median("informer", "cpu_seconds"),
        "peak_rss_mb": max(result["peak_rss_mb"] for result in results["informer"]),
        "imported_rss_mb": median("informer", "imported_rss_mb"),
        "stored_bytes_per_object": median("informer", "stored_bytes_per_object"),
    }


async def drain(*, compressed: bool) -> dict[str, float]:
    """Only read the stream."""
    from benchmarks.drain import drain as read_all  # noqa: PLC0415 - a role imports only what it measures

    return {"seconds": await read_all(compressed=compressed)}


async def informer(*, compressed: bool) -> dict[str, float]:
    """Sync an informer."""
    from kubeinformer import connect  # noqa: PLC0415 - as above

    server, token, ca_file = (os.environ[f"BENCH_{name}"] for name in ("SERVER", "TOKEN", "CA_FILE"))
    async with connect(server=server, token=token, ca_file=ca_file, compressed=compressed) as cluster:
        imported = peak_mb()
        started, cpu = time.perf_counter(), time.process_time()
        pods = cluster.informer("v1/pods")
        await pods.synced(timeout=300)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        numbers = pods.statistics()
        assert set(numbers.requests) == {"watch-list"}, numbers
        return {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "imported_rss_mb": imported,
            "peak_rss_mb": peak_mb(),
            "json_mb": numbers.decoded_bytes / 1e6,
            "wire_mb": numbers.received_bytes / 1e6,
            "stored_bytes_per_object": numbers.stored_bytes / max(1, numbers.objects),
        }


_ROLES = {"drain": drain, "informer": informer}


if __name__ == "__main__":
    main()
