"""The dictionary is trained beside the stream; what it changes is bytes, never content."""

import threading
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.mirror import new_cache
from tests._runtime.scripted import GUARD, pod

from kubeinformer._cache import compression
from kubeinformer._cache.cache import Cache
from kubeinformer._protocol.identity import identify
from kubeinformer._runtime import dictionary
from kubeinformer._runtime.dictionary import train_dictionary

pytestmark = pytest.mark.anyio


def fill(cache: Cache[dict[str, Any]], count: int) -> None:
    import json  # noqa: PLC0415

    for number in range(count):
        containers = [{"name": f"c{index}", "image": f"registry/{number % 7}", "args": ["--v=2"]} for index in range(5)]
        body = json.dumps(pod(f"web-{number}", number + 1, spec={"containers": containers})).encode()
        cache.upsert(identify("v1/pods", body, None), body)


def contents(cache: Cache[dict[str, Any]]) -> dict[str, bytes]:
    return {key: cache.codec.raw(key, entry) for key, entry in cache.entries.items()}


async def test_recodes_what_is_there_and_keeps_its_content() -> None:
    cache, ready = new_cache(), anyio.Event()
    fill(cache, compression.SAMPLE_COUNT)
    before, size = contents(cache), cache.stored_bytes
    assert cache.has_enough_samples
    ready.set()
    with anyio.fail_after(GUARD):
        await train_dictionary(cache, ready)
    assert contents(cache) == before
    assert {entry.encoding for entry in cache.entries.values()} == {1}
    assert cache.stored_bytes == sum(len(entry.body) for entry in cache.entries.values()) < size / 2
    assert not cache.has_enough_samples


async def test_objects_that_come_while_it_runs_are_kept() -> None:
    cache, ready = new_cache(), anyio.Event()
    fill(cache, compression.SAMPLE_COUNT)
    ready.set()
    with anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(train_dictionary, cache, ready)
            for count in range(300, 400):
                fill(cache, count)
                cache.entries.pop("default/web-7", None)
                await anyio.lowlevel.checkpoint()
    assert len(contents(cache)) == 399 - 1


async def test_waits_until_there_are_samples() -> None:
    cache, ready = new_cache(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(train_dictionary, cache, ready)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert cache.codec.compression is not None
    assert cache.codec.compression.current == 0


@pytest.mark.parametrize("retain", ["bytes", "objects", "keys"])
async def test_returns_at_once_where_nothing_is_compressed(retain: Any) -> None:
    with anyio.fail_after(GUARD):
        await train_dictionary(new_cache(retain), anyio.Event())


async def test_samples_without_anything_in_common_leave_bodies_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "train", lambda _: None)
    cache, ready = new_cache(), anyio.Event()
    fill(cache, compression.SAMPLE_COUNT)
    before = contents(cache)
    ready.set()
    with anyio.fail_after(GUARD):
        await train_dictionary(cache, ready)
    assert contents(cache) == before
    assert {entry.encoding for entry in cache.entries.values()} == {0}


async def test_cancelling_does_not_wait_for_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    started, finish = threading.Event(), threading.Event()

    def train(_: object) -> None:
        started.set()
        finish.wait(GUARD)

    monkeypatch.setattr(dictionary, "train", train)
    cache, ready = new_cache(), anyio.Event()
    fill(cache, compression.SAMPLE_COUNT)
    ready.set()
    try:
        with anyio.fail_after(GUARD):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(train_dictionary, cache, ready)
                await anyio.to_thread.run_sync(started.wait)
                tasks.cancel_scope.cancel()
        assert not finish.is_set()
    finally:
        finish.set()
