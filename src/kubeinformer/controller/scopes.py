"""A task group for background work during a body. An exception of the body comes out as it is, without an
ExceptionGroup.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

__all__ = ["open_background"]


@asynccontextmanager
async def open_background() -> AsyncGenerator[anyio.abc.TaskGroup]:
    """A task group whose tasks must never raise. They are cancelled when the body ends.

    As in any task group, cancelling its scope cancels the body; then this ends without an error.
    """
    error: BaseException | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as raised:  # noqa: BLE001 - raised again below, outside of the group
            error = raised
        tasks.cancel_scope.cancel()
    if error is not None:
        try:
            raise error
        finally:
            error = None  # its traceback holds this frame
