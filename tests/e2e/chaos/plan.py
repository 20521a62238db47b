"""What will happen to the servers and to the wire: drawn from one seed, before anything happens.

A plan is an endless row of phases; a run takes as many as its time allows. In each phase two lanes go on at the same
time: what is done to the servers, and what is done to the wire. After it comes a quiet point.

What a seed replays: the actions, their order, the pauses between them and how long each lasts; and each connection of
the writer draws the same intentions in the same order. What it does not: how these meet. Servers take their own time
to start and to answer, so which write, which byte and which fault coincide differs from run to run.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """What is done. The value is what reports call it."""

    API_KILLED = "api killed"
    API_RESTARTED = "api restarted"
    API_PAUSED = "api paused"
    ETCD_KILLED = "etcd killed"
    ETCD_PAUSED = "etcd paused"
    COMPACTED = "compacted"
    COMPACTED_AND_KILLED = "compacted, api killed"
    BOTH_KILLED = "api and etcd killed"
    CUT = "wire cut"
    UNPLUGGED = "wire unplugged"
    FROZEN = "wire frozen"
    STALLED = "wire stalled"


# Least and most seconds that a fault lasts. What starts a server again takes that time on top.
_SERVER_FAULTS = {
    Fault.API_KILLED: (0.0, 4.0),
    Fault.API_RESTARTED: (0.0, 0.0),
    Fault.API_PAUSED: (1.0, 12.0),
    Fault.ETCD_KILLED: (0.0, 4.0),
    Fault.ETCD_PAUSED: (1.0, 6.0),
    Fault.COMPACTED: (0.0, 0.0),
    Fault.COMPACTED_AND_KILLED: (0.0, 2.0),
    Fault.BOTH_KILLED: (0.0, 2.0),
}
_WIRE_FAULTS = {
    Fault.CUT: (0.0, 0.0),
    Fault.UNPLUGGED: (0.5, 4.0),
    Fault.FROZEN: (0.0, 0.0),  # for ever: only the client can end it
    Fault.STALLED: (0.5, 12.0),
}
_STARTS_API = {Fault.API_KILLED, Fault.API_RESTARTED, Fault.COMPACTED_AND_KILLED, Fault.BOTH_KILLED}

_PAUSE = (1.0, 6.0)  # seconds between two actions of a lane
SHORTEST, _LONGEST = 20.0, 40.0  # seconds of a phase: pauses and faults
_START = 8.0  # seconds that a start is counted for
_OLD_SERVERS = 0.3  # of the API server's starts are made without watch-lists


@dataclass(frozen=True, slots=True)
class Action:
    """After a pause something is done, and undone some seconds later where that is possible."""

    pause: float
    fault: Fault
    seconds: float
    has_watch_list: bool = True

    def __str__(self) -> str:
        how = "" if self.has_watch_list else ", comes back without watch-lists"
        return f"+{self.pause:.1f} s: {self.fault.value} for {self.seconds:.1f} s{how}"


@dataclass(frozen=True, slots=True)
class Phase:
    """What happens between two quiet points."""

    servers: tuple[Action, ...]
    wire: tuple[Action, ...]


def phases(seed: int) -> Iterator[Phase]:
    """The plan of that seed."""
    chance = random.Random(seed)  # noqa: S311 - to be replayed is the purpose
    servers, wire = _bag(chance, list(_SERVER_FAULTS)), _bag(chance, list(_WIRE_FAULTS))
    while True:
        seconds = chance.uniform(SHORTEST, _LONGEST)
        yield Phase(tuple(_actions(chance, servers, seconds)), tuple(_actions(chance, wire, seconds)))


def _bag(chance: random.Random, faults: list[Fault]) -> Iterator[Fault]:
    """Each fault once before any comes twice: a short run has all of them."""
    while True:
        yield from chance.sample(faults, len(faults))


def _actions(chance: random.Random, faults: Iterator[Fault], seconds: float) -> Iterator[Action]:
    lengths = _SERVER_FAULTS | _WIRE_FAULTS
    while seconds > 0:
        fault = next(faults)
        has_watch_list = chance.random() >= _OLD_SERVERS or fault not in _STARTS_API
        action = Action(chance.uniform(*_PAUSE), fault, chance.uniform(*lengths[fault]), has_watch_list)
        seconds -= action.pause + action.seconds + (_START if fault in _STARTS_API else 0.0)
        yield action
