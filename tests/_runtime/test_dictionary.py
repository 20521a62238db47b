"""Dictionaries are made beside the stream; what they change is bytes, never content."""

import threading
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from tests._cache.bodies import identity, shaped
from tests._runtime.mirror import new_cache
from tests._runtime.scripted import GUARD

from kubeinformer import RawObject
from kubeinformer._cache.cache import Cache
from kubeinformer._cache.compression import SAMPLE_COUNT, WINDOW
from kubeinformer._runtime import dictionary
from kubeinformer._runtime.dictionary import train_dictionaries
from kubeinformer._runtime.signal import Signal

pytestmark = pytest.mark.anyio


def fill(cache: Cache[RawObject], count: int, shape: str = "a") -> None:
    for number in range(count):
        body = shaped(shape, number).replace(b'"web-', f'"{shape}-'.encode())
        cache.upsert(identity(body), body)


def contents(cache: Cache[RawObject]) -> dict[str, bytes]:
    return {key: cache.codec.raw(key, entry) for key, entry in cache.entries.items()}


def encodings(cache: Cache[RawObject]) -> set[int]:
    return {entry.encoding for entry in cache.entries.values()}


def current(cache: Cache[RawObject]) -> int:
    assert cache.codec.compression is not None
    return cache.codec.compression.current


def kept_bytes(cache: Cache[RawObject]) -> int:
    return sum(len(entry.body) for entry in cache.entries.values())


async def until(cache: Cache[RawObject], encoding: int, count: int) -> None:
    """Wait until so many entries have come over to a dictionary: the worker thread takes as long as it takes."""
    with anyio.fail_after(GUARD):
        while sum(entry.encoding == encoding for entry in cache.entries.values()) < count:
            await anyio.lowlevel.checkpoint()


async def test_recodes_what_is_there_and_keeps_its_content() -> None:
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT)
    before, size = contents(cache), cache.stored_bytes
    assert cache.has_enough_samples
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionaries, cache, ready)
        ready.give()
        await until(cache, 1, SAMPLE_COUNT)
        tasks.cancel_scope.cancel()
    assert contents(cache) == before
    assert cache.stored_bytes == kept_bytes(cache) < size / 2
    assert not cache.has_enough_samples


async def test_objects_that_change_while_it_runs_are_right() -> None:
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT)
    ready.give()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionaries, cache, ready)
        for count in range(300, 400):
            fill(cache, count)
            body = shaped("a", 7).replace(b'"web-', b'"a-')
            cache.remove(identity(body), body)
            await anyio.lowlevel.checkpoint()
        await until(cache, 1, 399 - 1)
        tasks.cancel_scope.cancel()
    assert len(contents(cache)) == 399 - 1
    assert cache.stored_bytes == kept_bytes(cache)


async def test_a_shape_that_comes_later_gets_its_own() -> None:
    cache, ready = new_cache(), Signal()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionaries, cache, ready)
        fill(cache, SAMPLE_COUNT + WINDOW)
        ready.give()
        await until(cache, 1, SAMPLE_COUNT + WINDOW)
        cache.begin_sweep()
        for change in list(cache.sweep()):
            assert change is not None
        fill(cache, WINDOW)
        fill(cache, WINDOW + SAMPLE_COUNT, "b")
        assert cache.has_enough_samples
        before, size = contents(cache), cache.stored_bytes
        ready.give()
        await until(cache, 2, WINDOW + SAMPLE_COUNT)
        tasks.cancel_scope.cancel()
    assert contents(cache) == before
    assert encodings(cache) == {1, 2}
    assert cache.stored_bytes == kept_bytes(cache) < size / 2


async def test_waits_until_there_are_samples() -> None:
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT - 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionaries, cache, ready)
        await anyio.wait_all_tasks_blocked()
        ready.give()  # once too often: they have been taken, or were never enough
        await anyio.wait_all_tasks_blocked()
        assert current(cache) == 0
        fill(cache, SAMPLE_COUNT)
        ready.give()
        await until(cache, 1, SAMPLE_COUNT)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("retain", ["bytes", "objects", "keys"])
async def test_returns_at_once_where_nothing_is_compressed(retain: Any) -> None:
    with anyio.fail_after(GUARD):
        await train_dictionaries(new_cache(retain), Signal())


async def test_samples_without_anything_in_common_leave_bodies_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = anyio.Event()

    async def run_sync(*_: object, **__: object) -> None:
        await anyio.lowlevel.checkpoint()
        tried.set()

    monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT)
    before = contents(cache)
    has_ended = False

    async def run() -> None:
        nonlocal has_ended
        await train_dictionaries(cache, ready)
        has_ended = True

    ready.give()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        with anyio.fail_after(GUARD):
            await tried.wait()
        await anyio.wait_all_tasks_blocked()
        assert not has_ended  # another shape may come
        tasks.cancel_scope.cancel()
    assert contents(cache) == before
    assert encodings(cache) == {0}


async def test_a_damaged_body_does_not_end_it() -> None:
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT)
    cache.entries["default/a-7"].body = b"garbage"
    reports: list[str] = []
    cache.reader.on_damage = lambda key, _: reports.append(key)
    ready.give()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionaries, cache, ready)
        await until(cache, 1, SAMPLE_COUNT - 1)
        tasks.cancel_scope.cancel()
    assert reports == ["default/a-7"]


async def test_cancelling_does_not_wait_for_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started, finish = threading.Event(), threading.Event()

    def train(_: object) -> None:
        started.set()
        finish.wait(GUARD)

    monkeypatch.setattr(dictionary, "train", train)
    cache, ready = new_cache(), Signal()
    fill(cache, SAMPLE_COUNT)
    ready.give()
    try:
        with anyio.fail_after(GUARD):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(train_dictionaries, cache, ready)
                await anyio.to_thread.run_sync(started.wait)
                tasks.cancel_scope.cancel()
        assert not finish.is_set()
    finally:
        finish.set()
