"""What two real processes on one lease must do, on any API server. Used by the tests on the fake and the real server.

Rules. Nothing in here looks into the processes: it reads what they print, and sends signals. Everything blocks, so run
it in a thread if the server is in the same process.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

CANDIDATE = Path(__file__).with_name("candidate.py")
PATIENCE = 45.0  # seconds; two interpreters start beside other tests

# To see what kubernetes_asyncio's does, as docs/decisions/0016 tells: KUBEINFORMER_ELECTION=theirs.
THEIRS = os.environ.get("KUBEINFORMER_ELECTION") == "theirs"


class Said(NamedTuple):
    event: str
    at: float  # seconds of a clock that both processes share


class Candidate:
    """One process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._errors: list[str] = []
        self.said: list[Said] = []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(Said(**json.loads(line)))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)

    def wait_for(self, event: str) -> Said:
        """The next time that it says so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
            self.said.append(said)
            if said.event == event:
                return said

    def send(self, number: signal.Signals) -> float:
        """The time at which it was sent."""
        self._process.send_signal(number)
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    def wait(self) -> tuple[int, str]:
        """Its exit code and what it wrote to stderr."""
        code = self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        while not self._lines.empty():
            self.said.append(self._lines.get())
        return code, "".join(self._errors)

    def worked_after(self, moment: float) -> list[float]:
        return [said.at for said in self.said if said.event == "work" and said.at > moment]

    def end(self) -> None:
        self._process.kill()
        self.wait()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the two play."""

    kubeconfig: Path
    namespace: str
    lease: str = "lock"
    backend: str = "asyncio"
    program: str = "theirs" if THEIRS else "body"  # see candidate.py
    # Lease, renewal's deadline, pause between tries. A leader that a busy machine keeps waiting for three seconds ends.
    times: tuple[float, float, float] = field(default=(3.0, 2.0, 1.0) if THEIRS else (4.0, 3.0, 0.1))

    @property
    def lease_duration(self) -> float:
        return self.times[0]

    @property
    def renew_deadline(self) -> float:
        return self.times[1]

    def with_a_long_lease(self) -> "Stage":
        """For what must not wait for its end: however busy the machine, nobody takes the one for the other."""
        return replace(self, times=(PATIENCE - 5, PATIENCE / 2, self.times[2]))

    @contextmanager
    def started(self, identity: str) -> Iterator[Candidate]:
        command = [
            sys.executable,
            str(CANDIDATE),
            self.program,
            "--kubeconfig",
            str(self.kubeconfig),
            "--identity",
            identity,
        ]
        command += ["--namespace", self.namespace, "--lease", self.lease, "--backend", self.backend]
        command += ["--times", *map(str, self.times)]
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            candidate = Candidate(process)
            try:
                yield candidate
            finally:
                candidate.end()

    @contextmanager
    def both(self) -> Iterator[tuple[Candidate, Candidate]]:
        """One that leads and one that waits."""
        with self.started("first") as first:
            first.wait_for("work")
            with self.started("second") as second:
                second.wait_for("waiting")
                yield first, second


def released_on_sigterm(stage: Stage) -> None:
    """The second need not wait for the lease to end."""
    stage = stage.with_a_long_lease()
    with stage.both() as (first, second):
        sent = first.send(signal.SIGTERM)
        began = second.wait_for("work").at
        code, errors = first.wait()
        assert code == 0, errors
        assert first.worked_after(began) == []
        assert began - sent < stage.lease_duration


def expired_after_sigkill(stage: Stage) -> None:
    """The second waits for the lease to end, and no longer than need be."""
    with stage.both() as (first, second):
        sent = first.send(signal.SIGKILL)
        began = second.wait_for("work").at
        first.wait()
        # The last renewal was a try ago, or longer on a busy machine; but with its deadline the first would have ended.
        assert stage.lease_duration - stage.renew_deadline < began - sent < stage.lease_duration + PATIENCE / 3


def fenced_after_sigstop(stage: Stage) -> None:
    """Stopped for longer than the lease and woken up again, the first does nothing more, and says who leads."""
    with stage.both() as (first, second):
        first.send(signal.SIGSTOP)
        began = second.wait_for("work").at
        first.send(signal.SIGCONT)
        code, errors = first.wait()
        assert first.worked_after(began) == []
        assert code == 1
        last = errors.strip().splitlines()[-1]
        assert "LeadershipLost: 'first' does not hold the lease" in last
        assert "it is now held by 'second'" in last
        second.wait_for("work")
