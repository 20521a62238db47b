"""What the fixtures do. They are defined in ``_kubeinformer_pytest``, which pytest can load at next to no cost.

Theory. A condition in a test is about the store of an informer, or about what a controller did because of an event. So
it is checked again after each event of any informer of the cluster: immediately, and without polling. Some changes are
seen by no informer (an object on the server that nobody mirrors, a variable). They are found by checking again after a
pause.
"""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

import anyio
import anyio.abc

from kubeinformer._runtime.scopes import open_task_group
from kubeinformer._runtime.signal import Signal
from kubeinformer.cluster import Cluster
from kubeinformer.informer import Informer

__all__ = ["Eventually", "InformerSynced", "make_eventually", "synced_informers"]

T = TypeVar("T")

# A person does not notice the longest pause, and the processor does not notice the shortest one.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05  # seconds


class InformerSynced(Protocol):
    """The type of the fixture `informer_synced`."""

    async def __call__(self, resource: str, *, timeout: float = 10.0, **options: Any) -> Informer[Any]:  # noqa: ASYNC109 - as Informer.synced
        """Make an informer and wait until it is in sync.

        Args:
            resource: As for ``Cluster.informer``.
            timeout: In seconds.
            options: The other arguments of ``Cluster.informer``.

        Raises:
            ServerRefused: It was not in sync in time, and the server's last answer was a refusal.
            SyncTimeout: It was not in sync in time, for another reason.
        """
        ...


class Eventually(Protocol):
    """The type of the fixture `eventually`."""

    async def __call__(
        self,
        condition: Callable[[], T | Awaitable[T]],
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - the message tells it
    ) -> T:
        """Wait until a condition is true.

        The condition is checked after each event of the informers of the fixture `cluster`. It is also checked every
        few hundredths of a second, for changes that no informer sees.

        Args:
            condition: A function. It is true if it returns a true value. It is not true yet if it returns a false
                value, such as None, or raises AssertionError. Any other exception passes through.
            timeout: In seconds.

        Returns:
            The return value of the condition.

        Raises:
            AssertionError: The condition was not true in time. The message shows its last value, or its last
                AssertionError.
        """
        ...


@asynccontextmanager
async def synced_informers(cluster: Cluster) -> AsyncGenerator[InformerSynced]:
    """Make the fixture `informer_synced` for a cluster."""
    made: list[Informer[Any]] = []

    async def informer_synced(resource: str, *, timeout: float = 10.0, **options: Any) -> Informer[Any]:  # noqa: ASYNC109 - handed on
        informer: Informer[Any] = cluster.informer(resource, **options)
        made.append(informer)
        await informer.synced(timeout=timeout)
        return informer

    try:
        yield informer_synced
    finally:
        for informer in reversed(made):
            await informer.aclose()


def make_eventually(cluster: Cluster | None) -> Eventually:
    """Make the fixture `eventually`, which the informers of a cluster wake up."""

    async def eventually(
        condition: Callable[[], T | Awaitable[T]],
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - the message tells it
    ) -> T:
        attempt = _Attempt(condition)
        with anyio.move_on_after(timeout):
            if not await attempt.holds():
                async with open_task_group() as tasks:
                    await _try_on(attempt, tasks, cluster)
        if attempt.held:
            return attempt.value
        raise AssertionError(attempt.complaint(timeout)) from attempt.error

    return eventually


async def _try_on(attempt: "_Attempt[Any]", tasks: anyio.abc.TaskGroup, cluster: Cluster | None) -> None:
    changed = Signal()
    watched: set[Informer[Any]] = set()
    pause = _FIRST_PAUSE
    while not attempt.held:
        for informer in _informers(cluster) - watched:
            watched.add(informer)
            tasks.start_soon(_tell, informer, changed)
        with anyio.move_on_after(pause) as waiting:
            await changed.wait()
        if waiting.cancelled_caught:
            pause = min(pause * 2, _LONGEST_PAUSE)
        await attempt.holds()


def _informers(cluster: Cluster | None) -> set[Informer[Any]]:
    known = cluster._informers.values() if cluster is not None else ()  # noqa: SLF001 - ours
    return {informer for informer in known if not informer.is_closed}


async def _tell(informer: Informer[Any], changed: Signal) -> None:
    async with informer.events() as events:
        async for _ in events:
            changed.give()


class _Attempt(Generic[T]):
    """A condition, and its last result."""

    def __init__(self, condition: Callable[[], T | Awaitable[T]]) -> None:
        self._condition = condition
        self._tries = 0
        self._answered = False
        self.held = False
        self.value: T
        self.error: AssertionError | None = None

    async def holds(self) -> bool:
        self._tries += 1
        self.error = None
        try:
            answer: Any = self._condition()
            self.value = (await answer) if inspect.isawaitable(answer) else answer
        except AssertionError as error:
            self.error = error
        else:
            self.held = bool(self.value)
        self._answered = True
        return self.held

    def complaint(self, timeout: float) -> str:
        code = getattr(self._condition, "__code__", None)
        name = getattr(self._condition, "__qualname__", repr(self._condition))
        where = f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name
        if not self._answered:
            last = "no answer yet"
        elif self.error is not None:
            last = f"last AssertionError: {self.error}"
        elif self.value is None:
            last = "last value: None (a condition that asserts must return True in the end)"
        else:
            last = f"last value: {self.value!r}"
        return f"{where} did not hold within {timeout:g} s, tried {self._tries} times; {last}"
