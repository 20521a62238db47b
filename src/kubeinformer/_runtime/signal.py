"""A signal for one task that sleeps until there is something to do, again and again."""

import anyio

__all__ = ["Signal"]


class Signal:
    """Wakes the task that waits. Given while nobody waits, it is kept: once, however often it was given."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def give(self) -> None:
        """Wake who waits, or will wait."""
        self._event.set()

    async def wait(self) -> None:
        """Sleep until the signal is given. Cancelling leaves it as it was."""
        await self._event.wait()
        self._event = anyio.Event()
