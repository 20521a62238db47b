"""How much memory this process uses, as the operating system counts it.

Linux reports it in ``/proc/self/status``: VmRSS is the current size, VmHWM the peak. On other systems, getrusage only
reports the peak.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory", "own_memory"]

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory, in bytes. None means that this system does not report it."""

    now: int | None
    peak: int | None


def own_memory() -> Memory:
    """Ask the operating system."""
    try:
        return _from_status(_STATUS.read_text("ascii", "replace"))
    except OSError:
        return _from_getrusage()


def _from_status(text: str) -> Memory:
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def size(name: str) -> int | None:
        number, _, unit = fields.get(name, "").strip().partition(" ")
        return int(number) * 1024 if number.isdecimal() and unit == "kB" else None

    return Memory(size("VmRSS"), size("VmHWM"))


def _from_getrusage() -> Memory:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return Memory(None, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Memory(None, peak if sys.platform == "darwin" else peak * 1024)
