"""All kinds of faults, by the words that name them in data."""

from collections.abc import Mapping
from types import MappingProxyType

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
from kubeinformer.testing._faults.connections import Drip, RefuseConnections, Reset
from kubeinformer.testing._faults.placed import ClockJump, Cut, HalfClose, Stall
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

__all__ = ["KINDS"]

_ALL: tuple[type[Fault], ...] = (
    Behind,
    ClockJump,
    Cut,
    Deny,
    Drip,
    DropBookmarks,
    DuplicateBookmarks,
    Empty,
    ExpirePage,
    HalfClose,
    Html,
    IgnoreLimit,
    IgnoreSendInitialEvents,
    NoEndBookmark,
    RefuseConnections,
    Reset,
    ServerError,
    Stall,
    StreamError,
    TableAnswer,
    TooManyRequests,
    Unauthenticated,
)

KINDS: Mapping[str, type[Fault]] = MappingProxyType({each.kind: each for each in _ALL})
"""Every kind of fault, by its name in data, such as ``cut``."""
