"""Steps of an awaitable: it is awaited as ever, and what is slow is told."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from kubeinformer.controller._reconciling.fence import Fence
from kubeinformer.controller._reconciling.steps import in_steps

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ignore(seconds: float) -> None:
    raise AssertionError(seconds)


async def step(awaitable: Awaitable[object], clock: Clock) -> None:
    await in_steps(awaitable, ignore, clock)


async def test_what_is_awaited_gives_its_value() -> None:
    async def work() -> int:
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        return 3

    assert await in_steps(work(), ignore) == 3


async def test_what_it_raises_comes_out() -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        raise KeyError("x")

    with pytest.raises(KeyError):
        await in_steps(work(), ignore)


async def test_any_awaitable_will_do() -> None:
    class Odd:
        def __await__(self) -> Generator[None, None, str]:
            yield from anyio.lowlevel.checkpoint().__await__()
            return "done"

    awaitable: Awaitable[str] = Odd()
    assert await in_steps(awaitable, ignore) == "done"


async def test_a_slow_step_is_told_and_waiting_is_none() -> None:
    clock, told = Clock(), list[float]()

    async def work() -> None:
        clock.now += 0.5
        await anyio.lowlevel.checkpoint()
        clock.now += 2.5
        await anyio.lowlevel.checkpoint()
        clock.now += 1.5

    async def wait_long() -> None:
        clock.now += 0.9
        waiting.set()
        await done.wait()
        clock.now += 0.9

    await in_steps(work(), told.append, clock)
    assert told == [2.5, 1.5]
    waiting, done = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(step, wait_long(), clock)
        await waiting.wait()
        clock.now += 100
        done.set()


async def test_a_slow_step_that_raises_is_told_too() -> None:
    clock, told = Clock(), list[float]()

    async def work() -> None:
        clock.now += 2
        raise KeyError

    with pytest.raises(KeyError):
        await in_steps(work(), told.append, clock)
    assert told == [2]


async def test_cancelling_reaches_what_is_awaited() -> None:
    waiting, cleaned = anyio.Event(), anyio.Event()

    async def work() -> None:
        try:
            waiting.set()
            await anyio.sleep_forever()
        finally:
            cleaned.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(step, work(), Clock())
        await waiting.wait()
        tasks.cancel_scope.cancel()
    assert cleaned.is_set()


async def test_an_error_that_was_thrown_in_may_be_handled_there() -> None:
    async def work() -> str:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        return "went on"

    assert await in_steps(work(), ignore) == "went on"


class Leader:
    """Loses its lease, and is told nothing."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.fence = Fence(self._check, self.scope)
        self.is_lost = False
        self.did = list[str]()

    def _check(self) -> None:
        if self.is_lost:
            raise PermissionError

    async def run(self, awaitable: Awaitable[object]) -> None:
        with self.scope:
            await in_steps(awaitable, ignore, fence=self.fence)
            self.did.append("came to its end")

    @asynccontextmanager
    async def waiting(self, awaitable: Awaitable[object]) -> AsyncGenerator[None]:
        """Behind the block it is lost, in the moment when what was awaited is there."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.run, awaitable)
            await anyio.wait_all_tasks_blocked()
            yield
            self.is_lost = True


async def test_behind_a_fence_it_runs_as_ever() -> None:
    leader, answer = Leader(), anyio.Event()
    async with leader.waiting(answer.wait()):
        answer.set()
        await anyio.wait_all_tasks_blocked()
    assert leader.did == ["came to its end"]


async def test_what_waited_while_the_fence_closed_does_nothing_more(anyio_backend_name: str) -> None:
    leader, answer = Leader(), anyio.Event()

    async def work() -> None:
        try:
            await answer.wait()
            leader.did.append("was told")
            await anyio.lowlevel.checkpoint()
            leader.did.append("wrote")
        finally:
            leader.did.append("ended")

    async with leader.waiting(work()):
        answer.set()
    assert leader.scope.cancelled_caught
    # Trio would break if the answer did not get there; it ends where the next thing is awaited.
    assert leader.did == (["ended"] if anyio_backend_name == "asyncio" else ["was told", "ended"])


async def test_what_is_shielded_is_done_and_then_it_ends() -> None:
    leader, answer, cleaned = Leader(), anyio.Event(), anyio.Event()

    async def work() -> None:
        with anyio.CancelScope(shield=True):
            await answer.wait()
            await anyio.lowlevel.checkpoint()
            leader.did.append("wrote what has to be whole")
        try:
            await anyio.lowlevel.checkpoint()
            leader.did.append("wrote")
        finally:
            with anyio.CancelScope(shield=True):
                await cleaned.wait()
            leader.did.append("ended")

    async with leader.waiting(work()):
        answer.set()
        cleaned.set()
    assert leader.did == ["wrote what has to be whole", "ended"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_error_that_came_while_the_fence_closed_is_not_handled() -> None:
    """What a future raises is thrown in, and what handles it might write."""
    leader, answer = Leader(), asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await answer
        except OSError:
            leader.did.append("wrote")

    async with leader.waiting(work()):
        answer.set_exception(OSError())
    assert leader.scope.cancelled_caught
    assert leader.did == []


async def test_closing_it_asks_no_fence() -> None:
    leader = Leader()

    class Yields:
        def __await__(self) -> Generator[None, None, None]:
            yield

    steps = in_steps(Yields(), ignore, fence=leader.fence)
    next(steps)
    leader.is_lost = True
    steps.close()
    assert leader.fence.error is None


def test_what_the_loop_throws_and_sends_reaches_it() -> None:
    """As asyncio does with a task that is cancelled where it waits for no future; here the test is the loop."""

    class Yields:
        def __await__(self) -> Generator[str, str, str]:
            try:
                yield "first"
            except KeyError:
                return (yield "after the error")
            raise AssertionError

    steps = in_steps(Yields(), ignore)
    assert next(steps) == "first"
    assert steps.throw(KeyError()) == "after the error"
    with pytest.raises(StopIteration) as ended:
        steps.send("sent")
    assert ended.value.value == "sent"


def test_closing_it_closes_what_is_awaited() -> None:
    closed = list[bool]()

    class Yields:
        def __await__(self) -> Generator[None, None, None]:
            try:
                yield
            finally:
                closed.append(True)

    steps = in_steps(Yields(), ignore)
    next(steps)
    steps.close()
    assert closed == [True]
