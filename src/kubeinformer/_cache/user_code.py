"""Exceptions of functions that users gave: indexers, transforms, models.

Rules. Such an exception is the cause of one of ours, with the frames of the user's own function, and without the frame
that called it: that one has the whole object among its variables, which error reporters print. What the user's frames
show is the user's.
"""

from typing import TypeVar

__all__ = ["their_own"]

E = TypeVar("E", bound=BaseException)


def their_own(error: E) -> E:
    """The exception, as it was when it left the user's function. For the frame that called that function."""
    traceback = error.__traceback__
    return error.with_traceback(None if traceback is None else traceback.tb_next)
