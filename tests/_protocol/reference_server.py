"""An API server's versions, watches and lists in a hundred lines: what the model of the client is compared with.

Kept to what matters for being right: versions that stay expired once compacted, initial events in any order and
interleaved with plain bookmarks, continue tokens that are pinned to a version, and restores from a backup. A watch
from a version that is still to come is taken and silent, as by real servers. One thing is better than in reality: asked
for a version that a restore has undone and that others have passed since, this server says so; a real one cannot know.
"""

import json
from dataclasses import dataclass, field
from typing import TypeAlias

from kubeinformer._protocol.identity import identify
from kubeinformer._protocol.pages import ListItem, PageMeta
from kubeinformer._protocol.requests import ListFetch, ProofFetch, WatchFetch, WatchListFetch
from kubeinformer._protocol.status import Cause, Status
from kubeinformer._protocol.watch_events import Bookmark, EventType, ObjectEvent

RESOURCE = "v1/pods"

Versions: TypeAlias = dict[str, tuple[str, int]]
"""Names, with uid and version of each: all that a state is."""


@dataclass(frozen=True)
class Entry:
    """One change of the history."""

    version: int
    type: EventType
    name: str
    uid: str


@dataclass
class Stream:
    """A watch: what it has still to send."""

    position: int
    initial: list[ObjectEvent] = field(default_factory=list)
    ends_initial: bool = False  # whether the end bookmark is still to come


@dataclass
class Page:
    """A list's answer."""

    items: list[ListItem]
    meta: PageMeta


def body(name: str, uid: str, version: int) -> bytes:
    metadata = {"name": name, "namespace": "default", "uid": uid, "resourceVersion": str(version)}
    return json.dumps({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"seen": version}}).encode()


def object_event(event_type: EventType, name: str, uid: str, version: int) -> ObjectEvent:
    content = body(name, uid, version)
    return ObjectEvent(event_type, identify(RESOURCE, content, None), content)


class Server:
    """A collection's whole history, and answers to requests about it."""

    def __init__(self) -> None:
        self.version = 10
        self.oldest = 0  # versions before this one are compacted, for ever
        self.refuses_watch_list = False
        self.ignores_watch_list = False
        self.ignores_limit = False
        self._highest = 10  # numbers are never given twice, restores or not
        self._history: list[Entry] = []
        self._states: dict[int, Versions] = {10: {}}
        self._last_uid: dict[str, str] = {}
        self._uids = 0

    # Writers.

    @property
    def latest(self) -> Versions:
        return self._states[self.version]

    def state_at(self, version: int) -> Versions:
        return self._states[version]

    def put(self, name: str, *, same_uid: bool) -> None:
        """Update an object that exists; create one that does not, perhaps one that had only left the selector."""
        event_type = EventType.MODIFIED if name in self.latest else EventType.ADDED
        uid = self._last_uid.get(name)
        if uid is None or (event_type is EventType.ADDED and not same_uid):
            self._uids += 1
            uid = self._last_uid[name] = f"uid-{self._uids}"
        self._advance(event_type, name, uid)

    def delete(self, name: str) -> None:
        self._advance(EventType.DELETED, name, self.latest[name][0])

    def change_elsewhere(self) -> None:
        """Another resource changed: the version moves, this collection does not."""
        self._states[self._next()] = dict(self.latest)
        self.version = self._highest

    def compact(self, version: int) -> None:
        self.oldest = max(self.oldest, version)

    def restore(self, back: int) -> None:
        """Bring a backup in. What came after it never was."""
        lineage = [version for version in sorted(self._states) if version >= max(self.oldest, 10)]
        self.version = lineage[max(0, len(lineage) - 1 - back)]
        self._history = [entry for entry in self._history if entry.version <= self.version]
        for version in [version for version in self._states if version > self.version]:
            del self._states[version]

    def _advance(self, event_type: EventType, name: str, uid: str) -> None:
        state, version = dict(self.latest), self._next()
        if event_type is EventType.DELETED:
            del state[name]
        else:
            state[name] = (uid, version)
        self._history.append(Entry(version, event_type, name, uid))
        self._states[version] = state
        self.version = version

    def _next(self) -> int:
        self._highest += 1
        return self._highest

    # Readers.

    def watch(self, fetch: WatchFetch | WatchListFetch) -> Stream | Status:
        if isinstance(fetch, WatchFetch):
            version = int(fetch.resource_version)
            is_served = self._serves(version) or version > self.version
            return Stream(version) if is_served else Status(410, "Expired")
        if self.refuses_watch_list:
            return Status(422, "Invalid")
        initial = [object_event(EventType.ADDED, name, uid, at) for name, (uid, at) in self.latest.items()]
        return Stream(self.version, initial, ends_initial=not self.ignores_watch_list)

    def proof(self, fetch: ProofFetch) -> Status | None:
        """None: it has reached that version."""
        if int(fetch.resource_version) <= self.version:
            return None
        return Status(504, "Timeout", causes=(Cause("ResourceVersionTooLarge", "", ""),), retry_after=1.0)

    def next_event(self, stream: Stream) -> ObjectEvent | None:
        """The next event that is not a bookmark."""
        if stream.initial:
            return stream.initial.pop()
        following = (entry for entry in self._history if entry.version > stream.position)
        entry = min(following, key=lambda entry: entry.version, default=None)
        if entry is None:
            return None
        stream.position = entry.version
        return object_event(entry.type, entry.name, entry.uid, entry.version)

    def plain_bookmark(self, stream: Stream) -> Bookmark:
        """Before the end of the initial events, its version may be far ahead of what has been sent."""
        if stream.initial or stream.ends_initial:
            return Bookmark(str(self.version), ends_initial=False)
        return Bookmark(str(self._passed(stream)), ends_initial=False)

    def end_bookmark(self, stream: Stream) -> Bookmark:
        stream.ends_initial = False
        return Bookmark(str(self._passed(stream)), ends_initial=True)

    def _passed(self, stream: Stream) -> int:
        """The highest version before which nothing is left to send; the stream will go on from there."""
        left = [entry.version for entry in self._history if entry.version > stream.position]
        if not left:
            stream.position = max(stream.position, self.version)
        return stream.position

    def list(self, fetch: ListFetch) -> Page | Status:
        version, after = self.version, ""
        if fetch.continue_token:
            number, after = fetch.continue_token.split(":")
            version = int(number)
            if not self._serves(version):
                return Status(410, "Expired", continue_token=f"{self.version}:{after}")
        state = self._states[version]
        names = sorted(name for name in state if name > after)
        limit = len(names) if self.ignores_limit or not fetch.limit else min(fetch.limit, 2)
        more = f"{version}:{names[limit - 1]}" if len(names) > limit else ""
        items = [
            ListItem(identify(RESOURCE, content, None), content)
            for content in (body(name, *state[name]) for name in names[:limit])
        ]
        return Page(items, PageMeta(str(version), more, "Pod", "v1", None, None))

    def _serves(self, version: int) -> bool:
        return version >= self.oldest and version in self._states
