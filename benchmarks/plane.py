"""The real API server for the benchmarks: starts it, fills it, and tells the measured processes how to connect.

Measured processes get the connection from ``BENCH_SERVER``, ``BENCH_TOKEN`` and ``BENCH_CA_FILE`` in their environment,
so they need not import this module. The binaries of the servers are found through ``KUBEBUILDER_ASSETS``.
"""

import asyncio
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from benchmarks.pods import NAMESPACES, pod
from tests.e2e.control_plane import ControlPlane, find_assets
from tests.e2e.credentials import ADMIN

__all__ = ["control_plane", "create_all", "fill_with_pods"]

_WORKERS = 16


@contextmanager
def control_plane(*extra_args: str, assets: Path | None = None) -> Iterator[ControlPlane]:
    """An API server and its etcd, empty; the environment of this process tells its children where.

    Args:
        extra_args: Further flags of kube-apiserver.
        assets: Where the binaries are; None to look in ``KUBEBUILDER_ASSETS``.
    """
    assets = assets or find_assets()
    if assets is None:
        sys.exit("KUBEBUILDER_ASSETS is not set: run tests/e2e/envtest/build and set it to what it prints")
    with tempfile.TemporaryDirectory() as folder, ControlPlane(assets, Path(folder), *extra_args) as plane:
        os.environ.update(BENCH_SERVER=plane.url, BENCH_TOKEN=ADMIN.value, BENCH_CA_FILE=str(plane.ca_file))
        yield plane


def fill_with_pods(first: int, last: int) -> None:
    """Create pods number ``first`` to ``last`` (exclusive), in 20 namespaces."""
    create_all("/api/v1/namespaces", NAMESPACES, lambda name: {"metadata": {"name": name}})
    pods = map(pod, range(first, last))
    create_all(lambda body: f"/api/v1/namespaces/{body['metadata']['namespace']}/pods", pods, lambda body: body)


def create_all(path: str | Callable[[Any], str], things: Iterable[Any], make: Callable[[Any], dict[str, Any]]) -> None:
    """POST an object for each thing, 16 at a time; what is there already may stay."""
    asyncio.run(_create_all(path if callable(path) else lambda _: path, iter(things), make))


async def _create_all(path: Callable[[Any], str], things: Iterator[Any], make: Callable[[Any], dict[str, Any]]) -> None:
    headers = {"authorization": "Bearer " + os.environ["BENCH_TOKEN"]}
    server = os.environ["BENCH_SERVER"]
    tls = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=tls)) as session:

        async def worker() -> None:
            for thing in things:
                url = f"{server}{path(thing)}"
                async with session.post(url, json=make(thing)) as response:
                    if response.status not in (201, 409):
                        raise RuntimeError(f"creating at {url}: HTTP {response.status} {await response.text()}")

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_WORKERS):
                tasks.create_task(worker())
