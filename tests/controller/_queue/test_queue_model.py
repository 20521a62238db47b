"""The work queue beside a model of a few lines, under histories that Hypothesis makes up.

The machine checks which key comes next, and what is known of each. The second test checks what only waiting workers can
get wrong: that whatever is cancelled, no key and no wake-up is lost.
"""

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.controller.virtual_time import run, settle

from kubeinformer.controller import QueueShutDown, WorkQueue
from kubeinformer.controller._queue.schedule import OLDEST_EVERY, Schedule

KEYS = st.sampled_from("abc")
PRIORITIES = st.sampled_from([-100, 0, 0, 0, 7])
SECONDS = st.integers(0, 8)


class QueueMachine(RuleBasedStateMachine):
    """Schedule against lists and dicts that are searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule: Schedule = Schedule()
        self.now = 0.0
        self.arrivals: list[str] = []  # ready keys, the longest first
        self.lane: list[str] = []  # ready keys in the order in which they came to their priority
        self.priority: dict[str, int] = {}  # of all that wait
        self.since: dict[str, float] = {}
        self.due: dict[str, float] = {}
        self.order: dict[str, int] = {}  # ties between equal times
        self.asked = 0
        self.processing: dict[str, int] = {}
        self.again: set[str] = set()
        self.turn = 0
        self.is_shut = False

    # The model.

    def waits(self, key: str) -> bool:
        return key in self.arrivals or key in self.again

    def make_ready(self, key: str, priority: int, since: float) -> None:
        if self.waits(key):
            if priority > self.priority[key]:
                self.priority[key] = priority
                if key in self.lane:
                    self.lane.remove(key)
                    self.lane.append(key)
            return
        self.priority[key] = priority
        self.since[key] = since
        if key in self.processing:
            self.again.add(key)
        else:
            self.arrivals.append(key)
            self.lane.append(key)

    def pass_time(self) -> None:
        for key in sorted(self.due, key=lambda key: (self.due[key], self.order[key])):
            if self.due[key] <= self.now:
                self.make_ready(key, self.priority[key], self.due.pop(key))

    def expected(self) -> str | None:
        if not self.arrivals:
            return None
        if len({self.priority[key] for key in self.arrivals}) > 1:
            self.turn += 1
            if self.turn == OLDEST_EVERY:
                self.turn = 0
                return self.arrivals[0]
        return max(self.lane, key=lambda key: self.priority[key])  # max gives the first of equals

    # What can happen.

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(key=KEYS, priority=PRIORITIES)
    def add(self, key: str, priority: int) -> None:
        self.schedule.add(key, priority, self.now)
        if self.is_shut:
            return
        self.pass_time()
        if key in self.due:
            priority = max(priority, self.priority[key])
            del self.due[key]
        self.make_ready(key, priority, self.now)

    @rule(key=KEYS, priority=PRIORITIES, seconds=SECONDS)
    def add_after(self, key: str, priority: int, seconds: int) -> None:
        if seconds == 0:
            self.add(key, priority)
            return
        self.schedule.add_after(key, seconds, priority, self.now)
        if self.is_shut:
            return
        self.pass_time()
        if self.waits(key):
            self.make_ready(key, priority, self.now)
            return
        due = self.now + seconds
        self.asked += 1
        if key not in self.due:
            self.priority[key] = priority
        self.priority[key] = max(priority, self.priority[key])
        if due < self.due.get(key, 1e9):
            self.due[key], self.order[key] = due, self.asked

    @rule()
    def take(self) -> None:
        self.pass_time()
        expected = self.expected()
        found = self.schedule.take(self.now)
        if expected is None:
            assert found is None
            return
        assert found == (expected, self.since[expected])
        assert expected not in self.processing, "twice at once"
        self.arrivals.remove(expected)
        self.lane.remove(expected)
        self.processing[expected] = self.priority[expected]
        assert self.schedule.priority_of(expected) == self.priority[expected]

    @rule(key=KEYS)
    def done(self, key: str) -> None:
        if key not in self.processing:
            with pytest.raises(ValueError, match="is not being processed"):
                self.schedule.done(key)
            return
        self.schedule.done(key)
        del self.processing[key]
        if key in self.again:
            self.again.remove(key)
            self.arrivals.append(key)
            self.lane.append(key)

    @rule(turns=st.integers(1, OLDEST_EVERY))
    def is_busy(self, turns: int) -> None:
        """So many keys of a high priority come and go."""
        for _ in range(turns):
            self.add("d", 9)
            self.take()
            for key in list(self.processing):
                self.done(key)

    @precondition(lambda self: len(self.arrivals) + len(self.again) > 1)
    @rule(drain=st.booleans(), sure=st.integers(0, 9))
    def shut_down(self, *, drain: bool, sure: int) -> None:
        if sure:
            return  # most histories should get far
        self.is_shut = True
        self.schedule.shut_down(drain=drain)
        self.due.clear()
        if not drain:
            self.arrivals.clear()
            self.lane.clear()
            self.again.clear()

    @invariant()
    def what_is_known_of_each_key_agrees(self) -> None:
        found = self.schedule.statistics(self.now)
        depth: dict[int, int] = {}
        for key in self.arrivals:
            depth[self.priority[key]] = depth.get(self.priority[key], 0) + 1
        assert found.depth == depth
        assert len(self.schedule) == len(self.arrivals)
        assert (found.delayed, found.processing, found.again) == (len(self.due), len(self.processing), len(self.again))
        assert self.schedule.next_due() == min(self.due.values(), default=None)
        assert found.longest_waiting == (self.now - self.since[self.arrivals[0]] if self.arrivals else 0)
        assert self.schedule.is_exhausted == (self.is_shut and not self.arrivals and not self.again)
        assert self.schedule.is_drained == (self.schedule.is_exhausted and not self.processing)

    def teardown(self) -> None:
        """What is left comes out, each key once."""
        self.now += 100
        while self.arrivals or self.due or self.processing:
            self.take()
            for key in list(self.processing):
                self.done(key)
        self.take()


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


# What happens to a queue with workers that wait: steps, each of operations between which no other task runs. A number
# goes with each; its meaning depends on the operation.
OPERATIONS = st.tuples(
    st.sampled_from(["add", "add", "add_after", "add_after", "worker", "worker", "cancel", "cancel", "done"]),
    st.integers(0, 9),
)
STEPS = st.lists(st.tuples(st.lists(OPERATIONS, min_size=1, max_size=3), st.sampled_from([0, 0, 1, 3])), max_size=30)


class Crew:
    """Workers that hold what they took until they are told to be done with it."""

    def __init__(self, tasks: anyio.abc.TaskGroup, queue: WorkQueue) -> None:
        self.tasks, self.queue = tasks, queue
        self.waiting: list[anyio.CancelScope] = []
        self.held: list[str] = []
        self.owed: set[str] = set()  # keys that were added and not handed out since
        self.ended = 0

    async def work(self, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                key = await self.queue.get()
            except QueueShutDown:
                self.ended += 1
            else:
                assert key not in self.held, f"{key} is handed out twice at once"
                assert key in self.owed, f"{key} is handed out, and nobody added it"
                self.owed.remove(key)
                self.held.append(key)
        self.waiting.remove(scope)

    def step(self, operation: str, number: int) -> None:
        if operation.startswith("add"):
            key = str(number % 5)
            if operation == "add":
                self.queue.add(key, priority=number % 3)
            else:
                self.queue.add_after(key, number)
            self.owed.add(key)
        elif operation == "worker":
            scope = anyio.CancelScope()
            self.waiting.append(scope)
            self.tasks.start_soon(self.work, scope)
        elif operation == "cancel" and self.waiting:  # one of those that wait, or that were just woken
            self.waiting[number % len(self.waiting)].cancel()
        elif operation == "done" and self.held:
            self.queue.done(self.held.pop(number % len(self.held)))

    async def check(self) -> None:
        """Once nobody runs, nobody waits beside a key that is ready, and no key is forgotten."""
        await settle()
        found = self.queue.statistics()
        ready = sum(found.depth.values())
        assert not (self.waiting and ready), f"{len(self.waiting)} workers sleep beside {ready} ready keys"
        assert ready + found.delayed + found.again == len(self.owed)
        assert found.processing == len(self.held)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(steps=STEPS, drain=st.booleans())
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost_whoever_is_cancelled(
    backend: str, steps: list[tuple[list[tuple[str, int]], int]], *, drain: bool
) -> None:
    async def main() -> None:
        queue: WorkQueue = WorkQueue(clock=anyio.current_time)
        async with anyio.create_task_group() as tasks:
            crew = Crew(tasks, queue)
            for operations, seconds in steps:
                for operation, number in operations:
                    crew.step(operation, number)
                await crew.check()
                await anyio.sleep(seconds + 0.5 if seconds else 0)
                await crew.check()
            await anyio.sleep(20)  # all delays are over
            await crew.check()
            queue.shut_down(drain=drain)
            while crew.held or crew.waiting or (drain and crew.owed):
                for key in crew.held:
                    queue.done(key)
                crew.held.clear()
                crew.step("worker", 0)
                await settle()
            crew.step("worker", 0)
            await settle()
            assert crew.ended
            await queue.drained()

    run(backend, main)
