"""Every Python block of the README and of docs/ runs as it stands, on a fake API server.

How a block that never ends is ended: it runs in a process of its own, in which every reader of events says on stderr
what it hands out. After `Synced` this test creates an object named `LAST`, after its `Added` it changes it, after its
`Updated` it deletes it; and what follows its `Deleted` is the end of the iteration, as if the informer had been closed.
So a block is done when it has seen every kind of event, however fast or slow the machine is, and nobody sleeps.
A controller does not end with its events: a block with one gets SIGTERM there, as in a pod.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import anyio
import anyio.abc
import pytest
from _pytest.mark import ParameterSet
from tests.kubeconfigs import write_kubeconfig

from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ALLOWED = 45.0  # seconds for one block; takes one
LAST = "last"
MARK = "@@"  # begins the lines on stderr that are meant for this test

# Runs a block as a module would be, but lets it await at its top level, as the REPL of `python -m asyncio` does.
RUNNER = f"""
import ast, inspect, os, signal, sys, types
import anyio
from kubeinformer import Deleted, Subscription, Synced

take = Subscription.__anext__
ended = set()
source = sys.stdin.read()

async def announce(self):
    if id(self) in ended:
        if "run_controllers(" in source:
            os.kill(os.getpid(), signal.SIGTERM)
            await anyio.sleep_forever()
        raise StopAsyncIteration
    event = await take(self)
    key = "-" if isinstance(event, Synced) else event.key
    if isinstance(event, Deleted) and key.rpartition("/")[2] == {LAST!r}:
        ended.add(id(self))
    print({MARK!r}, type(event).__name__, self._cache.reader._resource, key, file=sys.stderr, flush=True)
    return event

Subscription.__anext__ = announce
code = compile(source, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
block = types.ModuleType("__main__")
run = types.FunctionType(code, vars(block))
if code.co_flags & inspect.CO_COROUTINE:
    anyio.run(run)
else:
    run()
"""


def blocks() -> Iterator[ParameterSet]:
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = file.read_text()
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = f"{file.relative_to(ROOT)}:{line}"
            # Empty lines above keep the numbers in tracebacks those of the file.
            yield pytest.param(name, "\n" * line + match[1], id=name)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[FakeApiServer]:
    """A small shop, and a kubeconfig that leads to it."""
    async with FakeApiServer() as server:
        for number in range(3):
            metadata = {"name": f"web-{number}", "labels": {"app": "web"}}
            server.create("v1/pods", {"metadata": metadata, "spec": {"nodeName": "node-7"}})
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", server.url)))
        yield server


@pytest.mark.parametrize(("name", "code"), list(blocks()))
async def test_block(server: FakeApiServer, name: str, code: str) -> None:
    exit_code, _, errors = await play(server, name, code)
    assert not errors
    assert exit_code == 0


def test_the_readme_has_its_example() -> None:
    assert "connect()" in BLOCK.findall((ROOT / "README.md").read_text())[0]


async def test_a_reader_sees_every_kind_of_event_and_ends(server: FakeApiServer) -> None:
    code = """
import anyio
from kubeinformer import Synced, connect

async with connect() as cluster, cluster.informer("v1/pods", label_selector="app=web").events() as events:
    async for event in events:
        print(type(event).__name__)
"""
    exit_code, output, errors = await play(server, "loop", code)
    assert (exit_code, errors) == (0, "")
    assert output.split() == ["Added"] * 3 + ["Synced", "Added", "Updated", "Deleted"]


async def test_a_controller_ends_by_a_signal(server: FakeApiServer) -> None:
    code = """
import anyio
from kubeinformer import connect
from kubeinformer.controller import Controller, run_controllers

async def reconcile(request):
    print(request.key)

async with connect() as cluster:
    await run_controllers(Controller(cluster.informer("v1/pods"), reconcile))
    print("ended")
"""
    exit_code, output, errors = await play(server, "controller", code)
    assert (exit_code, errors) == (0, "")
    assert {"default/web-0", "default/web-1", "default/web-2", "ended"} <= set(output.split())


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import warnings; warnings.warn('!')", "undefined", "1 +"])
async def test_a_block_that_fails_is_noticed(server: FakeApiServer, code: str) -> None:
    exit_code, _, errors = await play(server, "bad", code)
    assert exit_code != 0
    assert errors or exit_code == 3


async def play(server: FakeApiServer, name: str, code: str) -> tuple[int, str, str]:
    """Run a block to its end. Returns its exit code, its output, and its errors without our own lines."""
    output: list[str] = []
    errors: list[str] = []

    async def read_output(stream: anyio.abc.ByteReceiveStream) -> None:
        output.extend([line async for line in _lines(stream)])

    async def read_errors(stream: anyio.abc.ByteReceiveStream) -> None:
        async for line in _lines(stream):
            if line.startswith(MARK):
                answer(server, *line.split()[1:])
            else:
                errors.append(line)

    command = [sys.executable, "-W", "error", "-c", RUNNER, name]
    with anyio.fail_after(ALLOWED):
        async with await anyio.open_process(command, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read_output, process.stdout)
                tasks.start_soon(read_errors, process.stderr)
                await process.stdin.send(code.encode())
                await process.stdin.aclose()
            exit_code = await process.wait()
    return exit_code, "".join(output), "".join(errors)


def answer(server: FakeApiServer, event: str, resource: str, key: str) -> None:
    """Make what comes after this event. Several readers may say the same; only the first one counts."""
    last = [obj for obj in server.list(resource) if obj["metadata"]["name"] == LAST]
    is_last = key.rpartition("/")[2] == LAST
    if event == "Synced" and not last:
        metadata = {"name": LAST, "labels": {"app": "web"}}
        server.create(resource, {"metadata": metadata, "spec": {"nodeName": "node-7"}})
    elif event == "Added" and is_last and last:
        server.patch(resource, key, {"metadata": {"annotations": {"seen": "once"}}})
    elif event == "Updated" and is_last and last:
        server.delete(resource, key)


async def _lines(stream: anyio.abc.ByteReceiveStream) -> AsyncGenerator[str]:
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode() + "\n"
    if rest:
        yield rest.decode()
