"""How this library behaves as collections grow: memory, time, resyncs. Prints one JSON line for each figure.

    KUBEBUILDER_ASSETS="$(tests/e2e/envtest/build)" .venv/bin/python -m benchmarks.scale [--only NAME] [--quick]

``pods-20000``, ``pods-100000``: the first sync of pods from a real API server, compared with a drain of the same
stream.

``resync-100000``: the position is lost (API server restarted on a compacted etcd), and nothing has changed.

``resync-tenth``: the same, and a tenth of the pods have changed.

``million``: objects of 1 KB from the fake API server, compared with a drain, and with the time of the server itself.

``unpaged-400mb``, ``unpaged-million``: one list without pages, of a few large objects or of many small ones.

``import``: the cost of ``import kubeinformer``, compared with an interpreter that does nothing.

Each measured side is a process of its own (`benchmarks.mirror`, `benchmarks.plain_drain`), and memory is what the
operating system counts for the whole process. If a client has to miss something, it is stopped (SIGSTOP) and its server
is killed. So it hears of nothing, and has nothing in a buffer when it continues. ``--quick`` only shows that everything
runs; its figures mean nothing.
"""

import argparse
import asyncio
import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
from benchmarks.children import Child, child, run
from benchmarks.memory import peak_mb
from benchmarks.plane import control_plane, fill_with_pods
from benchmarks.pods import pod
from tests.e2e.control_plane import ControlPlane

Figures: TypeAlias = dict[str, Any]

_REAL = ("pods-20000", "pods-100000", "resync-100000", "resync-tenth")
_CHANGED_SHARE = 10  # every tenth
_AT_A_TIME = 16  # changes, as in plane.create_all


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    few_pods: int = 20_000
    many_pods: int = 100_000
    small_objects: int = 1_000_000
    secrets: int = 400
    rounds: int = 5


_QUICK = Sizes(few_pods=500, many_pods=1_000, small_objects=20_000, secrets=20, rounds=2)


def main() -> None:
    names = [*_REAL, *_ALONE]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    wanted, sizes = arguments.only or names, _QUICK if arguments.quick else Sizes()
    common = {"python": platform.python_version()} | ({"quick": True} if arguments.quick else {})
    for figures in _measured(wanted, sizes):
        print(json.dumps(figures | common), flush=True)


def _measured(wanted: list[str], sizes: Sizes) -> Iterator[Figures]:
    if not set(_REAL).isdisjoint(wanted):
        with control_plane() as plane:
            common = {"server": plane.api.version}
            for figures in _on_real_server(plane, wanted, sizes):
                yield figures | common
    for name, measure in _ALONE.items():
        if name in wanted:
            yield {"figure": name} | measure(sizes)


# On a real API server.


def _on_real_server(plane: ControlPlane, wanted: list[str], sizes: Sizes) -> Iterator[Figures]:
    filled = 0
    for name, pods in (("pods-20000", sizes.few_pods), ("pods-100000", sizes.many_pods)):
        if name in wanted:
            fill_with_pods(filled, pods)
            filled = pods
            yield {"figure": name} | _first_sync(sizes.rounds)
    if "resync-100000" in wanted or "resync-tenth" in wanted:
        fill_with_pods(filled, sizes.many_pods)
        run("benchmarks.sync", "--role", "drain")  # warms the server's cache
        with child("benchmarks.mirror", *_pods(), "--resyncs") as mirror:
            first = mirror.read()
            for name, changed in (
                ("resync-100000", range(0)),
                ("resync-tenth", range(0, sizes.many_pods, _CHANGED_SHARE)),
            ):
                if name in wanted:
                    yield {"figure": name} | _resync(plane, mirror, first, changed)


def _first_sync(rounds: int) -> Figures:
    run("benchmarks.sync", "--role", "drain")  # warms the server's cache, not counted
    drains, syncs = [], []
    for _ in range(rounds):
        drains.append(run("benchmarks.sync", "--role", "drain"))
        syncs.append(run("benchmarks.mirror", *_pods()))
    return _summary(syncs) | {"drain_seconds": _median(drains, "seconds"), "rounds": rounds}


def _resync(plane: ControlPlane, mirror: Child, first: Figures, changed: range) -> Figures:
    """Let the client lose its position, with these pods changed meanwhile."""
    mirror.tell("resync")
    mirror.read()
    mirror.pause()
    plane.api.kill()  # its connections end here: nothing of what follows waits in a buffer of the client's
    plane.api.start()
    _annotate(changed)
    # Without any write the client's position would be the newest there is, and still good.
    plane.client.create_namespace("bench-passing")
    plane.api.kill()
    with suppress(TimeoutError):  # history is lost at once; with many pods its removal takes longer than etcd is given
        plane.compact()
    plane.api.start()
    run("benchmarks.sync", "--role", "drain")  # warms the server's cache
    mirror.tell("go")
    mirror.resume()
    figures = mirror.read()
    return figures | {
        "changed": len(changed),
        "first_sync_cpu_seconds": first["cpu_seconds"],
        "cpu_share_of_first_sync": round(figures["cpu_seconds"] / first["cpu_seconds"], 3),
    }


def _pods() -> list[str]:
    environment = os.environ
    server, token, ca_file = environment["BENCH_SERVER"], environment["BENCH_TOKEN"], environment["BENCH_CA_FILE"]
    return ["v1/pods", "--server", server, "--token", token, "--ca-file", ca_file]


def _annotate(indexes: range) -> None:
    """Change pods a little."""
    asyncio.run(_annotate_all(iter(indexes)))


async def _annotate_all(indexes: Iterator[int]) -> None:
    headers = {
        "authorization": "Bearer " + os.environ["BENCH_TOKEN"],
        "content-type": "application/merge-patch+json",
    }
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=tls)) as session:

        async def worker() -> None:
            for index in indexes:
                metadata = pod(index)["metadata"]
                path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
                patch = {"metadata": {"annotations": {"bench.example.com/changed": str(index)}}}
                async with session.patch(os.environ["BENCH_SERVER"] + path, data=json.dumps(patch)) as response:
                    response.raise_for_status()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_A_TIME):
                tasks.create_task(worker())


# On servers that the benchmark brings.


def _million(sizes: Sizes) -> Figures:
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    objects = ["--objects", str(sizes.small_objects), "--object-size", "1024", "--no-gzip"]
    with child("kubeinformer.testing", *objects) as server:
        url = server.read()["url"]
        idle = server.cpu_seconds()
        drained = run(
            "benchmarks.plain_drain",
            f"{url}/apis/example.com/v1/widgets?{query}",
            "--until",
            "k8s.io/initial-events-end",
        )
        served = server.cpu_seconds() - idle
        figures = run("benchmarks.mirror", "example.com/v1/widgets", "--server", url, "--identity")
    return _beside_drain(figures, drained) | {
        "server_cpu_seconds": round(served, 2),
        "server_objects_per_cpu_second": round(sizes.small_objects / served),
    }


def _unpaged_400mb(sizes: Sizes) -> Figures:
    return _unpaged(sizes.secrets, 1_000_000, "metadata")


def _unpaged_million(sizes: Sizes) -> Figures:
    return _unpaged(sizes.small_objects, 300, "keys")


def _unpaged(objects: int, size: int, retain: str) -> Figures:
    with child("benchmarks.unpaged", "--objects", str(objects), "--size", str(size)) as server:
        url = server.read()["url"]
        drained = run("benchmarks.plain_drain", f"{url}/api/v1/secrets", "--until", "")
        figures = run("benchmarks.mirror", "v1/secrets", "--server", url, "--retain", retain, "--identity")
    return _beside_drain(figures, drained) | {"retain": retain}


def _beside_drain(figures: Figures, drained: Figures) -> Figures:
    return figures | {
        "drain_seconds": drained["seconds"],
        "drain_objects_per_second": round(figures["objects"] / drained["seconds"]),
        "drain_mb_per_second": round(drained["mb"] / drained["seconds"], 1),
    }


def _import(sizes: Sizes) -> Figures:
    imports = [_interpreter("import kubeinformer") for _ in range(sizes.rounds)]
    nothing = [_interpreter("pass") for _ in range(sizes.rounds)]
    return {
        "import_ms": _median(imports, "import_ms"),
        "process_ms": _median(imports, "process_ms"),
        "peak_rss_mb": _median(imports, "peak_rss_mb"),
        "empty_process_ms": _median(nothing, "process_ms"),
        "empty_peak_rss_mb": _median(nothing, "peak_rss_mb"),
        "rounds": sizes.rounds,
    }


def _interpreter(statement: str) -> Figures:
    """Run one statement in a fresh interpreter, and look at it from outside before it ends."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t, flush=True); input()"
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        seconds = float(process.stdout.readline())
        whole = time.perf_counter() - started
        peak = peak_mb(process.pid)
        process.stdin.write(b"\n")
    return {
        "import_ms": round(seconds * 1000, 1),
        "process_ms": round(whole * 1000, 1),
        "peak_rss_mb": peak,
    }


_ALONE: dict[str, Callable[[Sizes], Figures]] = {
    "million": _million,
    "unpaged-400mb": _unpaged_400mb,
    "unpaged-million": _unpaged_million,
    "import": _import,
}


def _summary(runs: list[Figures]) -> Figures:
    """Of several runs: medians of what the machine's other work sways, the worst of the peaks."""
    numbers = {name: type(value) for name, value in runs[0].items() if isinstance(value, int | float)}
    medians = {name: kind(_median(runs, name)) for name, kind in numbers.items()}
    return runs[0] | medians | {"peak_rss_mb": max(one["peak_rss_mb"] for one in runs)}


def _median(runs: list[Figures], name: str) -> float:
    return round(float(statistics.median(one[name] for one in runs)), 3)


if __name__ == "__main__":
    main()
