"""Text for a terminal: makes foreign text harmless, and figures short.

A server may be hostile, and so may everybody who can write a label or an error message on an honest server. An escape
sequence that reaches a terminal can rewrite what is on the screen, or worse. So no foreign text is printed raw.
"""

from datetime import datetime
from typing import TextIO

__all__ = ["age", "is_terminal", "megabytes", "one_line", "printable"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_YEAR = 365 * _DAY


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal on which the cursor may be moved. A closed one (``2>&-``) is None."""
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    r"""The text with all characters escaped (``\x1b``, ``\u202e``) that are neither visible nor a space."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def one_line(text: str) -> str:
    """The text on one line: each run of white space becomes one space, all other invisible characters are escaped."""
    return printable(" ".join(text.split()))


def megabytes(size: int) -> str:
    """A size in MB. One MB is a million bytes."""
    return f"{size / 1e6:,.1f} MB"


def age(timestamp: object, now: datetime) -> str:
    """How long ago a creationTimestamp was, in the format of kubectl: one unit, or two where one is too coarse.

    Args:
        timestamp: The value in the object. It comes from the server, so it may be anything.
        now: The current time, with a time zone.
    """
    if not isinstance(timestamp, str):
        return "<unknown>"
    try:
        seconds = int((now - datetime.fromisoformat(timestamp)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # not a timestamp, or without a time zone, or out of range
        return "<unknown>"
    # The steps of kubectl's duration.HumanDuration, except the finest ones. Clocks differ, so the future is "now".
    if seconds < 2 * _MINUTE:
        return f"{max(0, seconds)}s"
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 2 * _YEAR:
        return f"{seconds // _DAY}d"
    return f"{seconds // _YEAR}y{seconds % _YEAR // _DAY}d"
