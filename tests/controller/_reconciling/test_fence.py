import anyio
import pytest

from kubeinformer.controller._reconciling.fence import Fence

pytestmark = pytest.mark.anyio


class Lost(Exception):
    pass


async def test_it_is_open_for_as_long_as_nothing_is_raised() -> None:
    scope = anyio.CancelScope()
    fence = Fence(lambda: None, scope)
    assert not fence.is_closed()
    assert fence.error is None
    assert not scope.cancel_called


async def test_it_closes_once_and_for_good() -> None:
    outcomes: list[Exception | None] = [Lost("first"), None]

    def check() -> None:
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    scope = anyio.CancelScope()
    fence = Fence(check, scope)
    assert fence.is_closed()
    assert scope.cancel_called
    assert fence.is_closed(), "though it would be let through now"
    assert str(fence.error) == "first"


async def test_an_exit_is_nothing_to_keep() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        Fence(leave, anyio.CancelScope()).is_closed()
