"""`Controller`: a primary informer, a reconcile, and the other informers whose events make it reconcile.

Theory. Events become keys, and keys wait in the work queue. Workers take keys from the queue and call the reconcile,
one call at a time for each key. Nothing is decoded on the way unless a predicate or mapper reads it. A worker is one
task that lives as long as the controller, so a reconcile that has nothing to do costs microseconds.

Rules. Nothing is reconciled before all informers are in sync, so that a reconcile which finds nothing in a store can
rely on it. Nor is anything reconciled before the readers have read everything that the stores held then. The reason: no
event tells of an object that disappears before its reader got to it, so a reconcile that saw the object in the store
would never learn that it is gone. The failure of one key does not affect the others; an informer that fails for good
ends the controller. Cancelling `Controller.run` cancels what runs; `Controller.drain` lets it finish first.

Not here. What one call of the reconcile may do (``invoking``), what follows from it (``outcomes``), which events count
(``predicates``) and for which keys (``mapping``), signals and several controllers (``running``).
"""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any, Generic, cast, final
from weakref import WeakKeyDictionary

import anyio
from typing_extensions import TypeVar

from kubeinformer import Cluster, Informer, RawObject, Resource, UsageError, Write
from kubeinformer.controller._intake.intake import Intake
from kubeinformer.controller._intake.kinds import discover
from kubeinformer.controller._intake.mapping import Mapper, Mapping, OwnerMapping
from kubeinformer.controller._intake.predicates import ObjectEvent, checked_all
from kubeinformer.controller._intake.resync import Resync
from kubeinformer.controller._intake.sources import Source, as_owned, as_watched, require_informer
from kubeinformer.controller._queue.queue import WorkQueue
from kubeinformer.controller._reconciling.fence import Fence
from kubeinformer.controller._reconciling.invoking import Invocation, Reconcile, Trace
from kubeinformer.controller._reconciling.outcomes import OnError, Outcomes
from kubeinformer.controller._reconciling.own_writes import OwnWrites
from kubeinformer.controller.crew import Crew
from kubeinformer.controller.observer import Observer
from kubeinformer.controller.request import Request, is_seconds
from kubeinformer.controller.statistics import ControllerStatistics
from kubeinformer.errors import QueueShutDown

__all__ = ["Controller", "Source"]

T = TypeVar("T", default=RawObject)

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

_NOTHING = nullcontext[list[Write]]([])

_running: "WeakKeyDictionary[Cluster, set[str]]" = WeakKeyDictionary()


@final
class Controller(Generic[T]):
    """Calls a reconcile for each object that may not be in its desired state, until it is.

    Example::

        async def reconcile(request: Request) -> Result | None:
            widget = request.object
            ...

        async with connect() as cluster:
            await Controller(cluster.informer("example.com/v1/widgets"), reconcile, concurrency=4).run()

    Args:
        primary: The informer whose keys are reconciled.
        reconcile: An async function that takes a `Request`. It never runs twice at the same time for one key.
        name: The name for logs and metrics, unique in a cluster; None for the resource's name, such as
            ``deployments.apps``.
        owns: Informers of what the primary's objects own. An event of an owned object reconciles the owner that
            controls it.
        watches: Informers of any other objects, each with a function that maps an object to the keys to reconcile.
        predicates: An event of the primary informer counts only if it passes all of these. For the other informers, use
            `Filtered`.
        concurrency: How many keys are reconciled at the same time, at least 1.
        reconcile_timeout: Seconds that one reconcile may take before it is cancelled and retried; None for no limit.
        on_error: Called with the request and the error of a failed reconcile, except for `Terminal`. It returns None
            for a retry with backoff, or a `Result`, which counts as if the reconcile had returned it.
        resync_period: Seconds within which each key is reconciled again even if nothing has changed; None for never.
        read_your_writes: Whether a key waits after its reconcile until the controller's informers have seen what the
            reconcile wrote. The wait ends after 5 s, or after 0.5 s for informers whose selectors or shard may leave
            the write out.
        queue: A work queue of your own, with other limits. Only one controller can use it, and only once. Pass the name
            and the observer to the queue, too, because the queue reports by itself.
        observer: Is told what happens, for metrics.
        trace: Makes a context manager, such as a span, that is entered around each reconcile.

    Raises:
        ValueError: A number is out of range.
        UsageError: An argument is obviously of the wrong kind, such as a reconcile that is not async, or a mapper that
            is. Or an informer keeps too little for ``owns=`` or for a predicate. Or an informer in ``owns=`` belongs to
            another cluster.
    """

    def __init__(
        self,
        primary: Informer[T],
        reconcile: Reconcile[T],
        *,
        name: str | None = None,
        owns: Sequence[Source] = (),
        watches: Sequence[tuple[Source, Mapper[Any]]] = (),
        predicates: Sequence[Callable[[ObjectEvent[T]], bool]] = (),
        concurrency: int = 1,
        reconcile_timeout: float | None = None,
        on_error: OnError[T] | None = None,
        resync_period: float | None = None,
        read_your_writes: bool = False,
        queue: WorkQueue[str] | None = None,
        observer: Observer | None = None,
        trace: Trace[T] | None = None,
    ) -> None:
        require_informer("the first argument", primary)
        if type(cast("object", concurrency)) is not int or concurrency < 1:
            raise ValueError(f"concurrency={concurrency!r} must be a whole number, at least 1")
        for what, seconds in (("reconcile_timeout", reconcile_timeout), ("resync_period", resync_period)):
            if seconds is not None and not (is_seconds(seconds) and seconds > 0):
                raise ValueError(f"{what}={seconds!r} must be seconds, more than 0, or None")
        self.name: str = name or _default_name(primary.resource)
        self.primary = primary
        self.queue: WorkQueue[str] = WorkQueue(self.name, observer=observer) if queue is None else queue
        self._predicates = checked_all(predicates, primary)
        self._owns = as_owned(owns, primary.cluster)
        self._watches = as_watched(watches)
        self._informers = list(
            dict.fromkeys((primary, *(s.informer for s in self._owns), *(s.informer for s, _ in self._watches)))
        )
        self._concurrency = concurrency
        self._resync_period = resync_period
        self._observer = observer
        self._invocation = Invocation(
            self.name, reconcile, timeout=reconcile_timeout, trace=trace, blocked=self._count_blocked
        )
        self._outcomes: Outcomes[T] = Outcomes(self.name, self._invocation.function, self.queue, on_error)
        self._own_writes = OwnWrites(self.name, primary.cluster, self._informers) if read_your_writes else None
        self._was_run = False
        self._is_started = False
        self._active = 0
        self._mapper_failures = 0
        self._blocked = 0
        self._cancelled = 0
        self._may_work = anyio.Event()
        self._feed_scope = anyio.CancelScope()
        self._work_scope = anyio.CancelScope()

    def __repr__(self) -> str:
        return (
            f"<Controller {self.name!r} of {self.primary.resource}: {self._active} running, {len(self.queue)} queued>"
        )

    @property
    def is_started(self) -> bool:
        """Whether all informers are in sync and keys are being reconciled."""
        return self._is_started

    async def run(self, *, fence: Callable[[], None] | None = None) -> None:
        """Reconcile until cancelled, or until `drain` was called and has finished.

        Args:
            fence: Called before each reconcile and before each step of a reconcile. If it raises, the controller ends
                with that error: no new reconcile begins, and running reconciles are cancelled where they wait.
                ``LeaderElection.check`` is such a function; see `run_controllers`.

        Raises:
            ValueError: A controller of this name is already running in this cluster.
            UsageError: This controller was run before. A controller can run only once.
            KubeInformerError: The error that ended one of its informers for good.
        """
        if self._was_run:
            raise UsageError(f"controller {self.name!r} was run before: make a new one")
        with self._registered():
            self._was_run = True
            if fence is not None:
                self._invocation.fence = Fence(fence, self._work_scope)
            try:
                await Crew().run(self._feed, self._work)
            finally:
                self._is_started = False
                self.queue.shut_down(drain=False)

    def drain(self, *, grace_period: float = 30.0) -> None:
        """Stop in order: take no more events, reconcile the keys that are due now, and let `run` return.

        Keys that wait for a retry or for a later time are dropped. After the next start, the first sync finds them
        again. Calling this again can only shorten the time that is left.

        Args:
            grace_period: Seconds after which reconciles that are still running are cancelled.

        Raises:
            ValueError: The grace period is not a number of seconds.
        """
        if not grace_period >= 0:
            raise ValueError(f"grace_period={grace_period!r} must be seconds, 0 or more")
        self.queue.shut_down(drain=True)
        self._feed_scope.cancel()
        self._work_scope.deadline = min(self._work_scope.deadline, anyio.current_time() + grace_period)

    def statistics(self) -> ControllerStatistics:
        """Return counters and the current state, for metrics and for people."""
        return ControllerStatistics(
            name=self.name,
            is_started=self._is_started,
            active=self._active,
            reconciles=dict(self._outcomes.counts),
            mapper_failures=self._mapper_failures,
            blocked=self._blocked,
            queue=self.queue.statistics(),
        )

    @contextmanager
    def _registered(self) -> Generator[None]:
        names = _running.setdefault(self.primary.cluster, set())
        if self.name in names:
            raise ValueError(f"two controllers of one cluster are called {self.name!r}: give one of them another name=")
        names.add(self.name)
        try:
            yield
        finally:
            names.discard(self.name)

    async def _feed(self) -> None:
        with self._feed_scope:
            for informer in self._informers:
                await informer.synced()
            intakes = await self._intakes()
            parts = [intake.run for intake in intakes]
            if self._resync_period is not None:
                parts.append(Resync(self.primary.store, self.queue, self._resync_period).run)
            await Crew().run(*parts, partial(self._start, intakes))
        self._may_work.set()  # drained before it began: the workers see that, and end

    async def _start(self, intakes: Sequence[Intake]) -> None:
        for intake in intakes:
            await intake.has_read_first.wait()
        self._is_started = True
        if self._observer is not None:
            self._observer.controller_started(self.name, self._concurrency)
        self._may_work.set()

    async def _intakes(self) -> list[Intake]:
        sources: list[tuple[Informer[Any], Sequence[Callable[[ObjectEvent[Any]], bool]], Mapping | None]]
        sources = [(self.primary, self._predicates, None)]
        if self._owns:
            owner = OwnerMapping(await discover(self.primary.cluster, self.primary.resource))
            sources.extend((source.informer, source.predicates, owner) for source in self._owns)
        sources.extend((source.informer, source.predicates, mapping) for source, mapping in self._watches)
        return [Intake(self.name, *source, self.queue, self._mapper_failed) for source in sources]

    async def _work(self) -> None:
        await self._may_work.wait()
        with self._work_scope:
            await Crew().run(*[self._take_keys] * self._concurrency)
        if (fence := self._invocation.fence) is not None and fence.error is not None:
            raise fence.error
        left = len(self.queue)
        if self._work_scope.cancelled_caught and (self._cancelled or left):
            logger.warning(
                "controller %s was not done within its grace period: %d reconciles were cancelled, %d keys were left",
                self.name,
                self._cancelled,
                left,
                extra={"controller": self.name, "cancelled": self._cancelled, "queued": left},
            )

    async def _take_keys(self) -> None:
        queue, fence = self.queue, self._invocation.fence
        while True:
            try:
                key = await queue.get()
            except QueueShutDown:
                return
            try:
                if fence is not None and fence.is_closed():
                    return
                await self._reconcile(key)
            finally:
                queue.done(key)

    async def _reconcile(self, key: str) -> None:
        outcomes = self._outcomes
        request = Request(key, self.primary, attempt=outcomes.attempt(key))
        self._change_active(1)
        began = perf_counter()
        try:
            with _NOTHING if self._own_writes is None else request.cluster.record_writes() as writes:
                try:
                    result = await self._invocation.run(request)
                except Exception as error:  # noqa: BLE001 - a user's function may raise anything
                    outcome = outcomes.failed(request, error)
                else:
                    outcome = outcomes.succeeded(key, result)
            if self._observer is not None:
                self._observer.reconcile_finished(self.name, outcome, perf_counter() - began)
            if self._own_writes is not None and writes:
                await self._own_writes.seen(key, writes)
        except anyio.get_cancelled_exc_class():
            self._cancelled += 1
            raise
        finally:
            self._change_active(-1)

    def _change_active(self, by: int) -> None:
        self._active += by
        if self._observer is not None:
            self._observer.reconciles_active(self.name, self._active)

    def _mapper_failed(self) -> None:
        self._mapper_failures += 1
        if self._observer is not None:
            self._observer.mapper_failed(self.name)

    def _count_blocked(self) -> None:
        self._blocked += 1


def _default_name(resource: str) -> str:
    parsed = Resource.parse(resource)
    return f"{parsed.plural}.{parsed.group}" if parsed.group else parsed.plural
