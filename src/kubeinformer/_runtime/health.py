"""The condition of an informer: counters, the last failure, and one log line for each change of state.

Rules. A log line has a constant template and its facts in ``extra``. The resource or the reason is in the message as
well, for those who print only messages. The content of an object is never logged.

A failure is kept without its frames, because their variables contain the data that was read. The last failure becomes
the cause of a `SyncTimeout`, and error reporters print variables along the chain of causes.

If the same kind of failure occurs again, it is logged at DEBUG level, until the stream has brought something. So an API
server that is down for an hour causes one line for each kind of failure when it goes down, and one line when it is
back. A server that answers 200 and then fails at once, again and again, does not cause more lines.
"""

import logging
from collections import Counter
from dataclasses import dataclass

from kubeinformer._protocol.steps import Phase
from kubeinformer._runtime.frames import without_frames
from kubeinformer.errors import ServerRefused

__all__ = ["Health", "InformerStatistics"]

logger = logging.getLogger("kubeinformer.reflector")


@dataclass(frozen=True, slots=True, kw_only=True)
class InformerStatistics:
    """What an informer has done until now. Counters never decrease.

    Attributes:
        phase: ``waiting``, ``queued`` (other informers sync first), ``initial stream``, ``paging`` or ``live``.
        objects: Objects in the store.
        stored_bytes: Size of all stored bodies (0 with ``retain="objects"``).
        received_bytes: Bytes that arrived, compressed if the server compressed them.
        decoded_bytes: The same after decompression.
        events: Watch events and list items that arrived.
        changes: Changes to the store. Events about objects that the store already had in this version do not count.
        requests: Requests that were sent, by kind: ``watch-list``, ``watch``, ``list``, and ``proof`` (a request
            whether the server has reached the version from which a watch will continue).
        syncs: Completed snapshots: the first one and each resync.
        resyncs: How often the position was lost, so that a new snapshot was necessary. By reason: ``expired`` (410:
            the server no longer has that version), ``back in time`` (its versions went back: a restored database),
            ``not found`` (404: the resource was removed), ``consistency check`` (a comparison found a difference).
        failures: Requests that did not end with a clean close by the server, by the name of the error.
        subscriptions: Open readers of ``events()``.
        pending: Keys that these readers have not taken yet.
        last_error: The last failure; None while the stream is live. A refusal stays until the next 200.
        last_activity: When the last byte arrived, in seconds on the clock of the event loop (`anyio.current_time`).
        checks: Completed comparisons with the server (``check_consistency``).
        divergences: Comparisons that found a difference.
        resource_version: The version that the store has reached.
    """

    phase: str
    objects: int
    stored_bytes: int
    received_bytes: int
    decoded_bytes: int
    events: int
    changes: int
    requests: dict[str, int]
    syncs: int
    resyncs: dict[str, int]
    failures: dict[str, int]
    subscriptions: int
    pending: int
    last_error: Exception | None
    last_activity: float | None
    checks: int
    divergences: int
    resource_version: str | None


class Health:
    """Counts, remembers the last failure, and logs changes of state once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.phase = Phase.WAITING
        self.received_bytes = 0
        self.decoded_bytes = 0
        self.events = 0
        self.syncs: int = 0
        self.requests: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.last_error: Exception | None = None
        self.last_activity: float | None = None
        self.last_proof: float | None = None  # when the server last proved the store to be current
        self._logged: set[str] = set()  # the kinds of failures that were logged since the stream last brought something
        self._is_told_live = False  # whether "live again" was logged since then

    def failed(self, error: Exception) -> None:
        """A request failed with this error."""
        self.last_error = without_frames(error)
        name = type(error).__name__
        self.failures[name] += 1
        level = logging.DEBUG if name in self._logged else logging.WARNING
        self._logged.add(name)
        reason = str(error)  # it names the resource, so that a message alone shows what is missing, such as a CRD
        logger.log(
            level, "request failed, will be tried again: %s", reason, extra=self._facts(error=name, reason=reason)
        )

    def answered(self) -> None:
        """The server answered 200: an earlier refusal is no longer valid."""
        if isinstance(self.last_error, ServerRefused):
            self.last_error = None

    def is_live_again(self) -> None:
        """Live events can arrive now."""
        self.last_error = None
        if self._logged and not self._is_told_live:
            self._is_told_live = True
            logger.info("the stream of %s is live again", self._name, extra=self._facts())

    def progressed(self) -> None:
        """The stream brought something, so the next failure is logged again."""
        if self._logged:
            self._logged.clear()
        self._is_told_live = False

    def synced(self, resource_version: str) -> None:
        """A snapshot is complete."""
        self.syncs += 1
        facts = self._facts(resource_version=resource_version)
        logger.info("%s synced" if self.syncs == 1 else "%s resynced", self._name, extra=facts)

    def waits(self, seconds: float) -> None:
        """No request is sent for this number of seconds."""
        logger.debug("waiting before the next request", extra=self._facts(seconds=seconds))

    def _facts(self, **facts: object) -> dict[str, object]:
        return {"informer": self._name, **facts}
