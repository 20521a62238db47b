"""The manifests of ``examples/deploy`` on a real API server, and programs that run as their service account.

Rules. Every object is applied to the server as ``kubectl apply --server-side`` would do it, with strict validation. A
kind for which no controller runs here (a Deployment would make no pod) is only tried (``dryRun=All``).
"""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml  # type: ignore[import-untyped]
from tests.e2e.api_client import ApiClient
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import Token

from kubeinformer import Resource

Json = dict[str, Any]

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
APPLY = "application/apply-patch+yaml"


def manifests_of(name: str) -> list[Json]:
    return [obj for obj in yaml.safe_load_all((DEPLOY / name).read_text()) if obj]


def apply(client: ApiClient, obj: Mapping[str, Any], *, dry_run: bool) -> Json:
    """What the server makes of it.

    Raises:
        AssertionError: It refuses, or has a warning's worth of doubt: an unknown field, one that is there twice.
    """
    metadata = obj["metadata"]
    path = resource_of(obj).path(metadata.get("namespace"), metadata["name"])
    query = {"fieldManager": "e2e", "force": "true", "fieldValidation": "Strict"} | (
        {"dryRun": "All"} if dry_run else {}
    )
    answer = client.request("PATCH", f"{path}?{urlencode(query)}", obj, content_type=APPLY)
    assert 200 <= answer.status < 300, f"{obj['kind']} {metadata['name']}: {answer.body.get('message')}"
    return answer.body


def resource_of(obj: Mapping[str, Any]) -> Resource:
    plural = f"{obj['kind'].lower()}s"
    return Resource.parse(f"{obj['apiVersion']}/{plural}")


def pods_of(objects: list[Json]) -> Iterator[Json]:
    """The pods that controllers would make of them."""
    for obj in objects:
        if obj["kind"] == "Deployment":
            metadata = {"name": obj["metadata"]["name"], "namespace": obj["metadata"]["namespace"]}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": obj["spec"]["template"]["spec"]}


def token_of(plane: ControlPlane, account: Mapping[str, Any]) -> Token:
    """As a kubelet would ask for it."""
    name, namespace = account["metadata"]["name"], account["metadata"]["namespace"]
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    made = plane.client.create(path, {"spec": {"expirationSeconds": 3600}})
    return Token(made["status"]["token"], f"system:serviceaccount:{namespace}:{name}")


def environment_of(
    plane: ControlPlane, folder: Path, token: Token, deployment: Mapping[str, Any], port: int
) -> dict[str, str]:
    """Of the first container of a Deployment, with the service account's token in a kubeconfig, and another port."""
    namespace = deployment["metadata"]["namespace"]
    kubeconfig = plane.write_kubeconfig(folder / "config", {"pod": token}, namespace=namespace)
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    fields = {"metadata.namespace": namespace, "metadata.name": "pod-0"}
    given = {
        each["name"]: each["value"] if "value" in each else fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container.get("env", ())
    }
    return os.environ | given | {"PORT": str(port), "KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1"}


def granted(objects: list[Json]) -> set[tuple[str, str]]:
    """(verb, resource) of all rules, as the audit log writes them."""
    return {
        (verb, f"{group}/{resource}" if group else resource)
        for obj in objects
        if obj["kind"] in {"Role", "ClusterRole"}
        for rule in obj["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


class AuditLog:
    """What the API server allowed whom, from a log that it is told to write."""

    def __init__(self, folder: Path) -> None:
        self._policy, self._log = folder / "audit-policy.yaml", folder / "audit.log"
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
        self._policy.write_text(json.dumps(policy))

    @property
    def flags(self) -> tuple[str, ...]:
        return (f"--audit-policy-file={self._policy}", f"--audit-log-path={self._log}")

    def used(self, user: str) -> set[tuple[str, str]]:
        """(verb, resource) of all requests of a user that were allowed."""
        return {(verb, resource) for verb, resource, status in self._requests(user) if status != 403}

    def refused(self, user: str) -> set[tuple[str, str]]:
        """(verb, resource) of all requests of a user that were not."""
        return {(verb, resource) for verb, resource, status in self._requests(user) if status == 403}

    def _requests(self, user: str) -> Iterator[tuple[str, str, int]]:
        for line in self._log.read_text().splitlines():
            entry = json.loads(line)
            if entry["user"]["username"] != user or "objectRef" not in entry:
                continue
            what = entry["objectRef"]
            resource = "/".join(part for part in (what["resource"], what.get("subresource")) if part)
            group = what.get("apiGroup", "")
            status = entry.get("responseStatus", {}).get("code", 0)
            yield entry["verb"], f"{group}/{resource}" if group else resource, status


def probe(port: int, deployment: Mapping[str, Any], name: str) -> int:
    """The status that a kubelet would get; 0 for none."""
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    (listed,) = container["ports"]
    get = container[name]["httpGet"]
    assert get["port"] == listed["name"]
    assert {"name": "PORT", "value": str(listed["containerPort"])} in container["env"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", get["path"])
        return connection.getresponse().status
    except ConnectionRefusedError:
        return 0
    finally:
        connection.close()
