"""A fence: a condition for the controller to go on. It is checked before each step of each reconcile.

Theory. Work that is allowed only while a lease is held is cancelled when the lease is lost. But if the process was
stopped, or its event loop was blocked, everything is due at once when it goes on: both the answer that a reconcile has
waited for, and the cancellation. Which comes first is chance. So the condition is checked when the answer is handed
over.
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
        scope: Cancelled when that happens.

    Attributes:
        error: What ``check`` raised; None while the fence is open.
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
