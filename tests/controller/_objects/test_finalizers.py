from typing import Any

import pytest
from tests.controller.widgets import KEY, WIDGETS, Json, serving, widget

from kubeinformer import Conflict, NotFound, Resource
from kubeinformer.controller import ensure_finalizer, finalized, remove_finalizer
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

MINE, OTHER = "example.com/mine", "example.com/other"


def finalizers(server: FakeApiServer) -> list[str]:
    return list(server.get(WIDGETS, KEY)["metadata"].get("finalizers", []))


def touch(server: FakeApiServer, *names: str) -> None:
    server.patch(WIDGETS, KEY, {"metadata": {"finalizers": list(names), "labels": {"touched": "yes"}}})


class Cleanup:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[Json] = []

    async def __call__(self, obj: Json) -> None:
        self.seen.append(obj)
        if self.error is not None:
            raise self.error


async def test_a_living_object_gets_the_finalizer_once() -> None:
    cleanup = Cleanup()
    async with serving() as (server, cluster):
        obj = server.create(WIDGETS, widget())
        marked = await finalized(cluster, WIDGETS, obj, MINE, cleanup)
        assert marked is not None
        assert marked["metadata"]["finalizers"] == [MINE]
        sent = len(server.requests)
        assert await finalized(cluster, Resource.parse(WIDGETS), marked, MINE, cleanup) is marked
        assert len(server.requests) == sent, "nothing to do, nothing sent"
    assert cleanup.seen == []


async def test_a_deleted_object_is_cleaned_up_and_goes() -> None:
    cleanup = Cleanup()
    async with serving() as (server, cluster):
        server.create(WIDGETS, widget(metadata={"finalizers": [MINE]}))
        server.delete(WIDGETS, KEY)
        obj = server.get(WIDGETS, KEY)
        assert await finalized(cluster, WIDGETS, obj, MINE, cleanup) is None
        assert cleanup.seen == [obj]
        with pytest.raises(Exception, match="not found"):
            server.get(WIDGETS, KEY)


async def test_a_cleanup_that_fails_is_for_the_next_time() -> None:
    cleanup = Cleanup(ZeroDivisionError())
    async with serving() as (server, cluster):
        server.create(WIDGETS, widget(metadata={"finalizers": [MINE]}))
        server.delete(WIDGETS, KEY)
        with pytest.raises(ZeroDivisionError):
            await finalized(cluster, WIDGETS, server.get(WIDGETS, KEY), MINE, cleanup)
        assert finalizers(server) == [MINE]
        cleanup.error = None
        assert await finalized(cluster, WIDGETS, server.get(WIDGETS, KEY), MINE, cleanup) is None
    assert len(cleanup.seen) == 2


async def test_a_deleted_object_that_others_hold_back_is_not_cleaned_up_again() -> None:
    cleanup = Cleanup()
    async with serving() as (server, cluster):
        server.create(WIDGETS, widget(metadata={"finalizers": [OTHER]}))
        server.delete(WIDGETS, KEY)
        assert await finalized(cluster, WIDGETS, server.get(WIDGETS, KEY), MINE, cleanup) is None
        assert finalizers(server) == [OTHER]
    assert cleanup.seen == []


async def test_a_stale_copy_of_what_is_being_deleted_leads_to_cleaning_up() -> None:
    cleanup = Cleanup()
    async with serving() as (server, cluster):
        stale = server.create(WIDGETS, widget())
        touch(server, MINE)
        server.delete(WIDGETS, KEY)
        assert await finalized(cluster, WIDGETS, stale, MINE, cleanup) is None
    assert len(cleanup.seen) == 1


async def test_a_stale_copy_of_what_is_gone_is_gone() -> None:
    async with serving() as (server, cluster):
        stale = server.create(WIDGETS, widget())
        server.delete(WIDGETS, KEY)
        assert await finalized(cluster, WIDGETS, stale, MINE, Cleanup()) is None
        with pytest.raises(NotFound):
            await ensure_finalizer(cluster, WIDGETS, stale, MINE)


async def test_finalizers_of_others_are_never_lost() -> None:
    async with serving() as (server, cluster):
        stale = server.create(WIDGETS, widget())
        touch(server, OTHER)
        assert (await ensure_finalizer(cluster, WIDGETS, stale, MINE))["metadata"]["finalizers"] == [OTHER, MINE]
        stale = server.get(WIDGETS, KEY)
        touch(server, OTHER, MINE, "example.com/third")
        left = await remove_finalizer(cluster, WIDGETS, stale, MINE)
        assert left is not None
        assert finalizers(server) == left["metadata"]["finalizers"] == [OTHER, "example.com/third"]


async def test_removing_what_is_not_there_sends_nothing() -> None:
    async with serving() as (server, cluster):
        obj = server.create(WIDGETS, widget())
        assert await remove_finalizer(cluster, WIDGETS, obj, MINE) is obj
        assert server.requests == ()


async def test_removing_from_what_is_gone_is_done() -> None:
    async with serving() as (server, cluster):
        stale = server.create(WIDGETS, widget(metadata={"finalizers": [MINE]}))
        touch(server)
        server.delete(WIDGETS, KEY)
        assert await remove_finalizer(cluster, WIDGETS, stale, MINE) is None


async def test_another_object_of_the_same_name_is_left_alone() -> None:
    async with serving() as (server, cluster):
        old = server.create(WIDGETS, widget())
        server.delete(WIDGETS, KEY)
        server.create(WIDGETS, widget(metadata={"finalizers": [MINE]}))
        with pytest.raises(Conflict):
            await ensure_finalizer(cluster, WIDGETS, old, OTHER)
        old["metadata"]["finalizers"] = [MINE]
        assert await remove_finalizer(cluster, WIDGETS, old, MINE) is None
        assert finalizers(server) == [MINE]


async def test_who_loses_every_race_is_told() -> None:
    class Busy:
        """Somebody writes between each read and the write after it."""

        def __init__(self, cluster: Any, server: FakeApiServer) -> None:
            self.cluster, self.server, self.patches = cluster, server, 0

        async def request(self, method: str, *args: Any, **options: Any) -> Any:
            if method == "PATCH":
                self.patches += 1
                self.server.patch(WIDGETS, KEY, {"metadata": {"labels": {"n": str(self.patches)}}})
            return await self.cluster.request(method, *args, **options)

    async with serving() as (server, cluster):
        busy: Any = Busy(cluster, server)
        with pytest.raises(Conflict):
            await ensure_finalizer(busy, WIDGETS, server.create(WIDGETS, widget()), MINE)
        assert busy.patches == 5
        assert finalizers(server) == []


@pytest.mark.parametrize("name", ["", "mine", "/mine", "example.com/"])
async def test_a_finalizer_has_a_domain(name: str) -> None:
    nowhere: Any = None
    obj = widget(metadata={"resourceVersion": "1"})
    with pytest.raises(ValueError, match=r"it is a domain and a name, such as 'example.com/disks'"):
        await ensure_finalizer(nowhere, WIDGETS, obj, name)


@pytest.mark.parametrize("obj", [widget(), {"metadata": {"resourceVersion": "1"}}, {}])
async def test_an_object_that_was_not_read_is_refused(obj: Json) -> None:
    nowhere: Any = None
    with pytest.raises(ValueError, match="without name or resourceVersion: give it as the server answered it"):
        await finalized(nowhere, WIDGETS, obj, MINE, Cleanup())
