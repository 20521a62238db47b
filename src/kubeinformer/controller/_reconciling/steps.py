"""A reconcile, step by step: how long it keeps the event loop to itself between two awaits, and whether it may go on.

Theory. Between two awaits of one task no other task runs, so a reconcile that computes for a second, or calls a library
that blocks, stops everything: informers, leases, probes. Each step of the reconcile's own coroutine is timed, so what
is blamed is what ran, whatever the loop and however many reconciles there are. It costs two reads of the clock for
each step. A step that never ends is never told: for that there is ``python -X faulthandler``, or asyncio's debug mode.

A step that must not be done (``fence``) is a cancellation instead of what was awaited. On asyncio that may be thrown in
anywhere, as a task's own cancellation is when the future has its result already. Trio's own code does not expect it
there: a lock would never be released, a nursery never closed. So on trio the step is begun, and ends at its next await.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator
from time import perf_counter
from typing import Any, cast

import anyio
import anyio.lowlevel
from typing_extensions import TypeVar

from kubeinformer.controller._reconciling.fence import Fence

__all__ = ["BLOCKED", "in_steps"]

T = TypeVar("T")

BLOCKED = 1.0  # seconds


@types.coroutine
def in_steps(
    awaitable: Awaitable[T],
    blocked: Callable[[float], None],
    clock: Callable[[], float] = perf_counter,
    fence: Fence | None = None,
) -> Generator[Any, Any, T]:
    """Await something, and tell of each step that took longer than `BLOCKED`.

    Args:
        awaitable: What to await.
        blocked: Told the seconds, after such a step.
        clock: Gives seconds.
        fence: Asked before each step, but for those that end a cancelled one.
    """
    is_itself = isinstance(awaitable, types.CoroutineType | types.GeneratorType)  # the latter of types.coroutine
    steps = cast("Generator[Any, Any, T]", awaitable) if is_itself else awaitable.__await__()
    value: Any = None
    error: BaseException | None = None
    while True:
        is_ending = error is not None and not isinstance(error, Exception)
        if fence is not None and not is_ending and fence.is_closed():
            try:
                yield from _cancelled_first()
            except BaseException as thrown:  # noqa: BLE001 - the cancellation
                error, value = thrown, None
        began = clock()
        try:
            wanted = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the awaitable returned, a T
        finally:
            error = None  # its traceback holds this frame
            if (seconds := clock() - began) > BLOCKED:
                blocked(seconds)
        try:
            value = yield wanted
        except BaseException as thrown:  # noqa: BLE001 - a cancellation, most of all: it is the awaitable's to see
            error, value = thrown, None


async def _cancelled_first() -> None:
    """Let the cancellation come that is on its way: not where it is shielded off, nor on trio (see Theory)."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        await anyio.lowlevel.checkpoint_if_cancelled()
