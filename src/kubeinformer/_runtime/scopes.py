"""A task group whose lone error comes out as itself.

anyio wraps every exception that leaves a task group in an ExceptionGroup. That is right where several tasks are
equals; but for a user of ``async with connect()``, a ValueError of their own should stay a ValueError, and an error
that ends an informer should be caught with a plain ``except``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

__all__ = ["open_task_group"]


@asynccontextmanager
async def open_task_group() -> AsyncIterator[anyio.abc.TaskGroup]:
    """A task group that is cancelled when its body ends, and unwraps an exception that is alone."""
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        alone = _alone(group)
        if alone is None:
            raise
        raise alone from alone.__cause__


def _alone(error: BaseException) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) != 1:
            return None
        error = error.exceptions[0]
    return error
