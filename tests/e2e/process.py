"""One server process: started, signalled, waited for, and never left behind.

Rules. A process that is stopped is waited for: when `terminate` or `kill` returns, its port and files are free. Its
output goes to a log file, which continues across restarts. An error about the process contains the end of that log. A
process is ready when a probe says so.

Never left behind. A test run can end in three ways. Fixtures close what they opened. At the exit of the interpreter,
the thread below ends. If the test process is killed, the kernel kills its children (see `die_with_parent`). But that
feature of the kernel is about *threads*: the signal is sent when the thread ends that started the child. Tests restart
servers from short-lived worker threads (``anyio.to_thread``). So all children are started by one thread, which lives as
long as the interpreter.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.polling import wait_until

_LAUNCHER = Path(__file__).with_name("die_with_parent.py")
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="e2e-starter")

_LOG_TAIL = 4096  # bytes: some 30 lines of klog


class ServerError(Exception):
    """A server did not do what the harness asked of it. The text ends with what it logged last."""


class ReservedPort:
    """A loopback port that stays ours while its server is down.

    Bound and never listening, with SO_REUSEADDR: a server that sets this too (every Go program) can bind and
    listen beside us, nobody else is given the port, and a client meets "connection refused" in between.
    Without the reservation the kernel may lend the port of a stopped server to any outgoing connection; a
    client that retries it could even be connected to itself.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()


class Process:
    """A server that can be started again and again, and signalled while it runs."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_start = 0  # where the present run began in the log

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id; stays the same from `spawn` to the end.

        Raises:
            ServerError: It does not run.
        """
        if self._popen is None or self._popen.poll() is not None:
            raise ServerError(f"{self.name} is not running{self.log_tail()}")
        return self._popen.pid

    def spawn(self, command: Sequence[str]) -> None:
        """Start it. Returns at once: see `wait_ready`."""
        if self.is_running:
            raise ServerError(f"{self.name} runs already")
        argv = [sys.executable, "-IS", str(_LAUNCHER), str(os.getpid()), *command]

        def start() -> subprocess.Popen[bytes]:
            with self.log.open("ab") as log:
                # Its own session: the interrupt of a terminal is for the test run, which then stops its
                # servers in order.
                return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._popen = _STARTER.submit(start).result()

    def wait_ready(self, probe: Callable[[], bool], *, timeout: float) -> None:
        """Wait until the probe says yes. An OSError of the probe means not yet.

        Raises:
            ServerError: The process ended, or the time (seconds) is up.
        """

        def is_ready() -> bool:
            with contextlib.suppress(OSError):
                if probe():
                    return True
            if self._popen is None or (status := self._popen.poll()) is not None:
                raise ServerError(f"{self.name} ended with status {status} on its way up{self.log_tail()}")
            return False

        if not wait_until(is_ready, timeout=timeout):
            raise ServerError(f"{self.name} is not ready after {timeout} s{self.log_tail()}")

    def terminate(self, *, timeout: float) -> None:
        """Ask it to end (SIGTERM) and wait. Does nothing if it does not run.

        Raises:
            ServerError: It was still there after the time (seconds), and was killed.
        """
        if self._popen is None:
            return
        self._popen.send_signal(signal.SIGTERM)
        self._popen.send_signal(signal.SIGCONT)  # a paused process would not hear the first one
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self.name} ignored SIGTERM for {timeout} s{self.log_tail()}") from None

    def kill(self) -> None:
        """End it (SIGKILL), paused or not, and wait. Does nothing if it does not run."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def log_tail(self) -> str:
        """What the present run logged last, ready to be put behind an error's text."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, self.log.stat().st_size - _LOG_TAIL))
            tail = log.read().decode(errors="replace").strip()
        return f"\n--- end of {self.log} ---\n{tail}" if tail else f" ({self.log} is empty)"

    def memory_high_water(self) -> int:
        """The most physical memory it ever had (VmHWM), in bytes, since start or the last reset."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024  # the kernel's "kB" are KiB

    def reset_memory_high_water(self) -> None:
        """Let the high water start again from what is resident now (Linux: 5 in clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
