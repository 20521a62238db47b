"""A task group whose lone error comes out as itself.

anyio wraps every exception that leaves a task group in an ExceptionGroup. That is right where several tasks are
equals; but for a user of ``async with connect()``, a ValueError of their own should stay a ValueError, and an error
that ends an informer should be caught with a plain ``except``.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

__all__ = ["open_task_group"]


@asynccontextmanager
async def open_task_group() -> AsyncIterator[anyio.abc.TaskGroup]:
    """A task group that is cancelled when its body ends, and unwraps an exception that is alone.

    What the body raised comes out as it is, a group of the user's own included. One error that several tasks raised
    (an informer that failed, and those who waited for it) counts as one.
    """
    body: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            try:
                yield tasks
            except BaseException as error:
                body = error
                raise
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        alone = body if group.exceptions == (body,) else _alone(group)
        if alone is None:
            raise
        context = alone.__context__
        try:
            raise alone
        finally:
            alone.__context__ = context  # raising has put the group in its place
    finally:
        body = None  # its traceback holds this frame


def _alone(group: BaseExceptionGroup) -> BaseException | None:
    errors = {id(error): error for error in _leaves(group)}
    return errors.popitem()[1] if len(errors) == 1 else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
