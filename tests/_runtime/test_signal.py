"""One task sleeps until there is something to do; nothing that was given is lost, and nothing counts twice."""

import anyio
import pytest
from tests._runtime.scripted import GUARD

from kubeinformer._runtime.signal import Signal

pytestmark = pytest.mark.anyio


class Worker:
    """Waits again and again, and counts how often it was woken."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self.rounds = 0

    async def run(self) -> None:
        while True:
            await self._signal.wait()
            self.rounds += 1
            assert self.rounds < 100  # it spins


@pytest.mark.parametrize("times", [1, 2, 7])
async def test_wakes_who_waits_once_however_often_it_was_given(times: int) -> None:
    signal = Signal()
    worker = Worker(signal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        await anyio.wait_all_tasks_blocked()
        assert worker.rounds == 0
        for expected in (1, 2, 3):
            for _ in range(times):
                signal.give()
            await anyio.wait_all_tasks_blocked()
            assert worker.rounds == expected
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("times", [1, 2, 7])
async def test_is_kept_once_while_nobody_waits(times: int) -> None:
    signal = Signal()
    for _ in range(times):
        signal.give()
    worker = Worker(signal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        await anyio.wait_all_tasks_blocked()
        assert worker.rounds == 1
        tasks.cancel_scope.cancel()


async def test_what_is_given_during_the_work_wakes_again() -> None:
    signal = Signal()
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        while True:
            await signal.wait()
            rounds += 1
            if rounds == 1:
                signal.give()

    signal.give()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        assert rounds == 2
        tasks.cancel_scope.cancel()


async def test_a_cancelled_wait_takes_nothing() -> None:
    signal = Signal()
    signal.give()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await signal.wait()
    assert scope.cancelled_caught
    with anyio.fail_after(GUARD):
        await signal.wait()


async def test_a_cancelled_wait_breaks_nothing() -> None:
    signal = Signal()
    with anyio.move_on_after(0):
        await signal.wait()
    signal.give()
    with anyio.fail_after(GUARD):
        await signal.wait()
