"""Watches: the initial events, the live events, bookmarks, and the ways in which a stream ends.

Rules. A watch holds a position in the history of the collection. While it sends initial events, it also holds one
reference per object. It never has a queue. It sends what is new in the history, flushes, and waits. Between two awaits,
it only reads the current state, so no change is lost and none is sent twice.

Theory. The initial events are the state at one version, in the order of the keys. The changes since that version follow
from the history, whether they happened during the initial events or later. So nothing goes back in time, and the end
bookmark has the version of that state. A watch that falls behind by more than the history holds gets a 410 in its
stream. If the server has not reached the requested version yet, there are two cases. If initial events are requested,
there is a 504 in the stream; without them, the watch is silent until the server is past that version.

With a selector, an object that leaves the selection is a DELETED event with its last selected state and the version of
the change. An object that enters it is ADDED.

Source. ``apiserver/pkg/storage/cacher/cache_watcher.go`` at 1.37 for the order and the conversions.
"""

import math
from typing import Protocol

import anyio
import anyio.lowlevel

from kubeinformer.testing import _status
from kubeinformer.testing._read.options import ListOptions
from kubeinformer.testing._read.rendering import Rendering, error_event
from kubeinformer.testing._store.collection import Change, Collection, HistoryLost, Stored
from kubeinformer.testing._store.storage import Storage, with_version
from kubeinformer.testing._wire.body import WatchBody

__all__ = ["BookmarkClock", "Watch"]

_BATCH = 256  # objects that are examined before other tasks get a turn, if a selector drops most of them


class BookmarkClock(Protocol):
    """When bookmarks are due, except for the one that ends the initial events."""

    bookmark_interval: float
    """Seconds between two bookmarks of one watch."""
    bookmarks_asked: int
    """How many times a test asked for a bookmark at once."""


class Watch:
    """One watch request that was not refused.

    Args:
        storage: The storage, which has the version of the server.
        collection: The collection that is watched.
        options: The request.
        rendering: The form of its objects.
        clock: When bookmarks are due.

    Raises:
        FakeApiError: 500: the requested version is not a number. 504: it is newer than the server's version, and the
            storage refuses such versions.
    """

    def __init__(
        self,
        storage: Storage,
        collection: Collection,
        options: ListOptions,
        rendering: Rendering,
        clock: BookmarkClock,
    ) -> None:
        self._storage, self._collection, self._options = storage, collection, options
        self._selection, self._rendering, self._clock = options.selection, rendering, clock
        asked = options.version or 0
        if storage.refuses_unseen and asked > storage.version:
            raise _status.version_too_large(asked, storage.version)
        self._skip_up_to = asked if asked > storage.version else 0
        self._is_watch_list = bool(options.send_initial_events)
        sends_initial_events = self._is_watch_list or (not asked and options.send_initial_events is None)
        self._initial: list[tuple[str, Stored]] | None = None
        self._initial_version = storage.version
        self._position = collection.end
        self._refusal: _status.FakeApiError | None = None
        self._bookmarks_seen = clock.bookmarks_asked
        self._end = math.inf  # when the server ends the watch, on the clock of the event loop
        if sends_initial_events and asked > storage.version:
            self._refusal = _status.version_too_large(asked, storage.version)
        elif sends_initial_events:
            keys, entries = collection.keys, collection.entries
            self._initial = [(key, entries[key]) for key in keys if self._selection.has_key(key)]
        elif asked:
            try:
                self._position = collection.position_after(asked)
            except HistoryLost as lost:
                self._refusal = _status.version_expired(asked, lost.oldest)

    async def run(self, body: WatchBody) -> None:
        """Send events until the time is up, the resource is gone, or the history is lost."""
        # There is no cancel scope around all of it: the stream has to end cleanly, never in the middle of a write.
        self._end = anyio.current_time() + (math.inf if self._options.timeout is None else self._options.timeout)
        await body.start()
        if self._refusal is not None:
            await body.write(error_event(self._refusal.status))
            await body.finish()
            return
        try:
            if await self._send_initial(body):
                await self._send_live(body)
        except HistoryLost as lost:
            asked = self._options.version or self._initial_version
            await body.write(error_event(_status.version_expired(asked, lost.oldest).status))
        await body.finish()

    async def _send_initial(self, body: WatchBody) -> bool:
        """Send the initial events, if they were requested. Returns False if the time was up before their end."""
        initial, self._initial = self._initial, None
        if initial is None:
            return True
        for index, (key, stored) in enumerate(initial):
            if index % _BATCH == 0:
                await anyio.lowlevel.checkpoint()
                if anyio.current_time() >= self._end:
                    return False
            if not self._selection.selects_contents or self._selection.matches(key, stored):
                await body.write(self._rendering.event(b"ADDED", stored.body))
            if self._is_bookmark_asked():
                await self._bookmark(body, self._initial_version)
        if self._is_watch_list and self._options.allow_bookmarks:
            await body.write(self._rendering.bookmark(self._initial_version, ends_initial_events=True))
        await body.flush()
        return True

    async def _send_live(self, body: WatchBody) -> None:
        due = anyio.current_time() + self._clock.bookmark_interval
        while True:
            await self._drain(body)
            now = anyio.current_time()
            if now >= self._end:
                return
            is_caught_up = self._position == self._collection.end
            # A test that requests a bookmark expects it after everything that the test did before.
            if is_caught_up and self._is_bookmark_asked():
                await self._bookmark(body, self._storage.version)
            elif now >= due:
                due = now + self._clock.bookmark_interval
                await self._bookmark(body, self._reached_version(), is_due=True)
            elif is_caught_up:
                if self._collection.is_closed:
                    return
                with anyio.CancelScope(deadline=min(due, self._end)):
                    await self._collection.news.wait()

    async def _drain(self, body: WatchBody) -> None:
        # Only to the end that the history has now. If it was followed while it grows, a busy collection would delay
        # bookmarks and the end of the watch for ever.
        end = self._collection.end
        while self._position < end:
            change = self._collection.change_at(self._position)
            self._position += 1
            if event := self._event(change):
                await body.write(event)
        await body.flush()

    def _reached_version(self) -> int:
        """The version up to which this watch has sent everything."""
        if self._position < self._collection.end:
            return self._collection.change_at(self._position).rv - 1
        return self._storage.version

    def _event(self, change: Change) -> bytes | None:
        if change.rv <= self._skip_up_to or not self._selection.has_key(change.key):
            return None
        if not self._selection.selects_contents:
            was, is_ = change.before is not None, not change.is_deletion
        else:
            was = self._selection.matches(change.key, change.before)
            is_ = not change.is_deletion and self._selection.matches(change.key, change.after)
        if is_:
            return self._rendering.event(b"MODIFIED" if was else b"ADDED", change.after.body)
        if not was:
            return None
        body = change.after.body
        if not change.is_deletion and change.before is not None:
            body = with_version(self._collection.type, change.before.body, change.rv)
        return self._rendering.event(b"DELETED", body)

    def _is_bookmark_asked(self) -> bool:
        return self._bookmarks_seen != self._clock.bookmarks_asked

    async def _bookmark(self, body: WatchBody, version: int, *, is_due: bool = False) -> None:
        if not is_due:
            self._bookmarks_seen = self._clock.bookmarks_asked
        if self._options.allow_bookmarks:
            await body.write(self._rendering.bookmark(version))
            await body.flush()
