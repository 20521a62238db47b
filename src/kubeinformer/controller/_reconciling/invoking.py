"""Calls the user's reconcile once, for one key, and tells a valid result from everything else.

Rules. A reconcile that is not async is refused, because a plain function would block the event loop. It is refused
early if possible. A lambda, or a function that wraps another one, may return the coroutine of an async function, so for
these only the call shows it. Only a returned `Result` or None counts as success.

A cancellation passes through, and so does everything else that is not an ordinary error. ``cancellation`` describes
what only looks like a cancellation. An exception group, for example from a task group in the reconcile, may contain
both ordinary errors and a cancellation. Then the errors are logged, and the cancellation goes on.
"""

import inspect
import logging
import types
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Generic, TypeAlias, cast, final

import anyio
from typing_extensions import TypeVar

from kubeinformer import BadReconcile, RawObject, ReconcileTimeout, StrayCancellation, UsageError
from kubeinformer.controller._reconciling.fence import Fence
from kubeinformer.controller._reconciling.steps import in_steps
from kubeinformer.controller.cancellation import is_asked_for, split
from kubeinformer.controller.naming import name_of
from kubeinformer.controller.request import Request, Result

__all__ = ["Invocation", "Reconcile", "Trace"]

T = TypeVar("T", default=RawObject)

Reconcile: TypeAlias = Callable[[Request[T]], Awaitable[Result | None]]
"""An async function that brings one object to its desired state."""

Trace: TypeAlias = Callable[[Request[T]], AbstractContextManager[object]]
"""Makes a context manager, such as a span of OpenTelemetry. It is entered around each reconcile and sees the exceptions
that the reconcile raises, but it cannot suppress an error."""

logger: logging.Logger = logging.getLogger("kubeinformer.controller")


@final
class Invocation(Generic[T]):
    """One user function, and how it is called.

    Args:
        controller: The controller's name, for logs.
        reconcile: The function.
        timeout: Seconds that one call may take; None for no limit.
        trace: Makes the context manager around each call.
        blocked: Called for each step that kept the event loop for too long.

    Attributes:
        function: The function's name.
        fence: Checked before each step; None for no such condition.

    Raises:
        UsageError: It is not callable, or obviously not async.
    """

    def __init__(
        self,
        controller: str,
        reconcile: Reconcile[T],
        *,
        timeout: float | None,
        trace: Trace[T] | None,
        blocked: Callable[[], None],
    ) -> None:
        if not callable(cast("object", reconcile)):
            raise UsageError(f"the reconcile is of type {type(reconcile).__name__}: give an async function, not called")
        self.function: str = name_of(reconcile)
        if _is_plain(reconcile):
            raise UsageError(f"reconcile {self.function} is not async: write `async def`, or return what one returns")
        self._controller = controller
        self._reconcile = reconcile
        self._timeout = timeout
        self._trace = trace
        self._blocked = blocked
        self.fence: Fence | None = None

    async def run(self, request: Request[T]) -> Result | None:
        """Call it.

        Raises:
            BadReconcile: It gave no awaitable, or returned something other than a Result or None.
            ReconcileTimeout: It took too long.
            StrayCancellation: It ended in a cancellation, although nobody cancelled it.
            Exception: What it raised.
        """
        try:
            return await (self._in_time(request) if self._trace is None else self._traced(request, self._trace))
        except Exception:
            raise
        except BaseException as error:
            goes_on = self._sorted(error, request.key)
            if goes_on is error:
                raise
        raise goes_on

    async def _traced(self, request: Request[T], trace: Trace[T]) -> Result | None:
        failures: list[BaseException] = []
        try:
            with trace(request):
                try:
                    return await self._in_time(request)
                except BaseException as failure:
                    failures.append(failure)
                    raise
            raise failures.pop()  # a trace that suppresses an error has not solved it
        finally:
            failures.clear()  # their tracebacks hold this frame

    async def _in_time(self, request: Request[T]) -> Result | None:
        if self._timeout is None:
            return await self._call(request)
        with anyio.move_on_after(self._timeout):
            return await self._call(request)
        raise ReconcileTimeout(self.function, request.key, self._timeout)

    async def _call(self, request: Request[T]) -> Result | None:
        awaitable = cast("object", self._reconcile(request))
        if not isinstance(awaitable, types.CoroutineType) and not inspect.isawaitable(awaitable):
            raise BadReconcile(self.function, request.key, f"gave {type(awaitable).__name__}, nothing to await,")
        blocked = partial(self._tell_blocked, request.key)
        result = await in_steps(cast("Awaitable[object]", awaitable), blocked, fence=self.fence)
        if result is None or isinstance(result, Result):
            return result
        raise BadReconcile(self.function, request.key, f"returned {type(result).__name__}")

    def _tell_blocked(self, key: str, seconds: float) -> None:
        self._blocked()
        logger.warning(
            "%s blocked the event loop for %.1f s on %s: nothing else ran; await, or use a thread, for what takes long",
            self.function,
            seconds,
            key,
            extra={"controller": self._controller, "function": self.function, "key": key, "seconds": seconds},
        )

    def _sorted(self, error: BaseException, key: str) -> BaseException:
        """Which part of an error goes on, if it is not an ordinary error, or is a group that contains such."""
        ordinary, rest = split(error)
        if isinstance(rest, anyio.get_cancelled_exc_class()) and not is_asked_for():
            return ordinary or StrayCancellation(self.function, key)
        if ordinary is not None:
            logger.error(
                "reconcile of %s failed while it was cancelled",
                key,
                exc_info=ordinary,
                extra={"controller": self._controller, "function": self.function, "key": key},
            )
        assert rest is not None  # it would be an ordinary error
        return rest


def _is_plain(function: object) -> bool:
    while isinstance(function, partial):
        function = function.func
    if inspect.isasyncgenfunction(function):
        return True
    if not isinstance(function, types.FunctionType | types.MethodType) or inspect.iscoroutinefunction(function):
        return False
    # A generator may come from types.coroutine; functions of Cython and others are no FunctionType at all.
    is_old_coroutine = bool(function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE)
    return not (is_old_coroutine or function.__name__ == "<lambda>" or hasattr(function, "__wrapped__"))
