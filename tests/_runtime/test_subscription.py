"""One reader: what it sees is a shorter history with the same end, however slowly it looks."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._runtime.scripted import GUARD
from tests._runtime.source import Source, drain

from kubeinformer import Added, Deleted, Event, Synced, Updated, UsageError
from kubeinformer._protocol.steps import Sweep
from kubeinformer._runtime.subscription import Subscription

Raw: TypeAlias = dict[str, Any]

pytestmark = pytest.mark.anyio


def fold(events: Iterable[Event[Raw]], state: dict[str, Raw] | None = None) -> dict[str, Raw]:
    """What a reader knows after these events; refuses those that contradict what it knew."""
    state = {} if state is None else state
    for event in events:
        match event:
            case Added(key=key, object=obj):
                assert key not in state
                state[key] = obj
            case Updated(key=key, old=old, object=obj):
                assert state[key]["metadata"]["uid"] == old["metadata"]["uid"] == obj["metadata"]["uid"]
                state[key] = obj
            case Deleted(key=key):
                del state[key]
            case Synced():
                pass
    return state


async def first(reader: Subscription[Raw], count: int) -> list[Event[Raw]]:
    with anyio.fail_after(GUARD):
        return [await anext(reader) for _ in range(count)]


async def test_backlog_then_synced_once_then_changes() -> None:
    source = Source()
    a, b = source.put("a"), source.put("b")
    async with source.delivery.subscribe() as reader:
        assert await first(reader, 3) == [Added("default/a", a), Added("default/b", b), Synced()]
        newer = source.put("a")
        await source.resync("a", "b")
        assert await first(reader, 1) == [Updated("default/a", a, newer)]
        assert reader.pending == 0


async def test_reader_from_before_the_sync_gets_objects_as_they_come() -> None:
    source = Source(synced=False)
    async with source.delivery.subscribe() as reader:
        a = source.put("a")
        assert await first(reader, 1) == [Added("default/a", a)]
        b = source.put("b")
        await source.delivery.complete(Sweep("2"))
        c = source.put("c")
        assert await first(reader, 3) == [Added("default/b", b), Synced(), Added("default/c", c)]


async def test_backlog_shows_each_object_as_it_is_when_its_turn_comes() -> None:
    source = Source()
    for name in ("a", "b", "c"):
        source.put(name)
    async with source.delivery.subscribe() as reader:
        newest = source.put("a")
        source.delete("b")
        replacement = source.put("c", uid="another")
        events = await first(reader, 3)
        # "c" went and came back before this reader had seen it: it is new, behind what was there already.
        assert events == [Added("default/a", newest), Synced(), Added("default/c", replacement)]
        assert reader.pending == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("put", [Added]),
        ("put put", [Added]),
        ("put delete", []),
        ("put delete put", [Added]),
        ("put replace", [Added]),
        ("| put put", [Updated]),
        ("| delete", [Deleted]),
        ("| put delete", [Deleted]),
        ("| replace", [Deleted, Added]),
        ("| replace put", [Deleted, Added]),
        ("| replace delete", [Deleted]),
        ("| replace delete replace", [Deleted, Added]),
        ("| put replace put", [Deleted, Added]),
        ("| delete put", [Updated]),
    ],
)
async def test_what_was_not_taken_is_folded(changes: str, expected: list[type]) -> None:
    source = Source()
    before, _, after = changes.rpartition("|")
    if "|" in changes:
        source.put("a")
    async with source.delivery.subscribe() as reader:
        known = fold(drain(reader))
        for number, change in enumerate(after.split()):
            match change:
                case "put":
                    source.put("a", uid=source.cache.entries["default/a"].uid if "default/a" in source.state else "")
                case "replace":
                    source.put("a", uid=f"uid-{number}")
                case "delete":
                    source.delete("a")
            assert reader.pending <= 1
        events = drain(reader)
        assert [type(event) for event in events] == expected
        assert fold(events, known) == source.state
    assert not before.strip()


async def test_updated_is_from_what_this_reader_saw_last() -> None:
    source = Source()
    first_seen = source.put("a")
    async with source.delivery.subscribe() as reader:
        drain(reader)
        source.put("a")
        latest = source.put("a")
        assert drain(reader) == [Updated("default/a", first_seen, latest)]


async def test_deleted_carries_the_final_state_and_whether_it_is_known() -> None:
    source = Source()
    kept, lost = source.put("kept"), source.put("lost")
    async with source.delivery.subscribe() as reader:
        drain(reader)
        final = source.delete("kept")
        await source.resync()
        assert drain(reader) == [
            Deleted("default/kept", final, final_state_known=True),
            Deleted("default/lost", lost, final_state_known=False),
        ]
    assert final != kept


async def test_an_object_replaced_unseen_is_a_deletion_of_unknown_state() -> None:
    source = Source()
    old = source.put("a", uid="old")
    async with source.delivery.subscribe() as reader:
        drain(reader)
        new = source.put("a", uid="new")
        assert reader.pending == 1
        deletion = (await first(reader, 1))[0]
        assert deletion == Deleted("default/a", old, final_state_known=False)
        assert reader.pending == 1
        newer = source.put("a", uid="new")
        assert drain(reader) == [Added("default/a", new), Updated("default/a", new, newer)]


async def test_a_reader_that_never_reads_holds_one_change_for_each_key() -> None:
    source = Source()
    async with source.delivery.subscribe() as reader:
        for number in range(10_000):
            source.put(f"web-{number % 10}")
        assert reader.pending == 11  # and Synced
        assert len(drain(reader)) == 11


async def test_backlog_is_keys_only() -> None:
    source = Source()
    for number in range(100):
        source.put(f"web-{number}")
    async with source.delivery.subscribe() as reader:
        assert reader.pending == 101
        assert not any(pending for pending in reader._pending.values())


async def test_two_readers_do_not_know_of_each_other() -> None:
    source = Source()
    source.put("a")
    async with source.delivery.subscribe() as quick, source.delivery.subscribe() as slow:
        seen = fold(drain(quick))
        source.put("a")
        assert [type(event) for event in drain(quick)] == [Updated]
        source.delete("a")
        assert [type(event) for event in drain(quick)] == [Deleted]
        assert [type(event) for event in drain(slow)] == [Synced]
        assert seen.keys() == {"default/a"}
        assert source.delivery.subscriptions == (2, 0)
    assert source.delivery.subscriptions == (0, 0)


async def test_objects_of_two_readers_are_two_copies() -> None:
    source = Source()
    async with source.delivery.subscribe() as one, source.delivery.subscribe() as other:
        source.put("a")
        mine, theirs = drain(one)[-1], drain(other)[-1]
        assert isinstance(mine, Added)
        assert isinstance(theirs, Added)
        mine.object["metadata"]["name"] = "changed"
        assert theirs.object["metadata"]["name"] == "a"
        assert mine.object["metadata"]["name"] == "changed"  # decoded once


async def test_waiting_reader_wakes_up() -> None:
    source = Source()
    seen: list[Event[Raw]] = []

    async def read() -> None:
        async with source.delivery.subscribe() as reader:
            async for event in reader:
                seen.append(event)
                if isinstance(event, Deleted):
                    return

    with anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for act in (source.put, source.put, source.delete):
                await anyio.wait_all_tasks_blocked()
                act("a")
    assert [type(event) for event in seen] == [Synced, Added, Updated, Deleted]


async def test_closing_ends_a_waiting_and_a_later_iteration() -> None:
    source = Source()
    ended = 0

    async def read() -> None:
        nonlocal ended
        async with source.delivery.subscribe() as reader:
            async for _ in reader:
                pass
        ended += 1

    with anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            source.delivery.close()
        await read()
    assert ended == 2


async def test_cancelling_a_wait_loses_no_event() -> None:
    source = Source()
    async with source.delivery.subscribe() as reader:
        await first(reader, 1)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anext(reader)
        a = source.put("a")
        assert await first(reader, 1) == [Added("default/a", a)]


async def test_cancelling_while_an_event_comes_loses_no_event() -> None:
    source = Source()
    got: list[Event[Raw]] = []
    async with source.delivery.subscribe() as reader:
        await first(reader, 1)
        with anyio.fail_after(GUARD):
            async with anyio.create_task_group() as tasks:

                async def wait() -> None:
                    got.append(await anext(reader))

                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                source.put("a")  # wakes the waiting task, which is cancelled before it runs
                tasks.cancel_scope.cancel()
        got += drain(reader)
    assert [type(event) for event in got] == [Added]


async def test_reading_gives_others_a_turn() -> None:
    source = Source()
    for number in range(1_000):
        source.put(f"web-{number}")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks, source.delivery.subscribe() as reader:
        tasks.start_soon(other)
        await first(reader, 1_000)
        tasks.cancel_scope.cancel()
    assert turns > 10


async def test_leaving_ends_a_wait_of_another_task() -> None:
    source = Source()
    ended = anyio.Event()

    async def read(reader: Subscription[Raw]) -> None:
        async for _ in reader:
            pass
        ended.set()

    with anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            async with source.delivery.subscribe() as reader:
                tasks.start_soon(read, reader)
                await anyio.wait_all_tasks_blocked()
            await ended.wait()


async def test_reading_outside_of_the_context_is_refused() -> None:
    reader = Source().delivery.subscribe()
    with pytest.raises(UsageError, match=r"async with informer\.events\(\) as events"):
        await anext(reader)
    async with reader:
        with pytest.raises(UsageError, match="one reader"):
            await reader.__aenter__()
        assert await first(reader, 1) == [Synced()]
    with pytest.raises(UsageError, match="async with"):
        await anext(reader)


async def test_left_reader_holds_nothing() -> None:
    source = Source()
    source.put("a")
    reader = source.delivery.subscribe()
    async with reader:
        source.put("b")
    assert reader.pending == 0
    source.put("c")
    assert reader.pending == 0


_OPERATIONS = st.tuples(st.sampled_from(["put", "replace", "delete", "read", "open", "resync"]), st.integers(0, 3))


@given(operations=st.lists(_OPERATIONS, max_size=40))
def test_whatever_happens_the_events_fold_to_the_store(operations: list[tuple[str, int]]) -> None:
    """Readers that come and look at any time: no event contradicts an earlier one, and all end with the store."""

    async def scenario() -> None:
        source = Source()
        readers: list[tuple[Subscription[Raw], dict[str, Raw]]] = []
        for count, (operation, number) in enumerate(operations):
            name = f"web-{number}"
            held = source.cache.entries.get(f"default/{name}")
            match operation:
                case "put":
                    source.put(name, uid=held.uid if held else f"uid-{number}")
                case "replace":
                    source.put(name, uid=f"uid-{number}-{count}")
                case "delete" if held:
                    source.delete(name)
                case "open":
                    reader = source.delivery.subscribe()
                    await reader.__aenter__()
                    readers.append((reader, {}))
                case "resync":
                    names = [key.removeprefix("default/") for key in source.cache.entries]
                    await source.resync(*(other for other in names if other != name))
                case "read" if readers:
                    reader, state = readers[number % len(readers)]
                    if (event := reader._take()) is not None:
                        fold([event], state)
        for reader, state in readers:
            assert reader.pending <= len(source.cache.entries) + 4 + 1 + 1
            assert fold(drain(reader), state) == source.state

    anyio.run(scenario)
