"""The project of ``new-controller`` on a real server: its manifests are accepted, its permissions are sufficient."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import OPERATOR
from tests.e2e.mirrors import ask
from tests.e2e.polling import wait_until

pytestmark = pytest.mark.anyio

LIMIT = 60.0  # seconds
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SOURCES = Path(__file__).parents[2] / "src"

Manifest = dict[str, Any]


@pytest.fixture
def name() -> str:
    """Of its own: definitions and roles are the whole cluster's."""
    return f"e2e-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def project(name: str, tmp_path: Path) -> Path:
    command = [sys.executable, "-m", "kubeinformer.cli", "new-controller", name, "--directory", str(tmp_path / name)]
    command += ["--resource", f"{name}.example.com/v1/widgets"]
    await ask(subprocess.run, command, check=True, capture_output=True, timeout=LIMIT)
    return tmp_path / name


def documents(project: Path, file: str) -> list[Manifest]:
    return list(yaml.safe_load_all((project / "manifests" / file).read_text()))


def install(plane: ControlPlane, project: Path, name: str) -> None:
    """As ``kubectl apply`` would, but for OPERATOR in place of the service account, whose tokens nobody signs here."""
    (crd,) = documents(project, "crd.yaml")
    plane.client.create_crd(crd)
    places = {
        "Namespace": "/api/v1/namespaces",
        "ServiceAccount": f"/api/v1/namespaces/{name}/serviceaccounts",
        "ClusterRole": f"{RBAC}/clusterroles",
        "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
        "Role": f"{RBAC}/namespaces/{name}/roles",
        "RoleBinding": f"{RBAC}/namespaces/{name}/rolebindings",
    }
    for document in documents(project, "access.yaml"):
        if "subjects" in document:
            subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR.user}
            document["subjects"] = [subject]
        plane.client.create(places[document["kind"]], document)
    (deployment,) = documents(project, "deployment.yaml")
    taken = plane.client.create(f"/apis/apps/v1/namespaces/{name}/deployments?dryRun=All", deployment)
    assert taken["metadata"]["uid"]


@contextmanager
def running(project: Path, kubeconfig: Path, name: str) -> "Iterator[subprocess.Popen[str]]":
    package = name.replace("-", "_")
    environment = os.environ | {
        "PYTHONPATH": f"{SOURCES}:{project / 'src'}",
        "KUBECONFIG": str(kubeconfig),
        "POD_NAMESPACE": name,
    }
    command = [sys.executable, "-m", package]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_it_works_with_the_rights_of_its_manifests(
    control_plane: ControlPlane, name: str, project: Path, namespace: str, tmp_path: Path
) -> None:
    await ask(install, control_plane, project, name)
    kubeconfig = control_plane.write_kubeconfig(tmp_path / "config", {"operator": OPERATOR})
    client = control_plane.client
    widgets = f"/apis/{name}.example.com/v1/namespaces/{namespace}/widgets"
    config_map = f"/api/v1/namespaces/{namespace}/configmaps/hello"

    def message() -> object:
        return client.request("GET", config_map).body.get("data", {}).get("message")

    def is_ready() -> bool:
        conditions = client.get(f"{widgets}/hello").get("status", {}).get("conditions", [])
        return [(found["type"], found["status"]) for found in conditions] == [("Ready", "True")]

    def holder() -> object:
        return client.get(f"/apis/coordination.k8s.io/v1/namespaces/{name}/leases/{name}")["spec"].get("holderIdentity")

    with running(project, kubeconfig, name) as process:
        widget = {
            "apiVersion": f"{name}.example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "hello"},
            "spec": {"message": "one"},
        }
        await ask(client.create, widgets, widget)
        assert await ask(wait_until, lambda: message() == "one")
        assert await ask(wait_until, is_ready)
        await ask(client.patch, f"{widgets}/hello", {"spec": {"message": "two"}})
        assert await ask(wait_until, lambda: message() == "two")
        await ask(client.delete, config_map)
        assert await ask(wait_until, lambda: message() == "two")
        assert await ask(holder)
        process.send_signal(signal.SIGTERM)
        _, log = await ask(process.communicate, timeout=LIMIT)
    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert not await ask(holder), "the lease was given back"
