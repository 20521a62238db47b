"""The output of the list-watch machine: the next step for the shell, and writes for the cache."""

import enum
from typing import TypeAlias

import msgspec

from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.requests import Fetch

__all__ = ["BeginSweep", "CacheWrite", "Phase", "Reauthenticate", "Remove", "Send", "Step", "Sweep", "Upsert", "Wait"]


class Wait(msgspec.Struct, frozen=True):
    """Sleep this many seconds, then ask for the next step."""

    seconds: float


class Reauthenticate(msgspec.Struct, frozen=True):
    """Forget cached credentials, then ask for the next step."""


class Send(msgspec.Struct, frozen=True):
    """Send this request and report the result."""

    fetch: Fetch


Step: TypeAlias = Wait | Reauthenticate | Send


class BeginSweep(msgspec.Struct, frozen=True):
    """A new generation begins. What it has not seen when its `Sweep` comes is gone."""


class Upsert(msgspec.Struct, frozen=True):
    """The object exists in this state."""

    identity: Identity
    body: bytes


class Remove(msgspec.Struct, frozen=True):
    """The object is gone; ``body`` is its final state."""

    identity: Identity
    body: bytes


class Sweep(msgspec.Struct, frozen=True):
    """The snapshot is complete: delete what this generation did not see. Then the store equals this version."""

    resource_version: str


CacheWrite: TypeAlias = BeginSweep | Upsert | Remove | Sweep


class Phase(enum.StrEnum):
    """The phase of the conversation with the server."""

    WAITING = "waiting"
    QUEUED = "queued"  # set by the shell, not by the machine: it waits before it sends a request
    INITIAL = "initial stream"
    PAGING = "paging"
    LIVE = "live"
