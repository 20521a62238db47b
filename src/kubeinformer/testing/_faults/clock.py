"""A clock that jumps, as a client sees it.

What can be done. `anyio.current_time`, every timeout and every sleep of a program use the clock of the event loop. This
clock can be moved forwards: on asyncio by replacing ``loop.time``, on trio by a clock that was passed to it at the
start. Everything that was due in between happens at once, in no promised order, as after a virtual machine was resumed
or a process was stopped and continued. Other processes and sockets have continued meanwhile, so a server may have
closed the connection.

What cannot be done. The clock never goes backwards, because no monotonic clock does. The time of day is not the clock
of the loop, and is not changed. To test credentials that expire, let the server refuse them (`Unauthenticated`), or
pass a clock to the code that keeps them. ``uvloop`` has a clock of its own. The sleep of a laptop is not a jump if the
monotonic clock of the operating system stops meanwhile (Linux, macOS): then a client only sees that its connections are
dead.
"""

import asyncio
from collections.abc import Callable

from kubeinformer.errors import UsageError
from kubeinformer.testing._faults import checks

__all__ = ["jump_clock"]


def jump_clock(seconds: float) -> None:
    """Move the clock of the running event loop forwards. Call it in the loop.

    Args:
        seconds: How many seconds, more than 0.

    Raises:
        UsageError: The clock of this event loop cannot be moved. Trio has to be started with one that can:
            ``anyio.run(main, backend="trio", backend_options={"clock": trio.testing.MockClock(rate=1)})``.
        ValueError: The number of seconds is out of range.
    """
    if not checks.seconds.holds(seconds):
        raise ValueError(f"seconds must be {checks.seconds.accepted}, got {seconds!r}")
    try:
        loop = asyncio.get_running_loop() if asyncio.current_task() is not None else None
    except RuntimeError:
        loop = None
    if loop is None:
        _jump_trio(seconds)
        return
    clock = loop.time
    if not isinstance(clock, _Ahead):
        clock = _Ahead(clock)
        try:
            loop.time = clock  # type: ignore[method-assign] # of this one loop; it goes away with it
        except AttributeError:
            name = type(loop).__module__
            raise UsageError(f"the clock of {name} cannot be moved: run on asyncio's own event loop") from None
    clock.seconds += seconds


class _Ahead:
    """A clock that is ahead of another clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seconds = 0.0

    def __call__(self) -> float:
        return self._clock() + self.seconds


def _jump_trio(seconds: float) -> None:
    import trio  # noqa: PLC0415 - an optional backend

    jump = getattr(trio.lowlevel.current_clock(), "jump", None)
    if jump is None:
        raise UsageError(
            "trio's own clock cannot be moved: start it with one that can, "
            'backend_options={"clock": trio.testing.MockClock(rate=1)}'
        )
    jump(seconds)
