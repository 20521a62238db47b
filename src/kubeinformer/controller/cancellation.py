"""What a reconcile may raise that is not an ordinary error: cancellations, requested or not, and exits.

Theory. A reconcile that ends in a cancellation is nearly always being cancelled, and so is the worker around it; then
the cancellation has to go on. On asyncio there is another kind. If code awaits a task or future that somebody else has
cancelled, it gets a CancelledError, although nobody cancelled the code itself. A task that lets this error through ends
silently, as if it had been cancelled. A worker that did so would be missing from then on. So such an error counts as an
ordinary one.

Code that awaits nothing cannot be cancelled. If a plain function raises a CancelledError, it has asked a task or future
for its result. Whoever calls plain functions of users catches `PLAIN_ERRORS`.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import anyio

__all__ = ["PLAIN_ERRORS", "is_asked_for", "is_cancellation", "split"]

PLAIN_ERRORS: Final = (Exception, asyncio.CancelledError)
"""What counts as an error of a plain function itself. Code that awaits raises it again if it `is_cancellation`."""


def is_asked_for() -> bool:
    """Whether the running task is being cancelled."""
    if anyio.current_effective_deadline() == float("-inf"):
        return True
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_cancellation(error: BaseException) -> bool:
    """Whether this error, one of `PLAIN_ERRORS`, is the cancellation of the running task, which has to go on."""
    return not isinstance(error, Exception) and is_asked_for()


def split(error: BaseException) -> tuple[Exception | None, BaseException | None]:
    """Split an error into its ordinary part and one that is not ordinary. Looks into groups.

    If there are several of the latter, an exit goes before a cancellation.
    """
    if not isinstance(error, BaseExceptionGroup):
        return (error, None) if isinstance(error, Exception) else (None, error)
    ordinary, rest = error.split(Exception)
    leaves = [] if rest is None else list(_leaves(rest))
    exits = [leaf for leaf in leaves if not isinstance(leaf, anyio.get_cancelled_exc_class())]
    return ordinary, next(iter(exits or leaves), None)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
