"""``doctor`` on a real server: healthy, with restricted rights, with a wrong request, older, paused, and gone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.credentials import ADMIN, NOBODY, READER, Authority, Token
from tests.e2e.deployed import AuditLog
from tests.e2e.mirrors import ask
from tests.e2e.polling import wait_until

pytestmark = pytest.mark.anyio

LIMIT = 60.0  # seconds
CONTEXTS = {"admin": ADMIN, "reader": READER, "nobody": NOBODY, "stranger": Token("e2e-unknown-token", "stranger")}


async def doctor(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kubeinformer.cli", "doctor", *arguments]
    done = await ask(subprocess.run, command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.stderr == ""
    return done


async def examined(*arguments: str) -> dict[str, Any]:
    done = await doctor("--json", *arguments)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["healthy"] else 1)
    return found


def codes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["severity"], finding["code"]) for finding in found["findings"]]


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> str:
    return str(control_plane.write_kubeconfig(tmp_path / "config", CONTEXTS))


async def test_a_healthy_cluster(control_plane: ControlPlane, namespace: str, kubeconfig: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create_many, path, [manifests.pod(f"web-{number}") for number in range(150)])
    found = await examined("v1/pods", "-n", namespace, "--kubeconfig", kubeconfig)
    assert codes(found) == []
    assert found["server"]["version"] == control_plane.api.version
    assert found["server"]["ready"] is True
    assert found["user"]["name"] == ADMIN.user
    assert "system:masters" in found["user"]["groups"]
    assert abs(found["connection"]["clock_skew"]) < 30
    (pods,) = found["resources"]
    assert (pods["kind"], pods["namespaced"], pods["objects"]) == ("Pod", True, 150)
    assert pods["access"] == {"get": True, "list": True, "watch": True}
    assert (pods["watch_list"], pods["bookmarks"], pods["limit_obeyed"]) == ("supported", True, True)
    assert (pods["gzip_watch"], pods["gzip_list"]) == (True, True)
    assert pods["sample"]["objects"] == 150
    assert pods["sample"]["mean"] > pods["sample"]["stored"] > 0
    assert pods["memory"]["informer"] > pods["memory"]["keys"]


async def test_the_usual_resources_on_one_screen(control_plane: ControlPlane, kubeconfig: str) -> None:
    done = await doctor("--kubeconfig", kubeconfig)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) < 24
    assert lines[0].startswith(control_plane.url)
    assert lines[-1].startswith("healthy")


async def test_shards_are_told_where_the_gate_is_on(private_control_plane: StartControlPlane, tmp_path: Path) -> None:
    plane = await ask(private_control_plane, "--feature-gates=ShardedListAndWatch=true")
    path = plane.write_kubeconfig(tmp_path / "config")
    (namespaces,) = (await examined("v1/namespaces", "--kubeconfig", str(path)))["resources"]
    assert namespaces["sharding"] is True


async def test_an_older_server_does_not_stream(private_control_plane: StartControlPlane, tmp_path: Path) -> None:
    plane = await ask(private_control_plane, "--feature-gates=WatchList=false")
    path = plane.write_kubeconfig(tmp_path / "config")
    found = await examined("v1/configmaps", "--kubeconfig", str(path))
    assert codes(found) == [("warning", "watch-list-refused")]
    assert found["resources"][0]["watch_list"] == "refused"


async def test_a_custom_resource(control_plane: ControlPlane, kubeconfig: str) -> None:
    crd = "apiextensions.k8s.io/v1/customresourcedefinitions"
    (found,) = (await examined(crd, "--kubeconfig", kubeconfig))["resources"]
    assert (found["namespaced"], found["watch_list"]) == (False, "supported")
    missing = await examined("example.invalid/v1/widgets", "v1/podz", "apps/v7/deployments", "--kubeconfig", kubeconfig)
    assert codes(missing) == [("error", "not-served")] * 3
    suggestions = [entry["suggestion"] for entry in missing["resources"]]
    assert suggestions == ["", "v1/pods", "apps/v1/deployments"]
    assert control_plane.url == missing["url"]


async def test_a_user_without_rights(kubeconfig: str) -> None:
    arguments = ("--kubeconfig", kubeconfig, "--context", "nobody")
    found = await examined("v1/pods", *arguments)
    assert codes(found) == [("error", "forbidden")]
    assert found["findings"][0]["message"] == f"{NOBODY.user} may not get, list, watch it in all namespaces"
    assert found["server"]["version"]
    assert ("error", "nothing-allowed") in codes(await examined(*arguments))


async def test_a_user_of_one_namespace(control_plane: ControlPlane, namespace: str, kubeconfig: str) -> None:
    rights = control_plane.client.granted(READER, verbs=["watch", "list"], resource="pods", namespace=namespace)
    await ask(rights.__enter__)
    try:
        arguments = ("v1/pods", "--kubeconfig", kubeconfig, "--context", "reader")
        found = await examined(*arguments, "-n", namespace)
        assert codes(found) == [("warning", "no-get")]
        assert found["resources"][0]["watch_list"] == "supported"
        assert codes(await examined(*arguments))[0] == ("error", "forbidden")
    finally:
        await ask(rights.__exit__, None, None, None)


async def test_a_namespace_that_is_not_there(namespace: str, kubeconfig: str) -> None:
    found = await examined("v1/pods", "-n", "nosuch", "--kubeconfig", kubeconfig)
    assert (found["namespace_exists"], codes(found)) == (False, [("warning", "no-namespace")])
    found = await examined("v1/pods", "-n", namespace, "--kubeconfig", kubeconfig)
    assert (found["namespace_exists"], codes(found)) == (True, [])


async def test_nothing_is_left_behind(private_control_plane: StartControlPlane, tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    plane = await ask(private_control_plane, *log.flags)
    await examined("--kubeconfig", str(plane.write_kubeconfig(tmp_path / "config")))
    used = log.used(ADMIN.user)
    assert ("watch", "pods") in used
    assert {what for what in used if what[0] not in {"get", "list", "watch"}} == {
        ("create", "authentication.k8s.io/selfsubjectreviews"),
        ("create", "authorization.k8s.io/selfsubjectaccessreviews"),
    }, "questions, which no server keeps"


async def test_a_token_that_the_server_does_not_know(kubeconfig: str) -> None:
    done = await doctor("--kubeconfig", kubeconfig, "--context", "stranger")
    assert done.returncode == 1
    assert "not accepted: credentials" in done.stdout
    assert "HTTP 401" in done.stdout
    assert "e2e-unknown-token" not in done.stdout


async def test_no_token_at_all(control_plane: ControlPlane) -> None:
    found = await examined("v1/pods", "--server", control_plane.url, "--ca-file", str(control_plane.ca_file))
    assert found["user"]["name"] in {"system:anonymous", None}
    assert ("error", "forbidden") in codes(found) or ("error", "not-answered") in codes(found)


async def test_the_wrong_authority(control_plane: ControlPlane, tmp_path: Path) -> None:
    stranger = tmp_path / "ca.crt"
    stranger.write_bytes(Authority().certificate)
    found = await examined("--server", control_plane.url, "--ca-file", str(stranger))
    assert codes(found) == [("error", "no-way-tls")]


async def test_plain_http_to_the_tls_port(control_plane: ControlPlane) -> None:
    found = await examined("--server", control_plane.url.replace("https", "http"))
    assert codes(found) == [("error", "no-way-http")]
    assert "begin the server's URL with https://" in found["connection"]["error"]


async def test_a_server_that_hangs_and_one_that_is_gone(
    private_control_plane: StartControlPlane, tmp_path: Path
) -> None:
    plane = await ask(private_control_plane)
    path = str(plane.write_kubeconfig(tmp_path / "config"))
    plane.api.pause()
    found = await examined("v1/pods", "--timeout", "3", "--kubeconfig", path)
    assert codes(found) == [("error", "time")]
    assert found["seconds"] < 20, "and not the half minute that it has otherwise"
    plane.api.resume()
    await ask(plane.api.kill)
    found = await examined("v1/pods", "--kubeconfig", path)
    assert codes(found) == [("error", "no-way-tcp")]


async def test_a_server_without_its_database(private_control_plane: StartControlPlane, tmp_path: Path) -> None:
    plane = await ask(private_control_plane)
    path = str(plane.write_kubeconfig(tmp_path / "config"))
    await ask(plane.etcd.close)
    # The server asks etcd once in a while, and answers with what it knows.
    assert await ask(wait_until, lambda: not plane.api.is_ready())
    found = await examined("v1/pods", "--timeout", "20", "--kubeconfig", path)
    assert not found["healthy"]
    assert found["server"]["ready"] is not True
