"""What makes a process healthy, and what makes it ready: named checks, and the text that reports them.

Rules. A process is not healthy (`/healthz`, a liveness probe) if a restart may help: an informer has heard nothing for
a long time, or a worker does not come back. It is ready (`/readyz`) when others need not wait any longer: all informers
are in sync. Leadership does not matter for either: a standby is healthy and ready. The text has the format of
Kubernetes: ``[+]name ok``, ``[-]name failed: why``. The reason is shown for our own checks. For a check of the user, it
is only logged, because anybody can request the text.

Not here. HTTP (``health_server``).
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import anyio

from kubeinformer import Cluster
from kubeinformer.controller._queue.queue import WorkQueue
from kubeinformer.controller.cancellation import PLAIN_ERRORS, is_cancellation

__all__ = [
    "CHECK_TIMEOUT",
    "STALENESS_LIMIT",
    "STUCK_AFTER",
    "Check",
    "Failed",
    "HasQueue",
    "checks_by_name",
    "health_checks",
    "readiness_checks",
    "run_checks",
]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

Check: TypeAlias = Callable[[], bool | Awaitable[bool]]
"""Returns whether all is well. May be async."""

# In a quiet collection only bookmarks prove that the stream works, one every minute or two: see Informer.staleness.
STALENESS_LIMIT = 600.0  # seconds
STUCK_AFTER = 900.0  # seconds; a reconcile that waits for a slow cloud takes minutes
CHECK_TIMEOUT = 0.8  # seconds for all checks of a request: a kubelet gives up after 1 s, and would not see the reason


class HasQueue(Protocol):
    """A `Controller`, or whatever else has a name and a work queue."""

    @property
    def name(self) -> str: ...
    @property
    def queue(self) -> WorkQueue[Any]: ...


class Failed(Exception):
    """One of our own checks failed; the message says why."""


def health_checks(
    cluster: Cluster, controllers: Sequence[HasQueue], staleness_limit: float, stuck_after: float
) -> dict[str, Check]:
    """Whether each informer hears from the server, and each worker comes back."""

    def informers() -> bool:
        for informer in cluster.informers:
            staleness = informer.staleness or 0.0
            if staleness > staleness_limit:
                raise Failed(f"{informer.resource} heard nothing for {staleness:.0f} s, more than {staleness_limit:g}")
        return True

    def workers(controller: HasQueue) -> Check:
        def check() -> bool:
            longest = controller.queue.statistics().longest_running
            if longest > stuck_after:
                raise Failed(f"a reconcile has been running for {longest:.0f} s, more than {stuck_after:g}")
            return True

        return check

    return {"informers": informers, **{f"controller-{one.name}": workers(one) for one in controllers}}


def readiness_checks(cluster: Cluster) -> dict[str, Check]:
    """Whether all informers are in sync."""

    def synced() -> bool:
        waiting = [informer.resource for informer in cluster.informers if informer.staleness is None]
        if waiting:
            raise Failed(f"not in sync yet: {', '.join(waiting)}")
        return True

    return {"informers-synced": synced}


def checks_by_name(ours: Mapping[str, Check], theirs: Mapping[str, Check]) -> dict[str, Check]:
    """All checks of one page, or `ValueError` for a name that cannot stand there."""
    for name in theirs:
        if name in ours:
            raise ValueError(f"a check cannot be called {name!r}: there is one of that name already")
        if not name.isprintable() or not name.strip():
            raise ValueError(f"a check cannot be called {name!r}: a name is printable text in one line")
    return {**ours, **theirs}


async def run_checks(endpoint: str, checks: Mapping[str, Check], patience: float) -> tuple[bool, str]:
    """Run all checks; whether all are well, and the text that says so."""
    lines: list[str] = []
    is_well = True
    with anyio.move_on_after(patience) as scope:
        for name, check in checks.items():
            why = await _failure(name, check)
            is_well = is_well and why is None
            lines.append(f"[+]{name} ok" if why is None else f"[-]{name} failed: {why}")
    if scope.cancelled_caught:
        is_well = False
        lines.extend(f"[-]{name} failed: not done within {patience:g} s" for name in list(checks)[len(lines) :])
    lines.append(f"{endpoint} check {'passed' if is_well else 'failed'}")
    return is_well, "\n".join(lines) + "\n"


async def _failure(name: str, check: Check) -> str | None:
    """Why a check failed; None if it did not."""
    try:
        answer = check()
        if inspect.isawaitable(answer):
            answer = await answer
    except Failed as failed:
        return str(failed)
    except PLAIN_ERRORS as error:  # a user's function may raise anything, and then it has failed
        if is_cancellation(error):
            raise
        facts = {"check": name, "error": type(error).__name__, "reason": str(error)}
        logger.warning("a health check raised", extra=facts)
        return "reason withheld, see the log"
    return None if answer else "reason withheld"
