import datetime as dt
from typing import Any

import pytest

from kubeinformer.controller._election.lease import Candidate, LeaseTiming, LeaseWrite

WALL = dt.datetime(2026, 5, 4, 3, 2, 1, 5, tzinfo=dt.UTC)
NOW = "2026-05-04T03:02:01.000005Z"
Json = dict[str, Any]


def candidate(identity: str = "a", **timing: float) -> Candidate:
    return Candidate("lock", "system", identity, LeaseTiming(**timing))


def lease(holder: str | None, *, renewed: str = "then", version: str = "7", **spec: object) -> Json:
    metadata = {"name": "lock", "namespace": "system", "resourceVersion": version, "labels": {"kept": "yes"}}
    record = {"leaseDurationSeconds": 15, "acquireTime": "once", "renewTime": renewed, "leaseTransitions": 3}
    return {"metadata": metadata, "spec": {"holderIdentity": holder} | record | spec}


def leading(began: float = 100.0) -> Candidate:
    one = candidate()
    one.observe(None, 0.0)
    one.written(lease("a"), began)
    return one


def spec_of(write: LeaseWrite | None) -> Json:
    assert write is not None
    return dict(write.body["spec"])


def test_where_there_is_no_lease_one_is_made() -> None:
    one = candidate(lease_duration=12.2)
    one.observe(None, 1.0)
    write = one.next_write(1.0, WALL)
    assert write is not None
    assert write.is_new
    assert write.body == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lock", "namespace": "system"},
        "spec": {
            "holderIdentity": "a",
            "leaseDurationSeconds": 13,  # never less than what the leader counts on
            "acquireTime": NOW,
            "renewTime": NOW,
            "leaseTransitions": 0,
        },
    }
    assert not one.is_leader(1.0), "not before the server has said so"


def test_a_held_lease_is_left_alone_for_as_long_as_its_holder_asked() -> None:
    one = candidate(lease_duration=100)
    one.observe(lease("b", leaseDurationSeconds=20), 10.0)
    one.observe(lease("b", leaseDurationSeconds=20, version="8"), 25.0)  # another annotation, say
    assert one.next_write(29.9, WALL) is None
    assert one.holder == "b"
    write = one.next_write(30.0, WALL)
    assert write is not None
    assert not write.is_new
    assert write.body["metadata"] == lease("b", version="8")["metadata"], "as read: its version guards the write"
    assert spec_of(write) == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 100,
        "acquireTime": NOW,
        "renewTime": NOW,
        "leaseTransitions": 4,
    }


def test_every_renewal_starts_the_wait_over() -> None:
    one = candidate()
    one.observe(lease("b", renewed="1"), 10.0)
    one.observe(lease("b", renewed="2"), 24.0)
    assert one.next_write(38.9, WALL) is None
    assert one.next_write(39.0, WALL) is not None


@pytest.mark.parametrize("holder", ["", None])
def test_a_released_lease_is_free_at_once(holder: str | None) -> None:
    one = candidate()
    one.observe(lease(holder), 10.0)
    assert one.holder is None
    assert spec_of(one.next_write(10.0, WALL))["leaseTransitions"] == 4


@pytest.mark.parametrize("nonsense", [0, -3, "soon", None])
def test_a_duration_that_is_none_is_taken_to_be_ours(nonsense: object) -> None:
    one = candidate(lease_duration=11)
    one.observe(lease("b", leaseDurationSeconds=nonsense, leaseTransitions=nonsense), 10.0)
    assert one.next_write(20.9, WALL) is None
    assert spec_of(one.next_write(21.0, WALL))["leaseTransitions"] == 1


def test_a_lease_without_a_spec_is_free() -> None:
    one = candidate()
    one.observe({"metadata": {"resourceVersion": "1"}}, 10.0)
    assert spec_of(one.next_write(10.0, WALL))["holderIdentity"] == "a"


def test_unknown_fields_are_kept() -> None:
    one = candidate()
    one.observe(lease(None, strategy="OldestEmulationVersion"), 10.0)
    assert spec_of(one.next_write(10.0, WALL))["strategy"] == "OldestEmulationVersion"


def test_a_leader_counts_from_the_beginning_of_its_last_write() -> None:
    one = leading(began=100.0)
    assert one.deadline == 110.0
    assert one.is_leader(109.9)
    assert not one.is_leader(110.0)
    assert spec_of(one.next_write(102.0, WALL)) == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "once",
        "renewTime": NOW,
        "leaseTransitions": 3,
    }
    one.written(lease("a", renewed=NOW), 102.0)
    assert one.deadline == 112.0


def test_who_finds_its_own_name_does_not_lead_before_it_has_written() -> None:
    one = candidate()
    one.observe(lease("a"), 10.0)
    assert one.holder == "a"
    assert not one.is_leader(10.0)
    assert spec_of(one.next_write(10.0, WALL))["leaseTransitions"] == 3


def test_seeing_another_holder_ends_it_at_once() -> None:
    one = leading()
    one.observe(lease("b"), 101.0)
    assert one.deadline is None
    assert not one.is_leader(101.0)


def test_a_leader_whose_lease_was_deleted_makes_a_new_one() -> None:
    one = leading()
    one.observe(None, 101.0)
    assert one.is_leader(101.0)
    write = one.next_write(101.0, WALL)
    assert write is not None
    assert write.is_new


def test_a_lease_that_was_deleted_is_waited_out_by_who_has_seen_its_holder() -> None:
    one = candidate()
    one.observe(lease("b"), 10.0)
    one.observe(None, 11.0)
    assert one.next_write(24.9, WALL) is None
    write = one.next_write(25.0, WALL)
    assert write is not None
    assert write.is_new


def test_release_leaves_nothing_to_wait_for() -> None:
    one = leading()
    one.resign()
    assert not one.is_leader(100.0)
    write = one.release(WALL)
    assert write is not None
    assert write.body["metadata"] == lease("a")["metadata"]
    assert spec_of(write) == {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": NOW,
        "renewTime": NOW,
        "leaseTransitions": 3,
    }
    one.released(write.body, 101.0)
    assert one.holder is None
    assert one.release(WALL) is None


def test_what_is_not_ours_is_not_released() -> None:
    one = candidate()
    assert one.release(WALL) is None
    one.observe(lease("b"), 10.0)
    assert one.release(WALL) is None
    two = leading()
    two.observe(None, 101.0)
    assert two.release(WALL) is None


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        ({"lease_duration": 10.0}, r"lease_duration=10.0 must be more than renew_deadline=10.0"),
        ({"lease_duration": float("inf")}, r"lease_duration=inf"),
        ({"lease_duration": float("nan")}, r"lease_duration=nan"),
        ({"renew_deadline": 2.4}, r"renew_deadline=2.4 must be more than 1.2 times retry_period=2.0"),
        ({"retry_period": 0.0}, r"retry_period=0.0 must be seconds, more than 0"),
        ({"retry_period": float("nan")}, r"retry_period=nan"),
    ],
)
def test_times_that_leave_no_room_are_refused(timing: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LeaseTiming(**timing)
