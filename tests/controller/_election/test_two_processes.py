"""Two processes on one lease of the fake server, over HTTP. The same on a real server: tests/e2e."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest
from tests.controller import two_processes
from tests.controller.two_processes import Stage
from tests.kubeconfigs import write_kubeconfig

from kubeinformer.testing import FakeApiServer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    "scene",
    [two_processes.released_on_sigterm, two_processes.expired_after_sigkill, two_processes.fenced_after_sigstop],
)
@pytest.mark.parametrize("program", ["theirs"] if two_processes.THEIRS else ["body", "controller"])
async def test_two_processes(scene: Callable[[Stage], None], program: str, anyio_backend: str, tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/namespaces", {"metadata": {"name": "system"}})
        server.create("v1/configmaps", {"metadata": {"name": "work", "namespace": "system"}})
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url)
        stage = Stage(kubeconfig=kubeconfig, namespace="system", backend=anyio_backend, program=program)
        await anyio.to_thread.run_sync(partial(scene, stage))
