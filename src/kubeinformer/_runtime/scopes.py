"""A task group that raises a single error as it is.

anyio wraps every exception that leaves a task group in an ExceptionGroup. That is right if several tasks are equals.
But for a user of ``async with connect()``, a ValueError of their own should remain a ValueError, and it should be
possible to catch an error that ends an informer with a plain ``except``.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

__all__ = ["open_task_group"]


@asynccontextmanager
async def open_task_group() -> AsyncGenerator[anyio.abc.TaskGroup]:
    """A task group that is cancelled when its body ends. It does not wrap a single exception.

    What the body raised is raised unchanged, even if it is an exception group of the user. If several tasks raised the
    same error (an informer that failed, and those that waited for it), it counts as one.
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
            alone.__context__ = context  # raising has replaced it by the group
    finally:
        body = None  # to break a cycle: its traceback holds this frame


def _alone(group: BaseExceptionGroup, body: BaseException | None) -> BaseException | None:
    errors = list(_leaves(group))
    # Compared by their content, because anyio on trio makes new groups from those that pass through it.
    if body is not None and [*map(id, _leaves(body))] == [*map(id, errors)]:
        return body
    return errors[0] if all(error is errors[0] for error in errors) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
