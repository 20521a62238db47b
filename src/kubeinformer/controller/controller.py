"""`Controller`: a primary informer, a reconcile, and what else should wake it.

Theory. Events become keys, keys wait in the work queue, workers hand them to the reconcile, one at a time for each key.
Nothing is decoded on the way unless a predicate or mapper looks. A worker is one task for good: a reconcile that has
nothing to do costs microseconds.

Rules. Nothing is reconciled before all informers are in sync: a reconcile that finds nothing in a store may then take
it for the truth. Nor before all that they held then is read: no event tells of what goes before its reader got there,
and a reconcile that saw it in the store would never learn that it is gone. A failure of one key is that key's; an
informer that fails for good ends the controller. Cancelling `Controller.run` cancels what runs; `Controller.drain`
lets it finish first.

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
    """Calls a reconcile for each object that may not be where it should be, until it is.

    Example::

        async def reconcile(request: Request) -> Result | None:
            widget = request.object
            ...

        async with connect() as cluster:
            await Controller(cluster.informer("example.com/v1/widgets"), reconcile, concurrency=4).run()

    Args:
        primary: Whose keys are reconciled.
        reconcile: Async; gets a `Request`. A key never runs twice at once.
        name: For logs and metrics, unique in a cluster; None for the resource's, such as ``deployments.apps``.
        owns: Informers of what the primary's objects own: an event wakes the owner that controls the object.
        watches: Informers of anything else, each with a function from an object to the keys that it wakes.
        predicates: An event of the primary counts if it passes all of them. For the others see `Filtered`.
        concurrency: How many keys run at once, at least 1.
        reconcile_timeout: Seconds that one reconcile may take before it is cancelled and tried again.
        on_error: Called with the request and the error of a reconcile, but for `Terminal`: returns None for a retry
            with backoff, or a `Result` to be treated as one that was returned.
        resync_period: Seconds within which each key is reconciled again though nothing has changed; None for never.
        read_your_writes: Whether a key waits, after it ran, until the informers here have seen what it wrote: 5 s at
            most, 0.5 s where selectors or a shard may leave it out.
        queue: A work queue of your own, with other limits; it is used up by one controller. Give it the name and the
            observer, too: what it tells is the queue's own.
        observer: Told what happens, for metrics.
        trace: Gives a context manager around each reconcile, such as a span.

    Raises:
        ValueError: A number is out of range.
        UsageError: An argument is plainly of the wrong kind, such as a reconcile that is not async or a mapper that is;
            or an informer keeps too little for ``owns=`` or a predicate, or is another cluster's in ``owns=``.
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
        self._fence: Callable[[], None] | None = None
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
        """Reconcile until cancelled, or until `drain` was called and is done.

        Args:
            fence: Called before each reconcile. What it raises ends the controller before that reconcile begins:
                ``LeaderElection.check`` stands here, see `run_controllers`.

        Raises:
            ValueError: A controller of this name runs in this cluster already.
            UsageError: This one was run before: a controller runs once.
            KubeInformerError: What ended one of its informers for good.
        """
        if self._was_run:
            raise UsageError(f"controller {self.name!r} was run before: make a new one")
        with self._registered():
            self._was_run = True
            self._fence = fence
            try:
                await Crew().run(self._feed, self._work)
            finally:
                self._is_started = False
                self.queue.shut_down(drain=False)

    def drain(self, *, grace_period: float = 30.0) -> None:
        """Stop in order: take no more events, reconcile what is due now, and let `run` return.

        Keys that wait for a retry or a time are dropped: the next start finds them by its first sync. Calling it again
        can only shorten the time left.

        Args:
            grace_period: Seconds after which reconciles that still run are cancelled.

        Raises:
            ValueError: That is no number of seconds.
        """
        if not grace_period >= 0:
            raise ValueError(f"grace_period={grace_period!r} must be seconds, 0 or more")
        self.queue.shut_down(drain=True)
        self._feed_scope.cancel()
        self._work_scope.deadline = min(self._work_scope.deadline, anyio.current_time() + grace_period)

    def statistics(self) -> ControllerStatistics:
        """Counters and the state of things, for metrics and for people."""
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
        queue = self.queue
        while True:
            try:
                key = await queue.get()
            except QueueShutDown:
                return
            try:
                if self._fence is not None:
                    self._fence()
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
