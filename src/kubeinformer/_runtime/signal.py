"""A signal for one task that repeatedly sleeps until there is something to do."""

import anyio

__all__ = ["Signal"]


class Signal:
    """Wakes the task that waits. If nobody waits, the signal is kept; several signals are kept as one."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def give(self) -> None:
        """Wake the task that waits now, or the next one that waits."""
        self._event.set()

    async def wait(self) -> None:
        """Sleep until the signal is given. Cancelling leaves it as it was."""
        await self._event.wait()
        self._event = anyio.Event()
