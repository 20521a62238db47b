"""Faults of the server itself: watches and lists that contain what they should not, or lack what they should contain.

Rules. Everything here is well-formed, and objects and versions are those of the server. So a client that copes with the
fault ends with exactly the server's state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kubeinformer.testing._api.handlers import Api
from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.answers import status
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.effects import Effect, Flush, Line
from kubeinformer.testing._faults.requests import STREAMS, Asked
from kubeinformer.testing._read.listing import expired_token
from kubeinformer.testing._read.rendering import error_event
from kubeinformer.testing._replication import Follower, served_by
from kubeinformer.testing._wire.http import Put

__all__ = [
    "Behind",
    "DropBookmarks",
    "DuplicateBookmarks",
    "ExpirePage",
    "IgnoreLimit",
    "IgnoreSendInitialEvents",
    "NoEndBookmark",
    "StreamError",
]

_BOOKMARK = b'{"type":"BOOKMARK"'
_ENDS_INITIAL = b'"k8s.io/initial-events-end":"true"'


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError(Fault):
    """A watch that was accepted ends with an ERROR event.

    Attributes:
        code: ``Status.code``, 400 to 599.
        reason: ``Status.reason``; empty for that of a real server with this code.
        message: ``Status.message``; empty for a suitable one.
        retry_after: ``Status.details.retryAfterSeconds``; None to leave it out.
        status: The whole Status, instead of all these fields.
        after_events: The error follows after this number of events; None for before the first one.
    """

    kind: ClassVar[str] = "stream_error"
    verbs: ClassVar[tuple[str, ...]] = STREAMS

    code: int = checks.option(500, checks.whole(400, 599))
    reason: str = checks.option("", checks.text)
    message: str = checks.option("", checks.text)
    retry_after: int | None = checks.option(None, checks.optional(checks.count))
    status: Mapping[str, Any] | None = checks.option(None, checks.optional(checks.mapping))
    after_events: int | None = checks.option(None, checks.optional(checks.count))

    def _effect(self, line: Line) -> Effect:
        return _StreamError(line, self)


class _StreamError(Effect):
    def __init__(self, line: Line, fault: StreamError) -> None:
        super().__init__(line)
        self._fault = fault
        self._events = 0

    async def opened(self, put: Put, flush: Flush) -> None:
        if self._fault.after_events is None:
            await self._end(put, flush)

    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        await put(event)
        self._events += 1
        if self._events == self._fault.after_events:
            await self._end(put, flush)

    async def _end(self, put: Put, flush: Flush) -> None:
        fault = self._fault
        self.line.happened()
        told = dict(fault.status or status(fault.code, fault.reason, fault.message, retry_after=fault.retry_after))
        await put(error_event(told))
        await flush()
        await self.line.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirePage(Fault):
    """A page of a list is answered with 410 and a new token, as after a compaction.

    Attributes:
        page: The number of the page, at least 2: the first page has no version that can expire.
    """

    kind: ClassVar[str] = "expire_page"
    verbs: ClassVar[tuple[str, ...]] = ("list",)

    page: int = checks.option(2, checks.whole(2))

    def _matches(self, asked: Asked) -> bool:
        return Fault._matches(self, asked) and asked.page == self.page  # noqa: SLF001 - no super(): slots make a second class

    def _effect(self, line: Line) -> Effect:
        return _ExpirePage(line)


class _ExpirePage(Effect):
    def rewrite(self, query: dict[str, str]) -> dict[str, str]:
        self.line.happened()
        return query | {"continue": expired_token(query["continue"])}


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateBookmarks(Fault):
    """Every bookmark of a watch is sent twice, including the one that ends the initial events."""

    kind: ClassVar[str] = "duplicate_bookmarks"
    verbs: ClassVar[tuple[str, ...]] = STREAMS

    def _effect(self, line: Line) -> Effect:
        return _Bookmarks(line, copies=2, copies_of_end=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropBookmarks(Fault):
    """A watch has no bookmarks, except the one that ends the initial events."""

    kind: ClassVar[str] = "drop_bookmarks"
    verbs: ClassVar[tuple[str, ...]] = STREAMS

    def _effect(self, line: Line) -> Effect:
        return _Bookmarks(line, copies=0, copies_of_end=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEndBookmark(Fault):
    """The bookmark that ends the initial events is never sent; others are."""

    kind: ClassVar[str] = "no_end_bookmark"
    verbs: ClassVar[tuple[str, ...]] = ("watch-list",)

    def _effect(self, line: Line) -> Effect:
        return _Bookmarks(line, copies=1, copies_of_end=0)


class _Bookmarks(Effect):
    def __init__(self, line: Line, *, copies: int, copies_of_end: int) -> None:
        super().__init__(line)
        self._copies, self._copies_of_end = copies, copies_of_end

    @override
    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        copies = 1
        if event.startswith(_BOOKMARK):
            copies = self._copies_of_end if _ENDS_INITIAL in event else self._copies
        if copies != 1:
            self.line.happened()
        for _ in range(copies):
            await put(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreSendInitialEvents(Fault):
    """The server does not know ``sendInitialEvents``, like old servers and some aggregated ones.

    It sends all objects, but no bookmark that says that they are complete.
    """

    kind: ClassVar[str] = "ignore_send_initial_events"
    verbs: ClassVar[tuple[str, ...]] = ("watch-list",)

    def _effect(self, line: Line) -> Effect:
        return _Without(line, "sendInitialEvents", "resourceVersionMatch")


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreLimit(Fault):
    """The server ignores ``limit`` and sends the whole rest of the list."""

    kind: ClassVar[str] = "ignore_limit"
    verbs: ClassVar[tuple[str, ...]] = ("list",)

    def _matches(self, asked: Asked) -> bool:
        return Fault._matches(self, asked) and "limit" in asked.query  # noqa: SLF001 - no super(): slots make a second class

    def _effect(self, line: Line) -> Effect:
        return _Without(line, "limit")


class _Without(Effect):
    def __init__(self, line: Line, *parameters: str) -> None:
        super().__init__(line)
        self._parameters = parameters

    def rewrite(self, query: dict[str, str]) -> dict[str, str]:
        self.line.happened()
        return {name: value for name, value in query.items() if name not in self._parameters}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind(Fault):
    """A watch is answered by another API server of the cluster, whose watch cache is behind.

    If it has not seen the requested version, it answers 504 "Too large resource version". From an older version, it
    accepts the watch, and sends the changes since then when it has caught up. Lists are not affected; they come from
    etcd.

    Attributes:
        versions: How many versions it is behind when the request arrives, as far as the history reaches.
        seconds: The time until it catches up.
    """

    kind: ClassVar[str] = "behind"
    verbs: ClassVar[tuple[str, ...]] = ("watch",)

    versions: int = checks.option(1, checks.count)
    seconds: float = checks.option(1.0, checks.seconds)

    def _effect(self, line: Line) -> Effect:
        return _Behind(line, self)


class _Behind(Effect):
    def __init__(self, line: Line, fault: Behind) -> None:
        super().__init__(line)
        self._fault = fault

        self._follower: Follower | None = None

    def server(self, api: Api) -> Api:
        self.line.happened()
        self._follower = Follower(api, self._fault.versions)
        version = self.line.asked.query.get("resourceVersion")
        return served_by(self._follower, api, version, is_watch=True)

    async def meanwhile(self) -> None:
        assert self._follower is not None
        await self.line.silence(self._fault.seconds)
        await self._follower.follow()
