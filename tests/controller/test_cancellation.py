import asyncio

import anyio
import anyio.lowlevel
import pytest

from kubeinformer.controller.cancellation import is_asked_for, split

pytestmark = pytest.mark.anyio


async def test_nobody_is_being_cancelled_until_somebody_says_so() -> None:
    assert not is_asked_for()
    with anyio.CancelScope() as scope:
        scope.cancel()
        assert is_asked_for()
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert not is_asked_for()


async def test_errors_are_told_apart_from_the_rest() -> None:
    error, leaving = KeyError("x"), SystemExit(1)
    assert split(error) == (error, None)
    assert split(leaving) == (None, leaving)
    ordinary, rest = split(BaseExceptionGroup("outer", [BaseExceptionGroup("inner", [error, leaving])]))
    assert isinstance(ordinary, ExceptionGroup)
    assert rest is leaving
    group = ExceptionGroup("errors alone", [error])
    ordinary, rest = split(group)
    assert isinstance(ordinary, ExceptionGroup)
    assert (ordinary.exceptions, rest) == ((error,), None)


class TestOnAsyncio:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_native_cancellation_counts(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        assert is_asked_for()
        task.uncancel()
        assert not is_asked_for()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)  # it is delivered all the same

    async def test_an_exit_goes_before_a_cancellation(self) -> None:
        leaving = SystemExit(1)
        assert split(BaseExceptionGroup("both", [asyncio.CancelledError(), leaving])) == (None, leaving)
