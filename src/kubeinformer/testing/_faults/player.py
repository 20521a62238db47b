"""Plays a script on one server: decides which faults a request gets, and acts on the server for them.

Rules. Each fault has a random generator of its own, whose seed consists of the seed of the script and the place of the
fault in the script. It draws once for each request that matches. So what is injected depends only on the order of the
matching requests, and adding a fault to a script changes nothing about the others.

A fault is recorded when it really happens. For example, a cut after more bytes than the body has is never recorded.
"""

import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import anyio

from kubeinformer.testing._api.handlers import Api, RequestRecord, handle
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.effects import Chain, Effect, Ended, Line
from kubeinformer.testing._faults.requests import Asked
from kubeinformer.testing._faults.script import Script
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._wire.http import Exchange
from kubeinformer.testing._wire.listener import Listener

__all__ = ["FaultRecord", "Player"]


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One fault that was injected.

    Attributes:
        fault: The fault.
        verb: The kind of request, as in `Fault.on`.
        path: The path of the request.
        query: The query of the request, as it arrived.
        time: When it happened, in seconds on the clock of the event loop (`anyio.current_time`).
    """

    fault: Fault
    verb: str
    path: str
    query: Mapping[str, str]
    time: float


class _Part:
    """One fault of a script, with its state."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self._random = random.Random(seed)  # noqa: S311 - no secrets here
        self._matched = 0
        self._applied = 0
        self._began: float | None = None

    def applies(self, asked: Asked, now: float) -> bool:
        """Whether the fault applies to this request. Counts the request."""
        fault = self.fault
        if not fault._matches(asked):  # noqa: SLF001 - ours to play
            return False
        self._matched += 1
        is_drawn = self._random.random() < fault.probability
        if self._matched < fault.nth or not is_drawn:
            return False
        if fault.times is not None and self._applied >= fault.times:
            return False
        if self._began is None:
            self._began = now
        if fault.for_seconds is not None and now - self._began >= fault.for_seconds:
            return False
        self._applied += 1
        return True


class Player:
    """A script that is being played. To its effects, it is the `Stage`.

    Args:
        script: The script to play.
        api: The API of the server.
        listener: Returns the listener of the server, None while it does not listen.
    """

    def __init__(self, script: Script, api: Api, listener: Callable[[], Listener | None]) -> None:
        self.records: list[FaultRecord] = []
        self.released = anyio.Event()
        self._parts = [_Part(fault, f"{script.seed}:{index}") for index, fault in enumerate(script.faults)]
        self._api, self._listener = api, listener
        self._pages: dict[tuple[str, ...], int] = {}
        self._refusals = 0  # the refusals that have not ended yet

    def stop(self) -> None:
        """Inject nothing more, and release what is held."""
        self._parts = []
        self.released.set()
        self._listen_again(self._refusals)

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request, with its faults."""
        asked = Asked.parse(exchange.request, self._pages)
        effects = self._effects(exchange, asked)
        if effects:
            await exchange.until_disconnect(lambda: self._tampered(exchange, effects))
        else:
            await handle(self._api, exchange)

    def _effects(self, exchange: Exchange, asked: Asked) -> list[Effect]:
        now = anyio.current_time()
        effects: list[Effect] = []
        is_answered = False
        for part in self._parts:
            fault = part.fault
            replaces = fault._replaces  # noqa: SLF001 - ours to play
            if (replaces and is_answered) or not part.applies(asked, now):
                continue
            is_answered = is_answered or replaces
            line = Line(exchange, asked, self._api, self, self._recorder(fault, asked))
            effects.append(fault._effect(line))  # noqa: SLF001 - as above
        return effects

    def _recorder(self, fault: Fault, asked: Asked) -> Callable[[], None]:
        def record() -> None:
            self.records.append(FaultRecord(fault, asked.verb, asked.path, asked.query, anyio.current_time()))

        return record

    async def _tampered(self, exchange: Exchange, effects: list[Effect]) -> None:
        exchange.tampering = Chain(effects)
        query, api = exchange.request.query, self._api
        try:
            for effect in effects:
                await effect.asked()
        except Ended:
            self._record(exchange, None)
            raise
        for effect in effects:
            query, api = effect.rewrite(query), effect.server(api)
        for effect in effects:
            if canned := effect.answer():
                exchange.on_start = lambda status: self._record(exchange, status)
                await exchange.respond(canned.status, canned.body, canned.headers, canned.content_type)
                return
        asked_query, exchange.request = exchange.request.query, replace(exchange.request, query=query)
        # The record has what the client asked, not what the faults made of it.

        def record(seen: RequestRecord) -> None:
            self._api.record(replace(seen, query=asked_query))

        api = replace(api, record=record)
        async with anyio.create_task_group() as tasks:
            for effect in effects:
                tasks.start_soon(effect.meanwhile)
            with contextlib.suppress(OSError):  # as in `Exchange.until_disconnect`, which would not catch a group
                await handle(api, exchange)
            tasks.cancel_scope.cancel()

    def _record(self, exchange: Exchange, status: int | None) -> None:
        request = exchange.request
        try:
            user = self._api.access.authenticate(request.headers.get("authorization", ""))
        except FakeApiError:
            user = ""
        self._api.record(RequestRecord(request.method, request.path, request.query, user, status))

    # What effects call: `Stage`.

    def refuse_connections(self, seconds: float, *, drop: bool) -> None:
        """Refuse new connections for this number of seconds."""
        listener = self._listener()
        if listener is None:
            return
        if drop:
            for connection in listener.connections:
                connection.cut(reset=True)
        if not self._refusals:
            listener.refuse()
        self._refusals += 1

        async def end() -> None:
            with anyio.move_on_after(seconds):
                await self.released.wait()
            if not self.released.is_set():
                self._listen_again(1)

        listener.run(end)

    def _listen_again(self, refusals: int) -> None:
        listener = self._listener()
        self._refusals, before = self._refusals - refusals, self._refusals
        if listener is not None and before and not self._refusals:
            listener.accept_again()
