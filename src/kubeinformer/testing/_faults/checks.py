"""The values that a field of a fault accepts, and the error messages for other values.

Rules. Pure. A script is data that a person wrote. So every mistake in it is a `ValueError` that names the fault, the
field, the accepted values, and all fields. A fault that could never apply is a mistake as well.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = [
    "Check",
    "count",
    "flag",
    "mapping",
    "names",
    "one_of",
    "option",
    "optional",
    "probability",
    "seconds",
    "text",
    "whole",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of value.

    Attributes:
        accepted: A description of the accepted values that can follow "must be".
        holds: Whether a value is accepted.
    """

    accepted: str
    holds: Callable[[Any], bool]


def option(default: T, check: Check) -> T:
    """Make a field of a dataclass, with its default and its check."""
    made: T = field(default=default, metadata={"check": check})
    return made


def whole(least: int, most: int | None = None) -> Check:
    """A whole number between two bounds, both included."""
    words = f"of at least {least}" if most is None else f"from {least} to {most}"
    return Check(
        f"a whole number {words}",
        lambda value: type(value) is int and value >= least and (most is None or value <= most),
    )


count = whole(1)
"""How often, or how many."""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


seconds = Check("a number of seconds greater than 0", lambda value: _is_number(value) and value > 0)
"""A duration."""

probability = Check("a probability greater than 0, at most 1", lambda value: _is_number(value) and 0 < value <= 1)
"""How likely."""

text = Check("a string", lambda value: isinstance(value, str))
"""Any text."""

mapping = Check("an object", lambda value: isinstance(value, Mapping))
"""A JSON object."""

flag = Check("true or false", lambda value: isinstance(value, bool))
"""Yes or no."""


def one_of(*accepted: object) -> Check:
    """One of these values."""
    words = ", ".join(map(repr, accepted))
    return Check(f"one of {words}", lambda value: any(type(value) is type(each) and value == each for each in accepted))


def optional(check: Check) -> Check:
    """The same, or None."""
    return Check(f"{check.accepted}, or None", lambda value: value is None or check.holds(value))


def names(fields: Iterable[str]) -> str:
    """Names of fields or faults, as a list for a message."""
    return ", ".join(sorted(fields))
