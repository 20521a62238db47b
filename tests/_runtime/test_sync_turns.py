from typing import Any

import anyio
import pytest
from tests._runtime.mirror import Mirror, mirroring
from tests._runtime.scripted import (
    GUARD,
    HANG,
    Answer,
    FedTransport,
    ScriptedTransport,
    added,
    error_event,
    initial,
    modified,
    page,
    pod,
    refuse,
)

from kubeinformer import ConnectionFailed, Timing
from kubeinformer._protocol.steps import Phase
from kubeinformer._runtime.sync_turns import SyncTurns

pytestmark = pytest.mark.anyio


def live() -> ScriptedTransport:
    return ScriptedTransport(Answer([initial(["a"], 10), HANG]))


def unfinished() -> ScriptedTransport:
    return ScriptedTransport(Answer([added("a", 5), HANG]))


async def settle() -> None:
    with anyio.fail_after(GUARD):
        await anyio.wait_all_tasks_blocked()


def asked(mirror: Mirror) -> list[str]:
    return mirror.transport.kinds


@pytest.mark.parametrize("limit", [0, -1, 1.0, True, "4", None])
def test_a_limit_that_is_none(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"^concurrent_syncs=.* must be a whole number of informers, at least 1$"):
        SyncTurns(limit)


async def test_turns_are_taken_once_and_given_back_once() -> None:
    turns = SyncTurns(2)
    first, second, third = (turns.turn() for _ in range(3))
    for turn in (first, first, second):
        await turn.take()
    first.give_back()
    first.give_back()
    with anyio.fail_after(GUARD):
        await third.take()
    with anyio.move_on_after(0) as scope:
        await first.take()
    assert scope.cancelled_caught, "there are two turns, not three"
    third.give_back()
    with anyio.fail_after(GUARD):
        await first.take()


async def test_a_cancelled_wait_takes_no_turn() -> None:
    turns = SyncTurns(1)
    first, second, third = (turns.turn() for _ in range(3))
    await first.take()
    with anyio.move_on_after(0):
        await second.take()
    first.give_back()
    with anyio.fail_after(GUARD):
        await third.take()


async def test_one_waits_until_the_other_has_synced_and_not_until_it_ends() -> None:
    turns = SyncTurns(1)
    async with mirroring(live(), turns=turns) as first:
        await settle()
        assert first.health.phase is Phase.LIVE
        async with mirroring(unfinished(), turns=turns) as second:
            await settle()
            assert asked(second) == ["watch-list"]
            async with mirroring(live(), turns=turns) as third:
                await settle()
                assert (asked(third), third.health.phase) == ([], Phase.QUEUED)


async def test_who_is_cancelled_gives_the_turn_back() -> None:
    turns = SyncTurns(1)
    async with mirroring(unfinished(), turns=turns):
        await settle()
    async with mirroring(live(), turns=turns) as second:
        await settle()
        assert second.health.phase is Phase.LIVE


@pytest.mark.parametrize(
    "failure", [refuse(403), refuse(404), Answer([added("a", 5)]), ConnectionFailed("refused")], ids=str
)
async def test_who_waits_after_a_failure_gives_way(failure: Answer | Exception) -> None:
    turns = SyncTurns(1)
    patient = Timing(backoff_first=1e9, backoff_limit=1e9, probe_first=1e9, probe_limit=1e9)
    failing = ScriptedTransport(failure)
    async with mirroring(failing, turns=turns, timing=patient, jitter=lambda: 0.5) as first:
        await settle()
        async with mirroring(live(), turns=turns) as second:
            await settle()
            assert (asked(first), first.health.phase) == (["watch-list"], Phase.WAITING)
            assert second.health.phase is Phase.LIVE


async def test_a_turn_lasts_over_all_pages() -> None:
    turns = SyncTurns(1)
    pages = ScriptedTransport(refuse(422), Answer([page([pod("a", 1)], 10, token="one")]), HANG)
    async with mirroring(pages, turns=turns) as first:
        await settle()
        assert asked(first) == ["watch-list", "page", "next page"]
        async with mirroring(live(), turns=turns) as second:
            await settle()
            assert asked(second) == []


async def test_live_informers_are_not_held_back_and_their_resyncs_take_turns() -> None:
    turns, transport = SyncTurns(1), FedTransport()
    async with mirroring(transport, turns=turns) as mirror:
        transport.response.feed(initial(["a"], 10))
        await settle()
        async with mirroring(unfinished(), turns=turns):
            await settle()
            transport.response.feed(b"", modified("a", 11))
            await settle()
            assert asked(mirror) == ["watch-list", "watch"]
            assert mirror.versions == {"a": 11}
            transport.response.feed(error_event(410))
            await settle()
            assert (asked(mirror), mirror.health.phase) == (["watch-list", "watch"], Phase.QUEUED)
        await settle()
        assert asked(mirror) == ["watch-list", "watch", "watch-list"]
    transport.response.close()
