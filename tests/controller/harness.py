"""Shared by the tests of controllers: a reconcile that records its calls, and a controller that runs during a block."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from kubeinformer import RawObject
from kubeinformer.controller import Controller, Request, Result

LIMIT = 30.0  # seconds; for waits that end at once unless something is broken

CONFIGMAPS = "v1/configmaps"


def configmap(name: str, *, namespace: str = "default", **metadata: Any) -> RawObject:
    return {"metadata": {"name": name, "namespace": namespace} | metadata, "data": {}}


class Recorder:
    """A reconcile that remembers its requests.

    Args:
        act: What it does with each.
    """

    def __init__(self, act: Callable[[Request[Any]], Awaitable[Result | None]] | None = None) -> None:
        self.requests: list[Request[Any]] = []
        self._act = act
        self._changed = anyio.Event()

    async def __call__(self, request: Request[Any]) -> Result | None:
        self.requests.append(request)
        self._changed.set()
        self._changed = anyio.Event()
        return None if self._act is None else await self._act(request)

    @property
    def keys(self) -> list[str]:
        return [request.key for request in self.requests]

    @property
    def attempts(self) -> list[int]:
        return [request.attempt for request in self.requests]

    async def has(self, count: int) -> None:
        """Wait until there were that many requests."""
        with anyio.fail_after(LIMIT):
            while len(self.requests) < count:
                await self._changed.wait()


@asynccontextmanager
async def running(*controllers: Controller[Any]) -> AsyncGenerator[None]:
    """Run controllers until the block ends."""
    async with anyio.create_task_group() as tasks:
        for controller in controllers:
            tasks.start_soon(controller.run)
        yield
        tasks.cancel_scope.cancel()
