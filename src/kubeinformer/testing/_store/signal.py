"""Waking every waiting watch at once, from synchronous code.

Theory. A watch looks for news, finds none, and waits, all without an await in between; so a notification can only
fall before the look or while it waits, and none is lost. An `anyio.Event` serves one wake-up, hence a new one each
time; it is made by the first waiter, because writes may happen before any event loop runs.
"""

import anyio

__all__ = ["Signal"]


class Signal:
    """A notification that any number of tasks can wait for, again and again."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def notify(self) -> None:
        """Wake all who wait now. Costs nothing when nobody does."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Sleep until the next `notify`."""
        event = self._event = self._event or anyio.Event()
        await event.wait()
