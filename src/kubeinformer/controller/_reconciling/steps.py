"""How long a reconcile keeps the event loop to itself: the time between two of its awaits.

Theory. Between two awaits of one task no other task runs, so a reconcile that computes for a second, or calls a library
that blocks, stops everything: informers, leases, probes. Each step of the reconcile's own coroutine is timed, so what
is blamed is what ran, whatever the loop and however many reconciles there are. It costs two reads of the clock for
each step. A step that never ends is never told: for that there is ``python -X faulthandler``, or asyncio's debug mode.
"""

import types
from collections.abc import Awaitable, Callable, Generator
from time import perf_counter
from typing import Any, cast

from typing_extensions import TypeVar

__all__ = ["BLOCKED", "in_steps"]

T = TypeVar("T")

BLOCKED = 1.0  # seconds


@types.coroutine
def in_steps(
    awaitable: Awaitable[T], blocked: Callable[[float], None], clock: Callable[[], float] = perf_counter
) -> Generator[Any, Any, T]:
    """Await something, and tell of each step that took longer than `BLOCKED`.

    Args:
        awaitable: What to await.
        blocked: Told the seconds, after such a step.
        clock: Gives seconds.
    """
    is_itself = isinstance(awaitable, types.CoroutineType | types.GeneratorType)  # the latter of types.coroutine
    steps = cast("Generator[Any, Any, T]", awaitable) if is_itself else awaitable.__await__()
    value: Any = None
    error: BaseException | None = None
    while True:
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
