"""Cancellations: which were asked for, and which only look so.

Theory. A reconcile that ends in a cancellation is nearly always being cancelled, and then so is the worker around it:
it has to go on its way. On asyncio there is another kind: who awaits a task or future that somebody else has cancelled
gets a CancelledError of their own, though nobody cancelled them. A task that lets it through ends as if it had been
cancelled, without a word; a worker that did would be missing from then on. So that one is an error like any other.
"""

import asyncio

import anyio

__all__ = ["first_of", "is_asked_for", "split"]


def is_asked_for() -> bool:
    """Whether the running task is being cancelled."""
    if anyio.current_effective_deadline() == float("-inf"):
        return True
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def split(error: BaseException) -> tuple[Exception | None, BaseException | None]:
    """What is an ordinary error, and what is not: a cancellation, an exit. Looks into groups, as of a task group."""
    if isinstance(error, Exception):
        return error, None
    if not isinstance(error, BaseExceptionGroup):
        return None, error
    ordinary, rest = error.split(Exception)
    return ordinary, rest  # type: ignore[return-value]  # a group of Exceptions alone is an Exception


def first_of(error: BaseException) -> BaseException:
    """The first error in a group; a lone one itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
