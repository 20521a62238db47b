"""What a fault does to one exchange, and the line that it does it on.

Rules. Effects form a chain, in the order of the script: what one puts through is the next one's. Each does its own
part only. Whoever ends an exchange raises `Ended`, which the connection takes for a client that went away.

Theory. Two places are enough to reach everything. Events pass before they are compressed, so a bookmark can be dropped
and an event cut in the middle of a character. Bytes pass after it, so a stream can be cut inside a gzip member. Below
both are raw sockets (``_wire.http``), so what an effect says is what the wire sees.
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
    """An answer in place of the server's."""

    def __init__(
        self, status: int, body: bytes, content_type: str = "application/json", retry_after: int | None = None
    ) -> None:
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = [] if retry_after is None else [("Retry-After", str(retry_after))]


class Stage(Protocol):
    """What faults may do to a whole server."""

    released: anyio.Event
    """Set when everything that is held has to go on."""

    def refuse_connections(self, seconds: float, *, drop: bool) -> None:
        """Refuse new connections for so long."""


class Line:
    """One exchange, as its faults see it.

    Args:
        exchange: The exchange.
        asked: What it is about.
        api: What would answer it.
        stage: The server around it.
        told: Called once, when the fault has really done something.
    """

    def __init__(self, exchange: Exchange, asked: Asked, api: Api, stage: Stage, told: Callable[[], None]) -> None:
        self.exchange, self.asked, self.api, self.stage = exchange, asked, api, stage
        self._told = told
        self._is_told = False

    def happened(self) -> None:
        """Say that the fault is doing something, for the record."""
        if not self._is_told:
            self._is_told = True
            self._told()

    def cut(self, *, reset: bool) -> NoReturn:
        """Drop the connection: with a TCP reset, or an orderly close."""
        self.exchange.connection.cut(reset=reset)
        raise Ended

    async def silence(self, seconds: float | None) -> None:
        """Be silent for so long, None for ever, or until the script is stopped."""
        with anyio.move_on_after(math.inf if seconds is None else seconds):
            await self.stage.released.wait()

    async def half_close(self) -> NoReturn:
        """Send nothing more, and stay connected until the client leaves or the script is stopped."""
        self.exchange.connection.half_close()
        await self.stage.released.wait()
        raise Ended

    async def finish(self) -> NoReturn:
        """End the answer cleanly."""
        await self.exchange.finish()
        raise Ended


class Effect:
    """What one fault does to one exchange: as it stands here, nothing."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def rewrite(self, query: dict[str, str]) -> dict[str, str]:
        """The query as the server should see it."""
        return query

    def server(self, api: Api) -> Api:
        """Who should answer."""
        return api

    def answer(self) -> Canned | None:
        """What to answer in the server's place."""
        return None

    async def asked(self) -> None:
        """The request has been read; nothing was sent."""

    async def meanwhile(self) -> None:
        """Runs beside the server's answer, and is cancelled at its end."""

    async def before_head(self) -> None:
        """The head is about to leave."""

    async def after_head(self) -> None:
        """The head has left."""

    async def opened(self, put: Put, flush: Flush) -> None:
        """A watch has been accepted."""

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:  # noqa: ARG002 - for those that use it
        """One event of a watch, before compression; what was put before leaves at once with a ``flush``."""
        await put(event)

    async def data(self, data: bytes, put: Put) -> None:
        """Some of the body, after compression."""
        await put(data)


class Chain:
    """Effects one after the other; the `Tampering` of an exchange."""

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
