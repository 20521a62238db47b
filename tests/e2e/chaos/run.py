"""One run: a control plane, a wire, a writer, the client in its process, and the plan, phase by phase."""

import asyncio
import http
import json
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from tests.e2e.api_client import ApiClient, UnexpectedAnswer
from tests.e2e.chaos.collections import COLOURS, DEFINITION, RESOURCES, TIERS, WIDGETS, Json, Mirror, State, mirrors
from tests.e2e.chaos.plan import SHORTEST, phases
from tests.e2e.chaos.quiet import Outcome, ask_server, insist, settle
from tests.e2e.chaos.report import Report
from tests.e2e.chaos.trouble import Trouble
from tests.e2e.chaos.writer import Writer
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN
from tests.e2e.mirrors import ask
from tests.e2e.wire import Wire

from kubeinformer import Resource

RATE = 220.0  # changes a second asked for; some meet an object that is gone, so that 200 are made

_ROOT = Path(__file__).parents[3]
_ANSWER = 60.0  # seconds that the client may take for one answer
_ANSWER_SIZE = 2**26  # bytes of a line
_START = 5.0  # seconds of writing before any trouble


class Client:
    """The process under test, spoken to in lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, word: str) -> dict[str, Any]:
        """Send a word, wait for the answer.

        Raises:
            RuntimeError: The process has ended: something raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        with anyio.fail_after(_ANSWER):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the client ended with status {await self._process.wait()}; see its standard error")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def client(configuration: dict[str, Any], directory: Path) -> AsyncGenerator[Client]:
    file = directory / "client.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.e2e.chaos.client",
        str(file),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_ANSWER_SIZE,
        cwd=_ROOT,
    )
    try:
        yield Client(process)
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def run(
    assets: Path, *, seconds: float, seed: int, say: Callable[[str], None], log: Path | None = None
) -> Report:
    """Make chaos, phase by phase; each is carried through.

    Args:
        assets: The directory of the servers' programs.
        seconds: About that long: no phase begins that could not end in time.
        seed: Of everything that is drawn.
        say: Takes lines for people.
        log: Where the client's log is to stay.
    """
    report = Report(seed=seed, planned_seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        directory = Path(name)
        plane = ControlPlane(assets, directory)
        await ask(plane.__enter__)
        try:
            await ask(plane.client.create_crd, DEFINITION)
            async with Wire(plane.url) as wire:
                await _Run(plane, wire, report, say).go(directory, log or directory / "client.log")
        finally:
            with anyio.CancelScope(shield=True):
                await ask(plane.close)
    return report


class _Run:
    def __init__(self, plane: ControlPlane, wire: Wire, report: Report, say: Callable[[str], None]) -> None:
        self._plane = plane
        self._report = report
        self._began = time.monotonic()
        self._wire = wire
        self._talk = say
        self._trouble = Trouble(plane, wire, self._say)
        self._calm_rates: list[float] = []

    def _say(self, text: str) -> None:
        self._talk(f"{time.monotonic() - self._began:7.1f}  {text}")

    async def go(self, directory: Path, log: Path) -> None:
        plane, report = self._plane, self._report
        report.server = await ask(lambda: plane.api.version)
        namespaces = [await ask(plane.client.create_namespace, "chaos") for _ in "ab"]
        watched = mirrors(namespaces[0])
        tls = ssl.create_default_context(cafile=plane.ca_file)
        writer = Writer(url=plane.url, tls=tls, namespaces=namespaces, seed=report.seed, rate=RATE)
        configuration = {
            "server": plane.url,
            "wire": self._wire.url,
            "token": ADMIN.value,
            "ca_file": str(plane.ca_file),
            "namespace": namespaces[0],
            "seed": report.seed,
            "log": str(log),
        }
        try:
            async with client(configuration, directory) as child, anyio.create_task_group() as tasks:
                tasks.start_soon(self._measure_rate, writer)
                await self._phases(child, writer, watched, namespaces[0])
                report.client(await child.ask("end"))
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await ask(writer.finish)
        report.seconds = round(time.monotonic() - self._began, 1)
        report.changes = writer.counts()
        report.faults = dict(self._trouble.faults)
        report.calm_rate = round(statistics.median(self._calm_rates), 1) if self._calm_rates else 0.0
        report.connections = self._wire.connections

    async def _phases(self, child: Client, writer: Writer, watched: tuple[Mirror, ...], namespace: str) -> None:
        report = self._report
        writer.resume()
        await anyio.sleep(_START)
        for number, phase in enumerate(phases(report.seed), 1):
            self._say(f"phase {number}: {len(phase.servers)} for the servers, {len(phase.wire)} for the wire")
            await self._trouble.run(phase)
            await ask(writer.pause)
            self._say("quiet")
            await child.ask("hurry")
            outcome = await settle(child, self._plane.client, watched, self._trouble.ended, self._say)
            await self._look(outcome, number, writer)
            if outcome.is_bad:
                return
            await self._prove_flow(child, watched, namespace, number)
            if time.monotonic() - self._began + SHORTEST >= report.planned_seconds:
                return
            await child.ask("dawdle")
            writer.resume()

    async def _look(self, outcome: Outcome, number: int, writer: Writer) -> None:
        self._report.quiet(outcome)
        whole = [Mirror(name=resource, resource=resource) for resource in RESOURCES]
        states: dict[str, State] = await ask_server(self._plane.client, whole, time.monotonic() + _ANSWER)
        lost = writer.audit(states)
        self._report.lost_by_server += lost
        times = ", ".join(
            f"{name} {seconds:.1f} s (server {outcome.cached[name]:.1f} s)"
            for name, seconds in outcome.recovered.items()
        )
        self._say(f"quiet point {number}: server after {outcome.served:.1f} s, equal after {times}")

    async def _prove_flow(self, child: Client, watched: tuple[Mirror, ...], namespace: str, number: int) -> None:
        """Equal and silent look the same: one more object of each resource must arrive, at every reader."""
        since = time.monotonic()
        metadata = {"name": f"quiet-{number}", "labels": {"tier": TIERS[0]}}
        for resource in RESOURCES:
            path = Resource.parse(resource).path(namespace)
            await insist(since + _ANSWER, create, self._plane.client, path, marker(resource, metadata))
        self._report.flow(await settle(child, self._plane.client, watched, since, self._say))

    async def _measure_rate(self, writer: Writer) -> None:
        """What is reached in each second in which the servers were left alone from begin to end."""
        while True:
            before, since, was_calm = writer.acknowledged, time.monotonic(), self._trouble.is_calm and writer.is_writing
            await anyio.sleep(1.0)
            rate = (writer.acknowledged - before) / (time.monotonic() - since)
            if was_calm and self._trouble.is_calm and writer.is_writing:
                self._calm_rates.append(rate)


def create(client: ApiClient, path: str, body: Json) -> None:
    """Create an object that may be there already: an answer can be lost."""
    answer = client.request("POST", path, body)
    if answer.status not in {http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT}:
        raise UnexpectedAnswer("POST", path, answer)


def marker(resource: str, metadata: Json) -> Json:
    body: Json = {"apiVersion": Resource.parse(resource).api_version, "metadata": metadata}
    return body | {"kind": "Widget", "spec": {"colour": COLOURS[0]}} if resource == WIDGETS else body
