"""``examples/deploy``: the server accepts the manifests, and their permissions are sufficient and not excessive."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.credentials import NOBODY
from tests.e2e.deployed import (
    APPLY,
    DEPLOY,
    AuditLog,
    apply,
    environment_of,
    granted,
    manifests_of,
    pods_of,
    probe,
    token_of,
)
from tests.e2e.polling import wait_until
from tests.e2e.process import ReservedPort

Json = dict[str, Any]

LIMIT = 60.0  # seconds
FILES = sorted(path.name for path in DEPLOY.glob("*.yaml"))
# Nobody runs these on a bare API server.
TRIED_ONLY = {"Deployment"}
# Granted to crd_operator, and not seen in use.
RARELY_USED = {
    # Without watch-lists.
    ("list", "apiextensions.k8s.io/customresourcedefinitions"),
    ("list", "apps/deployments"),
    ("list", "example.com/websites"),
    # An apply is logged as the patch that it is. That it asks for this as well, the next test shows.
    ("create", "apps/deployments"),
    # After a conflict.
    ("get", "example.com/websites"),
    # On servers with that admission plugin.
    ("update", "example.com/websites/finalizers"),
}


@pytest.fixture
def port() -> Iterator[int]:
    reserved = ReservedPort()
    yield reserved.number
    reserved.close()


def applied(plane: ControlPlane, name: str) -> list[Json]:
    objects = manifests_of(name)
    for obj in objects:
        apply(plane.client, obj, dry_run=obj["kind"] in TRIED_ONLY)
    return objects


def one(objects: list[Json], kind: str) -> Json:
    (found,) = (obj for obj in objects if obj["kind"] == kind)
    return found


@contextmanager
def running(deployment: Json, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["args"]
    command = [sys.executable, str(DEPLOY.parent / program), *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", FILES)
def test_the_server_takes_every_manifest(control_plane: ControlPlane, name: str) -> None:
    objects = manifests_of(name)
    assert objects
    for obj in objects:
        if obj["kind"] in {"Namespace", "CustomResourceDefinition"}:  # or nothing could be tried in them
            apply(control_plane.client, obj, dry_run=False)
    for obj in objects:
        apply(control_plane.client, obj, dry_run=True)


@pytest.mark.parametrize("name", FILES)
def test_the_pods_keep_to_the_restricted_standard(control_plane: ControlPlane, name: str) -> None:
    """A Deployment is only warned about; it is the pod that would be refused."""
    objects = manifests_of(name)
    for obj in objects:
        if obj["kind"] == "Namespace":
            assert obj["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
            apply(control_plane.client, obj, dry_run=False)
    for pod in pods_of(objects):
        apply(control_plane.client, pod, dry_run=True)
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        with pytest.raises(AssertionError, match="violates PodSecurity"):
            apply(control_plane.client, pod, dry_run=True)


def test_the_rights_of_leader_elected(private_control_plane: StartControlPlane, tmp_path: Path, port: int) -> None:
    log = AuditLog(tmp_path)
    plane = private_control_plane(*log.flags)
    objects = applied(plane, "leader_elected.yaml")
    token = token_of(plane, one(objects, "ServiceAccount"))
    deployment = one(objects, "Deployment")
    environment = environment_of(plane, tmp_path, token, deployment, port)
    plane.client.create("/api/v1/namespaces/leader-elected/configmaps", manifests.config_map("one"))
    with running(deployment, environment) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert next(lines).endswith(" waits for its turn\n")
        assert next(lines) == "reconciled leader-elected/one, which is there\n"
        assert probe(port, deployment, "readinessProbe") == 200
        assert probe(port, deployment, "livenessProbe") == 200
        process.terminate()
        assert process.wait(LIMIT) == 0
    assert log.refused(token.user) == set()
    assert granted(objects) == log.used(token.user) | {("list", "configmaps")}


def test_the_rights_of_crd_operator(private_control_plane: StartControlPlane, tmp_path: Path, port: int) -> None:
    log = AuditLog(tmp_path)
    plane = private_control_plane(*log.flags)
    applied(plane, "crd.yaml")
    objects = applied(plane, "crd_operator.yaml")
    token = token_of(plane, one(objects, "ServiceAccount"))
    deployment = one(objects, "Deployment")
    with running(deployment, environment_of(plane, tmp_path, token, deployment, port)) as process:
        exercise(plane, process)
        assert wait_until(lambda: probe(port, deployment, "readinessProbe") == 200)
        assert probe(port, deployment, "livenessProbe") == 200
        process.terminate()
        assert process.wait(LIMIT) == 0
    assert log.refused(token.user) == set()
    assert granted(objects) == log.used(token.user) | RARELY_USED


def exercise(plane: ControlPlane, process: "subprocess.Popen[str]") -> None:
    """A website comes, gets its deployment and its status, and goes."""
    assert process.stdout is not None
    lines = iter(process.stdout)
    path = "/apis/example.com/v1/namespaces/default/websites"
    website = {"metadata": {"name": "shop"}, "spec": {"image": "nginx", "replicas": 2}}
    plane.client.create(path, {"apiVersion": "example.com/v1", "kind": "Website"} | website)
    while (line := next(lines)) != "~ default/shop: 0 of 2 ready\n":
        assert "shop" not in line
    plane.client.patch(path + "/shop", {"spec": {"replicas": 1}})
    assert next(lines) == "~ default/shop: 0 of 1 ready\n"
    assert plane.client.get("/apis/apps/v1/namespaces/default/deployments/shop")["spec"]["replicas"] == 1
    plane.client.delete(path + "/shop")
    assert next(lines) == "- shop\n"
    assert wait_until(lambda: plane.client.request("GET", path + "/shop").status == 404)


def test_an_apply_of_what_is_not_there_needs_create(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web?fieldManager=e2e"
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": manifests.pod("web")["spec"]}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    with control_plane.client.granted(NOBODY, verbs=["patch"], resource="deployments", group="apps"):
        answer = control_plane.client.request("PATCH", path, obj, token=NOBODY, content_type=APPLY)
    assert answer.status == 403
    assert 'cannot create resource "deployments"' in answer.body["message"]
