"""Looks for what should not be there: words in the log that nobody chose, tasks and sockets that outlive their scope.

The library logs failures as constant messages with facts beside them, the error's class among them. Every record from
warning on is compared with that; whatever asyncio, aiohttp or the interpreter have to say themselves is a finding.
"""

import asyncio
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anyio

import kubeinformer

_MOST_NOTES = 50  # one bug repeats itself
_CLOSING = 10.0  # seconds; some turns of the loop, on a machine that is as busy as it gets
_ERRORS = {
    name
    for name, value in vars(kubeinformer).items()
    if isinstance(value, type) and issubclass(value, kubeinformer.KubeInformerError)
}
# What every record has: all else in one is a fact.
_ORDINARY = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class Watchman(logging.Handler):
    """Stands guard from its making to `report`, in a process that runs an event loop.

    Args:
        log: A file for everything that the library logs, facts included; for who wants to know why.
    """

    def __init__(self, log: Path) -> None:
        super().__init__(logging.WARNING)
        self._notes: list[str] = []
        self._count = 0
        self._logged: Counter[str] = Counter()
        logging.getLogger().addHandler(self)
        diary = logging.FileHandler(log, encoding="utf-8")
        diary.setFormatter(_WithFacts("%(asctime)s %(name)s %(message)s"))
        logging.getLogger("kubeinformer").addHandler(diary)
        logging.getLogger("kubeinformer").setLevel(logging.DEBUG)
        logging.captureWarnings(capture=True)
        sys.unraisablehook = lambda unraisable: self.note(f"unraisable: {unraisable.exc_value!r}")
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.note(f"event loop: {context}"))

    def note(self, what: str) -> None:
        """Keep a finding."""
        self._count += 1
        if len(self._notes) < _MOST_NOTES:
            self._notes.append(what)

    def emit(self, record: logging.LogRecord) -> None:
        error = getattr(record, "error", None)
        if record.name.startswith("kubeinformer") and error in _ERRORS and record.exc_info is None:
            self._logged[f"{record.msg}: {error}"] += 1  # as it was written: reasons differ each time
        else:
            self.note(f"logged by {record.name}: {record.getMessage()} (error={error!r}, exc_info={record.exc_info!r})")

    async def report(self) -> dict[str, Any]:
        """What was found, when everything should be over. A socket is closed by the event loop, some turns later."""
        with anyio.move_on_after(_CLOSING):
            while _open_sockets():  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.01)
        return {
            "violations": self._notes,
            "violation_count": self._count,
            "warnings": dict(self._logged),
            "tasks_left": len(asyncio.all_tasks()) - 1,
            "sockets_left": _open_sockets(),
            "peak_rss_mb": _peak_mb(),
        }


class _WithFacts(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in vars(record).items() if name not in _ORDINARY}
        return f"{super().format(record)} {facts}"


def _open_sockets() -> int:
    """TCP sockets of this process: the loop's own pair is of another family."""
    tcp = {
        line.split()[9]
        for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6")
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]
    }
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the directory's own descriptor
            continue
    return sum(link.startswith("socket:[") and link[8:-1] in tcp for link in links)


def _peak_mb() -> float:
    """The most physical memory this process had (VmHWM), in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)
