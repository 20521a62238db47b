"""Errors outside of the process that raised them: in another one, in a log, in a test's output."""

import copy
import pickle

import pytest

from kubeinformer import (
    AlreadyOwned,
    CorruptEntry,
    IndexerError,
    InformerClosed,
    Invalid,
    KubeInformerError,
    LeadershipLost,
    ModelMismatch,
    Redirected,
    RequestTimeout,
    ServerUnavailable,
    SyncTimeout,
    TransformError,
    UsageError,
    WaitTimeout,
    WrongKind,
)
from kubeinformer.controller import QueueShutDown

ERRORS = (
    AlreadyOwned("Deployment shop/web", "Widget other"),
    LeadershipLost("shop/lock", "a", "b", "somebody else has taken it"),
    CorruptEntry("v1/pods", "default/a"),
    TransformError("v1/pods", "it raised KeyError"),
    ModelMismatch("v1/pods", "default/a", "it raised KeyError"),
    IndexerError("v1/pods", "node", "default/a", "it raised KeyError"),
    InformerClosed("v1/pods"),
    QueueShutDown("pods"),
    SyncTimeout("v1/pods", 1.5, None, is_queued=True),
    WaitTimeout("v1/pods", "17", None, 1.5),
    RequestTimeout("PATCH /api/v1/pods", 30.0),
    Invalid(
        "patch", "v1/pods", "shop", 422, "Invalid", "bad", name="a", causes=(("spec", "x", "y"),), remedy="mend it"
    ),
    ServerUnavailable("get", "v1/pods", 429, "", "", namespace="shop", name="a", retry_after=2.5, is_retried=False),
    WrongKind("v1/pods", "a Table", 7),
    Redirected("watch", "v1/pods", 302, "https://login.example"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_survive_a_copy_with_all_they_say(error: KubeInformerError) -> None:
    for found in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(found) is type(error)
        assert str(found) == str(error)
        assert vars(found) == vars(error)


def test_whose_fault_it_is() -> None:
    """A transform is the caller's to fix, memory is not."""
    assert issubclass(TransformError, UsageError)
    assert not issubclass(CorruptEntry, UsageError)


def test_damage_says_what_to_do() -> None:
    error = CorruptEntry("v1/pods", "default/a")
    assert str(error) == (
        "the stored object 'default/a' of v1/pods was damaged in memory; it is being fetched again: "
        "read it later, and suspect an extension module or the hardware if this happens again"
    )
