"""Writes reach the store before the readers, and the readers before those who wait."""

import anyio
import pytest
from tests._runtime.source import Source

from kubeinformer import Synced
from kubeinformer._protocol.steps import Sweep
from kubeinformer._runtime.delivery import Delivery

pytestmark = pytest.mark.anyio


async def test_the_store_is_written_before_the_reader_is_told() -> None:
    source = Source()
    async with source.delivery.subscribe() as reader:
        seen: list[bool] = []
        told = reader.push

        class Spy:
            def push(self, change: object) -> None:
                seen.append("default/a" in source.cache.entries)
                told(change)  # type: ignore[arg-type] # passed on as it came

        source.delivery._subscribers[0] = Spy()  # type: ignore[call-overload] # a reader that looks
        source.put("a")
        source.delivery._subscribers[0] = reader
    assert seen == [True]


async def test_counts_what_reached_the_store() -> None:
    source = Source()
    source.put("a")
    source.put("a", uid="another")  # a deletion and an addition
    source.delete("a")
    assert source.delivery.changes == 4


async def test_synced_comes_after_the_last_deletion_and_once() -> None:
    source = Source(synced=False)
    source.put("a")
    async with source.delivery.subscribe() as reader:
        for _ in range(2):
            await source.delivery.complete(Sweep("9"))
        events = [await anext(reader), await anext(reader)]
        assert events[1] == Synced()
        assert reader.pending == 0
    assert source.delivery.synced.is_set()
    assert source.cache.resource_version == "9"


async def test_a_long_sweep_gives_others_a_turn() -> None:
    source = Source()
    for number in range(5_000):
        source.put(f"web-{number}")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        await source.resync()
        assert turns >= 1
        tasks.cancel_scope.cancel()
    assert not source.cache.entries


async def test_a_sweep_is_no_plain_write() -> None:
    with pytest.raises(AssertionError, match="complete"):
        Source().delivery.apply(Sweep("1"))


class TestWaiting:
    async def test_returns_at_once_when_it_was_reached_before(self) -> None:
        delivery = Source().delivery
        delivery.reached("10")
        with anyio.fail_after(0):
            await delivery.wait_until_reached("9")
            await delivery.wait_until_reached("10")

    async def test_wakes_those_whose_version_was_reached_and_no_others(self) -> None:
        delivery = Source().delivery
        woken: list[str] = []

        async def wait(version: str) -> None:
            await delivery.wait_until_reached(version)
            woken.append(version)

        async with anyio.create_task_group() as tasks:
            for version in ("8", "9", "10", "11"):
                tasks.start_soon(wait, version)
            await anyio.wait_all_tasks_blocked()
            delivery.reached("10")
            await anyio.wait_all_tasks_blocked()
            assert sorted(woken, key=int) == ["8", "9", "10"]
            tasks.cancel_scope.cancel()
        assert not delivery._waiters

    async def test_closing_wakes_all(self) -> None:
        delivery: Delivery[dict[str, object]] = Source().delivery
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(delivery.wait_until_reached, "10")
                await anyio.wait_all_tasks_blocked()
                delivery.close()
        assert delivery.closed.is_set()
        assert delivery.synced.is_set()
