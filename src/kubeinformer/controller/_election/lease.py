"""Who may lead, judged by the content of a Lease and by this candidate's own clock: no I/O, no clock.

Rules. ``now`` is an argument, in seconds of one clock that only goes forward. It is never compared with the clocks of
other machines; the times written into the lease are for people. Every write carries the ``resourceVersion`` that was
read, so of two candidates the server lets only one through. Fields in the lease that are not ours are kept.

Theory. A leader that *began* a successful write at t leads until t + ``renew_deadline``. Every other candidate
*learned* of that write at some u >= t, and takes over at u + ``leaseDurationSeconds`` at the earliest. The first time
is earlier than the second by a margin. So nobody needs to know what time it is elsewhere; clocks must only run at about
the same speed. A candidate takes its u when the answer has arrived, and a leader takes its t before the request leaves.
So a slow or hanging request makes a candidate wait longer and a leader stop earlier.

A write without an answer may have succeeded. It is not counted: the next read shows whether it did, and only the next
write counts. If somebody deletes a lease, candidates that have seen its holder still wait until its time is over. A
candidate that has not seen it takes the lease at once. So do not delete a lease by hand: two leaders are possible until
the old one renews.

Not here. Requests, retries, cancelling: `leader_election`.

Source. client-go's ``tools/leaderelection`` at 1.37. There, the deadline counts from the start of a renewal, which
begins ``retry_period`` after the last success. Here it counts from the success, which is stricter.
"""

import copy
import datetime as dt
import math
from dataclasses import dataclass

from kubeinformer import RawObject
from kubeinformer.controller.timestamps import micro_time

__all__ = ["Candidate", "LeaseTiming", "LeaseWrite"]

# client-go's JitterFactor: a retry may come this much later than asked for.
JITTER = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTiming:
    """The three times of an election, in seconds, as in client-go.

    Attributes:
        lease_duration: How long others wait after the last renewal that they saw. Written in whole seconds, rounded up.
        renew_deadline: How long the leader goes on after it began its last successful renewal.
        retry_period: The pause between two attempts.

    Raises:
        ValueError: They do not leave room for one another.
    """

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not self.retry_period > 0:
            raise ValueError(f"retry_period={self.retry_period!r} must be seconds, more than 0")
        if not self.renew_deadline > self.retry_period * JITTER:
            raise ValueError(
                f"renew_deadline={self.renew_deadline!r} must be more than {JITTER:g} times "
                f"retry_period={self.retry_period!r}: there must be time for a second try"
            )
        if not self.lease_duration > self.renew_deadline or math.isinf(self.lease_duration):
            raise ValueError(
                f"lease_duration={self.lease_duration!r} must be more than renew_deadline={self.renew_deadline!r}: "
                "the difference is the leader's time to stop before somebody else may start"
            )


@dataclass(frozen=True, slots=True)
class LeaseWrite:
    """What to send: a new lease, or an existing one as read with another spec."""

    is_new: bool
    body: RawObject


class Candidate:
    """What one candidate knows and may do. Not safe to share between event loops, except for reading `is_leader`."""

    def __init__(self, name: str, namespace: str, identity: str, timing: LeaseTiming) -> None:
        self._name, self._namespace = name, namespace
        self.identity: str = identity
        self.timing: LeaseTiming = timing
        self._lease: RawObject | None = None  # as last read or written; None when there is none
        self._spec: RawObject = {}  # the last one seen, also after the lease was deleted
        self._seen: float | None = None  # when that spec was first seen
        self._deadline: float | None = None

    @property
    def holder(self) -> str | None:
        """Who held the lease when it was last seen; None for nobody or unknown."""
        return self._spec.get("holderIdentity") or None

    @property
    def deadline(self) -> float | None:
        """Until when this candidate leads if no further renewal succeeds; None when it does not."""
        return self._deadline

    def is_leader(self, now: float) -> bool:
        """Whether this candidate may act at this moment."""
        deadline = self._deadline
        return deadline is not None and now < deadline

    def observe(self, lease: RawObject | None, now: float) -> None:
        """Note what the server has.

        Args:
            lease: The object; None if there is none (404).
            now: When the answer had arrived.
        """
        self._lease = lease
        if lease is None:
            return
        spec = lease.get("spec") or {}
        if self._seen is None or spec != self._spec:
            self._spec, self._seen = spec, now
        if self.holder != self.identity:
            self._deadline = None

    def next_write(self, now: float, wall: dt.datetime) -> LeaseWrite | None:
        """What to send in order to get or keep the lease; None while it is somebody else's.

        Args:
            now: This moment.
            wall: The same on the wall clock, for people who read the lease.
        """
        if self.holder not in {None, self.identity} and now < self._expiry():
            return None
        time = micro_time(wall)
        is_ours = self.holder == self.identity
        transitions = _whole(self._spec.get("leaseTransitions"))
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self.timing.lease_duration),
            "acquireTime": self._spec.get("acquireTime") or time if is_ours else time,
            "renewTime": time,
            "leaseTransitions": transitions if is_ours or self._seen is None else transitions + 1,
        }
        return self._write(spec)

    def written(self, lease: RawObject, began: float) -> None:
        """A write of `next_write` succeeded.

        Args:
            lease: What the server answered.
            began: When the request was about to leave.
        """
        self._lease, self._spec, self._seen = lease, lease.get("spec") or {}, began
        self._deadline = began + self.timing.renew_deadline

    def resign(self) -> None:
        """Stop leading, by this candidate's own will."""
        self._deadline = None

    def release(self, wall: dt.datetime) -> LeaseWrite | None:
        """What to send so that others need not wait; None when the lease is not this candidate's."""
        if self._lease is None or self.holder != self.identity:
            return None
        time = micro_time(wall)
        # As client-go: one second, because the server wants more than 0.
        return self._write(
            {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": time, "acquireTime": time}
            | {"leaseTransitions": _whole(self._spec.get("leaseTransitions"))}
        )

    def released(self, lease: RawObject, now: float) -> None:
        """A write of `release` succeeded."""
        self.observe(lease, now)

    def _expiry(self) -> float:
        """When the lease expires. Its holder's duration counts, not ours: candidates may be of two versions."""
        assert self._seen is not None
        return self._seen + (_whole(self._spec.get("leaseDurationSeconds")) or self.timing.lease_duration)

    def _write(self, spec: RawObject) -> LeaseWrite:
        if self._lease is None:
            metadata = {"name": self._name, "namespace": self._namespace}
            body: RawObject = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
            return LeaseWrite(is_new=True, body=body | {"spec": spec})
        body = copy.deepcopy(self._lease)
        body["spec"] = (body.get("spec") or {}) | spec
        return LeaseWrite(is_new=False, body=body)


def _whole(value: object) -> int:
    """A count as the server keeps it; 0 for anything else, because anybody may write a lease."""
    return value if isinstance(value, int) and value > 0 else 0
