"""What the helpers for controllers write: a real API server accepts it, and does with it what the helpers promise."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import ask, connected
from tests.e2e.polling import wait_until

from kubeinformer import Cluster, Conflict, Invalid, NotFound
from kubeinformer.controller import (
    EventRecorder,
    apply,
    apply_status,
    ensure_finalizer,
    finalized,
    remove_finalizer,
    set_condition,
    set_controller_reference,
)

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MINE, OTHER = "example.com/mine", "example.com/other"


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with connected(control_plane) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def group(control_plane: ControlPlane) -> str:
    """Of a custom resource ``widgets`` with a status whose conditions are held to metav1.Condition's rules."""
    group = f"helpers-{uuid.uuid4().hex[:8]}.example.com"
    crd = manifests.custom_resource_definition("Widget", group=group)
    (version,) = crd["spec"]["versions"]
    version["subresources"] = {"status": {}}
    texts = {"type": "string"}
    condition = {
        "type": "object",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": texts,
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": texts | {"pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
            "message": texts,
            "observedGeneration": {"type": "integer", "minimum": 0},
            "lastTransitionTime": texts | {"format": "date-time"},
        },
    }
    conditions = {
        "type": "array",
        "items": condition,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    version["schema"]["openAPIV3Schema"]["properties"] = {
        "status": {"type": "object", "properties": {"conditions": conditions}}
    }
    control_plane.client.create_crd(crd)
    return group


def widget(group: str, namespace: str, **content: Any) -> Json:
    metadata = {"name": "web", "namespace": namespace}
    return {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata} | content


async def test_apply_creates_changes_and_takes_back(cluster: Cluster, namespace: str) -> None:
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": namespace}}
    made = await apply(cluster, "v1/configmaps", wanted | {"data": {"a": "1", "b": "2"}}, field_manager="me")
    assert made["metadata"]["managedFields"]
    changed = await apply(cluster, "v1/configmaps", made | {"data": {"a": "3"}}, field_manager="me")
    assert changed["data"] == {"a": "3"}
    with pytest.raises(Conflict, match='conflict with "me"'):
        await apply(cluster, "v1/configmaps", wanted | {"data": {"a": "4"}}, field_manager="other", force=False)
    taken = await apply(cluster, "v1/configmaps", wanted | {"data": {"a": "4"}}, field_manager="other")
    assert taken["data"] == {"a": "4"}


async def test_a_status_with_conditions_is_applied_alone(cluster: Cluster, namespace: str, group: str) -> None:
    resource = f"{group}/v1/widgets"
    obj = await apply(cluster, resource, widget(group, namespace, spec={"size": 1}), field_manager="me")
    assert set_condition(obj, "Ready", status=False, reason="Starting", message="0 of 1")
    first = await apply_status(cluster, resource, obj | {"spec": {"size": 9}}, field_manager="me")
    assert first["spec"] == {"size": 1}
    (condition,) = first["status"]["conditions"]
    assert condition["observedGeneration"] == first["metadata"]["generation"] == 1
    assert not set_condition(first, "Ready", status=False, reason="Starting", message="0 of 1")
    assert set_condition(first, "Ready", status=True, reason="Up")
    second = await apply_status(cluster, resource, first, field_manager="me")
    assert [found["status"] for found in second["status"]["conditions"]] == ["True"]
    first["status"]["conditions"][0]["reason"] = "Two words"
    with pytest.raises(Invalid, match=r"status.conditions\[0\].reason"):
        await apply_status(cluster, resource, first, field_manager="me")


async def test_finalizers_come_and_go_beside_those_of_others(cluster: Cluster, namespace: str, group: str) -> None:
    resource = f"{group}/v1/widgets"
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets/web"
    cleaned: list[Json] = []

    async def cleanup(obj: Json) -> None:
        cleaned.append(obj)

    stale = await apply(cluster, resource, widget(group, namespace), field_manager="me")
    await ensure_finalizer(cluster, resource, stale, OTHER)
    marked = await finalized(cluster, resource, stale, MINE, cleanup)
    assert marked is not None
    assert marked["metadata"]["finalizers"] == [OTHER, MINE]
    await cluster.request("DELETE", path)
    deleted = await cluster.request("GET", path)
    assert await finalized(cluster, resource, deleted, MINE, cleanup) is None
    assert [obj["metadata"]["uid"] for obj in cleaned] == [stale["metadata"]["uid"]]
    left = await cluster.request("GET", path)
    assert left["metadata"]["finalizers"] == [OTHER]
    assert await finalized(cluster, resource, left, MINE, cleanup) is None
    assert await remove_finalizer(cluster, resource, marked, OTHER) is not None, "by a stale copy: it goes with this"
    with pytest.raises(NotFound):
        await cluster.request("GET", path)
    assert len(cleaned) == 1
    assert await finalized(cluster, resource, stale, MINE, cleanup) is None


async def test_an_object_of_the_same_name_is_left_alone(cluster: Cluster, namespace: str, group: str) -> None:
    resource = f"{group}/v1/widgets"
    old = await apply(cluster, resource, widget(group, namespace), field_manager="me")
    await cluster.request("DELETE", f"/apis/{group}/v1/namespaces/{namespace}/widgets/web")
    new = await apply(cluster, resource, widget(group, namespace), field_manager="me")
    with pytest.raises(Conflict):
        await ensure_finalizer(cluster, resource, old, MINE)
    marked = await ensure_finalizer(cluster, resource, new, OTHER)
    old["metadata"]["finalizers"] = [OTHER]
    assert await remove_finalizer(cluster, resource, old, OTHER) is None
    assert (await ensure_finalizer(cluster, resource, marked, OTHER))["metadata"]["finalizers"] == [OTHER]


async def test_owner_references_are_taken(cluster: Cluster, namespace: str, group: str) -> None:
    owner = await apply(cluster, f"{group}/v1/widgets", widget(group, namespace), field_manager="me")
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "namespace": namespace}}
    set_controller_reference(owner, owned)
    made = await apply(cluster, "v1/configmaps", owned, field_manager="me")
    (reference,) = made["metadata"]["ownerReferences"]
    assert (reference["uid"], reference["controller"]) == (owner["metadata"]["uid"], True)


async def test_events_are_taken_and_counted(control_plane: ControlPlane, cluster: Cluster, namespace: str) -> None:
    pod = await cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods", manifests.pod("one"))
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-of-{namespace}"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    async with EventRecorder(cluster, reporting_controller="example.com/widgets") as recorder:
        for number in range(5):
            recorder.event(pod, "Warning", "Failed", f"failed {number}", action="Start", related=node)
        recorder.event(pod, "Normal", "é" * 200, "x" * 2000)
        recorder.event(node, "Normal", "Scaled", "to 3")
        for name in ("system:node", "a..b", "a-.b", "a" * 235 + "-b.c", "a" * 235 + ".b-c"):
            recorder.event(role | {"metadata": {"name": name}}, "Normal", "Bound", "")
    assert dict(recorder.dropped) == {}
    answer = await ask(control_plane.client.get, f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
    failed, long = sorted(answer["items"], key=lambda event: str(event["type"]), reverse=True)
    assert failed["series"]["count"] == 5
    assert failed["note"] == "failed 0"
    assert (failed["regarding"]["uid"], failed["related"]["name"]) == (pod["metadata"]["uid"], f"node-of-{namespace}")
    assert (len(long["reason"]), len(long["note"])) == (64, 1024)
    answer = await ask(control_plane.client.get, "/apis/events.k8s.io/v1/namespaces/default/events")
    names = {event["regarding"]["name"] for event in answer["items"]}
    assert {f"node-of-{namespace}", "system:node"} <= names


async def test_an_event_that_expired_is_written_anew(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
) -> None:
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": namespace}}
    async with EventRecorder(cluster, reporting_controller="example.com/widgets") as recorder:
        recorder.event(pod, "Normal", "Pulled", "")
        assert await ask(wait_until, lambda: bool(control_plane.client.get(path)["items"]))
        (event,) = (await ask(control_plane.client.get, path))["items"]
        await ask(control_plane.client.delete, f"{path}/{event['metadata']['name']}")
        recorder.event(pod, "Normal", "Pulled", "")
    (event,) = (await ask(control_plane.client.get, path))["items"]
    assert event["series"]["count"] == 2
