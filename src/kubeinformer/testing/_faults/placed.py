"""Faults at one place in an answer: the connection breaks or stalls, or the clock jumps.

Rules. ``after_bytes`` counts bytes of the body as on the wire: after compression, and without the framing of HTTP.
``after_events`` counts the events of a watch, including bookmarks. With neither, the fault happens when the head of the
answer has been sent.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.clock import jump_clock
from kubeinformer.testing._faults.effects import Effect, Flush, Line
from kubeinformer.testing._faults.requests import STREAMS, Asked
from kubeinformer.testing._wire.http import Put

__all__ = ["ClockJump", "Cut", "HalfClose", "PlacedFault", "Stall"]

_GZIP_MAGIC = b"\x1f\x8b"
_FIRST_LEAD_BYTE = 0xC2  # the lowest first byte of a UTF-8 sequence of more than one byte


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFault(Fault):
    """The base of faults that happen at one place in an answer. By default, directly after the head.

    Attributes:
        after_bytes: The fault happens after this number of bytes of the body.
        after_events: The fault happens after this number of events. Then it only applies to watches.
        before_head: The fault happens before anything is sent.
    """

    after_bytes: int | None = checks.option(None, checks.optional(checks.count))
    after_events: int | None = checks.option(None, checks.optional(checks.count))
    before_head: bool = checks.option(default=False, check=checks.flag)

    def _check(self) -> None:
        places = {"after_bytes": self.after_bytes, "after_events": self.after_events}
        given = [name for name, value in places.items() if value is not None]
        given += ["before_head"] if self.before_head else []
        if len(given) > 1:
            raise self._wrong(given[-1], f"left out beside {given[0]}", getattr(self, given[-1]))

    def _matches(self, asked: Asked) -> bool:
        return Fault._matches(self, asked) and (self.after_events is None or asked.verb in STREAMS)  # noqa: SLF001 - no super(): slots make a second class


class _Placed(Effect):
    """An effect that acts once, at the place of the fault."""

    def __init__(self, line: Line, fault: PlacedFault) -> None:
        super().__init__(line)
        self._fault = fault
        self._seen = 0  # bytes or events
        self._has_acted = False

    async def act(self) -> None:
        """Do what the fault does. Unless it cuts the answer, the answer continues afterwards."""
        raise NotImplementedError  # pragma: no cover

    async def _once(self) -> None:
        self._has_acted = True
        self.line.happened()
        await self.act()

    async def before_head(self) -> None:
        if self._fault.before_head:
            await self._once()

    async def after_head(self) -> None:
        fault = self._fault
        if not fault.before_head and fault.after_bytes is None and fault.after_events is None:
            await self._once()

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        await put(event)
        self._seen += self._fault.after_events is not None
        if not self._has_acted and self._seen == self._fault.after_events:
            await flush()
            await self._once()

    async def data(self, data: bytes, put: Put) -> None:
        limit = self._fault.after_bytes
        if limit is None or self._has_acted:
            await put(data)
        elif self._seen + len(data) < limit:
            self._seen += len(data)
            await put(data)
        else:
            split = limit - self._seen
            await put(data[:split])
            await self._once()
            await put(data[split:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(PlacedFault):
    """The connection breaks in the middle of an answer.

    Attributes:
        how: ``reset`` with a TCP RST; ``close`` with an orderly FIN, which leaves the body incomplete.
        inside: ``character`` cuts after the first byte of the next UTF-8 sequence that has more than one byte (in a
            compressed watch, inside a gzip member that is complete). ``member`` cuts in the middle of the next gzip
            member. If there is none, the answer is cut at the given place, or in the middle of the next write.
    """

    kind: ClassVar[str] = "cut"

    how: Literal["reset", "close"] = checks.option("reset", checks.one_of("reset", "close"))
    inside: Literal["character", "member"] | None = checks.option(None, checks.one_of("character", "member", None))

    def _check(self) -> None:
        PlacedFault._check(self)  # noqa: SLF001 - no super(): slots make a second class
        if self.inside and self.before_head:
            raise self._wrong("inside", "left out beside before_head", self.inside)

    def _effect(self, line: Line) -> Effect:
        return _Cut(line, self) if self.inside is None else _CutInside(line, self)


class _Cut(_Placed):
    def __init__(self, line: Line, fault: Cut) -> None:
        super().__init__(line, fault)
        self._resets = fault.how == "reset"

    async def act(self) -> None:
        self.line.cut(reset=self._resets)


class _CutInside(_Cut):
    """From its place on, waits for something that can be cut in two."""

    def __init__(self, line: Line, fault: Cut) -> None:
        super().__init__(line, fault)
        self._in_member = fault.inside == "member"
        self._is_due = fault.after_bytes is None and fault.after_events is None
        self._is_compressed: bool | None = None  # None until the first write

    async def after_head(self) -> None:
        pass

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        if self._is_due and not self._in_member and (end := _inside_character(event)):
            await put(event[:end])
            await flush()
            await self._once()
        await put(event)
        if self._fault.after_events is not None:
            self._seen += 1
            if self._seen == self._fault.after_events:
                await flush()  # what comes before the place is sent whole
                self._is_due = True

    async def data(self, data: bytes, put: Put) -> None:
        if self._is_compressed is None:
            self._is_compressed = data.startswith(_GZIP_MAGIC)
        start = 0
        limit = self._fault.after_bytes
        if limit is not None and not self._is_due:
            start = max(0, limit - self._seen)
            self._seen += len(data)
            self._is_due = self._seen > limit
        if self._is_due and (end := self._end(data, start)):
            await put(data[:end])
            await self._once()
        await put(data)

    def _end(self, data: bytes, start: int) -> int:
        """Where to cut this write; 0 if not in this one."""
        is_watch = self.line.asked.verb in STREAMS
        if self._in_member or (self._is_compressed and not is_watch):
            return max(start, len(data) // 2) if len(data) > 1 else 0
        return 0 if is_watch else _inside_character(data, start)


def _inside_character(data: bytes, start: int = 0) -> int:
    """The position after the first byte of a sequence of several bytes; 0 if there is none."""
    return next((index + 1 for index in range(start, len(data)) if data[index] >= _FIRST_LEAD_BYTE), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(PlacedFault):
    """The connection stays open, but is silent. The rest of the answer follows if the client waits long enough.

    Attributes:
        seconds: How long it is silent; None until the script is stopped.
    """

    kind: ClassVar[str] = "stall"

    seconds: float | None = checks.option(None, checks.optional(checks.seconds))

    def _effect(self, line: Line) -> Effect:
        return _Stall(line, self)


class _Stall(_Placed):
    def __init__(self, line: Line, fault: Stall) -> None:
        super().__init__(line, fault)
        self._seconds = fault.seconds

    async def act(self) -> None:
        await self.line.silence(self._seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose(PlacedFault):
    """The server closes its half of the connection in the middle of an answer, and keeps the other half open."""

    kind: ClassVar[str] = "half_close"

    def _effect(self, line: Line) -> Effect:
        return _HalfClose(line, self)


class _HalfClose(_Placed):
    async def act(self) -> None:
        await self.line.half_close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump(PlacedFault):
    """The clock of the event loop jumps forwards. See `jump_clock`.

    This only affects clients in the event loop of the server: ``python -m kubeinformer.testing`` has its own clock.

    Attributes:
        seconds: How many seconds it jumps.
    """

    kind: ClassVar[str] = "clock_jump"

    seconds: float = checks.option(3600.0, checks.seconds)

    def _effect(self, line: Line) -> Effect:
        return _ClockJump(line, self)


class _ClockJump(_Placed):
    def __init__(self, line: Line, fault: ClockJump) -> None:
        super().__init__(line, fault)
        self._seconds = fault.seconds

    async def act(self) -> None:
        jump_clock(self._seconds)
