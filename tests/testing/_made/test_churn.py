import random

import anyio
import anyio.lowlevel
import pytest
import trio
import trio.testing

from kubeinformer.testing import FakeApiServer
from kubeinformer.testing._made.churn import change_once

CHANGES = 500


def _churned(seed: int) -> FakeApiServer:
    server = FakeApiServer()
    server.seed("v1/pods", 50)
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    pods = next(c for c in server._storage.collections.values() if c.type.kind == "Pod")
    for number in range(CHANGES):
        change_once(server._cluster, pods, number, chance)
    return server


def test_churn_changes_creates_and_deletes_and_keeps_the_size() -> None:
    server = _churned(1)
    pods = server.list("v1/pods")
    assert server.resource_version == str(1050 + CHANGES)
    assert 20 < len(pods) < 100
    assert any("kubeinformer.testing/churned" in pod["metadata"]["annotations"] for pod in pods)


def test_equal_seeds_churn_equally() -> None:
    assert _churned(1).list("v1/pods") == _churned(1).list("v1/pods")
    assert _churned(1).list("v1/pods") != _churned(2).list("v1/pods")


def test_churn_keeps_its_rate() -> None:
    async def ten_minutes() -> None:
        with trio.move_on_after(600):
            await server.churn("v1/nodes", per_second=3.5)

    server = FakeApiServer()
    server.seed("v1/nodes", 5)
    trio.run(ten_minutes, clock=trio.testing.MockClock(autojump_threshold=0))
    assert abs(int(server.resource_version) - 1005 - 600 * 3.5) <= 1


def test_churn_makes_all_changes_that_are_due_at_once() -> None:
    async def a_second() -> None:
        with trio.move_on_after(1):
            await server.churn("v1/nodes", per_second=1000)

    server = FakeApiServer()
    server.seed("v1/nodes", 50)
    trio.run(a_second, clock=trio.testing.MockClock(autojump_threshold=0))
    assert abs(int(server.resource_version) - 1050 - 1000) <= 20


@pytest.mark.anyio
async def test_churn_runs_until_it_is_cancelled() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 50)
        start = int(server.resource_version)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: server.churn("v1/pods", per_second=1000))
            with anyio.fail_after(10):
                while int(server.resource_version) < start + 20:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_churn_ends_with_its_resource() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 5)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: server.churn("v1/pods", per_second=1000))
                while server.resource_version == "1005":
                    await anyio.lowlevel.checkpoint()
                server.unregister("v1/pods")
