"""The programs of docs/how-to/run-in-production.md and observe.md: probes, metrics, the end by a signal."""

import json
import logging
import re
import signal
import urllib.request
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from tests.docs import pages
from tests.docs.programs import started
from tests.docs.tutorial import free_port

from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The programs choose their own loop, in their own processes."""
    return "asyncio"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    port = free_port()
    monkeypatch.setenv("HEALTH_PORT", str(port))
    monkeypatch.setenv("POD_NAMESPACE", "default")
    return port


async def get(port: int, path: str) -> str:
    def fetch() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return str(response.read().decode())

    return await anyio.to_thread.run_sync(fetch)


@pytest.mark.parametrize("page", ["how-to/run-in-production.md", "how-to/observe.md"])
async def test_probes_and_the_end(page: str, port: int, tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/configmaps", {"metadata": {"name": "shop", "labels": {"app": "website"}}})
        async with started(page, "program.py", server, tmp_path) as program:
            assert await program.line() == "reconciled default/shop"
            assert "healthz check passed" in await get(port, "/healthz")
            assert "readyz check passed" in await get(port, "/readyz")
            program.send_signal(signal.SIGTERM)
            assert await program.exit_code() == 0


async def test_metrics_are_those_that_the_page_names(port: int, tmp_path: Path) -> None:
    page = "how-to/observe.md"
    text = (pages.DOCS / page).read_text("utf-8")
    named = re.findall(r"^\| `((?:workqueue|controller_runtime|kubeinformer)_\w+)` \|", text, re.MULTILINE)
    async with FakeApiServer() as server:
        server.create("v1/configmaps", {"metadata": {"name": "shop"}})
        async with started(page, "program.py", server, tmp_path) as program:
            assert await program.line() == "reconciled default/shop"
            served = await get(port, "/metrics")
    assert len(named) > 5
    assert [name for name in named if f"# TYPE {name.removesuffix('_total')}" not in served] == []
    assert 'controller="websites"' in served


def test_json_logs() -> None:
    found: dict[str, type[logging.Formatter]] = {}
    exec(pages.files("how-to/observe.md")["json_logs.py"], found)  # noqa: S102 - our own page
    record = logging.LogRecord("kubeinformer.controller", logging.ERROR, "", 0, "failed: %s", ("x",), None)
    record.key = "default/shop"
    told = json.loads(found["JsonFormatter"]().format(record))
    assert told == {
        "level": "ERROR",
        "logger": "kubeinformer.controller",
        "message": "failed: x",
        "key": "default/shop",
    }
