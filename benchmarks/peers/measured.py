"""Inside a measured process: its clock, its one line, and how it stays until it is no longer looked at.

Rules. Every client takes the same turns: it prepares (imports, credentials), makes a `Clock`, fills its cache, reports
one JSON line on stdout, and holds still with all it has. Its memory is read from outside, by whoever started it, so a
client says nothing of that. When its stdin closes it ends; the same holds if whoever started it has died.

Only the standard library is imported here: what a client imports is part of what it costs.
"""

import json
import os
import sys
import time
from dataclasses import dataclass

__all__ = ["Clock", "Server", "hold", "report", "server"]


@dataclass(frozen=True, slots=True)
class Server:
    """The API server under measurement; ``token`` belongs to an administrator."""

    url: str
    token: str
    ca_file: str


def server() -> Server:
    """What `benchmarks.plane` has put into the environment."""
    return Server(os.environ["BENCH_SERVER"], os.environ["BENCH_TOKEN"], os.environ["BENCH_CA_FILE"])


class Clock:
    """Runs from its making, right before the first request for objects."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._started, self._cpu = time.perf_counter(), time.process_time()

    def saw_object(self) -> None:
        """An object has reached the client's user; all calls but the first do nothing."""
        if self._first is None:
            self._first = time.perf_counter() - self._started

    def synced(self, objects: int) -> dict[str, float | None]:
        """All objects are held: the figures of the report."""
        return {
            "seconds": time.perf_counter() - self._started,
            "first_seconds": self._first,
            "cpu_seconds": time.process_time() - self._cpu,
            "objects": objects,
        }


def report(figures: dict[str, float | None]) -> None:
    print(json.dumps(figures), flush=True)


def hold() -> None:
    """Keep everything in memory until nobody is interested any more."""
    sys.stdin.read()
