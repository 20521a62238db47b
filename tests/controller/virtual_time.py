"""Event loops whose time jumps to the next deadline as soon as all tasks wait: hours of delays take milliseconds."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import trio.testing

__all__ = ["run", "settle"]

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: lets the loop's time pass instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "all tasks wait, and nothing will ever wake one"
        self.passed += max(0.0, timeout)
        return super().select(0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


def run(backend: str, function: Callable[[], Awaitable[T]]) -> T:
    """Run it in virtual time; ``anyio.current_time`` tells it."""
    options: dict[str, Any] = (
        {"loop_factory": _JumpingLoop}
        if backend == "asyncio"
        else {"clock": trio.testing.MockClock(autojump_threshold=0)}
    )
    return anyio.run(function, backend=backend, backend_options=options)


async def settle() -> None:
    """Let all tasks run until they wait, without letting time pass."""
    for _ in range(40):
        await anyio.lowlevel.checkpoint()
