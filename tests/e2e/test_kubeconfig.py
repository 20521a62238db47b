"""Each kind of user in a kubeconfig is accepted by the server, as the right user."""

import json
import stat
import sys
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN, NOBODY, ExecPlugin, TokenFile
from tests.e2e.mirrors import IMPATIENT, PATIENCE, ask, failed, held, listed, version_of

from kubeinformer import Cluster, ConfigError, Forbidden, Unauthorized, connect

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


async def check(cluster: Cluster, plane: ControlPlane, namespace: str) -> None:
    """It reads a first object and a live one."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(plane.client.create, path, manifests.config_map("one"))
    informer = cluster.informer(RESOURCE, namespace=namespace)
    await informer.synced(timeout=PATIENCE)
    made = await ask(plane.client.create, path, manifests.config_map("two"))
    await informer.wait_for(version_of(made), timeout=PATIENCE)
    assert held(informer) == await listed(plane, RESOURCE, namespace)
    assert informer.statistics().failures == {}


def plugin(path: Path, status: dict[str, str]) -> ExecPlugin:
    """A program that prints these credentials, and counts its runs in a file beside it."""
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    runs = str(path.with_suffix(".runs"))
    path.write_text(f"#!{sys.executable}\nopen({runs!r}, 'a').write('.')\nprint({json.dumps(json.dumps(answer))})\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return ExecPlugin(str(path))


async def test_token(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    file = control_plane.write_kubeconfig(tmp_path / "config", {"nobody": NOBODY, "admin": ADMIN})
    async with connect(file, "admin") as cluster:
        await check(cluster, control_plane, namespace)
    async with connect(file) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Forbidden)
        with pytest.raises(Forbidden, match='User "e2e-nobody"'):
            await informer.synced(timeout=0)


async def test_kubeconfig_variable(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.write_kubeconfig(tmp_path / "config")))
    async with connect() as cluster:
        await check(cluster, control_plane, namespace)


async def test_client_certificate(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    contexts = {
        "robot": control_plane.issue_client("robot", "system:masters"),
        "stranger": control_plane.issue_client("stranger"),
    }
    file = control_plane.write_kubeconfig(tmp_path / "config", contexts)
    async with connect(file) as cluster:
        await check(cluster, control_plane, namespace)
    async with connect(file, "stranger") as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Forbidden)
        with pytest.raises(Forbidden, match='User "stranger"'):
            await informer.synced(timeout=0)


async def test_plugin_with_a_token(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    who = plugin(tmp_path / "plugin", {"token": ADMIN.value})
    file = control_plane.write_kubeconfig(tmp_path / "config", {"plugin": who})
    async with connect(file) as cluster:
        await check(cluster, control_plane, namespace)
        await cluster.informer("v1/pods", namespace=namespace).synced(timeout=PATIENCE)
    assert (tmp_path / "plugin.runs").read_text() == ".", "one run serves all requests"


async def test_plugin_with_a_client_certificate(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    robot = control_plane.issue_client("robot", "system:masters")
    pair = {"clientCertificateData": robot.certificate.decode(), "clientKeyData": robot.key.decode()}
    file = control_plane.write_kubeconfig(tmp_path / "config", {"plugin": plugin(tmp_path / "plugin", pair)})
    async with connect(file) as cluster:
        await check(cluster, control_plane, namespace)


async def test_plugin_whose_token_is_refused_is_run_again(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    who = plugin(tmp_path / "plugin", {"token": "expired"})
    file = control_plane.write_kubeconfig(tmp_path / "config", {"plugin": who})
    async with connect(file, timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Unauthorized)
        await ask(plugin, tmp_path / "plugin", {"token": ADMIN.value})
        await informer.synced(timeout=PATIENCE)
    assert len((tmp_path / "plugin.runs").read_text()) >= 2


async def test_a_token_file_is_read_again_when_its_token_is_refused(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    await ask(token.write_text, "expired")
    file = control_plane.write_kubeconfig(tmp_path / "config", {"file": TokenFile(token)})
    async with connect(file, timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Unauthorized)
        await ask(token.write_text, f"{ADMIN.value}\n")
        await informer.synced(timeout=PATIENCE)
        assert informer.is_live


async def test_a_context_that_is_not_there(control_plane: ControlPlane, tmp_path: Path) -> None:
    file = control_plane.write_kubeconfig(tmp_path / "config")
    with pytest.raises(ConfigError, match="no-such"):
        async with connect(file, "no-such"):
            pass
