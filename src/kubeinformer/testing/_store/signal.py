"""Wakes every waiting watch at once, from synchronous code.

Theory. A watch looks for news, finds none, and starts to wait, without an await in between. So a notification comes
either before it looks or while it waits, and none is lost. An `anyio.Event` can only be used once, so each wake-up
needs a new one. The first waiter makes it, because writes may happen before any event loop runs.
"""

import anyio

__all__ = ["Signal"]


class Signal:
    """A notification that any number of tasks can wait for, again and again."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def notify(self) -> None:
        """Wake all tasks that wait now. This costs nothing if there are none."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Wait until the next `notify`."""
        event = self._event = self._event or anyio.Event()
        await event.wait()
