"""A fake API server beside the test, and the command line: in this process for what it prints, as one of its own for
what needs signals, pipes and terminals."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.from_thread
import pytest

from kubeinformer import RawObject, connect
from kubeinformer._cache.compression import SAMPLE_COUNT
from kubeinformer.cli import main
from kubeinformer.testing import FakeApiServer

if TYPE_CHECKING:
    from kubeinformer.testing._api.handlers import RequestRecord

Serve: TypeAlias = Callable[..., "Served"]
Spawn: TypeAlias = Callable[..., "Running"]
Run: TypeAlias = Callable[..., "Ended"]

PODS = "v1/pods"


class Served:
    """A `FakeApiServer` in a thread of its own, because the command line blocks the test's."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, server: FakeApiServer) -> None:
        self._portal, self._server = portal, server
        self.url = server.url

    def do(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the server, in its thread."""
        return self._portal.call(lambda: getattr(self._server, method)(*arguments, **options))

    def set(self, name: str, *, value: object) -> None:
        self._portal.call(setattr, self._server, name, value)

    def pod(self, name: str, **metadata: object) -> None:
        self.do("create", PODS, pod(name, **metadata))

    @property
    def records(self) -> "tuple[RequestRecord, ...]":
        return self._server.requests

    @property
    def resource_version(self) -> str:
        return self._server.resource_version

    def stored_by_an_informer(self, resource: str) -> int:
        """Bytes that an informer on all of a resource keeps of bodies, once it has made its dictionary."""

        async def count() -> int:
            async with connect(server=self.url) as cluster:
                informer = cluster.informer(resource)
                await informer.synced()
                compression = informer._cache.codec.compression
                assert compression is not None
                while len(informer.store) >= SAMPLE_COUNT and not compression.current:  # noqa: ASYNC110 - tells nobody
                    await anyio.sleep(0.02)
                stored = -1
                while informer.statistics().stored_bytes != stored:  # bodies are brought over in slices
                    stored = informer.statistics().stored_bytes
                    await anyio.sleep(0.2)
                return stored

        return self._portal.call(count)

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(record.query) for record in self._server.requests]


def pod(name: str, **metadata: object) -> RawObject:
    return {"metadata": {"name": name, **metadata}, "spec": {"nodeName": "node-1"}}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run left: exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr that says what was wrong; it is the only one, and nothing was printed."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert self.out == ""
        assert lines[0].startswith("kubeinformer: error: "), self.err
        return lines[0].removeprefix("kubeinformer: error: ")


class Running:
    """The command line as a process. No wait here has to end: pytest's timeout ends those that do not."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def line(self) -> str:
        """The next line of stdout."""
        return self._next(self.process.stdout)

    def error_line(self) -> str:
        """The next line of stderr."""
        return self._next(self.process.stderr)

    def close_stdout(self) -> None:
        """Go away, as ``head`` does."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stdout = None

    def interrupt(self) -> Ended:
        """Press Ctrl-C, and wait for the end."""
        self.press_ctrl_c()
        return self.end()

    def press_ctrl_c(self) -> None:
        """As a terminal does it: every process of the foreground group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Ended:
        """Wait for the end: what was not read yet, and the exit code."""
        out, err = self.process.communicate(timeout=45)
        return Ended(self.process.returncode, (out or b"").decode(), (err or b"").decode())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    @staticmethod
    def _next(stream: IO[bytes] | None) -> str:
        assert stream is not None
        return stream.readline().decode().removesuffix("\n")


@pytest.fixture
def serve() -> Iterator[Serve]:
    with anyio.from_thread.start_blocking_portal() as portal:
        managers = []

        def start(**options: Any) -> Served:
            async def make() -> FakeApiServer:  # in the thread whose event loop it will belong to
                return FakeApiServer(**options)

            manager = portal.wrap_async_context_manager(portal.call(make))
            served = Served(portal, manager.__enter__())
            managers.append(manager)
            return served

        try:
            yield start
        finally:
            for manager in managers:
                manager.__exit__(None, None, None)


@pytest.fixture
def server(serve: Serve) -> Served:
    return serve()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No cluster of whoever runs the tests may be found, and no terminal setting of theirs counts."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run(*arguments: object) -> Ended:
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ended(code, out.decode(), err.decode())

    return run


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    started: list[Running] = []

    def start(
        *arguments: object,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
        env: Mapping[str, str] | None = None,
    ) -> Running:
        command = [sys.executable, "-m", "kubeinformer.cli", *map(str, arguments)]
        environment = {**os.environ, **(env or {})}
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, process_group=0
        )
        started.append(Running(process))
        return started[-1]

    yield start
    for running in started:
        running.kill()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
