"""Coroutines without an event loop: run those that have nothing to wait for, and step those that have."""

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any
from unittest import mock

import anyio


def at_once(task: Coroutine[Any, Any, Any]) -> None:
    """Run what has nothing to wait for."""
    try:
        task.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


@coroutine
def _suspend() -> Generator[None]:
    yield


class _Event:
    """`anyio.Event` without a loop."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    async def wait(self) -> None:
        while not self._is_set:
            await _suspend()


class Waiting:
    """A coroutine that waits for one event of anyio's, and is looked at now and then."""

    def __init__(self, task: Coroutine[Any, Any, None]) -> None:
        self._task = task
        self.is_done = False
        with mock.patch.object(anyio, "Event", _Event):
            self.look()

    def look(self) -> None:
        """Let it go on if it can."""
        if not self.is_done:
            try:
                self._task.send(None)
            except StopIteration:
                self.is_done = True

    def cancel(self) -> None:
        self._task.close()
