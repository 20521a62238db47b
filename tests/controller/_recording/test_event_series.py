import datetime as dt
from typing import Any

import pytest

from kubeinformer.controller._recording.event_series import Create, EventSeries, Report

NOON = dt.datetime(2026, 5, 4, 12, 0, 0, tzinfo=dt.UTC)
Json = dict[str, Any]


def body(name: str = "web", *, reason: str = "Scaled", note: str = "") -> Json:
    subject = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "namespace": "shop", "uid": "u"}
    return {"regarding": subject, "type": "Normal", "reason": reason, "action": "Scale", "note": note}


def at(seconds: float) -> dict[str, Any]:
    return {"wall": NOON + dt.timedelta(seconds=seconds), "now": seconds}


def test_equal_events_become_a_series_with_the_second() -> None:
    series = EventSeries()
    first = series.add(body(note="a"), **at(0))
    assert isinstance(first, Create)
    assert first.series.body == body(note="a")
    second = series.add(body(note="b"), **at(1))
    assert isinstance(second, Report)
    assert second.series.patch() == {"series": {"count": 2, "lastObservedTime": "2026-05-04T12:00:01.000000Z"}}
    assert series.due(30.0) == []


@pytest.mark.parametrize("other", [body("db"), body(reason="Failed"), body() | {"related": {"name": "x"}}])
def test_others_are_not_equal(other: Json) -> None:
    series = EventSeries()
    series.add(body(), **at(0))
    assert isinstance(series.add(other, **at(1)), Create)


def test_a_running_series_is_reported_once_a_minute() -> None:
    series = EventSeries()
    series.add(body(), **at(0))
    series.add(body(), **at(1))
    for second in range(2, 61):
        assert series.add(body(), **at(second)) is None
    assert series.due(60.0) == []
    (report,) = series.due(61.0)
    assert report.series.patch()["series"]["count"] == 61
    assert series.due(130.0) == [], "nothing new"
    series.add(body(), **at(200))
    assert isinstance(series.add(body(), **at(261)), Report)


def test_a_series_that_was_silent_for_six_minutes_is_over() -> None:
    series = EventSeries()
    series.add(body(), **at(0))
    assert isinstance(series.add(body(), **at(359)), Report)
    assert isinstance(series.add(body(), **at(359 + 360)), Create)
    series.add(body(), **at(720))
    series.add(body(), **at(721))
    assert series.due(730) == []
    (report,) = series.due(721 + 360)
    assert report.series.count == 3
    assert not series._series, "it is forgotten"
    assert series.due(3000) == []
    assert isinstance(series.add(body(), **at(3000)), Create)


def test_at_the_end_everything_is_reported() -> None:
    series = EventSeries()
    series.add(body(), **at(0))
    for second in (1, 2, 3):
        series.add(body(), **at(second))
    series.add(body("db"), **at(3))
    (report,) = series.rest(3.0)
    assert report.series.count == 4
    assert series.rest(3.0) == []


def test_what_could_not_be_created_begins_anew() -> None:
    series = EventSeries()
    first = series.add(body(), **at(0))
    assert first is not None
    series.forget(first.series)
    assert isinstance(series.add(body(), **at(1)), Create)
    series.forget(first.series)
    series.forget(first.series)


def test_one_object_has_25_events_and_then_one_in_five_minutes() -> None:
    series = EventSeries()
    allowed = [series.allow(body(reason=f"R{number}"), 0.0) for number in range(30)]
    assert allowed == [True] * 25 + [False] * 5
    assert series.allow(body("db"), 0.0), "others have their own"
    assert not series.allow(body(), 299.0)
    assert series.allow(body(), 300.0)
    assert not series.allow(body(), 300.0)
    assert [series.allow(body(), 1e6) for _ in range(26)] == [True] * 25 + [False]


def test_memory_has_a_bound() -> None:
    series = EventSeries()
    for number in range(5000):
        event = body(f"web-{number}")
        series.add(event, **at(0))
        series.allow(event, 0.0)
    assert len(series._series) == len(series._budgets) == 4096
    assert isinstance(series.add(body("web-0"), **at(1)), Create), "the oldest went"
    assert isinstance(series.add(body("web-4999"), **at(1)), Report)


def test_what_was_heard_of_last_is_kept_longest() -> None:
    series = EventSeries()
    for second, name in enumerate(["over", "again", *(f"web-{number}" for number in range(4094))]):
        series.add(body(name), **at(second / 1e6))
    assert isinstance(series.add(body("again"), **at(300)), Report)
    assert isinstance(series.add(body("over"), **at(400)), Create), "the other one was over"
    for number in range(4094):
        series.add(body(f"new-{number}"), **at(401))
    assert isinstance(series.add(body("over"), **at(402)), Report)
    assert isinstance(series.add(body("again"), **at(403)), Report)
