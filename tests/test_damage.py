"""An object of a live informer goes bad in memory: who reads it is told, and a little later it is there again."""

from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.scripted import GUARD, QUICK

from kubeinformer import Cluster, CorruptEntry, Informer, RawObject, Synced, Updated, connect
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

PODS = "v1/pods"
KEY = "default/web-1"


@pytest.fixture
async def server() -> AsyncGenerator[FakeApiServer]:
    async with FakeApiServer() as server:
        for number in range(3):
            server.create(PODS, {"metadata": {"name": f"web-{number}"}, "spec": {"nodeName": f"n{number}"}})
        yield server


@pytest.fixture
async def cluster(server: FakeApiServer) -> AsyncGenerator[Cluster]:
    async with connect(server=server.url, timing=QUICK) as cluster:
        yield cluster


def damage(pods: Informer[RawObject]) -> None:
    entry = pods._cache.entries[KEY]
    assert isinstance(entry.body, bytes)
    entry.body = b"?" * len(entry.body)


async def mended(pods: Informer[RawObject]) -> RawObject | None:
    """Read until it works."""
    with anyio.fail_after(GUARD):
        while True:
            try:
                return pods.store.get(KEY)
            except CorruptEntry:
                await anyio.lowlevel.checkpoint()


class TestADamagedObject:
    async def test_cannot_be_read_and_then_can_again(self, server: FakeApiServer, cluster: Cluster) -> None:
        pods = cluster.informer(PODS, indexers={"node": lambda pod: [pod["spec"]["nodeName"]]})
        await pods.synced(timeout=GUARD)
        damage(pods)
        for read in (
            lambda: pods.store.get(KEY),
            lambda: pods.store.raw(KEY),
            lambda: pods.store.metadata(KEY),
            lambda: list(pods.store.values()),
            lambda: list(pods.store.by_index("node", "n1")),
            lambda: list(pods.store.list(label_selector="a=b")),
        ):
            with pytest.raises(CorruptEntry, match=f"'{KEY}' of v1/pods"):
                read()
        assert pods.store.get("default/web-0") == server.get(PODS, "default/web-0")
        assert await mended(pods) == server.get(PODS, KEY)
        assert list(pods.store.values()) == server.list(PODS)
        assert pods.statistics().failures == {}

    async def test_is_mended_without_an_event_and_goes_on_changing(
        self, server: FakeApiServer, cluster: Cluster
    ) -> None:
        pods = cluster.informer(PODS)
        await pods.synced(timeout=GUARD)
        async with pods.events() as events:
            with anyio.fail_after(GUARD):
                while await anext(events) != Synced():
                    pass
            damage(pods)
            old = await mended(pods)
            server.patch(PODS, KEY, {"spec": {"nodeName": "other"}})
            with anyio.fail_after(GUARD):
                event = await anext(events)
            assert event == Updated(KEY, old, server.get(PODS, KEY))
            assert pods.statistics().pending == 0

    async def test_is_there_again_as_soon_as_it_may_be_fetched(self, server: FakeApiServer, cluster: Cluster) -> None:
        pods = cluster.informer(PODS)
        await pods.synced(timeout=GUARD)
        server.deny("list", PODS)
        damage(pods)
        asked = len(server.requests)
        with anyio.fail_after(GUARD):
            while len(server.requests) < asked + 3:
                with pytest.raises(CorruptEntry):
                    pods.store.get(KEY)
                await anyio.lowlevel.checkpoint()
        server.create(PODS, {"metadata": {"name": "new"}})  # nobody else is disturbed
        await pods.wait_for(server.resource_version, timeout=GUARD)
        assert pods.is_live
        assert pods.store.get("default/new") == server.get(PODS, "default/new")
        server.allow_all()
        assert await mended(pods) == server.get(PODS, KEY)

    @pytest.mark.parametrize("change", ["update", "delete"])
    async def test_is_what_the_server_says_next(self, server: FakeApiServer, cluster: Cluster, change: str) -> None:
        pods = cluster.informer(PODS)
        await pods.synced(timeout=GUARD)
        damage(pods)
        with pytest.raises(CorruptEntry):
            pods.store.get(KEY)
        if change == "update":
            server.patch(PODS, KEY, {"spec": {"nodeName": "other"}})
        else:
            server.delete(PODS, KEY)
        server.bookmark()
        await pods.wait_for(server.resource_version, timeout=GUARD)
        assert await mended(pods) == (server.get(PODS, KEY) if change == "update" else None)
        assert list(pods.store.values()) == server.list(PODS)
