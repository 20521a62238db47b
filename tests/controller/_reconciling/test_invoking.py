"""One call of a reconcile: results, bad functions, time limits, blocked loops, and cancellations of all kinds."""

import asyncio
import functools
import logging
import types
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from kubeinformer import BadReconcile, Cluster, ReconcileTimeout, StrayCancellation, UsageError
from kubeinformer.controller import Request, Result
from kubeinformer.controller._reconciling import invoking
from kubeinformer.controller._reconciling.invoking import Invocation
from kubeinformer.controller._reconciling.steps import in_steps

pytestmark = pytest.mark.anyio


@pytest.fixture
async def request_for_a(cluster: Cluster) -> Request:
    return Request("default/a", cluster.informer("v1/configmaps"))


def invocation(reconcile: Any, *, timeout: float | None = None, trace: Any = None) -> Invocation:
    return Invocation("test", reconcile, timeout=timeout, trace=trace, blocked=lambda: None)


async def nothing(request: Request) -> None:
    assert request.key


async def test_results_and_none_come_back(request_for_a: Request) -> None:
    async def later(request: Request) -> Result:
        await anyio.lowlevel.checkpoint()
        assert request is request_for_a
        return Result(requeue_after=3)

    assert await invocation(later).run(request_for_a) == Result(3)
    assert await invocation(nothing).run(request_for_a) is None


class Methods:
    async def reconcile(self, request: Request) -> None:
        assert request.key

    async def __call__(self, request: Request) -> None:
        assert request.key


@types.coroutine
def of_a_generator(request: Request) -> Generator[Any, Any, None]:
    assert request.key
    yield from anyio.lowlevel.checkpoint().__await__()


@functools.wraps(nothing)
def wrapped(request: Request) -> Any:
    return nothing(request)


ASYNC = [
    nothing,
    functools.partial(nothing),
    Methods().reconcile,
    Methods(),
    lambda request: nothing(request),  # noqa: PLW0108 - a lambda is what is tested
    wrapped,
    of_a_generator,
]


@pytest.mark.parametrize("reconcile", ASYNC)
async def test_whatever_returns_an_awaitable_is_taken(reconcile: Any, request_for_a: Request) -> None:
    assert await invocation(reconcile).run(request_for_a) is None


def plain(request: Request) -> None:
    raise AssertionError(request)


async def generates(request: Request) -> AsyncGenerator[str]:
    yield request.key


class Plain:
    def reconcile(self, request: Request) -> None:
        raise AssertionError(request)


@pytest.mark.parametrize(
    ("reconcile", "name"),
    [
        (plain, "plain"),
        (functools.partial(plain), "plain"),
        (generates, "generates"),
        (Plain().reconcile, "Plain.reconcile"),
    ],
)
def test_what_is_plainly_not_async_is_refused_early(reconcile: Any, name: str) -> None:
    with pytest.raises(UsageError, match=f"^reconcile {name} is not async: write `async def`"):
        invocation(reconcile)


async def test_what_turns_out_not_to_be_async_is_told_with_the_key(request_for_a: Request) -> None:
    with pytest.raises(BadReconcile, match=r"<lambda> gave int, nothing to await, for 'default/a'; it must be `async"):
        await invocation(lambda _: 3).run(request_for_a)


@pytest.mark.parametrize("value", [True, 30, "", {"requeue_after": 3}, Result])
async def test_anything_else_than_a_result_or_none_is_an_error(value: object, request_for_a: Request) -> None:
    async def reconcile(_: Request) -> object:
        await anyio.lowlevel.checkpoint()
        return value

    with pytest.raises(BadReconcile, match=f"reconcile returned {type(value).__name__} for 'default/a'") as caught:
        await invocation(reconcile).run(request_for_a)
    assert "reconcile" in caught.value.function


async def test_errors_come_out_as_they_are(request_for_a: Request) -> None:
    error = KeyError("x")

    async def reconcile(_: Request) -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    with pytest.raises(KeyError) as caught:
        await invocation(reconcile).run(request_for_a)
    assert caught.value is error


async def test_a_reconcile_that_takes_too_long_is_cancelled(request_for_a: Request) -> None:
    cleaned = anyio.Event()

    async def hangs(_: Request) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.set()

    with pytest.raises(ReconcileTimeout, match=r"hangs took longer than 0.001 s for 'default/a'") as caught:
        await invocation(hangs, timeout=0.001).run(request_for_a)
    assert cleaned.is_set()
    assert caught.value.seconds == 0.001


async def test_its_own_timeout_error_is_its_own(request_for_a: Request) -> None:
    async def impatient(_: Request) -> None:
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    with pytest.raises(TimeoutError):
        await invocation(impatient, timeout=60).run(request_for_a)


async def test_a_blocked_loop_is_told_with_function_and_key(
    request_for_a: Request, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    blocked = list[str]()

    async def computes(_: Request) -> None:
        nonlocal now
        await anyio.lowlevel.checkpoint()
        now += 1.5

    monkeypatch.setattr(invoking, "in_steps", functools.partial(in_steps, clock=lambda: now))
    called = Invocation("test", computes, timeout=None, trace=None, blocked=lambda: blocked.append("told"))
    await called.run(request_for_a)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "kubeinformer.controller"
    assert "computes blocked the event loop for 1.5 s on default/a" in record.getMessage()
    assert blocked == ["told"]


async def test_the_trace_surrounds_the_reconcile_and_sees_its_error(request_for_a: Request) -> None:
    seen = list[object]()

    @contextmanager
    def span(request: Request) -> Iterator[None]:
        seen.append(request.key)
        try:
            yield
        except ValueError as error:
            seen.append(error)
            raise

    async def fails(_: Request) -> None:
        await anyio.lowlevel.checkpoint()
        raise ValueError("x")

    with pytest.raises(ValueError, match="x") as caught:
        await invocation(fails, trace=span).run(request_for_a)
    assert seen == ["default/a", caught.value]


async def test_a_trace_that_keeps_an_error_to_itself_hides_nothing(request_for_a: Request) -> None:
    def span(_: Request) -> AbstractContextManager[None]:
        return suppress(BaseException)

    async def fails(_: Request) -> None:
        await anyio.lowlevel.checkpoint()
        raise ValueError("x")

    async def hangs(_: Request) -> None:
        await anyio.sleep_forever()

    with pytest.raises(ValueError, match="x"):
        await invocation(fails, trace=span).run(request_for_a)
    with pytest.raises(ReconcileTimeout):
        await invocation(hangs, trace=span, timeout=0).run(request_for_a)
    with anyio.move_on_after(0) as scope:
        await invocation(hangs, trace=span).run(request_for_a)
    assert scope.cancelled_caught


async def test_a_cancellation_passes_through(request_for_a: Request) -> None:
    async def hangs(_: Request) -> None:
        await anyio.sleep_forever()

    with anyio.move_on_after(0) as scope:
        await invocation(hangs).run(request_for_a)
    assert scope.cancelled_caught


async def test_errors_beside_a_cancellation_are_logged_and_it_goes_on(
    request_for_a: Request, caplog: pytest.LogCaptureFixture
) -> None:
    async def groups(_: Request) -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as cancelled:
            raise BaseExceptionGroup("both", [KeyError("x"), cancelled]) from None

    with anyio.CancelScope() as scope:
        scope.cancel()
        with pytest.raises(anyio.get_cancelled_exc_class()):
            await invocation(groups).run(request_for_a)
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    [record] = caplog.records
    assert record.getMessage() == "reconcile of default/a failed while it was cancelled"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ExceptionGroup)


async def test_exits_pass_through_groups(request_for_a: Request) -> None:
    async def leaves(_: Request) -> None:
        await anyio.lowlevel.checkpoint()
        raise BaseExceptionGroup("both", [SystemExit(3)])

    async def leaves_alone(_: Request) -> None:
        await anyio.lowlevel.checkpoint()
        raise SystemExit(4)

    for reconcile, code in ((leaves, 3), (leaves_alone, 4)):
        with pytest.raises(SystemExit) as caught:
            await invocation(reconcile).run(request_for_a)
        assert caught.value.code == code


class TestOnAsyncio:
    """There, what was cancelled elsewhere raises a cancellation in who awaits it."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_awaiting_a_task_that_was_cancelled_is_an_error(self, request_for_a: Request) -> None:
        async def reconcile(_: Request) -> None:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        with pytest.raises(StrayCancellation, match=r"was cancelled for 'default/a', and not by its controller"):
            await invocation(reconcile).run(request_for_a)

    async def test_an_error_beside_it_is_the_error(self, request_for_a: Request) -> None:
        error = KeyError("x")

        async def reconcile(_: Request) -> None:
            await anyio.lowlevel.checkpoint()
            raise BaseExceptionGroup("both", [error, asyncio.CancelledError()])

        with pytest.raises(ExceptionGroup) as caught:
            await invocation(reconcile).run(request_for_a)
        assert caught.value.exceptions == (error,)

    async def test_a_task_that_is_cancelled_the_native_way_ends(self, request_for_a: Request) -> None:
        waiting = anyio.Event()

        async def reconcile(_: Request) -> None:
            waiting.set()
            await anyio.sleep_forever()

        task = asyncio.create_task(invocation(reconcile).run(request_for_a))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
