"""Where a secret can come to light: everything that somebody, or an error reporter, prints of an exception.

The frames of tests are left out: they hold the secret, as the frames of whoever gave it to the library do.
"""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.traceback import Traceback

__all__ = ["assert_hidden", "assert_not_logged", "chain"]

_TESTS = str(Path(__file__).parents[1])


def chain(error: BaseException) -> list[BaseException]:
    """An error and all that hang on it: causes, contexts (suppressed ones too), members of groups."""
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and not any(one is other for other in found):
            found.append(one)
            todo += [one.__cause__, one.__context__]
            todo += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
    return found


def assert_hidden(error: BaseException, *secrets: str) -> None:
    """No secret in messages, arguments, attributes and notes along the chain, nor in any frame's variables."""
    for text in _told(error):
        for secret in secrets:
            assert secret not in text, text[max(0, text.index(secret) - 500) :][:1000]


def assert_not_logged(log: pytest.LogCaptureFixture, *secrets: str) -> None:
    """No secret in messages, arguments and facts of the records, nor in what hangs on an ``exc_info``."""
    for record in log.records:
        for secret in secrets:
            assert secret not in record.getMessage()
            assert secret not in str(vars(record))
        if record.exc_info and record.exc_info[1]:
            assert_hidden(record.exc_info[1], *secrets)


def _told(error: BaseException) -> Iterator[str]:
    yield "".join(traceback.format_exception(error))
    for limit in (80, 10):  # rich's own, which cuts long texts, and one that cuts those of these tests
        yield from _by_rich(error, limit)
    for one in chain(error):
        yield f"{one}\n{one!r}\n{one.args!r}\n{vars(one)!r}\n{getattr(one, '__notes__', ())!r}"
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_filename.startswith(_TESTS):
                where = f"{frame.f_code.co_filename}: {frame.f_code.co_qualname}"
                for name, value in frame.f_locals.items():
                    with contextlib.suppress(AttributeError):  # half-made objects of the standard library
                        yield f"{where}: {name} = {value!r}"


def _by_rich(error: BaseException, limit: int) -> Iterator[str]:
    """What ``rich.traceback`` prints with ``show_locals=True``, but for the source code."""
    trace = Traceback.extract(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=limit, locals_max_length=1000
    )
    for stack in trace.stacks:
        yield f"{stack.exc_value}\n{stack.notes!r}"
        for frame in stack.frames:
            if not frame.filename.startswith(_TESTS):
                for name, node in (frame.locals or {}).items():
                    yield f"{frame.filename}: {frame.name}: {name} = {node}"
