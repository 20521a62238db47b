"""Fault scripts: what goes wrong between a client and an API server, on purpose and exactly.

A fault says what is done (`Cut`, `Stall`, `TooManyRequests`, ...) and to which requests (the fields of `Fault`). A
`Script` is several of them with a seed; it is played by `FakeApiServer.play`::

    server.play(Script([Cut(on="watch", after_events=3, times=2), Deny(on="list", for_seconds=5, times=None)], seed=7))

The same as data, in code or from JSON and YAML files: ``Script.parse([{"fault": "cut", "on": "watch", ...}])``. And
``Script.random(seed)`` draws one.

Rules. Equal scripts inject the same into equal requests in equal order; nothing else decides, no clock and no global
randomness. What was really injected is in `FakeApiServer.faults`. A script that contradicts itself, or names what there
is not, is a `ValueError` when it is made, never silence when it is played.

Faults of the network act on the raw socket: what a script says is what the wire sees.
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
