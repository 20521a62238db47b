"""How a run ends: the exit code, and one line on stderr for the person who has to act.

The table of exit codes is in the head of the package.

Rules. An error that the library raises on purpose, or that comes from the operating system, becomes one line. Anything
else is a bug of ours and keeps its traceback, because a bug report without one helps nobody.
"""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from rich.console import Console
from rich.text import Text

from kubeinformer import ConfigError, KubeInformerError, UsageError
from kubeinformer.cli._text import is_terminal, one_line

__all__ = ["CommandError", "Notices", "end", "run_command"]

_SUCCESS, _FAILURE, _USAGE, _INTERRUPTED, _NO_READER = 0, 1, 2, 130, 141  # the last two: 128 + SIGINT, + SIGPIPE


class CommandError(Exception):
    """An error that the command line itself found.

    Args:
        message: What is wrong, and what to do.
        exit_code: 2 if a different command line would help, otherwise 1.
    """

    def __init__(self, message: str, exit_code: int = _USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Notices:
    """Lines on stderr, each starting with the program's name, so that they can be told from kubectl's or a script's.

    They share one console with the progress display, which moves out of their way.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print one line."""
        line = f"kubeinformer: {one_line(text)}"
        if is_terminal(sys.stderr):
            self.console.print(Text(line))  # as Text, so that nothing in it is interpreted as markup
            return
        # Not through rich, which ends the program if the reader of the pipe is gone. In that case nobody can be told,
        # but the command goes on.
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def run_command(command: Callable[[Notices], Coroutine[Any, Any, int | None]]) -> int:
    """Run a command to its end on asyncio, and print what went wrong, if anything.

    Args:
        command: May return an exit code; None means success.

    Returns:
        The exit code.
    """
    notices = Notices()
    # The library logs the failures that it recovers from. Without a handler, Python would print these records in its
    # own format. The commands read the state of the informer instead, and print lines of their own.
    logging.getLogger("kubeinformer").addHandler(logging.NullHandler())
    try:
        code = anyio.run(command, notices)
    except BaseException as error:  # noqa: BLE001 - what is a bug is raised again
        return end(error, notices)
    return _SUCCESS if code is None else code


def end(error: BaseException, notices: Notices) -> int:
    """Print what went wrong, if somebody has to know, and return the exit code.

    Raises:
        BaseException: The error itself, if it is a bug of ours.
    """
    cause = _alone(error)
    failure = _exit_code(cause)
    if failure is None:
        raise error
    if isinstance(cause, OSError | KeyboardInterrupt):
        _forget_stdout()
    if failure not in {_NO_READER, _INTERRUPTED}:
        notices.say(f"error: {cause}")
    return failure


def _alone(error: BaseException) -> BaseException:
    """The first error of a group. Task groups wrap whatever leaves them, and one line can only report one error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _exit_code(error: BaseException) -> int | None:
    match error:
        case KeyboardInterrupt():
            return _INTERRUPTED
        case CommandError():
            return error.exit_code
        case ConfigError() | UsageError():
            return _USAGE
        case KubeInformerError():
            return _FAILURE
        case OSError(errno=errno.EPIPE):
            return _NO_READER
        case OSError():
            return _FAILURE
        case _:
            return None


def _forget_stdout() -> None:
    """Drop the output that Python still buffers. Its flush at exit would block, or fail again and exit with 120."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # it is None if the shell closed it; a test may capture it
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)
