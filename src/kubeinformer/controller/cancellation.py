"""What a reconcile may raise that is no ordinary error: cancellations, asked for or not, and exits.

Theory. A reconcile that ends in a cancellation is nearly always being cancelled, and then so is the worker around it:
it has to go on its way. On asyncio there is another kind: who awaits a task or future that somebody else has cancelled
gets a CancelledError of their own, though nobody cancelled them. A task that lets it through ends as if it had been
cancelled, without a word; a worker that did would be missing from then on. So that one is an error like any other.

Where nothing is awaited nobody is cancelled: a plain function that raises a CancelledError has asked a task or future
for its result. Who calls plain functions of users catches `PLAIN_ERRORS`.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import anyio

__all__ = ["PLAIN_ERRORS", "is_asked_for", "split"]

PLAIN_ERRORS: Final = (Exception, asyncio.CancelledError)
"""What a plain function may raise that is an error of its own. Who awaits lets pass what `is_asked_for`."""


def is_asked_for() -> bool:
    """Whether the running task is being cancelled."""
    if anyio.current_effective_deadline() == float("-inf"):
        return True
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def split(error: BaseException) -> tuple[Exception | None, BaseException | None]:
    """What is an ordinary error, and one that is not: an exit before a cancellation. Looks into groups."""
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
