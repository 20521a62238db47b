"""Draws the fields of a fault at random.

Rules. Pure: all randomness comes from the generator. The fields are drawn so that the fault has an effect: its place is
near the beginning, where most answers get to. They are also drawn so that an informer survives: either the fault ends
after a few requests, or an informer can live with it for ever. Times are short, for tests with short deadlines or with
a clock that jumps.
"""

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

__all__ = ["draw"]

_Fields: TypeAlias = dict[str, Any]

_STREAM_ERRORS = (
    {"code": 410},
    {"code": 410, "reason": "Gone", "message": "too old resource version: 1 (2)"},
    {"code": 429, "retry_after": 1},
    {"code": 500},
    {"code": 503},
    {"code": 504},
    {"code": 403},
    {"code": 401},
)


def draw(kind: str, random: Random) -> _Fields:
    """Draw the fields of a fault of this kind."""
    times = random.randint(1, 3)
    return {"nth": random.choice([1, 1, 1, 2]), "times": times} | _FIELDS.get(kind, _nothing)(random)


def _nothing(_: Random) -> _Fields:
    return {}


def _place(random: Random) -> _Fields:
    match random.randrange(6):
        case 0:
            return {}
        case 1:
            return {"before_head": True}
        case 2:
            return {"after_events": random.randint(1, 30)}
        case _:
            return {"after_bytes": random.choice([1, 10, 100, 1_000]) * random.randint(1, 9)}


def _cut(random: Random) -> _Fields:
    place = _place(random)
    inside = None if place.get("before_head") else random.choice([None, "character", "member"])
    return place | {"how": random.choice(["reset", "close"]), "inside": inside}


def _stall(random: Random) -> _Fields:
    return _place(random) | {"seconds": random.choice([None, None, 0.5])}


def _drip(random: Random) -> _Fields:
    return {"size": random.randint(1, 64), "seconds": 0.001, "for_bytes": random.randint(1, 100), "times": None}


def _refuse(random: Random) -> _Fields:
    return {"seconds": random.choice([0.1, 0.5, 2.0]), "drop": random.random() < 0.5}  # noqa: PLR2004 - a coin


def _too_many(random: Random) -> _Fields:
    return {"retry_after": random.choice([None, 1, 2]), "where": random.choice(["header", "details", "both"])}


def _server_error(random: Random) -> _Fields:
    return {"code": random.choice([500, 502, 503, 504, 599]), "retry_after": random.choice([None, 1])}


def _for_a_while(random: Random) -> _Fields:
    return {"times": None, "for_seconds": random.choice([0.1, 1.0, 5.0])}


def _stream_error(random: Random) -> _Fields:
    return random.choice(_STREAM_ERRORS) | {"after_events": random.choice([None, 1, random.randint(2, 20)])}


def _perhaps_for_ever(random: Random) -> _Fields:
    return {"times": random.choice([1, None]), "nth": 1}


def _behind(random: Random) -> _Fields:
    return {"versions": random.randint(1, 20), "seconds": random.choice([0.2, 1.0, 5.0])}


_FIELDS: dict[str, Callable[[Random], _Fields]] = {
    "behind": _behind,
    "clock_jump": lambda random: _place(random) | {"seconds": random.choice([10.0, 3600.0, 1e6])},
    "cut": _cut,
    "deny": _for_a_while,
    "drip": _drip,
    "drop_bookmarks": _perhaps_for_ever,
    "duplicate_bookmarks": _perhaps_for_ever,
    "expire_page": lambda random: {"page": random.randint(2, 3), "nth": 1},
    "half_close": _place,
    "html": lambda random: {"code": random.choice([200, 502, 503, 504])},
    "ignore_limit": _perhaps_for_ever,
    "ignore_send_initial_events": _perhaps_for_ever,
    "no_end_bookmark": _perhaps_for_ever,
    "refuse_connections": _refuse,
    "server_error": _server_error,
    "stall": _stall,
    "stream_error": _stream_error,
    "too_many_requests": _too_many,
}
