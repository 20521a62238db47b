"""Programs that pages show, run as processes of their own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from tests.docs import pages
from tests.kubeconfigs import write_kubeconfig

from kubeinformer.testing import FakeApiServer

__all__ = ["Program", "started"]

ALLOWED = 45.0  # seconds for one program; takes two, of which importing kubernetes_asyncio is one


class Program:
    """A program of a page, and the lines that it prints."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self._process = process
        self._output = BufferedByteReceiveStream(process.stdout)
        self.send_signal = process.send_signal

    async def exit_code(self) -> int:
        return await self._process.wait()

    async def line(self) -> str:
        return (await self._output.receive_until(b"\n", 10_000)).decode()


@asynccontextmanager
async def started(page: str, name: str, server: FakeApiServer, folder: Path) -> AsyncGenerator[Program]:
    """Run a file of a page until its context is left; its kubeconfig leads to the server."""
    for file, text in pages.files(page).items():
        (folder / file).write_text(text, "utf-8")
    config = write_kubeconfig(folder / "kubeconfig", server.url)
    environment = os.environ | {"KUBECONFIG": str(config)}
    with anyio.fail_after(ALLOWED):
        async with await anyio.open_process(
            [sys.executable, name], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=None
        ) as process:
            try:
                yield Program(process)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
