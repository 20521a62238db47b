# ruff: noqa: PT012 - what is tested is the leaving of a scope, and that has a body
"""What leaves the scope is what happened, not a group of it."""

import anyio
import pytest

from kubeinformer._runtime.scopes import open_task_group

pytestmark = pytest.mark.anyio


async def test_children_end_with_the_body() -> None:
    ended = False

    async def child() -> None:
        nonlocal ended
        try:
            await anyio.sleep_forever()
        finally:
            ended = True

    async with open_task_group() as tasks:
        tasks.start_soon(child)
        await anyio.lowlevel.checkpoint()
    assert ended


async def test_error_of_the_body_is_the_very_same_with_cause_and_context() -> None:
    cause, mistake = KeyError("cause"), ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught:
        async with open_task_group():
            try:
                raise cause
            except KeyError:
                raise mistake  # noqa: B904 - the implicit context is the point
    assert caught.value is mistake
    assert mistake.__context__ is cause
    assert not mistake.__suppress_context__

    with pytest.raises(ValueError, match="mine") as caught:
        async with open_task_group():
            raise mistake from cause
    assert caught.value.__cause__ is cause


async def test_group_of_the_body_stays_a_group() -> None:
    mine = ExceptionGroup("mine", [ValueError("one")])
    with pytest.raises(ExceptionGroup) as caught:
        async with open_task_group():
            raise mine
    assert caught.value is mine


async def test_error_of_a_child_is_the_very_same() -> None:
    mistake = ValueError("child")

    async def child() -> None:
        raise mistake

    with pytest.raises(ValueError, match="child") as caught:
        async with open_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()
    assert caught.value is mistake


async def test_error_of_a_grandchild_is_unwrapped() -> None:
    async def grandchild() -> None:
        raise ValueError("deep")

    async def child() -> None:
        async with anyio.create_task_group() as inner:
            inner.start_soon(grandchild)

    with pytest.raises(ValueError, match="deep"):
        async with open_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()


async def test_one_error_raised_by_two_tasks_is_one() -> None:
    mistake = ValueError("shared")

    async def child() -> None:
        raise mistake

    with pytest.raises(ValueError, match="shared") as caught:
        async with open_task_group() as tasks:
            tasks.start_soon(child)
            raise mistake
    assert caught.value is mistake


async def test_two_errors_stay_a_group() -> None:
    async def child() -> None:
        raise KeyError("child")

    with pytest.raises(ExceptionGroup) as caught:
        async with open_task_group() as tasks:
            tasks.start_soon(child)
            raise ValueError("body")
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


async def test_cancelling_from_outside_is_no_error() -> None:
    with anyio.CancelScope() as scope:
        async with open_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
