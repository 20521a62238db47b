"""What follows from a reconcile: nothing, another reconcile later, or a retry.

====================================  =============  ===============================================
the reconcile                         outcome        the key
====================================  =============  ===============================================
returned None or ``Result()``         success        waits for the next change
returned ``Result(requeue_after=)``   requeue_after  comes again then, or with the next change
raised `Terminal`                     terminal       waits for the next change
took too long                         timeout        comes again, later each time
raised anything else                  error          comes again, later each time
====================================  =============  ===============================================

"Later each time" is the queue's ``add_rate_limited``: 5 ms, doubled up to 1000 s. If a server said when to come back
(``ServerUnavailable.retry_after``), the retry comes then. ``on_error=`` may choose otherwise. A retry keeps its
priority, so a retry of the first sync does not overtake live changes.

Logs. A failure is logged as an error with its traceback. The traceback is left out if it would lead only through this
package: for a reconcile that took too long or returned something invalid. Two failures are normal for every controller,
and the next try usually succeeds, so they are not logged as errors: a conflict, because the store was behind, and a
server that is not available. If conflicts continue, they are errors, too.
"""

import inspect
import logging
import math
from collections import Counter
from collections.abc import Callable
from typing import Final, Generic, TypeAlias, cast, final

from typing_extensions import TypeVar

from kubeinformer import (
    AlreadyExists,
    BadReconcile,
    Conflict,
    RawObject,
    ReconcileTimeout,
    ServerUnavailable,
    Terminal,
    TransportError,
    UsageError,
)
from kubeinformer.controller._queue.queue import WorkQueue
from kubeinformer.controller.cancellation import PLAIN_ERRORS
from kubeinformer.controller.naming import name_of
from kubeinformer.controller.request import Request, Result

__all__ = ["OnError", "Outcomes"]

T = TypeVar("T", default=RawObject)

OnError: TypeAlias = Callable[[Request[T], Exception], Result | None]
"""Decides what happens after an error. None: the key is retried with backoff. A `Result`: as if the reconcile had
returned it."""

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

_USUAL_CONFLICTS: Final = 3  # in a row: the store is behind by milliseconds, and three tries are 35 ms


@final
class Outcomes(Generic[T]):
    """Counts the outcomes of reconciles, and puts keys back into the queue.

    Args:
        controller: The controller's name, for logs.
        function: The reconcile's name, for logs.
        queue: The controller's queue.
        on_error: The user's decision; None for none.

    Attributes:
        counts: The number of reconciles by outcome.

    Raises:
        UsageError: ``on_error`` is async.
    """

    def __init__(self, controller: str, function: str, queue: WorkQueue[str], on_error: OnError[T] | None) -> None:
        if inspect.iscoroutinefunction(on_error):
            raise UsageError(
                f"on_error {name_of(on_error)} is async: make it a plain function, or catch in the reconcile"
            )
        self._controller = controller
        self._function = function
        self._queue = queue
        self._on_error = on_error
        self._failures: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def attempt(self, key: str) -> int:
        """The number that the next reconcile of a key has: 1, and 1 more for each failure since it last succeeded."""
        return self._failures.get(key, 0) + 1 if self._failures else 1

    def succeeded(self, key: str, result: Result | None) -> str:
        """The reconcile returned. Returns the name of the outcome."""
        self._forget(key)
        outcome = "success"
        if result is not None and result.requeue_after is not None:
            outcome = "requeue_after"
            self._queue.add_after(key, result.requeue_after, priority=self._queue.priority_of(key))
        self.counts[outcome] += 1
        return outcome

    def failed(self, request: Request[T], error: Exception) -> str:
        """The reconcile raised. Returns the name of the outcome."""
        key = request.key
        if _all_are(error, Terminal):
            return self._ended(key, error)
        try:
            chosen = self._choice(request, error)
        except Terminal as terminal:
            return self._ended(key, terminal)
        self._failures[key] = self._failures.get(key, 0) + 1
        outcome = "timeout" if isinstance(error, ReconcileTimeout) else "error"
        self.counts[outcome] += 1
        self._log(request, error, self._again(key, error, chosen))
        return outcome

    def _ended(self, key: str, error: Exception) -> str:
        self._forget(key)
        self.counts["terminal"] += 1
        logger.error(
            "reconcile of %s failed and is not tried again",
            key,
            exc_info=error,
            extra=self._facts(key, error),
        )
        return "terminal"

    def _choice(self, request: Request[T], error: Exception) -> Result | None:
        if self._on_error is None:
            return None
        try:
            chosen = cast("object", self._on_error(request, error))
            if not (chosen is None or isinstance(chosen, Result)):
                raise UsageError(f"on_error returned {type(chosen).__name__}: it must return a Result or None")
        except Terminal:
            raise
        except PLAIN_ERRORS as mistake:
            logger.error(  # noqa: TRY400 - its own error, not the one that is handled
                "on_error failed for %s, which is tried again as without it",
                request.key,
                exc_info=mistake,
                extra=self._facts(request.key, mistake),
            )
            return None
        return chosen

    def _again(self, key: str, error: Exception, chosen: Result | None) -> float | None:
        """Put the key back. Returns the seconds until it comes again; None if it does not."""
        priority = self._queue.priority_of(key)
        if chosen is not None:
            seconds = chosen.requeue_after
        elif isinstance(error, ServerUnavailable) and error.retry_after is not None:
            seconds = error.retry_after
        else:
            return self._queue.add_rate_limited(key, priority=priority)
        if seconds is None:
            self._forget(key)
        else:
            self._queue.add_after(key, seconds, priority=priority)
        return math.inf if self._queue.statistics().is_shut_down else seconds

    def _forget(self, key: str) -> None:
        if self._failures:
            self._failures.pop(key, None)
        self._queue.forget(key)

    def _log(self, request: Request[T], error: Exception, seconds: float | None) -> None:
        is_last = seconds is None or math.isinf(seconds)  # the latter when the queue is shut down
        then = "it is not tried again" if is_last else f"it is tried again in {seconds:.3g} s"
        facts = self._facts(request.key, error) | {"attempt": request.attempt, "retry_after": seconds}
        # Only the text of this package's errors is used: that of a user's error may itself raise.
        if _all_are(error, (AlreadyExists, Conflict)) and request.attempt <= _USUAL_CONFLICTS:
            logger.info("reconcile of %s met a conflict, %s: %s", request.key, then, str(error), extra=facts)
        elif _all_are(error, (ServerUnavailable, TransportError)):
            logger.warning("the server failed the reconcile of %s, %s: %s", request.key, then, str(error), extra=facts)
        elif isinstance(error, (BadReconcile, ReconcileTimeout)):
            logger.error("reconcile of %s failed, %s: %s", request.key, then, str(error), extra=facts)
        else:
            logger.error("reconcile of %s failed, %s", request.key, then, exc_info=error, extra=facts)

    def _facts(self, key: str, error: BaseException) -> dict[str, object]:
        return {
            "controller": self._controller,
            "function": self._function,
            "key": key,
            "error": type(error).__name__,
        }


def _all_are(error: Exception, kinds: type[Exception] | tuple[type[Exception], ...]) -> bool:
    """Whether an error is of these kinds, or a group of nothing else."""
    if isinstance(error, ExceptionGroup):
        return all(_all_are(part, kinds) for part in error.exceptions)
    return isinstance(error, kinds)
