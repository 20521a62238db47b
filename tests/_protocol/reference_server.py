"""The versions, watches and lists of an API server in two hundred lines. The model of the client is compared with it.

It only contains what matters for correctness: versions that stay expired once they are compacted; initial events in any
order, mixed with changes and plain bookmarks; continue tokens that are pinned to a version; replicas that are behind;
restores from a backup, with or without versions that are given out twice; and answers that break the contract. One
thing is better than in reality. If a version is requested that a restore has undone and that later writes have passed,
this server says so; a real server cannot know. A watch from a future version is accepted and stays silent, as on real
servers.
"""

import json
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from kubeinformer._protocol.identity import identify
from kubeinformer._protocol.pages import ListItem, PageMeta
from kubeinformer._protocol.requests import ListFetch, ProofFetch, WatchFetch, WatchListFetch
from kubeinformer._protocol.status import Cause, Status
from kubeinformer._protocol.watch_events import Bookmark, EventType, ObjectEvent

RESOURCE = "v1/pods"
_TOO_LARGE = Status(504, "Timeout", causes=(Cause("ResourceVersionTooLarge", "", ""),), retry_after=1.0)
_FIRST_VERSION = 10
_PER_PAGE = 2


class State(NamedTuple):
    """One state of one object. ``life`` counts restores: with it, equal numbers of two histories differ."""

    uid: str
    version: int
    life: int


States: TypeAlias = dict[str, State]
"""The state of each object, by name."""


@dataclass(frozen=True)
class Entry:
    """One change of the history; of a deletion the last state, under a version of its own."""

    type: EventType
    name: str
    state: State


@dataclass
class Stream:
    """A watch: what it has still to send, and what it has sent of objects."""

    position: int
    initial: list[ObjectEvent] = field(default_factory=list)
    ends_initial: bool = False  # whether the end bookmark is still to come
    sent: list[ObjectEvent] = field(default_factory=list)
    is_unordered: bool = False  # asked for as a watch-list, and not at the end of its initial events
    end: int | None = None  # which version the initial events were, whatever the end bookmark said


@dataclass
class Page:
    """A list's answer."""

    items: list[ListItem]
    meta: PageMeta


@dataclass
class Habits:
    """How a server, or what stands before it, differs from the best one."""

    refuses_watch_list: bool = False
    ignores_watch_list: bool = False
    ignores_limit: bool = False
    mixes_versions: bool = False  # pages after the first are of the newest version
    repeats_pages: bool = False  # a continue token leads to where it came from
    lag: int = 0  # how many versions a watch's server is behind the newest


def content(name: str, state: State) -> dict[str, object]:
    """The object, with a text that is worth compressing and hard to cut."""
    metadata = {"name": name, "namespace": "default", "uid": state.uid, "resourceVersion": str(state.version)}
    spec = {
        "seen": state.version,
        "life": state.life,
        "text": f"{name}\u2028\U0001f600\u0085 {{}} " * (state.version % 4),
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec}


def body(name: str, state: State) -> bytes:
    return json.dumps(content(name, state), ensure_ascii=state.version % 2 == 0).encode()


def object_event(event_type: EventType, name: str, state: State) -> ObjectEvent:
    text = body(name, state)
    return ObjectEvent(event_type, identify(RESOURCE, text, None), text)


def list_item(name: str, state: State) -> ListItem:
    text = body(name, state)
    return ListItem(identify(RESOURCE, text, None), text)


class Server:
    """A collection's whole history, and answers to requests about it."""

    def __init__(self) -> None:
        self.version = _FIRST_VERSION
        self.habits = Habits()
        self.lives = 0  # restores so far
        self._oldest = 0  # versions before this one are compacted, for ever
        self._highest = _FIRST_VERSION
        self._history: list[Entry] = []
        self._states: dict[int, States] = {_FIRST_VERSION: {}}
        self._restored_to: list[int] = []
        self._last_uid: dict[str, str] = {}
        self._uids = 0

    # Writers.

    @property
    def latest(self) -> States:
        return self._states[self.version]

    def state_at(self, version: int) -> States:
        return self._states[version]

    def knows(self, version: int, life: int) -> bool:
        """Whether a version, as it was in a life, is one of the history that is true now."""
        return version in self._states and all(version <= restored for restored in self._restored_to[life:])

    @property
    def pending_changes(self) -> int:
        return len(self._history)

    def put(self, name: str, *, same_uid: bool) -> None:
        """Update an object that exists; create one that does not, perhaps one that had only left the selector."""
        event_type = EventType.MODIFIED if name in self.latest else EventType.ADDED
        uid = self._last_uid.get(name)
        if uid is None or (event_type is EventType.ADDED and not same_uid):
            self._uids += 1
            uid = self._last_uid[name] = f"uid-{self._uids}"
        self._advance(event_type, name, uid)

    def delete(self, name: str) -> None:
        self._advance(EventType.DELETED, name, self.latest[name].uid)

    def change_elsewhere(self) -> None:
        """Another resource changed: the version moves, this collection does not."""
        self._states[self._next()] = dict(self.latest)
        self.version = self._highest

    def compact(self, version: int) -> None:
        self._oldest = max(self._oldest, version)

    def restore(self, back: int, *, reuses_numbers: bool, writes_again: bool) -> None:
        """Bring a backup in. What came after it never was; its numbers may be given to other states.

        Controllers that find their writes gone write again: the same objects, under other uids where they are new.
        """
        lineage = [version for version in sorted(self._states) if version >= max(self._oldest, _FIRST_VERSION)]
        self.version = lineage[max(0, len(lineage) - 1 - back)]
        self.lives += 1
        self._restored_to.append(self.version)
        if reuses_numbers:
            self._highest = self.version
        undone = [entry for entry in self._history if entry.state.version > self.version]
        self._history = [entry for entry in self._history if entry.state.version <= self.version]
        self._last_uid = {entry.name: entry.state.uid for entry in self._history}
        for version in [version for version in self._states if version > self.version]:
            del self._states[version]
        for entry in undone if writes_again else ():
            if entry.type is not EventType.DELETED or entry.name not in self.latest:
                self.put(entry.name, same_uid=False)

    def _advance(self, event_type: EventType, name: str, uid: str) -> None:
        states = dict(self.latest)
        state = State(uid, self._next(), self.lives)
        if event_type is EventType.DELETED:
            del states[name]
        else:
            states[name] = state
        self._history.append(Entry(event_type, name, state))
        self._states[state.version] = states
        self.version = state.version

    def _next(self) -> int:
        self._highest += 1
        return self._highest

    # Readers.

    def watch(self, fetch: WatchFetch | WatchListFetch, life: int) -> Stream | Status:
        """Answer a watch; ``life`` says in which one its version was learned."""
        if isinstance(fetch, WatchFetch):
            version = int(fetch.resource_version)
            if version > self.version:
                return Stream(version)  # restored to before it: taken, and silent
            if self.habits.lag and version > self.version - self.habits.lag:
                return _TOO_LARGE
            return Stream(version) if version >= self._oldest and self.knows(version, life) else Status(410, "Expired")
        if self.habits.refuses_watch_list:
            return Status(422, "Invalid")
        initial = [object_event(EventType.ADDED, name, state) for name, state in self.latest.items()]
        return Stream(self.version, initial, ends_initial=not self.habits.ignores_watch_list, is_unordered=True)

    def proof(self, fetch: ProofFetch) -> Status | None:
        """None: it has reached that version."""
        return None if int(fetch.resource_version) <= self.version - self.habits.lag else _TOO_LARGE

    def next_event(self, stream: Stream, *, early: bool = False) -> ObjectEvent | None:
        """The next event that is not a bookmark. Early: a change before the initial events are all out."""
        entry = self._following(stream)
        unsent = {event.identity.name for event in stream.initial}
        if stream.initial and (not early or entry is None or entry.name in unsent):
            event = stream.initial.pop()
        elif entry is not None:
            stream.position = entry.state.version
            event = object_event(entry.type, entry.name, entry.state)
        else:
            return None
        stream.sent.append(event)
        return event

    def repeated(self, stream: Stream, index: int) -> ObjectEvent:
        """An event once more. Of initial events only the latest of an object: their order is that of the objects."""
        if stream.is_unordered:
            latest = {event.identity.name: event for event in stream.sent}
            return list(latest.values())[index % len(latest)]
        return stream.sent[index % len(stream.sent)]

    def plain_bookmark(self, stream: Stream) -> Bookmark:
        """Before the end of the initial events, its version may be far ahead of what has been sent."""
        if stream.initial or stream.ends_initial:
            return Bookmark(str(self.version), ends_initial=False)
        return Bookmark(str(self._passed(stream)), ends_initial=False)

    def end_bookmark(self, stream: Stream, behind: int = 0) -> Bookmark:
        """The end of the initial events. With a version that is behind, what it ends holds later objects."""
        stream.ends_initial = stream.is_unordered = False
        stream.end = self._passed(stream)
        told = max((version for version in self._states if version <= stream.end - behind), default=stream.end)
        return Bookmark(str(told), ends_initial=True)

    def _following(self, stream: Stream) -> Entry | None:
        return next((entry for entry in self._history if entry.state.version > stream.position), None)

    def _passed(self, stream: Stream) -> int:
        """The highest version before which nothing is left to send; the stream will go on from there."""
        if self._following(stream) is None:
            stream.position = max(stream.position, self.version)
        return stream.position

    def list(self, fetch: ListFetch) -> Page | Status:
        version, after = self.version, ""
        if fetch.continue_token:
            life, number, after = fetch.continue_token.split(":")
            version = int(number)
            if version < self._oldest or not self.knows(version, int(life)):
                return Status(410, "Expired", continue_token=f"{self.lives}:{self.version}:{after}")
            if self.habits.mixes_versions:  # and what stood on an earlier page has changed
                self.put(min(self.latest, default="a"), same_uid=True)
                version = self.version
        states = self._states[version]
        names = sorted(name for name in states if name > after)
        limit = len(names) if self.habits.ignores_limit or not fetch.limit else min(fetch.limit, _PER_PAGE)
        more = ""
        if len(names) > limit:
            more = f"{self.lives}:{version}:{names[limit - 1]}"
            if self.habits.repeats_pages:  # the very token, across restores too: nothing else tells that it leads back
                more = fetch.continue_token or f"{self.lives}:{version}:"
        items = [list_item(name, states[name]) for name in names[:limit]]
        return Page(items, PageMeta(str(version), more, "Pod", "v1", None, None))

    def item(self, name: str) -> ListItem | None:
        """What a list of this one object has now."""
        state = self.latest.get(name)
        return list_item(name, state) if state else None
