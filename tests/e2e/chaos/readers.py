"""Readers of one informer, of three speeds. Each folds what it is told, and looks at the store when it is up to date.

The fast one is always up to date, the slow one is slower than the writer, so that its events coalesce, and the visitor
comes and goes: each of its visits is a fold of its own. At a quiet point all three hurry: the slow one stops pausing,
the visitor comes and stays.
"""

import random
from collections import Counter
from collections.abc import Callable

import anyio
from tests.e2e.chaos.collections import Json, State
from tests.e2e.chaos.fold import Fold

from kubeinformer import Informer

_SLOWNESS = 0.05  # seconds an event: 20 a second, where the writer makes some 70 on each resource
_STAY = (0.5, 6.0)  # seconds
_AWAY = (0.0, 3.0)  # seconds
_BETWEEN_LOOKS = 1.0  # seconds between two comparisons with the store


class Hurry:
    """Whether it is quiet, and a way to sleep that ends when it becomes so."""

    def __init__(self) -> None:
        self._begins = anyio.Event()

    def begin(self) -> None:
        self._begins.set()

    def end(self) -> None:
        self._begins = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._begins.wait()

    @property
    def is_on(self) -> bool:
        return self._begins.is_set()


class Readers:
    """Three readers of one informer.

    Args:
        informer: What they read.
        hurry: Says when it is quiet.
        note: Takes each broken rule.
        chance: The visitor's.
    """

    def __init__(
        self, informer: Informer[Json], hurry: Hurry, note: Callable[[str], None], chance: random.Random
    ) -> None:
        self._informer = informer
        self._hurry = hurry
        self._note = note
        self._chance = chance
        self._folds: dict[str, Fold] = {}
        self.events: Counter[str] = Counter()
        self.visits = 0
        self.looks = 0

    def states(self) -> dict[str, State]:
        """What each reader knows that reads now. A visitor who is away knows nothing, and is left out."""
        return {name: fold.state for name, fold in self._folds.items()}

    async def run(self) -> None:
        """Read until the informer is closed."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, "fast", 0.0)
            tasks.start_soon(self._read, "slow", _SLOWNESS)
            tasks.start_soon(self._come_and_go)

    async def _come_and_go(self) -> None:
        while not self._informer.is_closed:
            self.visits += 1
            async with anyio.create_task_group() as visit:
                visit.start_soon(self._end_later, visit.cancel_scope)
                await self._read("visitor", 0.0)
                visit.cancel_scope.cancel()
            del self._folds["visitor"]
            await self._hurry.sleep(self._chance.uniform(*_AWAY))

    async def _end_later(self, visit: anyio.CancelScope) -> None:
        await anyio.sleep(self._chance.uniform(*_STAY))
        while self._hurry.is_on:  # noqa: ASYNC110 - so that Hurry stays one event
            await anyio.sleep(0.1)
        visit.cancel()

    async def _read(self, name: str, pause: float) -> None:
        fold = self._folds[name] = Fold(f"{self._informer.resource} {name}", self._note)
        looked = anyio.current_time()
        async with self._informer.events() as events:
            async for event in events:
                fold.take(event)
                self.events[name] += 1
                if events.pending == 0 and anyio.current_time() - looked >= _BETWEEN_LOOKS:
                    looked = anyio.current_time()
                    self.looks += 1
                    fold.compare(self._informer.store)
                if pause and not self._hurry.is_on:
                    await self._hurry.sleep(pause)
