"""The examples that look for a cluster find this one, through $KUBECONFIG, and print what is there."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import ask

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT = 60.0  # seconds


@pytest.fixture
def environment(control_plane: ControlPlane, tmp_path: Path) -> dict[str, str]:
    kubeconfig = control_plane.write_kubeconfig(tmp_path / "config")
    return os.environ | {"KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1"}


def output(name: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT)
    return done.stdout.splitlines()


@contextmanager
def started(name: str, environment: dict[str, str]) -> Iterator[Iterator[str]]:
    """The lines of an example that ends when it is killed."""
    with running(name, environment) as process:
        yield lines_of(process)


@contextmanager
def running(name: str, environment: dict[str, str], *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout)


async def test_pod_watch(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create, path, manifests.pod("one"))
    with started("pod_watch.py", environment) as lines:
        first = []
        while (line := await ask(next, lines)) != "-- that was all; now live\n":
            first.append(line)  # and pods of other tests
        assert f"+ {namespace}/one\n" in first
        await ask(control_plane.client.delete, f"{path}/one")
        # The server marks a pod before it deletes it; a reader that is not quick enough sees only the latter.
        told = [await ask(next, lines)]
        if told == [f"~ {namespace}/one Pending -> Pending\n"]:
            told = [await ask(next, lines)]
        assert told == [f"- {namespace}/one\n"]


async def test_indexed_lookup(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    pods = [manifests.pod(f"p-{number}") for number in range(5)]
    for pod in pods:
        pod["spec"]["nodeName"] = f"node-of-{namespace}"
    await ask(control_plane.client.create_many, path, pods)
    lines = await ask(output, "indexed_lookup.py", environment)
    start = lines.index(f"node-of-{namespace}: 5 pods")
    assert sorted(lines[start + 1 : start + 6]) == [f"  {namespace}/p-{number}" for number in range(5)]


async def test_metadata_only_inventory(
    control_plane: ControlPlane, namespace: str, environment: dict[str, str]
) -> None:
    secret = {"metadata": {"name": "one", "labels": {"app": "web"}}, "stringData": {"password": "hunter2"}}
    await ask(control_plane.client.create, f"/api/v1/namespaces/{namespace}/secrets", secret)
    assert f"{namespace}/one app=web" in await ask(output, "metadata_only_inventory.py", environment)


async def test_typed_model(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    await ask(control_plane.client.create, f"/api/v1/namespaces/{namespace}/pods", manifests.pod("one"))
    assert f"{namespace}/one: not scheduled" in await ask(output, "typed_model.py", environment)


async def test_leader_elected(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    environment |= {"POD_NAMESPACE": namespace}
    reconciled = f"reconciled {namespace}/one, which is there\n"
    with running("leader_elected.py", environment) as first:
        assert (await ask(next, lines_of(first))).endswith(" waits for its turn\n")
        assert await ask(next, lines_of(first)) == reconciled
        with running("leader_elected.py", environment) as second:
            assert (await ask(next, lines_of(second))).endswith(" waits for its turn\n")
            first.terminate()
            assert await ask(next, lines_of(second)) == reconciled
            assert await ask(first.wait, LIMIT) == 0


async def test_configmap_replicator(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    client = control_plane.client
    other = await ask(client.create_namespace)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    prices = manifests.config_map("prices", {"tea": "3"})
    prices["metadata"]["annotations"] = {"example.com/copy-to": other}
    await ask(client.create, path, prices)
    with running("configmap_replicator.py", environment) as process:
        lines = lines_of(process)
        assert await ask(next, lines) == f"+ {other}/prices\n"
        assert (await ask(client.get, f"/api/v1/namespaces/{other}/configmaps/prices"))["data"] == {"tea": "3"}
        await ask(client.patch, f"{path}/prices", {"data": {"tea": "4"}})
        assert await ask(next, lines) == f"+ {other}/prices\n"
        assert (await ask(client.get, f"/api/v1/namespaces/{other}/configmaps/prices"))["data"] == {"tea": "4"}
        await ask(client.delete, f"{path}/prices")
        assert await ask(next, lines) == f"- {other}/prices\n"
        await ended(process)


async def test_crd_operator(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    client = control_plane.client
    deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/shop"
    websites = f"/apis/example.com/v1/namespaces/{namespace}/websites"
    website = {"apiVersion": "example.com/v1", "kind": "Website", "metadata": {"name": "shop"}}
    with running("crd_operator.py", environment) as process:
        lines = lines_of(process)
        assert await ask(next, lines) == "the server knows websites\n"
        await ask(client.create, websites, website | {"spec": {"image": "nginx", "replicas": 2}})
        assert await ask(next, lines) == f"~ {namespace}/shop: 0 of 2 ready\n"
        assert (await ask(client.get, deployment))["spec"]["replicas"] == 2
        # There is no controller of Deployments here, so the test plays it.
        await ask(client.patch, f"{deployment}/status", {"status": {"replicas": 2, "readyReplicas": 2}})
        assert await ask(next, lines) == f"~ {namespace}/shop: 2 of 2 ready\n"
        [condition] = (await ask(client.get, f"{websites}/shop"))["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("Ready", "True")
        await ask(client.delete, f"{websites}/shop")
        assert await ask(next, lines) == "- shop\n"
        await ended(process)
    assert (await ask(client.list_all, websites))["items"] == []


async def test_multi_namespace(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    client = control_plane.client
    other = await ask(client.create_namespace)
    for where in (namespace, other):
        await ask(client.create, f"/api/v1/namespaces/{where}/pods", manifests.pod("one"))
    with running("multi_namespace.py", environment, namespace, other) as process:
        lines = lines_of(process)
        assert {await ask(next, lines), await ask(next, lines)} == {
            f"{namespace}: one is Pending\n",
            f"{other}: one is Pending\n",
        }
        await ended(process)


async def test_trio_informer(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create, path, manifests.pod("one"))
    with running("trio_informer.py", environment, namespace, "one", str(LIMIT)) as process:
        lines = lines_of(process)
        assert await ask(next, lines) == f"{namespace}/one is Pending\n"
        await ask(control_plane.client.patch, f"{path}/one/status", {"status": {"phase": "Running"}})
        assert await ask(next, lines) == f"{namespace}/one is Running\n"
        assert await ask(process.wait, LIMIT) == 0


async def test_prometheus(control_plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create, path, manifests.pod("one"))
    with running("prometheus.py", environment, "0") as process:
        lines = lines_of(process)
        url = (await ask(next, lines)).strip()
        while await ask(next, lines) != f"~ {namespace}/one\n":
            pass  # pods of other tests
        metrics = await ask(page, url)
        assert 'controller_runtime_reconcile_total{controller="pods",result="success"}' in metrics
        assert "[+]informers ok" in await ask(page, url.replace("metrics", "healthz"))
        await ended(process)


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=LIMIT) as answer:
        return str(answer.read().decode())


async def ended(process: "subprocess.Popen[str]") -> None:
    """Tell it to end, and see that it does, and how."""
    process.terminate()
    assert await ask(process.wait, LIMIT) == 0
