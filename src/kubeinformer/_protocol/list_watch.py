"""What the server's answers about one collection mean: the list-watch machine.

Rules. Every transition is here; the shell around the machine only moves bytes and sleeps. No I/O, clock or randomness:
``now`` (seconds, any monotonic origin) and ``jitter`` (a random number in [0, 1)) are arguments.

How it is driven. ``next_step`` says what to do: `Wait`, `Reauthenticate` or `Send`. After a `Send`, report exactly one
of these: ``opened`` (HTTP 200), ``refused`` (another status), or ``broken`` (no answer). After ``opened``, call
``receive`` for each watch event; or, for a list, ``receive_item``, ``accept_page`` and ``page_complete``. Go on until
``is_open`` turns False, or until ``broken`` or ``refused`` (an ERROR event) ends the response. Then call ``next_step``
again, and so on forever.

Theory. An initial stream is unordered until the bookmark that carries ``k8s.io/initial-events-end``. So nothing before
that bookmark may become a position to resume from. After it, every event and bookmark moves the position forward, and
none moves it back. Whatever starts over (a first page, an initial stream) begins a new sweep generation, because an
object that an earlier attempt saw may have been deleted since. Only page 2 and later continue a generation, because the
server pins them to the version of the first page. A lost position never empties the cache: the next `Sweep` deletes
what the new generation did not see.

Not here. Framing (``frames``), pages (``pages``), delays (``backoff``), URLs (``requests``), when a position has to be
proven before a watch continues from it (``silence``).

Source. KEP-3157 (watch-list), KEP-956 (bookmarks); the API concepts page on 410 and on ``continue``; client-go's
reflector, from which it differs in never resuming a list at a newer version.
"""

from collections import Counter

import msgspec

from kubeinformer._protocol.backoff import backoff_delay, doubling
from kubeinformer._protocol.continuation import Continuation
from kubeinformer._protocol.page_size import FIRST_PAGE_LIMIT, next_page_limit
from kubeinformer._protocol.pages import ListItem, PageMeta
from kubeinformer._protocol.requests import Fetch, ListFetch, ProofFetch, WatchFetch, WatchListFetch
from kubeinformer._protocol.silence import Silence
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.steps import (
    BeginSweep,
    CacheWrite,
    Phase,
    Reauthenticate,
    Remove,
    Send,
    Step,
    Sweep,
    Upsert,
    Wait,
)
from kubeinformer._protocol.streams import Initial, Live, Page, Stream
from kubeinformer._protocol.timing import Timing
from kubeinformer._protocol.versions import is_earlier
from kubeinformer._protocol.watch_events import Bookmark, EventType, ObjectEvent
from kubeinformer.errors import ProtocolError

__all__ = ["ListWatch"]


class _Resync(msgspec.Struct, frozen=True):
    """Goal: a whole new snapshot."""


class _Rewatch(msgspec.Struct, frozen=True):
    """Goal: live events after the position. The only state in which a position exists."""

    position: str


_HTTP_UNAUTHORIZED = 401
_HTTP_NOT_FOUND = 404
_HTTP_SERVER_ERROR = 500
_PASSING = (401, 408, 429)  # of the 4xx codes, those after which the same request may succeed
_UNUSABLE_TOKEN = (400, 415, 422)  # for a token that the server itself gave: another server, or a restored one, answers
_PAGE_FAILURE_LIMIT = 3  # tokens are pinned to a version: a page that cannot be read now will not be readable later
_TOO_LARGE_LIMIT = 3  # an API server that is behind its peers catches up within a few retries, or was restored


class ListWatch:
    """The list-watch machine of one collection. See the module's head for how it is driven.

    Args:
        resource: Names the collection in errors.
        timing: Every waiting time.
    """

    def __init__(self, resource: str, timing: Timing | None = None) -> None:
        self._resource = resource
        self._timing = timing or Timing()
        self._goal: _Resync | Continuation | _Rewatch = _Resync()
        self._fetch: Fetch | None = None
        self._is_pending = False  # a request is out and nothing has ended it yet
        self._stream: Stream | None = None
        self._wait: _Backoff | float | None = None
        self._reauthenticate = False
        self._paged_since: float | None = None  # None: watch-list mode
        self._silence = Silence(self._timing.proof_after)
        self._unpaged = False  # the next list asks for everything at once
        self._page_limit = FIRST_PAGE_LIMIT
        # Failures in a row. Each counter is reset by an event of its own.
        self._attempts = 0
        self._initial_failures = 0
        self._initial_expiries = 0
        self._page_failures = 0
        self._too_large = 0
        self._probes = 0
        self.resyncs: Counter[str] = Counter()  # lost positions, by reason; InformerStatistics says which there are

    # What the shell asks.

    @property
    def position(self) -> str | None:
        """The version after which a watch can resume, or None when the next snapshot must give one."""
        return self._goal.position if isinstance(self._goal, _Rewatch) else None

    @property
    def is_open(self) -> bool:
        """Whether to go on reading the current response."""
        return self._stream is not None

    @property
    def phase(self) -> Phase:
        """The current phase of the conversation with the server."""
        match self._stream:
            case Initial():
                return Phase.INITIAL
            case Page():
                return Phase.PAGING
            case Live():
                return Phase.LIVE
            case _:
                return Phase.WAITING

    @property
    def verb(self) -> str:
        """The RBAC verb of the last request."""
        return "list" if isinstance(self._fetch, ListFetch | ProofFetch) else "watch"

    @property
    def read_deadline(self) -> float:
        """Seconds of silence after which the peer counts as dead."""
        return self._stream.read_deadline if self._stream else self._timing.initial_silence

    def is_overdue(self, now: float) -> bool:
        """Whether the current response should have made progress or ended by now, although bytes come.

        A proxy that keeps its side of the connection alive, or a peer that sends single bytes, is never silent. Report
        it as ``broken``.
        """
        return self._stream is not None and self._stream.is_overdue(now)

    def next_step(self, now: float, jitter: float) -> Step:
        """Say what to do next."""
        if self._reauthenticate:
            self._reauthenticate = False
            return Reauthenticate()
        if self._wait is not None:
            wait, self._wait = self._wait, None
            return Wait(wait.seconds(self._timing, jitter) if isinstance(wait, _Backoff) else wait)
        self._fetch = self._next_fetch(now, jitter)
        self._is_pending = True
        return Send(self._fetch)

    def _next_fetch(self, now: float, jitter: float) -> Fetch:
        least, most = self._timing.watch_timeout
        timeout_seconds = round(least + jitter * (most - least))
        match self._goal:
            case _Rewatch(position):
                if self._silence.is_long(now):
                    return ProofFetch(position)
                return WatchFetch(position, timeout_seconds)
            case Continuation(token):
                return ListFetch(self._page_limit, token)
            case _:
                if self._paged_since is not None and now - self._paged_since >= self._timing.paged_for:
                    self._paged_since = None
                if self._unpaged:
                    # Only once: a list too large for the server's own time limit would otherwise fail again and again.
                    self._unpaged = False
                    return ListFetch(0)
                return WatchListFetch(timeout_seconds) if self._paged_since is None else ListFetch(self._page_limit)

    # What the shell reports: answers.

    def opened(self, now: float) -> BeginSweep | None:
        """The server answered 200."""
        if not self._is_pending:
            return None  # ``resync`` came first: this answer must be dropped
        self._probes = 0
        if isinstance(self._fetch, WatchFetch) and self._silence.is_long_at_answer(now):
            self._settle()
            return None
        self._silence.broken_at(now)
        match self._fetch:
            case WatchListFetch(timeout_seconds):
                self._stream = Initial(self._timing, timeout_seconds, now)
                return BeginSweep()
            case WatchFetch(_, timeout_seconds):
                self._too_large = 0
                self._stream = Live(self._timing, timeout_seconds, now)
                return None
            case ProofFetch():
                self._too_large = 0
                self._settle()
                return None
            case _:
                self._stream = Page(self._timing, now)
                return BeginSweep() if isinstance(self._goal, _Resync) else None

    def receive(self, event: ObjectEvent | Bookmark, now: float) -> CacheWrite | None:
        """One event of a watch. The third kind, `ErrorEvent`, is a refusal: report its status to ``refused``.

        Raises:
            ProtocolError: A live stream went back in time. Report it as ``broken``; everything will then be read anew.
        """
        stream = self._stream
        self._silence.broken_at(now)
        if isinstance(event, ObjectEvent):
            if isinstance(stream, Live):
                self._moved_to(event.identity.resource_version)
            elif isinstance(stream, Initial):
                self._initial_progress(stream, now, is_new=event.type is EventType.ADDED)
            if event.type is EventType.DELETED:
                return Remove(event.identity, event.body)
            return Upsert(event.identity, event.body)
        return self._bookmark(event, stream, now)

    def _bookmark(self, bookmark: Bookmark, stream: Stream | None, now: float) -> Sweep | None:
        match stream:
            case Live():
                self._moved_to(bookmark.resource_version)
                stream.bookmark(now)
            case Initial(timeout_seconds=timeout_seconds) if bookmark.ends_initial:
                self._stream = Live(self._timing, timeout_seconds, now)
                return self._synced(bookmark.resource_version)
            case Initial():
                # Progress only: the stream is unordered, so this version says nothing about what has come.
                self._initial_progress(stream, now, is_new=False)
            case _:
                pass  # the stream was just given up
        return None

    def _moved_to(self, version: str) -> None:
        """Live events come in the order of their versions, and a restored server ends its streams before it goes back.

        If this order is broken, the event may be a repeated old one that could bring back a deleted object; or the
        versions are not what they should be. Only a snapshot shows the truth.
        """
        assert isinstance(self._goal, _Rewatch), "a live stream has a position"
        position = self._goal.position
        if is_earlier(version, position):
            self._start_over("back in time")
            raise ProtocolError(self._resource, f"version {version} came after version {position} in a live stream")
        self._goal = _Rewatch(version)

    def _initial_progress(self, stream: Initial, now: float, *, is_new: bool) -> None:
        if is_new:
            stream.last_new = now
        elif stream.is_stuck(now):
            self._leave(now)

    def receive_item(self, item: ListItem) -> Upsert:
        """One item of a list."""
        return Upsert(item.identity, item.body)

    def accept_page(self, meta: PageMeta) -> None:
        """Check that a page is the one that should follow. Called before its items are written, if possible.

        Raises:
            ProtocolError: The page does not belong to the same snapshot as the one before it, or does not lead on.
                Report it as ``broken``; everything will then be read in one list.
        """
        if isinstance(self._goal, Continuation):
            problem = self._goal.problem(meta)
            if problem:
                self._unpaged = True
                self._goal = _Resync()
                raise ProtocolError(self._resource, problem)

    def page_complete(self, meta: PageMeta, size: int, items: int) -> Sweep | None:
        """A list body has been read to its end, and accepted.

        Args:
            meta: The list's own metadata.
            size: Bytes of JSON in the body.
            items: How many objects it had.
        """
        self._page_limit = next_page_limit(self._page_limit, size, items)
        self._page_failures = 0
        self._settle()
        if not meta.continue_token:
            return self._synced(meta.resource_version)
        previous = self._goal if isinstance(self._goal, Continuation) else None
        self._goal = previous.after(meta) if previous else Continuation.after_first(meta)
        return None

    def _synced(self, resource_version: str) -> Sweep:
        self._goal = _Rewatch(resource_version)
        self._initial_failures = self._initial_expiries = self._too_large = 0
        return Sweep(resource_version)

    # What the shell reports: failures. Each end of a request leads to a wait, except those of the table.

    def refused(self, status: Status, retry_after: float | None, now: float) -> None:
        """The server answered with an error: as the status of the response, or as an ERROR event within a watch.

        Args:
            status: What the server said.
            retry_after: Seconds for which the server wants no request, from the header or the status.
            now: Seconds.
        """
        before_end = self._stream is None or isinstance(self._stream, Initial)
        if status.is_expired:
            self._expired(now)
        elif isinstance(self._fetch, WatchListFetch) and before_end and status.refuses_watch_list:
            self._paged_since = now
            self._settle()
        elif status.code == _HTTP_NOT_FOUND:
            self._settle()
            self._start_over("not found")  # if the resource comes back, its versions may begin anywhere
            self._wait = doubling(self._timing.probe_first, self._timing.probe_limit, self._probes)
            self._probes += 1
        elif isinstance(self._fetch, ProofFetch) and status.code not in _PASSING and status.code < _HTTP_SERVER_ERROR:
            # The server answers no proofs, perhaps because the right to list is missing. Then nothing can be proven.
            self._silence.broken_at(now)
            self._settle()
        else:
            self._reauthenticate = status.code == _HTTP_UNAUTHORIZED
            if isinstance(self._goal, Continuation) and status.code in _UNUSABLE_TOKEN:
                self._goal = _Resync()
            if status.is_too_large_resource_version:
                self._too_large += 1
                if self._too_large >= _TOO_LARGE_LIMIT:
                    self._too_large = 0
                    self._start_over("back in time")
            self._leave(now, retry_after or 0.0)

    def _expired(self, now: float) -> None:
        if isinstance(self._goal, _Rewatch):
            self._start_over("expired")
            self._leave(now)
            return
        if isinstance(self._goal, Continuation):
            # The token in the answer leads to pages of a newer version than the pages already read. Mixing the two
            # would lose what changed in between. One whole list, parsed as it streams, needs only the page budget.
            self._unpaged = True
            self._goal = _Resync()
        self._initial_expiries += 1
        if self._initial_expiries == 1:
            self._settle()
        else:
            self._leave(now)

    def broken(self, now: float) -> None:
        """The request has ended without an error status: a clean end, a lost connection, silence, or malformed data.

        Does nothing if the machine has already settled the request: a connection may break while it is being dropped.
        """
        if not self._is_pending:
            return
        if isinstance(self._goal, Continuation):
            self._page_failures += 1
            if self._page_failures >= _PAGE_FAILURE_LIMIT:
                self._goal = _Resync()
        self._leave(now)

    def resync(self) -> None:
        """The store was found to differ from the server: give up the position, and the stream that continues from it.

        The next request is for a whole snapshot. It comes at once, because comparisons are rare. Does nothing without a
        position, because a snapshot comes anyway.
        """
        if isinstance(self._goal, _Rewatch):
            self._start_over("consistency check")
            self._settle()

    def _start_over(self, reason: str) -> None:
        if isinstance(self._goal, _Rewatch):
            self.resyncs[reason] += 1
        self._goal = _Resync()

    def _settle(self) -> None:
        self._stream = None
        self._is_pending = False

    def _leave(self, now: float, retry_after: float = 0.0) -> None:
        stream = self._stream
        self._settle()
        if isinstance(stream, Live) and now - stream.opened >= self._timing.healthy_after:
            self._attempts = 0
        if isinstance(stream, Initial):
            self._initial_failures += 1
            if stream.is_stuck(now) or self._initial_failures >= self._timing.initial_failure_limit:
                self._initial_failures = 0
                self._paged_since = now
        self._wait = _Backoff(self._attempts, retry_after)
        self._attempts += 1


class _Backoff(msgspec.Struct, frozen=True):
    """A delay that still needs its random number."""

    attempt: int
    floor: float

    def seconds(self, timing: Timing, jitter: float) -> float:
        return backoff_delay(
            self.attempt, jitter, first=timing.backoff_first, limit=timing.backoff_limit, floor=self.floor
        )
