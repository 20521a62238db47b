"""Text for a terminal: what others wrote is made harmless, figures are made short.

A server may be hostile, and so may whoever can write a label or an error message on an honest one. An escape
sequence that reaches a terminal can rewrite what is on the screen, or worse, so nothing foreign is printed raw.
"""

from datetime import datetime
from typing import TextIO

__all__ = ["age", "is_terminal", "megabytes", "one_line", "printable"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_YEAR = 365 * _DAY


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at a standard stream, and the cursor may be moved. A closed one (``2>&-``) is None."""
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    r"""The text with everything escaped (``\x1b``, ``\u202e``) that is not a visible character or a space."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def one_line(text: str) -> str:
    """The text on one line: runs of white space are one space, everything else that cannot be seen is escaped."""
    return printable(" ".join(text.split()))


def megabytes(size: int) -> str:
    """A size in MB of a million bytes."""
    return f"{size / 1e6:,.1f} MB"


def age(timestamp: object, now: datetime) -> str:
    """How long ago a creationTimestamp was, in kubectl's manner: one unit, two where one says too little.

    Args:
        timestamp: What stands in the object: anything, as it is the server's.
        now: An aware time.
    """
    if not isinstance(timestamp, str):
        return "<unknown>"
    try:
        seconds = int((now - datetime.fromisoformat(timestamp)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # no timestamp, one without a zone, one out of range
        return "<unknown>"
    # Steps of kubectl's duration.HumanDuration, less its finest ones. Clocks differ: the future is "now".
    if seconds < 2 * _MINUTE:
        return f"{max(0, seconds)}s"
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 2 * _YEAR:
        return f"{seconds // _DAY}d"
    return f"{seconds // _YEAR}y{seconds % _YEAR // _DAY}d"
