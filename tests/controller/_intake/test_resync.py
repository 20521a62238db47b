"""Resyncs: every key in each period, in portions."""

import pytest

from kubeinformer.controller import WorkQueue
from kubeinformer.controller._intake import resync
from kubeinformer.controller._intake.resync import Resync
from kubeinformer.controller._queue.queue import LOW_PRIORITY
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import InformerSynced

pytestmark = pytest.mark.anyio


class Ended(Exception):
    pass


class Clock:
    """The loop's clock, which jumps to where somebody wants to sleep to; and what was added by then."""

    def __init__(self, queue: WorkQueue[str], until: float) -> None:
        self.now = 100.0
        self.added: list[tuple[float, int]] = []
        self._queue, self._until = queue, until

    def current_time(self) -> float:
        return self.now

    async def sleep_until(self, when: float) -> None:
        self._note()
        self.now = when
        if when > self._until:
            raise Ended

    def _note(self) -> None:
        count = self._queue.statistics().added - sum(count for _, count in self.added)
        if count:
            self.added.append((self.now - 100.0, count))


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue("test")


async def resynced(
    informer_synced: InformerSynced, queue: WorkQueue[str], monkeypatch: pytest.MonkeyPatch, period: float, until: float
) -> list[tuple[float, int]]:
    informer = await informer_synced("v1/configmaps")
    clock = Clock(queue, 100.0 + until)
    monkeypatch.setattr(resync, "anyio", clock)
    with pytest.raises(Ended):
        await Resync(informer.store, queue, period).run()
    return clock.added


async def test_keys_are_spread_over_the_period(
    fake_api_server: FakeApiServer,
    informer_synced: InformerSynced,
    queue: WorkQueue[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_api_server.seed("v1/configmaps", 25)
    added = await resynced(informer_synced, queue, monkeypatch, period=10.0, until=10.0)
    assert [moment for moment, _ in added] == pytest.approx(list(range(1, 11)))
    assert [count for _, count in added] == [2, 3] * 5
    assert queue.statistics().depth == {LOW_PRIORITY: 25}


async def test_few_keys_and_short_periods_come_at_the_end(
    fake_api_server: FakeApiServer,
    informer_synced: InformerSynced,
    queue: WorkQueue[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_api_server.seed("v1/configmaps", 3)
    added = await resynced(informer_synced, queue, monkeypatch, period=0.5, until=0.6)
    assert added == [(0.5, 3)]


async def test_an_empty_store_adds_nothing(
    informer_synced: InformerSynced,
    queue: WorkQueue[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await resynced(informer_synced, queue, monkeypatch, period=5.0, until=20.0) == []
