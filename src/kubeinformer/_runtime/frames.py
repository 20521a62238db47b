"""Removes tracebacks from errors, and with them the frames that the errors passed.

Theory. An exception keeps every frame that it passed alive, and with it the variables of the frame. These may be a
piece of a body, a line, or an object, which may be a Secret. Error reporters print variables (rich with
``show_locals``, and services of that kind), also along the chain of causes. The messages of this library's errors say
what was wrong and where in the body, so nothing useful is lost with the frames.
"""

from typing import TypeVar

__all__ = ["without_frames"]

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """Remove the tracebacks of an error, its causes and its contexts. Returns the error, to be kept or raised again."""
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one.__traceback__ is not None:  # without one, it was handled already, or never raised
            one.__traceback__ = None
            todo += [one.__cause__, one.__context__]
    return error
