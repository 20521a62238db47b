"""Candidates in a simulated world: never two leaders at one moment of real time, however the world behaves.

Theory. The world has one time, the candidates have clocks of their own, with any offset and speeds that differ by up
to a tenth. A request arrives after some time or never, its answer comes after some time or never; a candidate stops
for as long as it likes between any two steps (a blocked loop, SIGSTOP). The lease is one object with optimistic
concurrency. A candidate's rule of use is that of `LeaderElection`: the times around requests are taken where it does.
"""

import copy
import datetime as dt
import heapq
import itertools
from collections.abc import Generator
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubeinformer.controller._election.lease import Candidate, LeaseTiming, LeaseWrite

Json = dict[str, Any]
Steps = Generator[float, None, None]  # each yields how long the next step takes
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = 400.0  # seconds


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Steps]] = []
        self._order = itertools.count()

    def start(self, steps: Steps) -> None:
        heapq.heappush(self._events, (self.now, next(self._order), steps))

    def step(self) -> bool:
        self.now, _, steps = heapq.heappop(self._events)
        pause = next(steps, None)
        if pause is not None:
            heapq.heappush(self._events, (self.now + pause, next(self._order), steps))
        return bool(self._events) and self.now < END


class Server:
    def __init__(self) -> None:
        self._lease: Json | None = None
        self._version = 0

    def get(self) -> Json | None:
        return copy.deepcopy(self._lease)

    def put(self, write: LeaseWrite) -> Json | None:
        """The object as written; None for 409 and 404."""
        if write.is_new:
            if self._lease is not None:
                return None
        elif self._lease is None or self._lease["metadata"] != write.body["metadata"]:
            return None
        self._version += 1
        self._lease = write.body | {"metadata": {"resourceVersion": str(self._version)}}
        return copy.deepcopy(self._lease)


class Process:
    """One candidate, on a machine of its own."""

    def __init__(self, name: str, world: World, server: Server, random: Random, *, trouble: float) -> None:
        self.candidate = Candidate("lock", "system", name, LeaseTiming())
        self._world, self._server, self._random, self._trouble = world, server, random, trouble
        self._offset = random.uniform(0, 1e6)
        self._speed = random.uniform(0.95, 1.05) if trouble else 1.0
        self.led = 0

    def clock(self) -> float:
        return self._offset + self._world.now * self._speed

    @property
    def is_leader(self) -> bool:
        return self.candidate.is_leader(self.clock())

    def run(self) -> Steps:
        while True:
            yield from self._round()
            self.led += self.is_leader
            yield self._random.uniform(2.0, 2.4 if self.is_leader else 4.4) + self._stop()
            if self._strikes(0.3):
                yield from self._leave()
                yield self._stop()

    def _round(self) -> Steps:
        candidate = self.candidate
        if not self.is_leader:
            answer = yield from self._get()
            if answer is None:
                return
            candidate.observe(answer[0], self.clock())
            yield self._stop()
        for _ in range(2):
            write = candidate.next_write(self.clock(), EPOCH + dt.timedelta(seconds=self.clock()))
            if write is None:
                return
            began = self.clock()
            yield self._stop()
            answer = yield from self._put(write)
            if answer is None:
                return
            if answer[0] is not None:
                candidate.written(answer[0], began)
                return
            answer = yield from self._get()
            if answer is None:
                return
            candidate.observe(answer[0], self.clock())

    def _leave(self) -> Steps:
        self.candidate.resign()
        write = self.candidate.release(EPOCH)
        if write is not None:
            answer = yield from self._put(write)
            if answer is not None and answer[0] is not None:
                self.candidate.released(answer[0], self.clock())

    def _get(self) -> Generator[float, None, tuple[Json | None] | None]:
        """None when there is no answer."""
        yield self._delay()
        answer = (self._server.get(),)
        yield self._delay() + self._stop()
        return None if self._strikes() else answer

    def _put(self, write: LeaseWrite) -> Generator[float, None, tuple[Json | None] | None]:
        if self._strikes():  # given up here, and arrives there whenever it likes
            self._world.start(self._arrive_late(write))
            yield self._delay()
            return None
        yield self._delay()
        answer = (self._server.put(write),)
        yield self._delay() + self._stop()
        return None if self._strikes() else answer

    def _arrive_late(self, write: LeaseWrite) -> Steps:
        yield self._random.uniform(0, 40)
        self._server.put(write)

    def _delay(self) -> float:
        return self._random.uniform(0, 5) if self._strikes() else self._random.uniform(0, 0.05)

    def _stop(self) -> float:
        return self._random.uniform(0, 40) if self._strikes(0.5) else 0.0

    def _strikes(self, factor: float = 1.0) -> bool:
        return self._random.random() < self._trouble * factor


def run(world: World, processes: list[Process]) -> None:
    for process in processes:
        world.start(process.run())
    while world.step():
        # Whoever becomes leader does so in a step, so to look after each is to look always.
        assert sum(process.is_leader for process in processes) <= 1, f"two leaders at {world.now}"


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 3), trouble=st.sampled_from([0.02, 0.1, 0.3]))
def test_never_two_leaders(seed: int, count: int, trouble: float) -> None:
    world, server, random = World(), Server(), Random(seed)  # noqa: S311 - repeatable, not secret
    run(world, [Process(name, world, server, random, trouble=trouble) for name in "abc"[:count]])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_in_a_calm_world_one_leads_all_the_time(seed: int) -> None:
    world, server, random = World(), Server(), Random(seed)  # noqa: S311 - as above
    processes = [Process(name, world, server, random, trouble=0.0) for name in "abc"]
    run(world, processes)
    assert sorted(process.led > 0 for process in processes) == [False, False, True]
    assert sum(process.led for process in processes) > END / 2.5


def test_in_a_troubled_world_leaders_come_and_go() -> None:
    """Or the first test would pass on candidates that never lead."""
    world, server, random = World(), Server(), Random(1)  # noqa: S311 - as above
    processes = [Process(name, world, server, random, trouble=0.1) for name in "abc"]
    run(world, processes)
    assert all(process.led for process in processes)
