"""A reconcile, step by step: how long it keeps the event loop between two awaits, and whether it may go on.

Theory. Between two awaits of one task no other task runs. So a reconcile that computes for a second, or calls a library
that blocks, stops everything: informers, leases, probes. A step is what the reconcile's coroutine runs between two
awaits. Each step is timed by itself, so the reconcile that is reported is the one that ran, whatever the event loop is
and however many reconciles there are. This costs two reads of the clock for each step. A step that never ends is never
reported; for that there is ``python -X faulthandler``, or asyncio's debug mode.

If the fence (``fence``) forbids a step, the reconcile gets a cancellation instead of the result that it awaited. On
asyncio a cancellation may be thrown in anywhere; a task's own cancellation, too, may come when the future already has
its result. Trio's own code does not expect that: a lock would never be released, a nursery never closed. So on trio the
step begins, and ends at its next await.
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
    """Await something, and report each step that took longer than `BLOCKED`.

    Args:
        awaitable: What to await.
        blocked: Called after such a step with its seconds.
        clock: Returns seconds.
        fence: Checked before each step, except for the steps that end a cancelled awaitable.
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
    """Let a cancellation that is on its way arrive. Not inside a shield, nor on trio (see Theory)."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        await anyio.lowlevel.checkpoint_if_cancelled()
