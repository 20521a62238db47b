"""The memory of a process, read from the operating system: what the kernel counts, not what a library reports."""

from pathlib import Path
from typing import Literal

__all__ = ["peak_mb", "reset_peak", "resident_mb"]

Process = int | Literal["self"]


def peak_mb(process: Process = "self") -> float:
    """The most physical memory it had (VmHWM) since its start or `reset_peak`, in MB (10**6 bytes)."""
    return _status_mb(process, "VmHWM")


def resident_mb(process: Process = "self") -> float:
    """The physical memory it has now (VmRSS), in MB."""
    return _status_mb(process, "VmRSS")


def reset_peak(process: Process = "self") -> None:
    """Start `peak_mb` over (proc(5), clear_refs)."""
    Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")


def _status_mb(process: Process, field: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    raise RuntimeError(f"/proc/{process}/status has no {field}: the benchmarks need Linux, and a process that lives")
