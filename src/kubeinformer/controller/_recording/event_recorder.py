"""`EventRecorder`: what a controller reports about an object to people, as ``kubectl describe`` shows it.

Rules. `EventRecorder.event` never waits, never fails and never needs the server, because a reconcile must not depend on
events. A background task writes them one after the other. What cannot be written is dropped, counted and logged: what
exceeds the buffer or the budget of one object, what the server refuses, and what it does not accept within some tries.
Leaving takes at most ``flush_timeout``, even when cancelled.

Not here. Which occurrences become a request: `event_series`. What an Event looks like: `event_bodies`.

Source. client-go's ``tools/events`` at 1.37: how often a write is tried, and what is not tried again.
"""

import datetime as dt
import logging
import random
import socket
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType, TracebackType
from typing import Literal, Self, TypeAlias, final

import anyio

from kubeinformer import (
    AlreadyExists,
    Cluster,
    KubeInformerError,
    NotFound,
    RawObject,
    Resource,
    ServerUnavailable,
    TransportError,
    UsageError,
)
from kubeinformer.controller._recording.event_bodies import WORD_LIMIT, cut, event_body, is_reporter, renamed
from kubeinformer.controller._recording.event_series import Create, EventSeries, Report, Series
from kubeinformer.controller.scopes import open_background
from kubeinformer.controller.timestamps import utc_now

__all__ = ["EventRecorder", "EventType"]

EventType: TypeAlias = Literal["Normal", "Warning"]

logger: logging.Logger = logging.getLogger("kubeinformer.event_recorder")

_EVENTS = Resource.parse("events.k8s.io/v1/events")
_MERGE = "application/merge-patch+json"
_TRIES = 12  # client-go's maxTriesPerEvent
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds; the latter is client-go's sleepDuration
_TICK = 10.0  # seconds between two looks at running series
_REQUEST = 10.0  # seconds for one request


@final
class EventRecorder:
    """Writes Events (``events.k8s.io/v1``) in the background.

    Example::

        async with EventRecorder(cluster, reporting_controller="example.com/widgets") as recorder:
            recorder.event(widget, "Normal", "Scaled", "scaled to 3 replicas", action="Scale")

    Equal events about one object become one Event with a count. This needs the verbs ``create`` and ``patch`` on
    ``events`` of ``events.k8s.io``. Enter the recorder inside ``connect()`` and outside of the controllers.

    Args:
        cluster: The cluster to write to.
        reporting_controller: The controller that reports, as a name with a domain: ``example.com/widgets``.
        reporting_instance: The process that reports; by default the name of the host.
        buffer: How many events may wait to be written; more are dropped.
        flush_timeout: Seconds that leaving waits for events that have not been written yet.

    Raises:
        ValueError: An argument is empty, too long, out of range, or a name that the server does not accept.
        UsageError: On entering: the recorder was entered before.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        reporting_controller: str,
        reporting_instance: str | None = None,
        buffer: int = 1000,
        flush_timeout: float = 5.0,
    ) -> None:
        if not is_reporter(reporting_controller):
            raise ValueError(
                f"reporting_controller={reporting_controller!r} must be a name such as "
                f"'example.com/widgets', of up to {WORD_LIMIT} characters: the server would refuse every event"
            )
        instance = reporting_instance or cut(socket.gethostname(), WORD_LIMIT)
        if not instance or cut(instance, WORD_LIMIT) != instance:
            raise ValueError(f"reporting_instance={instance!r} must have 1 to {WORD_LIMIT} bytes")
        if buffer < 1:
            raise ValueError(f"buffer={buffer!r} must be 1 or more")
        if not flush_timeout >= 0:
            raise ValueError(f"flush_timeout={flush_timeout!r} must be seconds, 0 or more")
        self._cluster, self._buffer, self._flush_timeout = cluster, buffer, flush_timeout
        self._reporter = {"reportingController": reporting_controller, "reportingInstance": instance}
        self._waiting: deque[tuple[RawObject, dt.datetime]] = deque()
        self._wake: anyio.Event | None = None  # None unless entered
        self._is_ending = False
        self._series = EventSeries()
        self._dropped: Counter[str] = Counter()
        self._told: set[str] = set()  # why, since the last success
        self._scope: AbstractAsyncContextManager[None] | None = None

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many events were not written, by the reason: ``malformed``, ``not entered``, ``buffer full``,
        ``too many about one object``, ``refused``, ``server unavailable``, ``left``.
        """
        return MappingProxyType(self._dropped)

    def event(
        self,
        regarding: RawObject,
        type_: EventType,
        reason: str,
        note: str,
        *,
        action: str = "",
        related: RawObject | None = None,
    ) -> None:
        """Report something about an object. Returns immediately, and never raises.

        Args:
            regarding: The object, with ``apiVersion``, ``kind``, name, and whatever else is known.
            type_: ``Normal`` or ``Warning``.
            reason: Why, in one word for programs: ``Scaled``. Events with the same object, type, reason and action are
                counted as one, so do not put anything that changes each time into these.
            note: What happened, for people; cut after 1,024 bytes.
            action: What was done, in one word: ``Scale``; by default the same as the reason.
            related: Another object that the event is about.
        """
        moment = utc_now()
        try:
            body = event_body(regarding, type_, reason, note, action, related, moment)
        except (ValueError, TypeError, AttributeError) as error:
            # The caller's bug, but still no reason for a reconcile to fail.
            self._drop("malformed", error)
            return
        if self._wake is None:
            self._drop("not entered")
        elif len(self._waiting) >= self._buffer:
            self._drop("buffer full")
        else:
            self._waiting.append((body | self._reporter, moment))
            self._wake.set()

    async def __aenter__(self) -> Self:
        if self._scope is not None:
            raise UsageError("an EventRecorder is entered once: make a new one")
        self._scope = self._writing()
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._scope is not None
        return await self._scope.__aexit__(exc_type, exc, traceback)

    # Behind it

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[None]:
        self._wake = anyio.Event()
        work, done = anyio.CancelScope(shield=True), anyio.Event()
        async with open_background() as tasks:
            tasks.start_soon(self._work, work, done, name="kubeinformer events")
            try:
                yield
            finally:
                self._is_ending = True
                self._wake.set()
                with anyio.move_on_after(self._flush_timeout, shield=True):
                    await done.wait()
                work.cancel()
                self._wake = None
                self._drop("left", count=len(self._waiting))

    async def _work(self, scope: anyio.CancelScope, done: anyio.Event) -> None:
        # Shielded: the last events of the body are written even if it was cancelled. Leaving ends this scope.
        with scope:
            while True:
                wake = self._wake = anyio.Event()
                while self._waiting:
                    await self._write(*self._waiting[0])
                    self._waiting.popleft()  # not before: leaving meanwhile counts it as not written
                is_last = self._is_ending
                now = anyio.current_time()
                for report in self._series.rest(now) if is_last else self._series.due(now):
                    await self._report(report.series)
                if is_last:
                    done.set()
                    return
                with anyio.move_on_after(_TICK):
                    await wake.wait()

    async def _write(self, body: RawObject, moment: dt.datetime) -> None:
        now = anyio.current_time()
        match self._series.add(body, moment, now):
            case Create(series):
                if not self._series.allow(body, now):
                    self._series.forget(series)
                    self._drop("too many about one object")
                else:
                    await self._create(series)
            case Report(series):
                await self._report(series)
            case None:
                pass

    async def _create(self, series: Series) -> None:
        namespace = series.body["metadata"]["namespace"]
        try:
            await self._request("POST", _EVENTS.path(namespace), series.body, "application/json")
        except AlreadyExists:
            pass  # names are unique: an earlier try created it, and its answer was lost
        except KubeInformerError as error:
            self._series.forget(series)
            self._refused(error)

    async def _report(self, series: Series) -> None:
        metadata = series.body["metadata"]
        path = _EVENTS.path(metadata["namespace"], metadata["name"])
        try:
            await self._request("PATCH", path, series.patch(), _MERGE)
        except NotFound:  # servers forget events after an hour
            series.body = renamed(series.body) | series.patch()
            await self._create(series)
        except KubeInformerError as error:
            self._refused(error)

    async def _request(self, method: str, path: str, body: RawObject, content_type: str) -> None:
        """Send a request, and repeat it while the server cannot answer."""
        pause = _FIRST_PAUSE
        for tries_left in reversed(range(_TRIES)):
            try:
                await self._cluster.request(method, path, body, content_type=content_type, timeout=_REQUEST)
            except (ServerUnavailable, TransportError) as error:
                if not tries_left:
                    raise
                wanted = error.retry_after if isinstance(error, ServerUnavailable) else None
                # No secret: it keeps processes from asking in step.
                await anyio.sleep(min(wanted or pause, _LONGEST_PAUSE) * random.uniform(0.8, 1.2))  # noqa: S311 - as said
                pause *= 2
            else:
                self._told.clear()
                return

    def _refused(self, error: KubeInformerError) -> None:
        is_away = isinstance(error, (ServerUnavailable, TransportError))
        self._drop("server unavailable" if is_away else "refused", error)

    def _drop(self, why: str, error: Exception | None = None, *, count: int = 1) -> None:
        if not count:
            return
        self._dropped[why] += count
        # One line for each reason until something could be written again: usually many events are dropped at once.
        level = logging.DEBUG if why in self._told else logging.WARNING
        self._told.add(why)
        facts = {"reason": why, "dropped": self._dropped[why], "error": None if error is None else str(error)}
        logger.log(level, "event dropped", extra=facts | {"controller": self._reporter["reportingController"]})
