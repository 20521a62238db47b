"""Sharded informers on a server that supports shards, and on one that does not."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.mirrors import PATIENCE, ask, connected, eventually, held, listed

from kubeinformer import Cluster, Informer, RawObject

pytestmark = pytest.mark.anyio

COUNT = 3
NAMES = [f"o{number:03}" for number in range(60)]


@pytest.fixture(params=["known", "unknown"])
def plane(request: pytest.FixtureRequest, private_control_plane: StartControlPlane) -> ControlPlane:
    known = str(request.param == "known").lower()
    return private_control_plane(f"--feature-gates=ShardedListAndWatch={known}")


def shards(cluster: Cluster, resource: str, namespace: str) -> list[Informer[RawObject]]:
    return [cluster.informer(resource, namespace=namespace, shard=(index, COUNT)) for index in range(COUNT)]


async def assert_parts(plane: ControlPlane, informers: list[Informer[RawObject]], namespace: str) -> None:
    """Each object comes to be in one store, as the server has it."""
    whole = await listed(plane, informers[0].resource, namespace)

    def together() -> dict[str, RawObject]:
        return {key: obj for informer in informers for key, obj in held(informer).items()}

    await eventually(lambda: together() == whole)
    assert sum(len(informer.store) for informer in informers) == len(whole)
    assert all(len(informer.store) > 0 for informer in informers)


async def test_a_built_in_kind(plane: ControlPlane) -> None:
    namespace = await ask(plane.client.create_namespace)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in NAMES:
        await ask(plane.client.create, path, manifests.config_map(name))
    async with connected(plane) as cluster:
        informers = shards(cluster, "v1/configmaps", namespace)
        for informer in informers:
            await informer.synced(timeout=PATIENCE)
        await assert_parts(plane, informers, namespace)
        for name in NAMES[:20]:
            await ask(plane.client.delete, f"{path}/{name}")
            await ask(plane.client.create, path, manifests.config_map(f"n-{name}"))
        await assert_parts(plane, informers, namespace)
        assert all(informer.statistics().failures == {} for informer in informers)


async def test_a_custom_resource(plane: ControlPlane) -> None:
    namespace = await ask(plane.client.create_namespace)
    await ask(plane.client.create_crd, manifests.custom_resource_definition("Widget", group="example.com"))
    path = f"/apis/example.com/v1/namespaces/{namespace}/widgets"
    widget = {"apiVersion": "example.com/v1", "kind": "Widget"}
    for name in NAMES:
        await ask(plane.client.create, path, widget | {"metadata": {"name": name}})
    async with connected(plane) as cluster:
        informers = shards(cluster, "example.com/v1/widgets", namespace)
        for informer in informers:
            await informer.synced(timeout=PATIENCE)
        await assert_parts(plane, informers, namespace)


async def test_a_server_that_knows_sends_no_more_than_the_part(private_control_plane: StartControlPlane) -> None:
    plane = private_control_plane("--feature-gates=ShardedListAndWatch=true")
    namespace = await ask(plane.client.create_namespace)
    for name in NAMES:
        await ask(plane.client.create, f"/api/v1/namespaces/{namespace}/configmaps", manifests.config_map(name))
    async with connected(plane) as cluster:
        informers = shards(cluster, "v1/configmaps", namespace)
        for informer in informers:
            await informer.synced(timeout=PATIENCE)
        received = sum(informer.statistics().events for informer in informers)
        assert received <= len(NAMES) + 2 * COUNT + 1  # a bookmark each, and kube-root-ca.crt if there is one
