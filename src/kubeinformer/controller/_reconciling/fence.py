"""A fence: what must be true for a controller to go on, asked before each step of each reconcile.

Theory. Who may go on for as long as a lease is held is cancelled when it is lost. But a process that was stopped, or
whose loop was blocked, finds everything due at once when it goes on: the answer that a reconcile has waited for, and
the cancellation. Which comes first is chance. So the question is asked where the answer is handed over.
"""

from collections.abc import Callable
from typing import final

import anyio

__all__ = ["Fence"]


@final
class Fence:
    """Closes once, and for good.

    Args:
        check: Raises when nothing may be done any more.
        scope: Is cancelled then.

    Attributes:
        error: What it raised; None while the fence is open.
    """

    def __init__(self, check: Callable[[], None], scope: anyio.CancelScope) -> None:
        self._check = check
        self._scope = scope
        self.error: Exception | None = None

    def is_closed(self) -> bool:
        """Whether nothing may be done any more."""
        if self.error is None:
            try:
                self._check()
            except Exception as error:  # noqa: BLE001 - the controller raises it, when its reconciles have ended
                self.error = error
                self._scope.cancel()
        return self.error is not None
