"""Fault scripts: exact descriptions of faults between a client and an API server.

A fault says what happens (`Cut`, `Stall`, `TooManyRequests`, ...) and to which requests (the fields of `Fault`). A
`Script` is a list of faults with a seed. `FakeApiServer.play` plays it::

    server.play(Script([Cut(on="watch", after_events=3, times=2), Deny(on="list", for_seconds=5, times=None)], seed=7))

The same script can be data, in code or in JSON and YAML files: ``Script.parse([{"fault": "cut", "on": "watch",
...}])``. ``Script.random(seed)`` makes a random one.

Rules. Equal scripts inject the same faults into equal requests in equal order. Nothing else has an influence: no clock,
and no global randomness. `FakeApiServer.faults` lists what was really injected. A script that contradicts itself, or
has unknown names, raises a `ValueError` when it is made; it is never ignored when it is played.

Network faults act on the raw socket: what a script says is what happens on the wire.
"""

from kubeinformer.testing._faults.answers import (
    Deny,
    Empty,
    Html,
    ServerError,
    TableAnswer,
    TooManyRequests,
    Unauthenticated,
)
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.clock import jump_clock
from kubeinformer.testing._faults.connections import Drip, RefuseConnections, Reset
from kubeinformer.testing._faults.kinds import KINDS
from kubeinformer.testing._faults.placed import ClockJump, Cut, HalfClose, PlacedFault, Stall
from kubeinformer.testing._faults.player import FaultRecord
from kubeinformer.testing._faults.script import Script
from kubeinformer.testing._faults.streams import (
    Behind,
    DropBookmarks,
    DuplicateBookmarks,
    ExpirePage,
    IgnoreLimit,
    IgnoreSendInitialEvents,
    NoEndBookmark,
    StreamError,
)

__all__ = [
    "KINDS",
    "Behind",
    "ClockJump",
    "Cut",
    "Deny",
    "Drip",
    "DropBookmarks",
    "DuplicateBookmarks",
    "Empty",
    "ExpirePage",
    "Fault",
    "FaultRecord",
    "HalfClose",
    "Html",
    "IgnoreLimit",
    "IgnoreSendInitialEvents",
    "NoEndBookmark",
    "PlacedFault",
    "RefuseConnections",
    "Reset",
    "Script",
    "ServerError",
    "Stall",
    "StreamError",
    "TableAnswer",
    "TooManyRequests",
    "Unauthenticated",
    "jump_clock",
]
