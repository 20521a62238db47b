import logging
import time
from typing import Any

import anyio
import pytest
from tests.controller.widgets import WIDGETS, Json, serving, widget

from kubeinformer import Cluster, UsageError
from kubeinformer.controller import EventRecorder
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import Cut, Script, ServerError, Stall, TooManyRequests
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio

EVENTS = "events.k8s.io/v1/events"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeinformer.controller._recording.event_recorder._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("kubeinformer.controller._recording.event_recorder._LONGEST_PAUSE", 0.02)


def recorder(cluster: Cluster, **options: Any) -> EventRecorder:
    return EventRecorder(cluster, **({"reporting_controller": "example.com/widgets"} | options))


def events(server: FakeApiServer) -> list[Json]:
    return sorted(server.list(EVENTS), key=lambda event: str(event["eventTime"]))


def dropped(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.__dict__["reason"]) for record in caplog.records if "dropped" in record.message]


async def test_an_event_is_written_in_the_background() -> None:
    async with serving() as (server, cluster):
        obj = server.create(WIDGETS, widget())
        async with recorder(cluster, reporting_instance="pod-0") as entered:
            entered.event(obj, "Normal", "Scaled", "scaled to 3", action="Scale")
            assert events(server) == [], "not before anybody waited"
        (event,) = events(server)
        assert event["regarding"]["uid"] == obj["metadata"]["uid"]
        assert event["metadata"]["namespace"] == "shop"
        assert (event["reportingController"], event["reportingInstance"]) == ("example.com/widgets", "pod-0")
        assert (event["type"], event["reason"], event["action"], event["note"]) == (
            ("Normal", "Scaled", "Scale", "scaled to 3")
        )
        assert dict(entered.dropped) == {}


async def test_equal_events_are_counted(eventually: Eventually) -> None:
    async with serving() as (server, cluster):
        async with recorder(cluster) as mine:
            for number in range(100):
                mine.event(widget(), "Warning", "Failed", f"failed {number}")
            await eventually(lambda: len(events(server)) == 1 and "series" in events(server)[0])
            sent = len(server.requests)
            for number in range(100):
                mine.event(widget(), "Warning", "Failed", f"failed {number}")
            await anyio.sleep(0.1)
            assert len(server.requests) == sent
        (event,) = events(server)
        assert event["series"]["count"] == 200
        assert event["note"] == "failed 0"
        assert len(server.requests) < 6


async def test_running_series_are_reported_while_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr("kubeinformer.controller._recording.event_recorder._TICK", 0.02)
    monkeypatch.setattr("kubeinformer.controller._recording.event_series._REPORT", 0.1)
    async with serving() as (server, cluster), recorder(cluster) as mine:
        for _ in range(5):
            mine.event(widget(), "Normal", "Scaled", "")
        await eventually(lambda: [event.get("series", {}).get("count") for event in events(server)] == [5])


async def test_an_event_that_the_server_forgot_is_written_anew(eventually: Eventually) -> None:
    async with serving() as (server, cluster), recorder(cluster) as mine:
        mine.event(widget(), "Normal", "Scaled", "")
        await eventually(lambda: len(events(server)) == 1)
        (old,) = events(server)
        server.delete(EVENTS, f"shop/{old['metadata']['name']}")
        mine.event(widget(), "Normal", "Scaled", "")
        await eventually(lambda: len(events(server)) == 1)
        (new,) = events(server)
        assert new["metadata"]["name"] != old["metadata"]["name"]
        assert new["series"]["count"] == 2


@pytest.mark.parametrize(
    "trouble", [ServerError(times=3), TooManyRequests(times=2, retry_after=1), Cut(times=1, after_bytes=10)]
)
async def test_a_short_trouble_is_lived_through(trouble: Any, eventually: Eventually) -> None:
    """A cut loses the answer and not the write: the second try finds it done."""
    async with serving() as (server, cluster), recorder(cluster) as mine:
        server.play(Script([trouble]))
        mine.event(widget(), "Normal", "Scaled", "")
        await eventually(lambda: len(events(server)) == 1)
        mine.event(widget(), "Normal", "Other", "")
        await eventually(lambda: len(events(server)) == 2)
        assert server.faults
    assert dict(mine.dropped) == {}


async def test_what_the_server_never_takes_is_dropped_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (server, cluster):
        server.play(Script([ServerError(times=None)]))
        async with recorder(cluster) as mine:
            for reason in ("One", "Two"):
                mine.event(widget(), "Normal", reason, "")
        assert dict(mine.dropped) == {"server unavailable": 2}
        assert len(server.faults) == 2 * 12
    assert dropped(caplog) == [("WARNING", "server unavailable")]


async def test_without_the_right_events_are_dropped_and_the_log_says_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (server, cluster):
        server.deny("create", EVENTS)
        async with recorder(cluster) as mine:
            for _ in range(3):
                mine.event(widget(), "Normal", "Scaled", "")
        assert dict(mine.dropped) == {"refused": 3}
    (told,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "the verb create on this resource" in told.__dict__["error"]


async def test_an_event_that_could_not_be_written_counts_for_nothing_later(
    eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as (server, cluster), recorder(cluster) as mine:
        server.deny("create", EVENTS)
        mine.event(widget(), "Normal", "Scaled", "first")
        await eventually(lambda: mine.dropped.get("refused") == 1)
        server.allow_all()
        mine.event(widget(), "Normal", "Scaled", "second")
        await eventually(lambda: [event["note"] for event in events(server)] == ["second"])
        assert "series" not in events(server)[0]
        server.deny("create", EVENTS)
        mine.event(widget(), "Normal", "Other", "")
        await eventually(lambda: mine.dropped.get("refused") == 2)
    assert dropped(caplog) == [("WARNING", "refused")] * 2, "told anew after something could be written"


async def test_a_count_that_cannot_be_told_is_dropped() -> None:
    async with serving() as (server, cluster):
        server.deny("patch", EVENTS)
        async with recorder(cluster) as mine:
            for _ in range(3):
                mine.event(widget(), "Normal", "Scaled", "")
        assert mine.dropped["refused"] >= 1
        assert len(events(server)) == 1


async def test_a_full_buffer_drops_and_does_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (server, cluster):
        async with recorder(cluster, buffer=3) as mine:
            for number in range(10):
                mine.event(widget(metadata={"name": f"w{number}"}), "Normal", "Scaled", "")
        assert dict(mine.dropped) == {"buffer full": 7}
        assert len(events(server)) == 3
    assert dropped(caplog) == [("WARNING", "buffer full")]


async def test_one_object_cannot_fill_the_server() -> None:
    async with serving() as (server, cluster):
        async with recorder(cluster) as mine:
            for number in range(40):
                mine.event(widget(), "Normal", f"Reason{number}", "")
        assert len(events(server)) == 25
        assert dict(mine.dropped) == {"too many about one object": 15}


@pytest.mark.parametrize("regarding", [{}, None, {"kind": "Widget", "metadata": {"name": 7}}])
async def test_nonsense_is_logged_and_never_raised(regarding: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (_, cluster), recorder(cluster) as mine:
        mine.event(regarding, "Normal", "Scaled", "")
        assert dict(mine.dropped) == {"malformed": 1}
    assert dropped(caplog) == [("WARNING", "malformed")]


async def test_outside_of_its_scope_nothing_is_written() -> None:
    async with serving() as (server, cluster):
        mine = recorder(cluster)
        mine.event(widget(), "Normal", "Scaled", "")
        async with mine:
            pass
        mine.event(widget(), "Normal", "Scaled", "")
        assert dict(mine.dropped) == {"not entered": 2}
        assert events(server) == []
        with pytest.raises(UsageError, match="is entered once"):
            await mine.__aenter__()


async def test_the_smallest_buffer_and_no_time_to_flush() -> None:
    async with serving() as (_, cluster):
        async with recorder(cluster, buffer=1, flush_timeout=0) as mine:
            for _ in range(3):
                mine.event(widget(), "Normal", "Scaled", "")
        assert dict(mine.dropped) == {"buffer full": 2, "left": 1}


async def test_leaving_waits_no_longer_than_there_is_something_to_write() -> None:
    async with serving() as (server, cluster):
        with anyio.fail_after(30):
            async with recorder(cluster, flush_timeout=600) as mine:
                mine.event(widget(), "Normal", "Scaled", "")
        assert len(events(server)) == 1


async def test_leaving_waits_within_a_bound() -> None:
    async with serving() as (server, cluster):
        server.play(Script([Stall(times=None)]))
        started = time.monotonic()
        async with recorder(cluster, flush_timeout=0.2) as mine:
            for reason in ("One", "Two"):
                mine.event(widget(), "Normal", reason, "")
        assert 0.2 <= time.monotonic() - started < 5
        assert dict(mine.dropped) == {"left": 2}
        server.stop_faults()


async def test_what_was_said_before_a_cancellation_is_written() -> None:
    async with serving() as (server, cluster):
        with anyio.CancelScope() as scope:
            async with recorder(cluster) as mine:
                mine.event(widget(), "Normal", "Stopping", "")
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert [event["reason"] for event in events(server)] == ["Stopping"]


async def test_the_body_s_error_comes_out_as_it_is() -> None:
    async def fail(mine: EventRecorder) -> None:
        async with mine:
            mine.event(widget(), "Warning", "Failing", "")
            raise ZeroDivisionError

    async with serving() as (server, cluster):
        with pytest.raises(ZeroDivisionError):
            await fail(recorder(cluster))
        assert len(events(server)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reporting_controller": ""}, "reporting_controller='' must be a name such as 'example.com/widgets'"),
        ({"reporting_controller": "my controller"}, "reporting_controller='my controller' must be"),
        ({"reporting_controller": "Example.com/x"}, "reporting_controller='Example.com/x' must be"),
        ({"reporting_controller": "x" * 64}, "reporting_controller='x+' must be"),
        ({"reporting_controller": ".".join(["x" * 60] * 3) + "/x"}, "up to 128 characters"),
        ({"reporting_instance": "é" * 65}, "reporting_instance='é+' must have 1 to 128 bytes"),
        ({"buffer": 0}, "buffer=0 must be 1 or more"),
        ({"flush_timeout": -1.0}, "flush_timeout=-1.0 must be seconds"),
        ({"flush_timeout": float("nan")}, "flush_timeout=nan must be seconds"),
    ],
)
def test_what_cannot_work_is_refused(options: Json, message: str) -> None:
    nowhere: Any = None
    with pytest.raises(ValueError, match=message):
        recorder(nowhere, **options)
