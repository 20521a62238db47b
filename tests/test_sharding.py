"""Sharded informers: together they are the whole, whatever the server makes of what it is asked."""

import uuid
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.scripted import GUARD, HANG, QUICK, Answer, ScriptedTransport, deleted, initial, pod, refuse
from tests._runtime.scripted import page as list_page

from kubeinformer import Cluster, Informer, RawObject, connect
from kubeinformer._protocol.shards import Shard
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

COUNT = 3
NAMES = [f"o{number:02}" for number in range(40)]


@pytest.fixture(params=["obeyed", "ignored"])
def obeyed(request: pytest.FixtureRequest) -> bool:
    """Whether the server knows shards."""
    return bool(request.param == "obeyed")


@pytest.fixture(params=["watch-list", "pages"])
async def server(request: pytest.FixtureRequest, *, obeyed: bool) -> AsyncGenerator[FakeApiServer]:
    async with FakeApiServer() as server:
        server.sharding_enabled = obeyed
        server.watch_list_enabled = request.param == "watch-list"
        for name in NAMES:
            server.create("v1/configmaps", config_map(name))
        yield server


def config_map(name: str, **data: str) -> RawObject:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def shards(cluster: Cluster, resource: str = "v1/configmaps") -> list[Informer[RawObject]]:
    return [cluster.informer(resource, shard=(index, COUNT)) for index in range(COUNT)]


async def reached(server: FakeApiServer, informers: list[Informer[RawObject]]) -> None:
    """Wait until the stores have everything. A bookmark passes what is of other shards, for who listens by then."""
    with anyio.fail_after(GUARD):
        while any(informer.store.resource_version != server.resource_version for informer in informers):
            server.bookmark()
            await anyio.wait_all_tasks_blocked()
            await anyio.lowlevel.checkpoint()


def assert_parts(server: FakeApiServer, informers: list[Informer[RawObject]]) -> None:
    """Each object is in one store: that of its hash."""
    whole = {f"{obj['metadata']['namespace']}/{obj['metadata']['name']}": obj for obj in server.list("v1/configmaps")}
    parts = [dict(informer.store.items()) for informer in informers]
    assert sum(map(len, parts)) == len(whole)
    assert {key: obj for part in parts for key, obj in part.items()} == whole
    for index, part in enumerate(parts):
        assert all(Shard(index, COUNT).holds(obj["metadata"]["uid"]) for obj in part.values())
        assert part


async def test_together_they_are_the_whole(server: FakeApiServer, *, obeyed: bool) -> None:
    async with connect(server=server.url, timing=QUICK) as cluster:
        informers = shards(cluster)
        for informer in informers:
            await informer.synced(timeout=GUARD)
        assert_parts(server, informers)
        # Changes.
        server.create("v1/configmaps", config_map("new-1"))
        for number in range(20):
            server.create("v1/configmaps", config_map(f"more-{number}"))
            server.delete("v1/configmaps", f"default/{NAMES[number]}")
        for name in NAMES[20:]:
            server.apply("v1/configmaps", config_map(name, k="v"), field_manager="me")
        await reached(server, informers)
        assert_parts(server, informers)
        events = sum(informer.statistics().events for informer in informers)
        changes = sum(informer.statistics().changes for informer in informers)
        # Obeyed, each event came once. Ignored, each came to each.
        assert (events < 1.5 * changes) is obeyed
        # Missed changes, and a new snapshot.
        server.delete("v1/configmaps", f"default/{NAMES[-1]}")
        server.create("v1/configmaps", config_map("new-2"))
        server.compact()
        server.drop_connections()
        await reached(server, informers)
        assert_parts(server, informers)


async def test_each_part_is_consistent_with_the_server(server: FakeApiServer) -> None:
    async with connect(server=server.url, timing=QUICK) as cluster:
        for informer in shards(cluster):
            report = await informer.check_consistency(timeout=GUARD)
            assert report.is_consistent
            assert report.objects == len(informer.store)


async def test_every_request_asks_for_the_shard(server: FakeApiServer) -> None:
    async with connect(server=server.url, timing=QUICK) as cluster:
        await cluster.informer("v1/configmaps", shard=(1, 2)).synced(timeout=GUARD)
    selectors = {request.query.get("shardSelector") for request in server.requests}
    assert selectors == {Shard(1, 2).selector}


class TestServersThatRefuse:
    REFUSAL = refuse(500, "", "invalid shard selector: unexpected expression")

    async def test_a_selector_that_the_server_cannot_read_is_not_sent_again(self) -> None:
        names = [f"{number * 7919:x}" for number in range(20)]
        part = {name for name in names if Shard(0, 2).holds(f"uid-{name}")}
        assert 0 < len(part) < 20
        transport = ScriptedTransport(
            self.REFUSAL,
            Answer([initial(names, 10), *(deleted(name, 11 + at) for at, name in enumerate(names[:5])), HANG]),
        )
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods", shard=(0, 2))
            await pods.wait_for("15", timeout=GUARD)
            assert {key.removeprefix("default/") for key in pods.store} == part - set(names[:5])
            assert pods.statistics().failures == {"ServerUnavailable": 1}
        asked = ["shardSelector" in dict(request.query) for request in transport.requests]
        assert asked == [True, False]

    async def test_in_pages(self) -> None:
        objects = [pod(f"o{number}", 5, uid=str(uuid.UUID(int=number * 2**90))) for number in range(20)]
        transport = ScriptedTransport(
            refuse(422), refuse(400, "BadRequest", "unknown shardSelector"), Answer([list_page(objects, 10)]), HANG
        )
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods", shard=(1, 2))
            await pods.synced(timeout=GUARD)
            assert 0 < len(pods.store) < 20
            assert all(Shard(1, 2).holds(obj["metadata"]["uid"]) for obj in pods.store.values())

    async def test_other_failures_change_nothing(self) -> None:
        transport = ScriptedTransport(refuse(500, "", "etcd is down"), Answer([initial(["a"], 10), HANG]))
        async with connect(transport=transport, timing=QUICK) as cluster:
            await cluster.informer("v1/pods", shard=(0, 2)).synced(timeout=GUARD)
        assert all("shardSelector" in dict(request.query) for request in transport.requests)


async def test_shards_are_shared_like_all_informers() -> None:
    async with connect(transport=ScriptedTransport(), timing=QUICK) as cluster:
        one, other = (cluster.informer("v1/pods", shard=(index, 2)) for index in (0, 1))
        assert one is cluster.informer("v1/pods", shard=(0, 2))
        assert one is not other
        assert cluster.informer("v1/pods", shard=(0, 1)) is cluster.informer("v1/pods")
        assert repr(one) == "<Informer v1/pods, shard 0 of 2: waiting, 0 objects>"


@pytest.mark.parametrize("shard", [(2, 2), (0, 0), (1,), "ab", (0.5, 2)])
async def test_what_is_no_shard(shard: Any) -> None:
    async with connect(transport=ScriptedTransport()) as cluster:
        with pytest.raises(ValueError, match="shard="):
            cluster.informer("v1/pods", shard=shard)
