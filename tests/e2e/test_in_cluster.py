"""In a pod: the two variables and the mounted files are enough, with a token that the API server issued."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import Token
from tests.e2e.mirrors import IMPATIENT, PATIENCE, ask, failed, held, listed, upto_synced

from kubeinformer import Unauthorized, connect
from kubeinformer.connection import ConnectionConfig, load_config

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


def service_account(plane: ControlPlane, namespace: str) -> Token:
    """A service account of that namespace, and a token for it as a kubelet would ask for it."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    plane.client.create(path, {"metadata": {"name": "robot"}})
    made = plane.client.create(f"{path}/robot/token", {"spec": {"expirationSeconds": 3600}})
    return Token(made["status"]["token"], f"system:serviceaccount:{namespace}:robot")


@pytest.fixture
def pod(control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a pod; the folder that is mounted into it."""
    address = urlsplit(control_plane.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(control_plane.ca_file.read_bytes())
    (folder / "namespace").write_text(namespace)
    return folder


async def found(pod: Path) -> ConnectionConfig:
    """What ``connect()`` looks for when it is given nothing; in a real pod the folder need not be named."""
    return await load_config(service_account=pod)


async def test_the_service_account_of_the_pod(control_plane: ControlPlane, namespace: str, pod: Path) -> None:
    who = await ask(service_account, control_plane, namespace)
    await ask((pod / "token").write_text, who.value)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    right = control_plane.client.granted(who, verbs=["list", "watch"], resource="configmaps", namespace=namespace)
    await ask(right.__enter__)
    config = await found(pod)
    assert config.namespace == namespace
    async with connect(config=config) as cluster:
        informer = cluster.informer(RESOURCE, namespace=config.namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == [("Added", "one")]
        assert held(informer) == await listed(control_plane, RESOURCE, namespace)
        assert informer.statistics().failures == {}
    await ask(right.__exit__, None, None, None)


async def test_a_token_that_was_renewed_is_read_again(control_plane: ControlPlane, namespace: str, pod: Path) -> None:
    who = await ask(service_account, control_plane, namespace)
    await ask((pod / "token").write_text, who.value[:-5])  # its signature is wrong
    right = control_plane.client.granted(who, verbs=["watch"], resource="configmaps", namespace=namespace)
    await ask(right.__enter__)
    async with connect(config=await found(pod), timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Unauthorized)
        await ask((pod / "token").write_text, who.value)
        await informer.synced(timeout=PATIENCE)
        assert informer.is_live
    await ask(right.__exit__, None, None, None)
