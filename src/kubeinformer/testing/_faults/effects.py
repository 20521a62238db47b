"""What a fault does to one exchange, and the `Line` on which it does it.

Rules. Effects form a chain, in the order of the script: each effect gets what the one before it passes on. Each one
only does its own part. An effect that ends an exchange raises `Ended`, which the connection treats like a client that
went away.

Theory. Two places are enough to reach everything. Events pass before they are compressed, so a bookmark can be dropped,
and an event can be cut in the middle of a character. Bytes pass after compression, so a stream can be cut inside a gzip
member. Below both are raw sockets (``_wire.http``), so what an effect does is exactly what happens on the wire.
"""

import errno
import math
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol, TypeAlias

import anyio

from kubeinformer.testing._api.handlers import Api
from kubeinformer.testing._faults.requests import Asked
from kubeinformer.testing._wire.http import Exchange, Put

__all__ = ["Canned", "Chain", "Effect", "Ended", "Flush", "Line", "Stage"]

Flush: TypeAlias = Callable[[], Awaitable[None]]


class Ended(ConnectionResetError):
    """A fault has ended the exchange."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "ended by a fault")


class Canned:
    """An answer that replaces that of the server."""

    def __init__(
        self, status: int, body: bytes, content_type: str = "application/json", retry_after: int | None = None
    ) -> None:
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = [] if retry_after is None else [("Retry-After", str(retry_after))]


class Stage(Protocol):
    """What faults can do to a whole server."""

    released: anyio.Event
    """Set when everything that is held has to go on."""

    def refuse_connections(self, seconds: float, *, drop: bool) -> None:
        """Refuse new connections for this number of seconds."""


class Line:
    """One exchange, as its faults see it.

    Args:
        exchange: The exchange.
        asked: What the request is about.
        api: The part of the server that would answer.
        stage: The server around it.
        told: Called once, when the fault really does something.
    """

    def __init__(self, exchange: Exchange, asked: Asked, api: Api, stage: Stage, told: Callable[[], None]) -> None:
        self.exchange, self.asked, self.api, self.stage = exchange, asked, api, stage
        self._told = told
        self._is_told = False

    def happened(self) -> None:
        """Record that the fault does something now."""
        if not self._is_told:
            self._is_told = True
            self._told()

    def cut(self, *, reset: bool) -> NoReturn:
        """Drop the connection: with a TCP reset, or an orderly close."""
        self.exchange.connection.cut(reset=reset)
        raise Ended

    async def silence(self, seconds: float | None) -> None:
        """Be silent for this number of seconds (None: for ever), or until the script is stopped."""
        with anyio.move_on_after(math.inf if seconds is None else seconds):
            await self.stage.released.wait()

    async def half_close(self) -> NoReturn:
        """Close the sending half, and stay connected until the client leaves or the script is stopped."""
        self.exchange.connection.half_close()
        await self.stage.released.wait()
        raise Ended

    async def finish(self) -> NoReturn:
        """End the answer cleanly."""
        await self.exchange.finish()
        raise Ended


class Effect:
    """What one fault does to one exchange. This base class does nothing."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def rewrite(self, query: dict[str, str]) -> dict[str, str]:
        """Return the query that the server should see."""
        return query

    def server(self, api: Api) -> Api:
        """Return the API that should answer."""
        return api

    def answer(self) -> Canned | None:
        """Return the answer that replaces that of the server, if any."""
        return None

    async def asked(self) -> None:
        """Called when the request has been read, and nothing has been sent."""

    async def meanwhile(self) -> None:
        """Run at the same time as the server's answer. It is cancelled at the end of the answer."""

    async def before_head(self) -> None:
        """Called before the head is sent."""

    async def after_head(self) -> None:
        """Called when the head has been sent."""

    async def opened(self, put: Put, flush: Flush) -> None:
        """Called when a watch has been accepted."""

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:  # noqa: ARG002 - for those that use it
        """Handle an event of a watch, before compression. ``put`` passes events on; ``flush`` sends them at once."""
        await put(event)

    async def data(self, data: bytes, put: Put) -> None:
        """Handle a part of the body, after compression."""
        await put(data)


class Chain:
    """Effects in their order. This is the `Tampering` of an exchange."""

    def __init__(self, effects: list[Effect]) -> None:
        self._effects = effects

    async def before_head(self) -> None:
        for effect in self._effects:
            await effect.before_head()

    async def after_head(self) -> None:
        for effect in self._effects:
            await effect.after_head()

    async def opened(self, put: Put, flush: Flush) -> None:
        for effect in self._effects:
            await effect.opened(put, flush)

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        await self._event(0, event, put, flush)

    async def _event(self, index: int, event: bytes, put: Put, flush: Flush) -> None:
        if index == len(self._effects):
            await put(event)
        else:
            await self._effects[index].event(event, lambda rest: self._event(index + 1, rest, put, flush), flush)

    async def data(self, data: bytes, put: Put) -> None:
        await self._data(0, data, put)

    async def _data(self, index: int, data: bytes, put: Put) -> None:
        if not data:
            return
        if index == len(self._effects):
            await put(data)
        else:
            await self._effects[index].data(data, lambda rest: self._data(index + 1, rest, put))
