"""The processes of a benchmark: started, controlled by lines of text, paused, and never left behind.

Rules. Everything that is measured runs in such a process, so that the heap of one measurement does not count in
another. A child prints one JSON object per line, and receives single words. It ends when its standard input does. So
the orderly way to end it is to close that; any other end kills it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Child", "child", "run"]

_END_TIMEOUT = 60.0  # seconds; a process of a million objects takes some to free them


class Child:
    """A running process."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self._name, self._process = name, process

    def read(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended with status {self._process.wait()} before it said what was asked")
        said: dict[str, Any] = json.loads(line)
        return said

    def tell(self, word: str) -> None:
        """Send one word."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def pause(self) -> None:
        """Let it do nothing at all (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Processor time it has used, in the kernel's ticks of 10 ms."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii", errors="replace")
        fields = text.rpartition(")")[2].split()  # from field 3 on: the name before it may hold blanks
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """Run a module in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Child(module, process)
            assert process.stdin is not None
            process.stdin.close()
            process.wait(_END_TIMEOUT)
        finally:
            process.kill()


def run(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module in a process of its own, for the one line it prints."""
    with child(module, *arguments) as process:
        return process.read()
