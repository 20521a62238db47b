"""Which occurrences become requests: series of equal events, and a budget for each object. Pure: times are arguments.

Rules. Events are equal if everything except their note is equal. Then an object has one Event with a count instead of a
hundred Events. The first occurrence creates the Event, the second starts the series at once, and later ones are only
counted until the next report is due. After six minutes of silence a series is over, and the next occurrence is a new
Event. For one object, at most 25 Events are created in a row, and then one every five minutes. Counting is not limited.

Theory. All memory is limited: of series and budgets, the least recently used ones are dropped first. If a series is
dropped, it begins again, which costs one more Event. A budget that was dropped is a full one again.

Source. client-go at 1.37: ``tools/events/event_broadcaster.go`` (series, six minutes) and the spam filter of
``tools/record/events_cache.go`` (25, 300 s, 4096). There a running series is reported every 30 minutes, here every
minute, because ``kubectl describe`` shows what was reported.
"""

import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass

from kubeinformer import RawObject
from kubeinformer.controller.timestamps import micro_time

__all__ = ["Create", "EventSeries", "Report", "Series"]

_FINISHED = 360.0  # seconds without another one
_REPORT = 60.0  # seconds between two reports of a running series
_BURST, _REFILL = 25, 300.0  # events about one object, and seconds until one more
_LIMIT = 4096  # series, and budgets


@dataclass(slots=True)
class Series:
    """Equal events. ``body`` is the Event that was created; the other fields cover all occurrences since then."""

    body: RawObject
    last: dt.datetime
    last_at: float
    count: int = 1
    reported: int = 1  # of the count, what the server knows
    report_at: float = 0.0

    def patch(self) -> RawObject:
        """The patch that reports the count to the server."""
        return {"series": {"count": self.count, "lastObservedTime": micro_time(self.last)}}


@dataclass(frozen=True, slots=True)
class Create:
    """Create the event."""

    series: Series


@dataclass(frozen=True, slots=True)
class Report:
    """Report the count to the server."""

    series: Series


class EventSeries:
    """Takes occurrences, and says what is to be sent."""

    def __init__(self) -> None:
        self._series: OrderedDict[tuple[str, ...], Series] = OrderedDict()
        self._budgets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()  # what is left, since when

    def add(self, body: RawObject, wall: dt.datetime, now: float) -> Create | Report | None:
        """Add one more occurrence; None if it is only counted.

        Args:
            body: The Event as it would be created.
            wall: The time, for people.
            now: The same in seconds of a clock that only goes forward.
        """
        key = _key(body)
        series = self._series.get(key)
        if series is not None and now - series.last_at < _FINISHED:
            self._series.move_to_end(key)
            series.count += 1
            series.last, series.last_at = wall, now
            return self._report(series, now) if now >= series.report_at else None
        series = self._series[key] = Series(body, wall, now)
        self._series.move_to_end(key)
        if len(self._series) > _LIMIT:
            self._series.popitem(last=False)
        return Create(series)

    def due(self, now: float) -> list[Report]:
        """Reports that are due. Also forgets the series that are over."""
        reports = [self._report(series, now) for series in self._series.values() if self._is_due(series, now)]
        for key in [key for key, series in self._series.items() if now - series.last_at >= _FINISHED]:
            del self._series[key]
        return reports

    def rest(self, now: float) -> list[Report]:
        """Reports of everything that the server does not know yet, due or not. For the end."""
        return [self._report(series, now) for series in self._series.values() if series.count > series.reported]

    def allow(self, body: RawObject, now: float) -> bool:
        """Whether an Event may be created about this object now. If so, its budget is reduced."""
        key = _subject(body["regarding"])
        left, since = self._budgets.pop(key, (float(_BURST), now))
        left = min(_BURST, left + (now - since) / _REFILL)
        is_allowed = left >= 1
        self._budgets[key] = (left - 1 if is_allowed else left, now)
        if len(self._budgets) > _LIMIT:
            self._budgets.popitem(last=False)
        return is_allowed

    def forget(self, series: Series) -> None:
        """The Event could not be created: the next occurrence will create a new one."""
        self._series.pop(_key(series.body), None)

    @staticmethod
    def _is_due(series: Series, now: float) -> bool:
        return series.count > series.reported and now >= series.report_at

    @staticmethod
    def _report(series: Series, now: float) -> Report:
        series.reported, series.report_at = series.count, now + _REPORT
        return Report(series)


def _key(body: RawObject) -> tuple[str, ...]:
    return (
        *_subject(body["regarding"]),
        *_subject(body.get("related") or {}),
        *(str(body[name]) for name in ("type", "reason", "action")),
    )


def _subject(reference: RawObject) -> tuple[str, ...]:
    return tuple(str(reference.get(name, "")) for name in ("apiVersion", "kind", "namespace", "name", "uid"))
