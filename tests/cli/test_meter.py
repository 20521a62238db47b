from collections import Counter
from dataclasses import replace
from typing import cast

import anyio
import pytest

from kubeinformer import InformerStatistics, connect
from kubeinformer.cli._demo_view import status_line, summary
from kubeinformer.cli._memory import Memory
from kubeinformer.cli._meter import Figures, Meter
from kubeinformer.testing import FakeApiServer


def figures(requests: dict[str, int], *, syncs: int = 1, synced_after: float | None = 2.0) -> Figures:
    statistics = InformerStatistics(
        phase="live",
        objects=20_000,
        stored_bytes=0,
        received_bytes=0,
        decoded_bytes=0,
        events=0,
        changes=0,
        requests=Counter(requests),
        resyncs={},
        syncs=syncs,
        failures={},
        subscriptions=0,
        pending=0,
        last_error=None,
        last_activity=None,
        checks=0,
        divergences=0,
        resource_version=None,
    )
    return Figures(
        elapsed=12.0,
        statistics=statistics,
        synced_after=synced_after,
        mirrored=130_000_000,
        mirrored_wire=13_000_000,
        first_events=20_000,
        events=2_000,
        rate=190.0,
        memory=Memory(80_000_000, 81_000_000),
        memory_before=Memory(50_000_000, 51_000_000),
    )


@pytest.mark.parametrize(
    ("requests", "resumes"),
    [
        ({"watch-list": 1}, 0),
        ({"watch-list": 1, "watch": 3}, 3),
        ({"watch-list": 3, "watch": 1}, 1),  # the first stream was cut before its end
        ({"watch-list": 1, "list": 40, "watch": 1}, 0),  # what follows a list is no resume
        ({"watch-list": 1, "list": 40, "watch": 3}, 2),
        ({}, 0),
    ],
)
def test_a_resume_is_a_watch_that_goes_on_from_another(requests: dict[str, int], resumes: int) -> None:
    assert figures(requests).resumes == resumes


def test_the_mean_rate_counts_from_the_snapshot() -> None:
    assert figures({}).mean_rate == 200
    assert figures({}, synced_after=None).mean_rate == 0


def test_a_cut_is_told_although_the_demo_ended_before_its_resume() -> None:
    asked = figures({"watch-list": 1})
    cut = replace(asked, statistics=replace(asked.statistics, failures=Counter(ConnectionLost=1)))
    assert "connection  never cut\n" in summary(asked)
    assert "connection  cut, and not resumed yet\n" in summary(cut)


def test_the_summary_says_what_was_measured() -> None:
    assert summary(figures({"watch-list": 1, "watch": 2})).splitlines() == [
        "pods        20,000, synced in 2.00 s",
        "data        130.0 MB of JSON, 13.0 MB on the wire",
        "memory      81.0 MB at the peak, 80.0 MB now (50.0 MB before the informer)",
        "events      2,000 after the first 20,000 (200/s)",
        "connection  cut and resumed 2 times without reading the pods again",
        "            snapshots: 1; requests: 2 watch, 1 watch-list",
    ]


def test_the_summary_says_also_what_went_less_well() -> None:
    assert "resumed once, and 2 more by a resync in place" in summary(figures({"watch": 1}, syncs=3))
    assert "not synced" in summary(figures({}, synced_after=None))
    assert "requests: none" in summary(figures({}))


def test_what_the_system_does_not_say_is_unknown() -> None:
    elsewhere = replace(figures({}), memory=Memory(None, 1_000_000), memory_before=Memory(None, 500_000))
    assert "memory unknown" in status_line(elsewhere)
    assert "1.0 MB at the peak, unknown now (0.5 MB before the informer)" in summary(elsewhere)


@pytest.mark.anyio
async def test_a_reader_is_measured(anyio_backend_name: str) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("the built-in transport needs asyncio")
    async with FakeApiServer() as server, connect(server=server.url) as cluster:
        server.seed("v1/pods", 30)
        informer = cluster.informer("v1/pods")
        meter = Meter(informer, Memory(1, 2))
        assert meter.figures().synced_after is None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(meter.count)
            await meter.note_sync()
            created = server.create("v1/pods", {"metadata": {"name": "web-0"}})
            with anyio.fail_after(10):
                await informer.wait_for(cast("str", created["metadata"]["resourceVersion"]))
                while (measured := meter.figures()).events < 1:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert (measured.first_events, measured.events, measured.statistics.objects) == (30, 1, 31)
    assert measured.rate > 0
    assert measured.synced_after is not None
    assert 0 < measured.synced_after <= measured.elapsed
    assert 30 * 6000 < measured.mirrored < 30 * 8000
    assert measured.mirrored_wire < measured.mirrored
    assert measured.memory_before == Memory(1, 2)
