"""Errors without the frames that they passed.

Theory. An exception keeps alive every frame that it passed, and with that the frame's variables: a piece of a body, a
line, an object, which may be a Secret's. Error reporters print them (rich with ``show_locals``, and services of that
kind), along the chain of causes too. The messages of this library's errors say what was wrong and where in the body, so
nothing is lost with the frames.
"""

from typing import TypeVar

__all__ = ["without_frames"]

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """Take the tracebacks off an error and off what hangs on it; gives it back, to be kept or raised anew."""
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one.__traceback__ is not None:  # what has none was here already, or was never raised
            one.__traceback__ = None
            todo += [one.__cause__, one.__context__]
    return error
