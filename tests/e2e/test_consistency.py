"""The consistency check on a real server: it finds nothing if all is well, and finds a planted difference."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from tests.e2e.control_plane import ControlPlane
from tests.e2e.manifests import config_map
from tests.e2e.mirrors import PATIENCE, ask, connected, held, listed

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


@asynccontextmanager
async def writing(plane: ControlPlane, namespace: str) -> AsyncGenerator[None]:
    """Create and delete while the body runs; so the store reaches a list's version without waiting for a bookmark."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    is_over = anyio.Event()

    async def write() -> None:
        for number in range(1_000_000):
            if is_over.is_set():
                return
            if number >= 20:
                await ask(plane.client.delete, f"{path}/busy-{number - 20}")
            await ask(plane.client.create, path, config_map(f"busy-{number}"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        yield
        is_over.set()


async def test_a_busy_collection_raises_no_false_alarm(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane) as cluster, writing(control_plane, namespace):
        informer = cluster.informer(RESOURCE, namespace=namespace)
        for _ in range(10):
            report = await informer.check_consistency(timeout=PATIENCE)
            assert report.is_consistent, report


async def test_what_is_planted_is_found_and_mended(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in ("missing", "older", "right"):
        await ask(control_plane.client.create, path, config_map(name, {"a": "1"}))
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await informer.synced(timeout=PATIENCE)
        async with writing(control_plane, namespace):
            entries = informer._cache.entries
            entries[f"{namespace}/surplus"] = entries.pop(f"{namespace}/missing")
            entries[f"{namespace}/older"].resource_version = "1"
            report = await informer.check_consistency(timeout=PATIENCE)
            assert (report.missing, report.surplus, report.different) == tuple(
                (f"{namespace}/{name}",) for name in ("missing", "surplus", "older")
            )
            assert report.repaired
            assert (await informer.check_consistency(timeout=PATIENCE)).is_consistent
        await informer.wait_for(await ask(newest_version, control_plane, path), timeout=PATIENCE)
        assert held(informer) == await listed(control_plane, RESOURCE, namespace)


def newest_version(plane: ControlPlane, path: str) -> str:
    """A version that the stream will reach: of a write of one's own."""
    plane.client.create(path, config_map("last"))
    return str(plane.client.get(f"{path}/last")["metadata"]["resourceVersion"])
