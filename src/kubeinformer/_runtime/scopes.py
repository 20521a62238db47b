"""A task group whose lone error comes out as itself.

anyio wraps every exception that leaves a task group in an ExceptionGroup. That is right where several tasks are
equals; but for a user of ``async with connect()``, a ValueError of their own should stay a ValueError, and an error
that ends an informer should be caught with a plain ``except``.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

__all__ = ["open_task_group"]


@asynccontextmanager
async def open_task_group() -> AsyncGenerator[anyio.abc.TaskGroup]:
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
        alone = _alone(group, body)
        if alone is None:
            raise
        context = alone.__context__
        try:
            raise alone
        finally:
            alone.__context__ = context  # raising has put the group in its place
    finally:
        body = None  # its traceback holds this frame


def _alone(group: BaseExceptionGroup, body: BaseException | None) -> BaseException | None:
    errors = list(_leaves(group))
    # Compared by what is in them: anyio on trio makes new groups of those that pass through it.
    if body is not None and [*map(id, _leaves(body))] == [*map(id, errors)]:
        return body
    return errors[0] if all(error is errors[0] for error in errors) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
