"""``transform=`` and ``model=`` of an informer: what its owner reads, from a server that speaks real HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
from tests._runtime.scripted import GUARD, QUICK

from kubeinformer import (
    Added,
    Cluster,
    Deleted,
    RawObject,
    Retain,
    Synced,
    TransformError,
    Updated,
    connect,
)
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

PODS = "v1/pods"
KEY = "default/web-0"


@pytest.fixture
async def server() -> AsyncGenerator[FakeApiServer]:
    async with FakeApiServer() as server:
        for number in range(3):
            spec = {"nodeName": f"n{number}", "containers": [{"name": "c", "image": "registry/web:1"}]}
            server.create(PODS, {"metadata": {"name": f"web-{number}", "annotations": {"large": "x"}}, "spec": spec})
        yield server


@pytest.fixture
async def cluster(server: FakeApiServer) -> AsyncGenerator[Cluster]:
    async with connect(server=server.url, timing=QUICK) as cluster:
        yield cluster


def strip(obj: RawObject) -> RawObject:
    """Changes its argument."""
    del obj["metadata"]["annotations"]
    return obj


def rename(obj: RawObject) -> RawObject:
    """Makes another one."""
    return {**obj, "spec": {**obj["spec"], "nodeName": obj["spec"]["nodeName"].upper()}}


def refuse(obj: RawObject) -> RawObject:
    raise LookupError(str(obj))


def by_node(obj: RawObject) -> list[str]:
    return [obj["spec"]["nodeName"]]


class TestTransforms:
    @pytest.mark.parametrize("retain", ["compressed", "bytes", "objects"])
    async def test_every_reader_sees_what_it_made(
        self, server: FakeApiServer, cluster: Cluster, retain: Retain
    ) -> None:
        pods = cluster.informer(PODS, transform=rename, indexers={"node": by_node}, retain=retain)
        await pods.synced(timeout=GUARD)
        assert list(pods.store.values()) == [rename(obj) for obj in server.list(PODS)]
        assert [obj["metadata"]["name"] for obj in pods.store.by_index("node", "N1")] == ["web-1"]
        assert list(pods.store.index_keys("node", "n1")) == []
        async with pods.events() as events:
            with anyio.fail_after(GUARD):
                first = await anext(events)
                while await anext(events) != Synced():
                    pass
                old = rename(server.get(PODS, KEY))
                assert first == Added(KEY, old)
                new = rename(server.patch(PODS, KEY, {"spec": {"nodeName": "other"}}))
                assert await anext(events) == Updated(KEY, old, new)
                last = rename(server.delete(PODS, KEY))
                assert await anext(events) == Deleted(KEY, last)

    async def test_may_change_the_dict_it_is_given(self, server: FakeApiServer, cluster: Cluster) -> None:
        pods = cluster.informer(PODS, transform=strip)
        await pods.synced(timeout=GUARD)
        for _ in range(2):
            assert list(pods.store.values()) == [strip(obj) for obj in server.list(PODS)]
        raw = pods.store.raw(KEY)
        assert raw is not None
        assert b'"large"' in raw

    async def test_one_that_fails_is_the_readers_trouble_alone(self, server: FakeApiServer, cluster: Cluster) -> None:
        pods = cluster.informer(PODS, transform=refuse)
        await pods.synced(timeout=GUARD)
        with pytest.raises(TransformError, match="the transform of v1/pods failed: it raised LookupError"):
            pods.store.get(KEY)
        assert pods.store.metadata(KEY) == server.get(PODS, KEY)["metadata"]
        assert pods.is_live

    @pytest.mark.parametrize("options", [{"retain": "objects"}, {"indexers": {"node": by_node}}])
    async def test_one_that_fails_where_every_object_is_needed_ends_the_scope(
        self, server: FakeApiServer, options: dict[str, Any]
    ) -> None:
        with pytest.raises(TransformError, match="it raised LookupError") as caught:
            async with connect(server=server.url, timing=QUICK) as cluster:
                await cluster.informer(PODS, transform=refuse, **options).synced(timeout=GUARD)
        assert "web-" not in str(caught.value)

    async def test_an_equal_one_gives_the_same_informer_and_another_one_another(self, cluster: Cluster) -> None:
        plain = cluster.informer(PODS)
        stripped = cluster.informer(PODS, transform=strip)
        assert stripped is cluster.informer(PODS, transform=strip)
        assert len({plain, stripped, cluster.informer(PODS, transform=rename)}) == 3
        assert plain is cluster.informer(PODS, transform=None)
        for informer in (plain, stripped):
            await informer.synced(timeout=GUARD)
        found = [informer.store.metadata(KEY) for informer in (plain, stripped)]
        assert found[0] == found[1] != (stripped.store.get(KEY) or {})["metadata"]


class TestModelsOfTheGeneratedClient:
    @pytest.mark.parametrize("retain", ["compressed", "objects"])
    async def test_are_what_reads_and_events_give(
        self, server: FakeApiServer, cluster: Cluster, retain: Retain
    ) -> None:
        from kubernetes_asyncio.client import V1Pod  # noqa: PLC0415 - slow, and nobody else here needs it

        pods = cluster.informer(
            PODS, model=V1Pod, transform=rename, indexers={"node": lambda pod: [pod.spec.node_name]}, retain=retain
        )
        assert pods is cluster.informer(
            PODS, model=V1Pod, transform=rename, indexers=pods._cache.indexes._indexers, retain=retain
        )
        await pods.synced(timeout=GUARD)
        found = pods.store.get(KEY)
        assert isinstance(found, V1Pod)
        assert (found.metadata.name, found.spec.node_name, found.spec.containers[0].image) == (
            "web-0",
            "N0",
            "registry/web:1",
        )
        assert [pod.metadata.name for pod in pods.store.by_index("node", "N2")] == ["web-2"]
        async with pods.events() as events:
            with anyio.fail_after(GUARD):
                while await anext(events) != Synced():
                    pass
                server.patch(PODS, KEY, {"spec": {"nodeName": "other"}})
                event = await anext(events)
        assert isinstance(event, Updated)
        assert (event.old.spec.node_name, event.object.spec.node_name) == ("N0", "OTHER")
