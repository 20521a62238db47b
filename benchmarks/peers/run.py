"""One client, run once: started, listened to, measured from outside, made to resync, and ended.

Rules. The API server is started anew for each run and one drain warms it, so that what a client finds does not depend
on the clients before it. Memory is the kernel's count for the process. A client has a limit of time for each of its
two syncs, and a limit of memory, so that one does not take the others down with it; what passes a limit is ended and
its row says so. A wrong number of objects is an error.

A forced resync. The client is stopped by a signal, the API server's state moves on, etcd is compacted, and the API
server is killed and started again. Its watch cache begins later than the client's position, so the client, awake
again, is told 410 and must read everything. No pod has changed. The server is warm by then, and the waits a client
makes before it asks are not counted: what is measured is the same work as at first, with a full cache beside it.
"""

import asyncio
import json
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import aiohttp
from benchmarks.drain import drain
from benchmarks.memory import peak_mb, reset_peak, resident_mb
from benchmarks.peers.catalogue import Client
from benchmarks.peers.figures import Figures
from benchmarks.pods import NAMESPACES
from tests.e2e.control_plane import ControlPlane

__all__ = ["Limits", "run"]

_STEADY_AFTER = 2.0  # seconds
_LOOK = 0.25  # seconds between looks at a client's memory
_WARM_TIMEOUT = 120.0  # seconds; a watch cache of 100,000 pods fills in some ten
_NOT_YET: Final = (429, 503)  # what an API server says while its watch cache fills


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take.

    Attributes:
        seconds: For each sync, and the start of the process before the first.
        memory_mb: Resident.
    """

    seconds: float
    memory_mb: float


class ClientFailed(Exception):
    """It gave no result; the text is for the table."""


def run(plane: ControlPlane, client: Client, go_program: Path | None, pods: int, limits: Limits) -> Figures:
    """Measure one client on a server that holds so many pods."""
    figures = Figures(client=client.name, pods=pods)
    start_anew(plane)
    server = plane.api.process.pid
    figures.server_before_mb = resident_mb(server)
    plane.api.reset_memory_high_water()
    with tempfile.TemporaryFile("w+") as complaints, _process(client.command(go_program), complaints) as process:
        try:
            first = _report(process, limits)
            figures.peak_mb = peak_mb(process.pid)
            figures.server_peak_mb = peak_mb(server)
            time.sleep(_STEADY_AFTER)
            figures.steady_mb = _resident(process)
            figures.objects = first["objects"]
            figures.seconds, figures.first_seconds = first["seconds"], first["first_seconds"]
            figures.cpu_seconds = first["cpu_seconds"]
            _check(first, pods)
            if client.resyncs:
                again = _resync(plane, process, limits)
                figures.resync_peak_mb = peak_mb(process.pid)
                figures.resync_seconds, figures.resync_cpu = again["seconds"], again["cpu_seconds"]
                _check(again, pods)
        except ClientFailed as failure:
            figures.error = str(failure)
            if process.poll() is None:
                figures.peak_mb = figures.peak_mb or peak_mb(process.pid)
            else:
                figures.error += _last_line(complaints)
            figures.server_peak_mb = figures.server_peak_mb or peak_mb(server)
    return figures


def start_anew(plane: ControlPlane) -> None:
    """The API server's memory and caches as after a start, with its watch cache full."""
    plane.api.kill()
    plane.api.start()
    until = time.monotonic() + _WARM_TIMEOUT
    while True:
        try:
            asyncio.run(drain(compressed=True))
        except aiohttp.ClientResponseError as refused:
            if refused.status not in _NOT_YET or time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return


def _resync(plane: ControlPlane, process: subprocess.Popen[str], limits: Limits) -> dict[str, Any]:
    process.send_signal(signal.SIGSTOP)
    # The server's version must be past the client's, which is that of the sync.
    change = {"metadata": {"annotations": {"bench/changed": str(time.time_ns())}}}
    plane.client.patch(f"/api/v1/namespaces/{NAMESPACES[0]}", change)
    plane.compact()
    start_anew(plane)
    reset_peak(process.pid)
    process.send_signal(signal.SIGCONT)
    try:
        return _report(process, limits)
    except ClientFailed as failure:
        raise ClientFailed(f"resync: {failure}") from None


def _check(reported: dict[str, Any], pods: int) -> None:
    if reported["objects"] != pods:
        raise ClientFailed(f"holds {reported['objects']} objects, not {pods}")


def _report(process: subprocess.Popen[str], limits: Limits) -> dict[str, Any]:
    """Its next line.

    Raises:
        ClientFailed: It ended, or passed a limit.
    """
    assert process.stdout is not None
    until = time.monotonic() + limits.seconds
    while not select.select([process.stdout], [], [], _LOOK)[0]:
        if time.monotonic() > until:
            raise ClientFailed(f"> {limits.seconds:.0f} s")
        if _resident(process) > limits.memory_mb:
            raise ClientFailed(f"> {limits.memory_mb / 1000:.1f} GB")
    line = process.stdout.readline()
    if not line:
        raise _ended(process)
    reported: dict[str, Any] = json.loads(line)
    return reported


def _resident(process: subprocess.Popen[str]) -> float:
    try:
        return resident_mb(process.pid)
    except RuntimeError:  # a process that has ended has a number still, and no memory
        raise _ended(process) from None


def _ended(process: subprocess.Popen[str]) -> ClientFailed:
    status = process.wait()
    return ClientFailed(f"ended by signal {-status}" if status < 0 else f"ended with status {status}")


@contextmanager
def _process(command: list[str], complaints: IO[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is gone afterwards, stopped or not; nothing of it is wanted by then."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _last_line(complaints: IO[str]) -> str:
    complaints.seek(0)
    words = complaints.read().replace(str(Path.cwd()), ".")  # for a table that others read
    lines = [line for line in words.splitlines() if line.strip()]
    return f": {lines[-1].strip()[:200]}" if lines else ""
