"""Where the time goes, without changing it: a sampling profiler for one thread, and its table in Markdown.

Theory. A tracing profiler costs most where functions are small, and a parser does its work in small functions. A timer
signal every millisecond costs nothing in between. CPython runs its handler after the C call that it interrupts, on the
line of that call. So time in C libraries is attributed to the Python line that called them. Between such calls, CPython
runs the handler only at the entry of the next function. So what is attributed to a ``def`` is partly the work before
the call. The timer measures real time, because timers of processor time only tick every 4 ms. So this is only for code
that never waits.
"""

import linecache
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

__all__ = ["Profile"]

_INTERVAL = 0.001  # seconds


class Profile:
    """Samples of self time, by function and line."""

    def __init__(self) -> None:
        self._samples: Counter[tuple[CodeType, int]] = Counter()

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample the main thread."""
        before = signal.signal(signal.SIGALRM, self._take)
        signal.setitimer(signal.ITIMER_REAL, _INTERVAL, _INTERVAL)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def table(self, least: float = 0.5) -> str:
        """Functions by their share of self time in percent, down to the least, each with its costliest line."""
        total = self._samples.total()
        functions: dict[CodeType, Counter[int]] = {}
        for (code, line), count in self._samples.items():
            functions.setdefault(code, Counter())[line] += count
        rows = ["| self % | module | function | costliest line, its % |", "|---:|---|---|---|"]
        rest = 0.0
        for code, lines in sorted(functions.items(), key=lambda item: -item[1].total()):
            percent = 100 * lines.total() / total
            if percent < least:
                rest += percent
                continue
            ((line, count),) = lines.most_common(1)
            text = linecache.getline(code.co_filename, line).strip().replace("|", "\\|")
            module, function = _module(code.co_filename), code.co_qualname
            rows.append(f"| {percent:.1f} | {module} | {function} | `{text[:80]}` {100 * count / total:.1f} |")
        return "\n".join([*rows, f"| {rest:.1f} | | all others | |", "", f"{total} samples"])

    def _take(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            self._samples[frame.f_code, frame.f_lineno or frame.f_code.co_firstlineno] += 1


def _module(file: str) -> str:
    """Name a file by its path from where packages begin."""
    parts = Path(file).with_suffix("").parts
    for root in ("site-packages", "src", "lib", "benchmarks"):
        if root in parts:
            place = len(parts) - parts[::-1].index(root)
            return ".".join(parts[place - (root == "benchmarks") :]).removeprefix(f"python3.{sys.version_info.minor}.")
    return parts[-1]
