"""The command line on a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN, NOBODY
from tests.e2e.mirrors import ask, listed

pytestmark = pytest.mark.anyio

PROGRAM = str(Path(sys.executable).with_name("kubeinformer"))
LIMIT = 60.0  # seconds


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> str:
    return str(control_plane.write_kubeconfig(tmp_path / "config", {"admin": ADMIN, "nobody": NOBODY}))


@pytest.fixture
def pods(control_plane: ControlPlane, namespace: str) -> None:
    """Three of them."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    bodies = [manifests.pod(name, labels={"app": name[0]}) for name in ("web-1", "web-2", "db")]
    control_plane.client.create_many(path, bodies)


async def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [PROGRAM, *arguments]
    return await ask(subprocess.run, command, capture_output=True, text=True, timeout=LIMIT, check=False)


@pytest.mark.usefixtures("pods")
async def test_once_as_json_is_the_list(control_plane: ControlPlane, namespace: str, kubeconfig: str) -> None:
    done = await run("watch", "v1/pods", "-n", namespace, "--once", "-o", "json", "--kubeconfig", kubeconfig)
    assert (done.returncode, done.stderr) == (0, "")
    expected = await listed(control_plane, "v1/pods", namespace)
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert {f"{namespace}/{pod['metadata']['name']}": pod for pod in printed} == expected
    assert len(printed) == 3


@pytest.mark.usefixtures("pods")
async def test_once_as_names_is_the_list(namespace: str, kubeconfig: str) -> None:
    arguments = ("watch", "v1/pods", "-n", namespace, "--once", "-o", "name", "--kubeconfig", kubeconfig)
    done = await run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [f"{namespace}/db", f"{namespace}/web-1", f"{namespace}/web-2"]
    done = await run(*arguments, "-l", "app=w")
    assert sorted(done.stdout.splitlines()) == [f"{namespace}/web-1", f"{namespace}/web-2"]


@pytest.mark.usefixtures("pods")
async def test_once_as_a_table_is_the_list(control_plane: ControlPlane, namespace: str, kubeconfig: str) -> None:
    done = await run("watch", "v1/pods", "-n", namespace, "--once", "--kubeconfig", kubeconfig)
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = (line.split() for line in done.stdout.splitlines())
    assert head == ["NAMESPACE", "NAME", "VERSION", "AGE"]
    expected = await listed(control_plane, "v1/pods", namespace)
    assert sorted(row[:3] for row in rows) == sorted(
        [namespace, item["metadata"]["name"], item["metadata"]["resourceVersion"]] for item in expected.values()
    )


@pytest.mark.usefixtures("pods")
async def test_sorted_selected_and_without_contents(
    control_plane: ControlPlane, namespace: str, kubeconfig: str
) -> None:
    arguments = ("watch", "v1/pods", "-n", namespace, "--once", "--kubeconfig", kubeconfig)
    done = await run(*arguments, "-o", "name", "--sort", "age")
    assert done.stdout.splitlines()[-1] in {f"{namespace}/db", f"{namespace}/web-2"}, "made within one second, or last"
    done = await run(*arguments, "-o", "name", "--sort", ".metadata.resourceVersion")
    assert done.stdout.splitlines() == [f"{namespace}/web-1", f"{namespace}/web-2", f"{namespace}/db"]
    done = await run(*arguments, "-o", "name", "--sort", ".spec.containers[0].image", "-l", "app=w")
    assert done.stdout.splitlines() == [f"{namespace}/web-1", f"{namespace}/web-2"]
    done = await run(*arguments, "-o", "name", "--field-selector", "metadata.name=db")
    assert done.stdout.splitlines() == [f"{namespace}/db"]
    done = await run(*arguments, "-o", "json", "--metadata-only", "--sort", "name")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [pod["metadata"]["name"] for pod in printed] == ["db", "web-1", "web-2"]
    assert all("spec" not in pod for pod in printed)
    done = await run("watch", "v1/pods", "-A", "--once", "-o", "name", "--kubeconfig", kubeconfig)
    assert set(done.stdout.splitlines()) == set(await listed(control_plane, "v1/pods"))


async def test_a_namespace_that_is_not_there_has_nothing(kubeconfig: str) -> None:
    done = await run("watch", "v1/pods", "-n", "nosuch", "--once", "--kubeconfig", kubeconfig)
    assert done.stdout.split() == ["NAME", "VERSION", "AGE"]
    assert (done.returncode, done.stderr) == (0, "kubeinformer: found no v1/pods in namespace 'nosuch'\n")


async def test_a_refusal_is_one_line(namespace: str, kubeconfig: str) -> None:
    arguments = ("watch", "v1/pods", "-n", namespace, "--kubeconfig", kubeconfig, "--context", "nobody")
    for more in ([], ["--once"]):
        done = await run(*arguments, *more)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("kubeinformer: error: server refused to watch v1/pods in namespace")
        assert "HTTP 403 Forbidden" in line
        assert NOBODY.value not in done.stderr


async def test_a_resource_that_is_not_there_is_one_line(kubeconfig: str) -> None:
    done = await run("watch", "v1/podz", "--once", "--kubeconfig", kubeconfig)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "v1/podz" in line
    assert "HTTP 404" in line


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_changes_as_they_happen(control_plane: ControlPlane, namespace: str, kubeconfig: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    with started("watch", "v1/configmaps", "-n", namespace, "-o", "name", "--kubeconfig", kubeconfig) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert await ask(next, lines) == f"+ {namespace}/one\n"
        await ask(control_plane.client.create, path, manifests.config_map("two"))
        assert await ask(next, lines) == f"+ {namespace}/two\n"
        await ask(control_plane.client.patch, f"{path}/one", {"data": {"a": "b"}})
        assert await ask(next, lines) == f"~ {namespace}/one\n"
        await ask(control_plane.client.delete, f"{path}/one")
        assert await ask(next, lines) == f"- {namespace}/one\n"
