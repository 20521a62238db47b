"""The queue as workers see it: who is woken, when, and what a cancelled one leaves behind."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.controller.virtual_time import run, settle

from kubeinformer.controller import Observer, QueueShutDown, WorkQueue
from kubeinformer.controller._queue.queue import SLICE

pytestmark = pytest.mark.anyio

GUARD = 5.0


class Workers:
    """Tasks that take one key each, and can be cancelled one by one."""

    def __init__(self, tasks: anyio.abc.TaskGroup, queue: WorkQueue) -> None:
        self._tasks, self._queue = tasks, queue
        self.taken: list[str] = []
        self.ended = 0
        self.scopes: list[anyio.CancelScope] = []

    def start(self, count: int = 1) -> None:
        for _ in range(count):
            scope = anyio.CancelScope()
            self.scopes.append(scope)
            self._tasks.start_soon(self._work, scope)

    async def _work(self, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                self.taken.append(await self._queue.get())
            except QueueShutDown:
                self.ended += 1


def in_virtual_time(backend: str, test: Callable[[WorkQueue, Workers], Any], **options: Any) -> None:
    async def main() -> None:
        queue: WorkQueue = WorkQueue("pods", clock=anyio.current_time, **options)
        async with anyio.create_task_group() as tasks:
            await test(queue, Workers(tasks, queue))
            tasks.cancel_scope.cancel()

    run(backend, main)


async def test_a_key_that_is_there_is_had_at_once() -> None:
    queue: WorkQueue = WorkQueue()
    queue.add("a")
    queue.add("b", priority=1)
    with anyio.fail_after(GUARD):
        assert [await queue.get(), await queue.get()] == ["b", "a"]
    assert queue.priority_of("b") == 1
    assert len(queue) == 0
    queue.done("a")
    queue.done("b")


async def test_one_may_be_made_and_filled_before_there_is_a_loop() -> None:
    def make() -> WorkQueue:
        queue: WorkQueue = WorkQueue("early")
        queue.add("a")
        queue.shut_down()
        return queue

    queue = await anyio.to_thread.run_sync(make)
    with anyio.fail_after(GUARD):
        queue.done(await queue.get())
        await queue.drained()
    assert repr(queue) == "<WorkQueue 'early': 0 ready>"


def test_keys_of_any_kind(anyio_backend_name: str) -> None:
    async def main() -> None:
        queue: WorkQueue[tuple[str, int]] = WorkQueue()
        queue.add(("a", 1))
        assert await queue.get() == ("a", 1)

    run(anyio_backend_name, main)


def test_each_key_wakes_one_worker(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        workers.start(3)
        await settle()
        queue.add("a")
        queue.add("b")
        await settle()
        assert workers.taken == ["a", "b"]
        queue.add("c")
        await settle()
        assert workers.taken == ["a", "b", "c"]

    in_virtual_time(anyio_backend_name, test)


def test_a_key_that_somebody_else_took_sends_the_woken_one_back_to_sleep(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        workers.start()
        await settle()
        queue.add("a")
        assert await queue.get() == "a"
        await settle()
        assert workers.taken == []
        queue.add("b")
        await settle()
        assert workers.taken == ["b"]

    in_virtual_time(anyio_backend_name, test)


@pytest.mark.parametrize("victim", [0, 1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("seconds", [0, 1])
def test_a_cancelled_worker_takes_neither_key_nor_wake_up_along(
    anyio_backend_name: str, victim: int, moment: str, seconds: int
) -> None:
    """The one that is woken may be the one that is cancelled, before or after it was woken."""

    async def test(queue: WorkQueue, workers: Workers) -> None:
        queue.add_after("later", 60)  # makes one of them the timekeeper
        workers.start(3)
        await settle()
        if moment == "before":
            workers.scopes[victim].cancel()
        queue.add_after("a", seconds)
        if moment == "after":
            workers.scopes[victim].cancel()
        await anyio.sleep(2)
        assert workers.taken == ["a"]
        await anyio.sleep(60)
        assert workers.taken == ["a", "later"]

    in_virtual_time(anyio_backend_name, test)


def test_all_but_one_of_many_workers_are_cancelled(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        workers.start(5)
        await settle()
        for number in range(4):
            queue.add(str(number))
        for scope in workers.scopes[:4]:
            scope.cancel()
        await settle()
        # asyncio lets a woken task run once more before it is cancelled: then that one has its key, and says so
        assert [*workers.taken, *(str(number) for number in range(4 - len(queue), 4))] == ["0", "1", "2", "3"]
        assert workers.taken

    in_virtual_time(anyio_backend_name, test)


def test_a_worker_cancelled_where_it_yields_has_taken_nothing(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        await anyio.sleep(1)
        queue.add("a")
        workers.start()
        workers.scopes[0].cancel()
        await settle()
        assert workers.taken == []
        assert len(queue) == 1
        assert queue.statistics().processing == 0

    in_virtual_time(anyio_backend_name, test)


def test_delayed_keys_come_when_they_are_due(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, _: Workers) -> None:
        start = anyio.current_time()
        queue.add_after("b", 20)
        queue.add_after("a", 0.01)
        for key, when in (("a", 0.01), ("b", 20)):
            assert await queue.get() == key
            assert anyio.current_time() - start == pytest.approx(when)
        assert queue.statistics().retries == 2

    in_virtual_time(anyio_backend_name, test)


def test_a_key_that_is_due_counts_as_ready(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, _: Workers) -> None:
        queue.add_after("a", 5)
        assert len(queue) == 0
        await anyio.sleep(6)
        assert len(queue) == 1

    in_virtual_time(anyio_backend_name, test)


@pytest.mark.parametrize("count", [1, 3])
def test_a_delay_shorter_than_the_one_slept_for(anyio_backend_name: str, count: int) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        queue.add_after("late", 100)
        workers.start(count)
        await settle()
        for key, seconds in (("b", 2), ("a", 1)):
            queue.add_after(key, seconds)
            await settle()
        await anyio.sleep(1.5)
        assert workers.taken == ["a"]
        await anyio.sleep(1)
        assert workers.taken == ["a", "b"][:count]

    in_virtual_time(anyio_backend_name, test)


def test_who_sleeps_for_the_first_delay_hands_that_on_when_it_gets_another_key(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        workers.start()
        await settle()
        queue.add_after("late", 10)
        await settle()
        workers.start()  # is no timekeeper: there is one
        await settle()
        queue.add("a")
        queue.add("b")
        await settle()
        assert workers.taken == ["a", "b"]
        workers.start(2)
        await anyio.sleep(11)
        assert workers.taken == ["a", "b", "late"]

    in_virtual_time(anyio_backend_name, test)


def test_keys_due_at_once_wake_as_many_workers(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        workers.start(3)
        await settle()
        for key in ("a", "b", "c"):
            queue.add_after(key, 5)
        await anyio.sleep(5)
        await settle()
        assert sorted(workers.taken) == ["a", "b", "c"]

    in_virtual_time(anyio_backend_name, test)


@pytest.mark.parametrize("seconds", [math.inf, math.nan, -math.inf])
def test_a_delay_that_is_none(seconds: float) -> None:
    queue: WorkQueue = WorkQueue()
    with pytest.raises(ValueError, match=r"^cannot add 'a' after .* seconds: it must be a finite number"):
        queue.add_after("a", seconds)


def test_a_failing_key_waits_longer_each_time_until_it_is_forgotten(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, _: Workers) -> None:
        waits = []
        for _turn in range(3):
            delay = queue.add_rate_limited("a", priority=2)
            start = anyio.current_time()
            assert await queue.get() == "a"
            assert queue.priority_of("a") == 2
            waits.append((delay, round(anyio.current_time() - start, 6)))
            queue.done("a")
        assert waits == [(1, 1), (2, 2), (4, 4)]
        assert queue.retries("a") == 3
        queue.forget("a")
        assert queue.retries("a") == 0
        assert queue.add_rate_limited("a") == 1

    in_virtual_time(anyio_backend_name, test, base_delay=1, max_delay=60)


def test_many_keys_that_fail_together_queue_up(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, _: Workers) -> None:
        waits = [queue.add_rate_limited(str(number)) for number in range(120)]
        assert set(waits[:100]) == {0.005}
        assert waits[100:] == pytest.approx([0.1 * number for number in range(1, 21)])
        queue.add("now")  # only retries are held up
        assert await queue.get() == "now"

    in_virtual_time(anyio_backend_name, test)


@pytest.mark.parametrize("options", [{"base_delay": 0}, {"rate": 0}, {"burst": 0}])
def test_limits_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}=0"):
        WorkQueue(**options)


def test_who_waits_learns_of_the_end(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        queue.add_after("later", 10)
        workers.start(3)
        await settle()
        queue.shut_down()
        await settle()
        assert workers.ended == 3
        await queue.drained()
        with pytest.raises(QueueShutDown, match=r"^work queue 'pods' is shut down: it has no more keys"):
            await queue.get()
        queue.add("a")
        assert queue.add_rate_limited("a") == math.inf
        assert len(queue) == 0
        assert queue.statistics().is_shut_down

    in_virtual_time(anyio_backend_name, test)


def test_draining_lasts_until_the_last_key_is_done(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        for key in ("a", "b"):
            queue.add(key)
        first = await queue.get()
        queue.add(first)  # changed while it is processed: comes once more, and still is to be waited for
        queue.shut_down()
        workers.start(3)
        await settle()
        assert (workers.taken, workers.ended) == (["b"], 0)
        drained: list[bool] = []

        async def drain() -> None:
            await queue.drained()
            drained.append(True)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain)
            queue.done(first)
            await settle()
            assert (workers.taken, workers.ended) == (["b", "a"], 1)
            queue.done("b")
            await settle()
            assert not drained
            queue.done("a")
        assert drained

    in_virtual_time(anyio_backend_name, test)


def test_a_drain_can_be_aborted(anyio_backend_name: str) -> None:
    async def test(queue: WorkQueue, workers: Workers) -> None:
        for key in ("a", "b"):
            queue.add(key)
        key = await queue.get()
        queue.add(key)
        queue.shut_down()
        queue.shut_down(drain=False)
        workers.start()
        await settle()
        assert (workers.taken, workers.ended, len(queue)) == ([], 1, 0)
        queue.done(key)
        await queue.drained()
        queue.shut_down()  # draining cannot be had any more
        assert queue.statistics().depth == {}

    in_virtual_time(anyio_backend_name, test)


async def test_a_worker_that_always_finds_a_key_lets_others_run() -> None:
    queue: WorkQueue = WorkQueue()
    queue.add("a")
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(GUARD):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other)
            while others < 20:
                key = await queue.get()
                queue.add(key)
                queue.done(key)
            tasks.cancel_scope.cancel()


async def test_many_workers_that_always_find_keys_share_one_slice_of_each_turn() -> None:
    now, turn = 0.0, 0
    taken = Counter[int]()
    queue: WorkQueue = WorkQueue(clock=lambda: now)

    async def work() -> None:
        nonlocal now
        while True:
            key = await queue.get()
            queue.add(key)
            queue.done(key)
            taken[turn] += 1
            now += SLICE / 4

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(work)
            queue.add(str(number))
        with anyio.fail_after(GUARD):
            while sum(taken.values()) < 2000:
                await anyio.lowlevel.checkpoint()
                turn += 1
        tasks.cancel_scope.cancel()
    assert max(taken.values()) <= 2 * (5 + 19)  # one has a slice, the others a key; twice where trio shuffles


async def test_a_worker_cancelled_where_it_yields_leaves_slices_to_others() -> None:
    now = 0.0
    queue: WorkQueue = WorkQueue(clock=lambda: now)
    queue.add("a")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await queue.get()
    assert scope.cancelled_caught
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        for _ in range(1000):
            key = await queue.get()
            queue.add(key)
            queue.done(key)
            now += SLICE / 100
        tasks.cancel_scope.cancel()
    assert 5 <= turns <= 20  # ten slices


async def test_a_worker_that_always_finds_a_key_can_be_cancelled() -> None:
    queue: WorkQueue = WorkQueue()
    queue.add("a")
    with anyio.move_on_after(0.02) as scope:
        while True:
            key = await queue.get()
            queue.add(key)
            queue.done(key)
    assert scope.cancelled_caught
    assert len(queue) == 1


class Heard(Observer):
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.queues: list[WorkQueue[Any]] = []

    def queue_opened(self, queue: WorkQueue[Any]) -> None:
        self.queues.append(queue)

    def key_added(self, controller: str, depth: int) -> None:
        self.told.append(("added", controller, depth))

    def key_started(self, controller: str, waited: float, depth: int) -> None:
        self.told.append(("started", controller, round(waited, 6), depth))

    def key_done(self, controller: str, worked: float) -> None:
        self.told.append(("done", controller, round(worked, 6)))

    def key_retried(self, controller: str) -> None:
        self.told.append(("retried", controller))


def test_an_observer_hears_of_each_key(anyio_backend_name: str) -> None:
    heard = Heard()

    async def test(queue: WorkQueue, _: Workers) -> None:
        assert heard.queues == [queue]
        await anyio.sleep(60)
        queue.add("a")
        queue.add("a")
        queue.add_after("b", 3)
        queue.add_after("a", 3)  # is ready: nothing new, yet somebody asked for later
        await anyio.sleep(2)
        assert await queue.get() == "a"
        queue.add("a")
        await anyio.sleep(1)
        queue.done("a")
        assert queue.statistics().depth == {0: 2}
        assert heard.told == [
            ("added", "pods", 1),
            ("retried", "pods"),
            ("retried", "pods"),
            ("started", "pods", 2, 0),
            ("added", "pods", 0),
            ("done", "pods", 1),
            ("added", "pods", 2),
        ]

    in_virtual_time(anyio_backend_name, test, observer=heard)


def test_what_is_not_put_off_is_no_retry(anyio_backend_name: str) -> None:
    heard = Heard()

    async def test(queue: WorkQueue, _: Workers) -> None:
        queue.add_after("a", 0)
        queue.shut_down()
        queue.add_after("b", 5)
        assert heard.told == [("added", "pods", 1)]

    in_virtual_time(anyio_backend_name, test, observer=heard)


def test_an_observer_need_not_care() -> None:
    observer = Observer()
    queue: WorkQueue = WorkQueue("pods", observer=observer)
    queue.add_after("a", 1)
    queue.add("a")
    observer.key_started("pods", 0.0, 0)
    observer.key_done("pods", 0.0)
    observer.controller_started("pods", 1)
    observer.reconcile_finished("pods", "success", 0.0)
    observer.mapper_failed("pods")
    observer.reconciles_active("pods", 0)
