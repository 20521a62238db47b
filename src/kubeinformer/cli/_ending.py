"""How a run ends: the exit code, and one line on stderr for whoever has to act. The table is in the package's head.

Rules. What the library raises on purpose, and what the operating system says, becomes one line; anything else is a
bug of ours and keeps its traceback, because a bug report without one helps nobody.
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
    """What the command line itself found wrong.

    Args:
        message: What, and what to do.
        exit_code: 2 if another command line would help, otherwise 1.
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
            self.console.print(Text(line))  # Text, so that nothing in it is taken for markup
            return
        # Not through rich, which ends the program when a pipe's reader is gone: then nobody is left to tell, and the
        # command goes on.
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def run_command(command: Callable[[Notices], Coroutine[Any, Any, int | None]]) -> int:
    """Run a command to its end on asyncio; say what went wrong, if something did.

    Args:
        command: May give an exit code of its own; None stands for success.

    Returns:
        The exit code.
    """
    notices = Notices()
    # The library logs what it survives; without a handler Python would print that in a form of its own. Commands ask
    # the informer for its state instead and say it in their own lines.
    logging.getLogger("kubeinformer").addHandler(logging.NullHandler())
    try:
        code = anyio.run(command, notices)
    except BaseException as error:  # noqa: BLE001 - what is a bug is raised again
        return end(error, notices)
    return _SUCCESS if code is None else code


def end(error: BaseException, notices: Notices) -> int:
    """Say what went wrong, unless nobody has to be told; the exit code.

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
    """The first error of a group: task groups wrap whatever leaves them, and one line can only tell one."""
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
    """Drop what Python still holds of the output: its flush at exit would block, or fail again and exit with 120."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # None, as the shell closed it; captured by a test
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)
