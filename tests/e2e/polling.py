"""Waits for something that can only be found out by asking. This is the only place in the harness that sleeps."""

import time
from collections.abc import Callable

# Most questions are one HTTP request on loopback, so 20 ms of idling costs neither side anything.
_INTERVAL = 0.02  # seconds

# Only a broken test waits that long. What is waited for may be a program that starts, which takes a busy machine of two
# cores four seconds and more (seen), and then works.
_PATIENCE = 60.0  # seconds


def wait_until(condition: Callable[[], bool], *, timeout: float = _PATIENCE) -> bool:
    """Ask until the answer is yes; whether it was, within ``timeout`` seconds.

    ``assert wait_until(...)`` is how a test says it, so that a failure shows the question.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_INTERVAL)
    return True
