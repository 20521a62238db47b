"""Faults of a whole connection: it is slow, it is reset, or it is refused."""

from dataclasses import dataclass
from typing import ClassVar

from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.effects import Effect, Line
from kubeinformer.testing._wire.http import Put

__all__ = ["Drip", "RefuseConnections", "Reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip(Fault):
    """The body arrives in small pieces, with pauses between them.

    Attributes:
        size: The size of a piece, in bytes.
        seconds: The pause before each piece.
        for_bytes: How many bytes of the body arrive like this; the rest arrives at once. None for the whole body.
    """

    kind: ClassVar[str] = "drip"

    size: int = checks.option(1, checks.count)
    seconds: float = checks.option(0.01, checks.seconds)
    for_bytes: int | None = checks.option(None, checks.optional(checks.count))

    def _effect(self, line: Line) -> Effect:
        return _Drip(line, self)


class _Drip(Effect):
    def __init__(self, line: Line, fault: Drip) -> None:
        super().__init__(line)
        self._fault = fault
        self._dripped = 0

    async def data(self, data: bytes, put: Put) -> None:
        self.line.happened()
        size, limit = self._fault.size, self._fault.for_bytes
        while data and (limit is None or self._dripped < limit):
            await self.line.silence(self._fault.seconds)
            await put(data[:size])
            self._dripped += size
            data = data[size:]
        await put(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Fault):
    """The connection is reset as soon as the request has been read."""

    kind: ClassVar[str] = "reset"

    def _effect(self, line: Line) -> Effect:
        return _Reset(line)


class _Reset(Effect):
    async def asked(self) -> None:
        self.line.happened()
        self.line.cut(reset=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseConnections(Fault):
    """The server refuses connections for a while, as during a restart. It keeps its port.

    The request that the fault applies to is reset.

    Attributes:
        seconds: How long connections are refused.
        drop: Whether all other open connections are reset too.
    """

    kind: ClassVar[str] = "refuse_connections"

    seconds: float = checks.option(1.0, checks.seconds)
    drop: bool = checks.option(default=True, check=checks.flag)

    def _effect(self, line: Line) -> Effect:
        return _RefuseConnections(line, self)


class _RefuseConnections(Effect):
    def __init__(self, line: Line, fault: RefuseConnections) -> None:
        super().__init__(line)
        self._fault = fault

    async def asked(self) -> None:
        self.line.happened()
        self.line.stage.refuse_connections(self._fault.seconds, drop=self._fault.drop)
        self.line.cut(reset=True)
