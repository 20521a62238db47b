"""Two real processes on one lease of a real API server. What they must do is in tests/controller/two_processes.py."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.controller import two_processes
from tests.controller.two_processes import Stage
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import NOBODY
from tests.e2e.mirrors import ask, connected

from kubeinformer import Forbidden, NotFound
from kubeinformer.controller import LeaderElection

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("backend", "program"), [("asyncio", "body"), ("asyncio", "controller"), ("trio", "controller")]
)
@pytest.mark.parametrize(
    "scene",
    [two_processes.released_on_sigterm, two_processes.expired_after_sigkill, two_processes.fenced_after_sigstop],
)
def test_two_processes(
    scene: Callable[[Stage], None],
    backend: str,
    program: str,
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
) -> None:
    kubeconfig = control_plane.write_kubeconfig(tmp_path / "config")
    control_plane.client.create(f"/api/v1/namespaces/{namespace}/configmaps", manifests.config_map("work"))
    scene(Stage(kubeconfig=kubeconfig, namespace=namespace, backend=backend, program=program))


async def test_the_server_takes_every_form_of_the_lease(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lock"
    async with connected(control_plane) as cluster:
        async with LeaderElection(cluster, "lock", namespace=namespace, identity="one"):
            spec = (await ask(control_plane.client.get, path))["spec"]
            assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("one", 15)
            assert (spec["leaseTransitions"], spec["acquireTime"]) == (0, spec["renewTime"])
        released = (await ask(control_plane.client.get, path))["spec"]
        assert (released["holderIdentity"], released["leaseDurationSeconds"]) == ("", 1)
        async with LeaderElection(cluster, "lock", namespace=namespace, identity="two"):
            spec = (await ask(control_plane.client.get, path))["spec"]
            assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", 1)


async def test_the_rights_that_are_needed_are_told_and_are_enough(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane, token=NOBODY) as cluster:
        election = LeaderElection(cluster, "lock", namespace=namespace)
        with pytest.raises(Forbidden, match=r"the verbs get, create and update on leases of coordination.k8s.io"):
            await election.__aenter__()
        rights = control_plane.client.granted(
            NOBODY,
            verbs=["get", "create", "update"],
            resource="leases",
            group="coordination.k8s.io",
            namespace=namespace,
        )
        await ask(rights.__enter__)
        try:
            async with election:
                assert election.is_leader
        finally:
            await ask(rights.__exit__, None, None, None)
        lease = await ask(control_plane.client.get, f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lock")
        assert not lease["spec"].get("holderIdentity"), "given back"


async def test_a_namespace_that_does_not_exist_is_told(control_plane: ControlPlane) -> None:
    async with connected(control_plane) as cluster:
        with pytest.raises(NotFound, match='namespaces "e2e-nowhere" not found'):
            await LeaderElection(cluster, "lock", namespace="e2e-nowhere").__aenter__()
