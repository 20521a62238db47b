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
        self.sleeps = 0
        self._queue, self._until = queue, until
        self._pause = 0.0

    def current_time(self) -> float:
        return self.now

    def stop_for(self, seconds: float) -> None:
        """The process stands still, from the next portion on."""
        self._pause = seconds

    async def sleep_until(self, when: float) -> None:
        self._note()
        self.sleeps += 1
        self.now = max(self.now, when) + self._pause
        self._pause = 0.0
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


async def test_many_keys_come_in_small_portions(
    fake_api_server: FakeApiServer,
    informer_synced: InformerSynced,
    queue: WorkQueue[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_api_server.seed("v1/configmaps", 600)
    added = await resynced(informer_synced, queue, monkeypatch, period=0.5, until=0.6)
    assert [count for _, count in added] == [200, 200, 200]
    assert added[-1][0] == pytest.approx(0.5)


async def test_periods_in_which_the_process_stood_still_are_not_made_up_for(
    fake_api_server: FakeApiServer,
    informer_synced: InformerSynced,
    queue: WorkQueue[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_api_server.seed("v1/configmaps", 1)
    informer = await informer_synced("v1/configmaps")
    clock = Clock(queue, 100.0 + 1001.0)
    clock.stop_for(1000.0)
    monkeypatch.setattr(resync, "anyio", clock)
    with pytest.raises(Ended):
        await Resync(informer.store, queue, 1.0).run()
    assert clock.sleeps == 2
