"""The first snapshot equals the server's own list, object by object."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import PATIENCE, ask, connected, held, listed, version_of

pytestmark = pytest.mark.anyio


def secret(name: str, value: str) -> manifests.Json:
    return {"metadata": {"name": name, "labels": {"app": "web"}}, "stringData": {"password": value}}


async def test_pods(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create_many, path, [manifests.pod(f"web-{i}", padding=i) for i in range(300)])
    async with connected(control_plane) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace)
        await pods.synced(timeout=PATIENCE)
        expected = await listed(control_plane, "v1/pods", namespace)
        assert len(expected) == 300
        assert held(pods) == expected
        assert pods.is_live
        assert pods.statistics().requests == {"watch-list": 1}


async def test_secrets_of_all_sizes_and_characters(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    values = ["", "x" * 700_000, 'quotes " and \\ and <html> &', "line\nends\r\n\u2028\u2029\u0085", "snow ☃ and 𝄞"]
    bodies = [secret(f"s-{number}", value) for number, value in enumerate(values)]
    for body, value in zip(bodies, values, strict=True):
        body["metadata"]["annotations"] = {"said": value[:1000]}
    await ask(control_plane.client.create_many, path, bodies)
    async with connected(control_plane) as cluster:
        secrets = cluster.informer("v1/secrets", namespace=namespace)
        await secrets.synced(timeout=PATIENCE)
        assert held(secrets) == await listed(control_plane, "v1/secrets", namespace)
        assert {value["metadata"]["annotations"]["said"] for value in secrets.store.values()} == {
            v[:1000] for v in values
        }


async def test_all_namespaces_and_cluster_scoped_resources(control_plane: ControlPlane, namespace: str) -> None:
    other = await ask(control_plane.client.create_namespace)
    for place in (namespace, other):
        path = f"/api/v1/namespaces/{place}/limitranges"
        await ask(control_plane.client.create, path, {"metadata": {"name": "same-name"}, "spec": {"limits": []}})
    async with connected(control_plane) as cluster:
        ranges = cluster.informer("v1/limitranges")
        await ranges.synced(timeout=PATIENCE)
        assert {f"{namespace}/same-name", f"{other}/same-name"} <= set(ranges.store)
        assert held(ranges) == await listed(control_plane, "v1/limitranges")
        classes = cluster.informer("scheduling.k8s.io/v1/priorityclasses")
        await classes.synced(timeout=PATIENCE)
        assert "system-node-critical" in classes.store
        assert held(classes) == await listed(control_plane, "scheduling.k8s.io/v1/priorityclasses")


async def test_custom_resources_hold_whatever_json_can(control_plane: ControlPlane, namespace: str) -> None:
    group = f"{namespace}.example.com"
    await ask(control_plane.client.create_crd, manifests.custom_resource_definition("Widget", group=group))
    resource, path = f"{group}/v1/widgets", f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    values = {
        "integers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)],
        "fractions": [0.1, -1e-7, 1.5e300],
        "empty": [{}, [], "", None, False],
        "deep": [[[[[[[["x"]]]]]]]],
        "Ключ": "значение",
    }
    for number in range(3):
        widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": f"w-{number}"}, "spec": values}
        await ask(control_plane.client.create, path, widget)
    async with connected(control_plane) as cluster:
        widgets = cluster.informer(resource, namespace=namespace)
        await widgets.synced(timeout=PATIENCE)
        assert held(widgets) == await listed(control_plane, resource, namespace)
        assert [widget["spec"] for widget in widgets.store.values()] == [values] * 3


async def test_metadata_only_gets_metadata_and_nothing_else(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    await ask(control_plane.client.create_many, path, [secret(f"s-{i}", "hunter2" * 100) for i in range(20)])
    async with connected(control_plane) as cluster:
        secrets = cluster.informer("v1/secrets", namespace=namespace, metadata_only=True)
        await secrets.synced(timeout=PATIENCE)
        expected = await listed(control_plane, "v1/secrets", namespace)
        assert {key: item["metadata"] for key, item in held(secrets).items()} == {
            key: item["metadata"] for key, item in expected.items()
        }
        assert {(item["apiVersion"], item["kind"], len(item)) for item in secrets.store.values()} == {
            ("meta.k8s.io/v1", "PartialObjectMetadata", 3)
        }
        # Changes of what was left out still arrive, as new versions.
        changed = await ask(control_plane.client.patch, f"{path}/s-0", {"stringData": {"password": "new"}})
        await secrets.wait_for(version_of(changed), timeout=PATIENCE)
        assert secrets.store.metadata(f"{namespace}/s-0") == changed["metadata"]


async def test_an_empty_collection_is_a_snapshot_too(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace)
        await pods.synced(timeout=PATIENCE)
        assert len(pods.store) == 0
        assert pods.store.resource_version is not None
