import anyio
import pytest

from kubeinformer.controller.scopes import open_background

pytestmark = pytest.mark.anyio


async def test_the_tasks_end_with_the_body() -> None:
    with anyio.fail_after(10):
        async with open_background() as tasks:
            tasks.start_soon(anyio.sleep_forever)


@pytest.mark.parametrize("error", [ValueError("mine"), ExceptionGroup("mine", [ValueError()]), SystemExit(3)])
async def test_what_the_body_raised_comes_out_as_it_is(error: BaseException) -> None:
    async def fail() -> None:
        async with open_background() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            raise error

    with pytest.raises(type(error)) as raised:
        await fail()
    assert raised.value is error
    assert error.__context__ is None
    assert error.__cause__ is None


async def test_the_body_can_be_cancelled_by_a_task() -> None:
    async with open_background() as tasks:
        tasks.start_soon(_cancel, tasks.cancel_scope)
        await anyio.sleep_forever()
    with anyio.CancelScope() as outer:
        async with open_background():
            outer.cancel()
            await anyio.sleep_forever()
    assert outer.cancelled_caught


async def _cancel(scope: anyio.CancelScope) -> None:
    scope.cancel()
