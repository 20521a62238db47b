"""Server memory while informers restart in a loop: the measurement of the Kubernetes blog's article "API streaming".

For the article ("Enhancing Kubernetes API Server Efficiency with API Streaming", December 2024), the authors made 400
Secrets of 1 MB, and let more and more client-go informers fetch them. A server that builds the whole answer to a LIST
in memory crashed with 16 informers. In the automated test that followed from it, such a server grew to 20 GB, and to 2
GB with watch-list. Today's servers encode lists piece by piece. The last release in which that can be turned off is
built from ``benchmarks/oldserver``, by the same script as the servers of the tests.

On that server, three modes run one after the other: ``list`` (one LIST without pages, the classic informer),
``watch-list`` (kubeinformer), and ``paged`` (kubeinformer again, on a server whose WatchList is off). Each mode begins
with a restarted server on the same data, and runs 1, 2, 4 … informers, each number for the same time. Writes blog.json,
blog.md and blog.png.

    .venv/bin/python -m benchmarks.blog                # half an hour, including the build of the server (once)
    .venv/bin/python -m benchmarks.blog --redraw       # blog.md and blog.png from blog.json

The start of a mode is the server at rest, after a garbage collection. A server that has just read 400 MB from etcd uses
ten times as much memory, and never the same amount (seen: 4.7 and 4.0 GB). Go frees that memory by itself after some
minutes of rest, and in seconds if its profiler is told to.

The machine must survive. If the server exceeds the limit (16 GB, or two thirds of the machine's memory if that is
less), the clients are ended, and the step is the last one of its mode. Requests that are still running may make the
server grow further. At a quarter above the limit it is killed.
"""

import argparse
import base64
import datetime as dt
import importlib.metadata
import importlib.util
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import blog_report
from benchmarks.blog_report import Report, Run, Step
from benchmarks.memory import peak_mb, reset_peak, resident_mb
from benchmarks.plane import control_plane, create_all
from tests.e2e.control_plane import ControlPlane

_ROOT = Path(__file__).parents[1]
_WATCH_LIST = {"list": True, "watch-list": True, "paged": False}  # by mode: the server's feature gate
_NAMESPACE = "huge-secrets"
_INTERVAL = 0.25  # seconds between two samples
_COLLECT = "/debug/pprof/heap?gc=1&debug=1"
_SETTLE = 20.0  # seconds in which Go gives back what it collected (seen: 3 GB)
_SETTLED = 0.02  # of the memory: less than that is no change
_REST = 5.0  # seconds between two steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secrets", type=int, default=400)
    parser.add_argument("--size", type=int, default=1_000_000, help="bytes of data in each")
    parser.add_argument("--informers", type=int, default=16, help="the most at a time; 1, 2, 4 … come before")
    parser.add_argument("--seconds", type=float, default=60, help="time for each number of informers")
    parser.add_argument("--limit", type=float, default=default_limit_mb(), help="the server's memory, in MB")
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "benchmarks", help="a folder")
    parser.add_argument("--redraw", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if importlib.util.find_spec("matplotlib") is None:  # said now, not after half an hour
        sys.exit("the picture needs matplotlib: pip install --group bench")
    report = blog_report.read(arguments.output) if arguments.redraw else measure(arguments)
    blog_report.write(report, arguments.output)
    print(blog_report.markdown(report))


def default_limit_mb() -> float:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6
    return min(16_000, round(total * 2 / 3))


def measure(arguments: argparse.Namespace) -> Report:
    numbers = [2**power for power in range(arguments.informers.bit_length()) if 2**power < arguments.informers]
    numbers.append(arguments.informers)
    with control_plane(*flags(watch_list=True), assets=build()) as plane:
        _say(f"creating {arguments.secrets} Secrets")
        fill(arguments.secrets, arguments.size)
        runs = [measure_mode(plane, mode, numbers, arguments) for mode in _WATCH_LIST]
        server = plane.api.version
    return Report(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        machine=machine(),
        versions={
            "kube-apiserver": f"{server} (emulating 1.33)",
            "kubeinformer": importlib.metadata.version("kubeinformer"),
            "Python": platform.python_version(),
        },
        secrets=arguments.secrets,
        size=arguments.size,
        informers=numbers,
        seconds=arguments.seconds,
        slot=arguments.seconds + _REST,
        runs=runs,
    )


def build() -> Path:
    """Build the old server if it is not there; the directory of its binaries."""
    command = [str(_ROOT / "tests/e2e/envtest/build"), "-C", str(_ROOT / "benchmarks/oldserver")]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def flags(*, watch_list: bool) -> tuple[str, str]:
    """The server of Kubernetes 1.33, without what that release did about the memory of lists."""
    gates = "StreamingCollectionEncodingToJSON=false,StreamingCollectionEncodingToProtobuf=false"
    return "--emulated-version=1.33", f"--feature-gates={gates},WatchList={str(watch_list).lower()}"


def fill(secrets: int, size: int) -> None:
    def secret(number: int) -> dict[str, Any]:
        data = random.Random(number).randbytes(size)  # noqa: S311 - the same in every run, and gzip finds nothing in it
        return {"metadata": {"name": f"secret-{number}"}, "data": {"data": base64.b64encode(data).decode()}}

    create_all("/api/v1/namespaces", [_NAMESPACE], lambda name: {"metadata": {"name": name}})
    create_all(f"/api/v1/namespaces/{_NAMESPACE}/secrets", range(secrets), secret)


def measure_mode(plane: ControlPlane, mode: str, numbers: list[int], arguments: argparse.Namespace) -> Run:
    """All steps of a mode, up to one that had to be stopped."""
    plane.api.restart(*flags(watch_list=_WATCH_LIST[mode]))
    plane.client.get("/api/v1/secrets?limit=1")
    start = settle(plane)
    _say(f"{mode}: starts at {start:,.0f} MB")
    steps: list[Step] = []
    for number in numbers:
        steps.append(step := measure_step(plane, mode, number, arguments))
        _say(f"{mode}, {number} at a time: peak {step.peak_mb:,.0f} MB, {step.stopped or f'{step.syncs} syncs'}")
        if step.stopped:
            break
    return Run(mode=mode, start_mb=start, steps=steps)


def settle(plane: ControlPlane) -> float:
    """Collect the server's garbage until that changes nothing; its memory then."""
    before, now = float("inf"), resident_mb(plane.api.process.pid)
    while now < before * (1 - _SETTLED):
        plane.client.text(_COLLECT)
        time.sleep(_SETTLE)
        before, now = now, resident_mb(plane.api.process.pid)
    return now


def measure_step(plane: ControlPlane, mode: str, informers: int, arguments: argparse.Namespace) -> Step:
    pid = plane.api.process.pid
    before = resident_mb(pid)
    reset_peak(pid)
    samples: list[tuple[float, float]] = []
    stopped = None
    peak = before
    started = time.monotonic()
    with clients(mode, informers, arguments) as processes:

        def is_over() -> bool:
            codes = [process.poll() for process in processes]
            if any(codes) and not stopped:
                raise RuntimeError(f"{mode}: a client failed")
            return None not in codes and time.monotonic() > started + arguments.seconds + _REST

        while not is_over():
            if not plane.api.process.is_running:  # the kernel needed memory
                stopped = "the server was killed"
                break
            samples.append((round(time.monotonic() - started, 2), resident_mb(pid)))
            peak = max(peak, peak_mb(pid))
            if peak > arguments.limit and not stopped:
                stopped = f"the server passed {arguments.limit:,.0f} MB"
                for process in processes:
                    process.kill()
            if samples[-1][1] > arguments.limit * 1.25:
                plane.api.kill()
                stopped = f"the server passed {arguments.limit * 1.25:,.0f} MB and was killed"
                break
            time.sleep(_INTERVAL)
        results = [] if stopped else [json.loads(process.communicate()[0]) for process in processes]
    failures: Counter[str] = Counter()
    for result in results:
        failures.update(result["failures"])
    return Step(
        informers=informers,
        before_mb=before,
        peak_mb=peak,
        syncs=None if stopped else sum(result["syncs"] for result in results),
        failures=dict(failures),
        stopped=stopped,
        samples=samples,
    )


@contextmanager
def clients(mode: str, informers: int, arguments: argparse.Namespace) -> Iterator[list[subprocess.Popen[str]]]:
    """The informers, in a process for each core (fewer informers: fewer processes); left, they are gone."""
    processes = min(informers, os.cpu_count() or 1)
    command = [sys.executable, "-m", "benchmarks.blog_clients", mode]
    command += [f"--seconds={arguments.seconds}", f"--secrets={arguments.secrets}"]
    with ExitStack() as stack:
        running: list[subprocess.Popen[str]] = []
        for number in range(processes):
            share = informers // processes + (number < informers % processes)
            process = subprocess.Popen([*command, f"--informers={share}"], stdout=subprocess.PIPE, text=True, cwd=_ROOT)
            running.append(stack.enter_context(process))
            stack.callback(process.kill)  # before the context waits for it
        yield running


def machine() -> str:
    """What it can do, and nothing that says which one it is."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB of memory"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
