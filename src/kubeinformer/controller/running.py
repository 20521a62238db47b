"""Several controllers as one program: they start together, and a signal ends them in order.

Theory. Kubernetes ends a pod with SIGTERM, and with SIGKILL ``terminationGracePeriodSeconds`` later. By then, running
reconciles should be finished, nothing new should begin, and the lease should be given back only when nothing runs any
more. All of this is composition: the controllers drain, and the election is the scope around them.
"""

import logging
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

import anyio

from kubeinformer import UsageError
from kubeinformer.controller._election.leader_election import LeaderElection
from kubeinformer.controller.controller import Controller
from kubeinformer.controller.crew import Crew

__all__ = ["run_controllers"]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_handlers = (
    threading.Lock()
)  # a process has one handler for each signal: of two receivers the first would hear nothing any more


async def run_controllers(
    *controllers: Controller[Any], grace_period: float = 30.0, leader_election: LeaderElection | None = None
) -> None:
    """Run controllers until SIGTERM or SIGINT, then let them finish, and return.

    With ``async with connect() as cluster: await run_controllers(first, second)`` as its last line, a program ends with
    exit code 0 after a signal. A second signal immediately cancels what is still running. Only one call can run at a
    time, because a process has one handler for each signal. For anything else, such as an election for each controller,
    use `Controller.run` and `Controller.drain`.

    Args:
        controllers: At least one, with different names.
        grace_period: Seconds that running and queued reconciles get after a signal. Kubernetes kills a pod after 30 by
            default, so use less, or give the pod more.
        leader_election: Reconcile only while this holds its lease. Informers sync before that.

    Raises:
        ValueError: Two controllers have the same name, there is no controller, or the period is not a number of
            seconds.
        UsageError: An argument is not a controller, this is not the main thread, which alone gets signals, or another
            call has not returned yet.
        LeadershipLost: The lease was lost; running reconciles were cancelled before.
        KubeInformerError: The error that ended an informer for good, and with it all controllers.
    """
    if not controllers:
        raise ValueError("no controllers to run")
    for controller in controllers:
        if not isinstance(cast("object", controller), Controller):
            raise UsageError(
                f"run_controllers() was given a {type(controller).__name__}: give each controller as an argument"
            )
    if not grace_period >= 0:
        raise ValueError(f"grace_period={grace_period!r} must be seconds, 0 or more")
    name, count = Counter(controller.name for controller in controllers).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{count} controllers are called {name!r}: give them names of their own with name=")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(
            "run_controllers() ends on signals, which the main thread alone gets: "
            "elsewhere run each Controller.run() in a task group, and call Controller.drain()"
        )
    if not _handlers.acquire(blocking=False):
        raise UsageError(
            "run_controllers() runs already, and would hear no signal any more: give it all controllers at once"
        )
    try:
        await _Program(controllers, grace_period, leader_election).run()
    finally:
        _handlers.release()


class _Program:
    """What `run_controllers` runs."""

    def __init__(
        self,
        controllers: Sequence[Controller[Any]],
        grace_period: float,
        election: LeaderElection | None,
    ) -> None:
        self._controllers = controllers
        self._grace_period = grace_period
        self._election = election
        self._is_leading = False
        self._crew = Crew()

    async def run(self) -> None:
        await self._crew.run(self._run_controllers, self._obey_signals)

    async def _run_controllers(self) -> None:
        fence = None if self._election is None else self._election.check
        async with self._election or nullcontext():
            self._is_leading = True
            await Crew().run(*(partial(controller.run, fence=fence) for controller in self._controllers))
        self._crew.stop()

    async def _obey_signals(self) -> None:
        with anyio.open_signal_receiver(*_SIGNALS) as signals:
            self._obey(await anext(signals))
            await anext(signals)
            logger.warning("a second signal: what still runs is cancelled")
            self._crew.stop()

    def _obey(self, number: signal.Signals) -> None:
        facts = {"signal": number.name, "grace_period": self._grace_period}
        if not self._is_leading:
            logger.info("got %s while waiting for the lease: leaving", number.name, extra=facts)
            self._crew.stop()
            return
        logger.info("got %s: finishing within %g s", number.name, self._grace_period, extra=facts)
        for controller in self._controllers:
            controller.drain(grace_period=self._grace_period)
