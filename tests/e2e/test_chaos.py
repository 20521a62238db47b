"""A short chaos test that runs on every change of the project; and tests that its instruments show what they should.

``KUBEINFORMER_CHAOS_SEED`` replays a plan, and ``KUBEINFORMER_CHAOS_SECONDS`` makes it longer. `tests.e2e.chaos` is the
same test to run by hand, with figures.
"""

import os
import random
from itertools import islice
from pathlib import Path

import pytest
from tests.e2e.chaos.collections import Json, seen, state_of
from tests.e2e.chaos.fold import Fold
from tests.e2e.chaos.plan import Action, Fault, phases
from tests.e2e.chaos.quiet import Outcome
from tests.e2e.chaos.report import Report
from tests.e2e.chaos.run import run

from kubeinformer import Added, Deleted, Event, Synced, Updated

SEED = int(os.environ.get("KUBEINFORMER_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
SECONDS = float(os.environ.get("KUBEINFORMER_CHAOS_SECONDS") or 90)

_OTHERWISE = 300  # seconds for starts, the last phase and its quiet point


@pytest.mark.anyio
@pytest.mark.timeout(SECONDS + _OTHERWISE)
async def test_after_chaos_everybody_says_what_the_server_says(
    assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nchaos: KUBEINFORMER_CHAOS_SEED={SEED} replays this plan of {SECONDS:g} s")  # noqa: T201 - for people
    report = await run(assets, seconds=SECONDS, seed=SEED, say=print)
    print(report.line())  # noqa: T201 - with the plan above, what a failure shows
    assert report.problems() == []
    assert report.quiet_points >= 1
    assert sum(report.faults.values()) >= 4
    assert sum(report.changes["acknowledged"].values()) >= 1_000
    for counted in report.informers.values():
        assert counted["delivered"].keys() == {"fast", "slow", "visitor"}


def test_a_seed_replays_its_plan() -> None:
    plan, other = (list(islice(phases(seed), 10)) for seed in (1, 2))
    assert plan == list(islice(phases(1), 10))
    assert plan != other
    assert {action.fault for phase in plan for action in (*phase.servers, *phase.wire)} == set(Fault)
    assert all(phase.servers and phase.wire for phase in plan)
    old = Action(1.0, Fault.API_KILLED, 2.0, has_watch_list=False)
    assert str(old) == "+1.0 s: api killed for 2.0 s, comes back without watch-lists"


def item(version: int, uid: str = "u") -> Json:
    return {"metadata": {"name": "a", "uid": uid, "resourceVersion": str(version)}}


def folded(*events: Event[Json]) -> list[str]:
    notes: list[str] = []
    fold = Fold("reader", notes.append)
    for event in events:
        fold.take(event)
    return notes


def test_a_life_in_order_breaks_no_rule() -> None:
    assert not folded(
        Added("a", item(1)),
        Synced(),
        Updated("a", item(1), item(2)),
        Deleted("a", item(3)),
        Added("a", item(4, "other")),
        Deleted("a", item(4, "other"), final_state_known=False),
    )


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ([Added("a", item(1)), Added("a", item(2))], "Added again"),
        ([Updated("a", item(1), item(2))], "Updated from"),
        ([Added("a", item(1)), Updated("a", item(0), item(2))], "Updated from"),
        ([Added("a", item(1)), Updated("a", item(1), item(2, "other"))], "to another object"),
        ([Added("a", item(2)), Updated("a", item(2), item(1))], "version 1 after 2"),
        ([Added("a", item(2)), Updated("a", item(2), item(2))], "version 2 after 2"),
        ([Deleted("a", item(1))], "was not known"),
        ([Added("a", item(1)), Deleted("a", item(2, "other"))], "as another object"),
        ([Added("a", item(2)), Deleted("a", item(1))], "Deleted at 1, after 2"),
        ([Added("a", item(1)), Deleted("a", item(3)), Added("a", item(2, "other"))], "version 2 after 3"),
        ([Synced(), Synced()], "Synced twice"),
    ],
)
def test_what_should_not_be_told_is_noted(events: list[Event[Json]], rule: str) -> None:
    assert any(rule in note for note in folded(*events))


def test_a_report_counts_what_readers_never_showed() -> None:
    (now,) = state_of([item(2)]).values()
    outcome = Outcome(served=0.1, cached={"all": 0.2}, equal={"all": 0.3}, live={"all": 0.5})
    outcome.differences = {"all store": {"a": (now, None)}, "all slow": {"a": (now, None), "b": (None, seen(item(1)))}}
    outcome.late = ["all"]
    report = Report(seed=1, planned_seconds=90)
    report.quiet(outcome)
    assert report.events_lost == 2
    assert report.longest_behind == {"all": 0.3}
    assert len(report.problems()) == 4
    assert report.problems()[-1] == "all was late"
