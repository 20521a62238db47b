"""The demo's API server: `kubeinformer.testing` in a process of its own, so that its memory is not counted as ours.

Rules. It never outlives the demo: it is terminated, then killed, on every way out; and as it ends when its stdin
does, the operating system ends it when the demo itself is killed. It is in a process group of its own, so that Ctrl-C
reaches the demo alone and the summary still finds a server.
"""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteReceiveStream, Process

from kubeinformer.cli._ending import CommandError

__all__ = ["demo_server"]

_START_LIMIT = 60.0  # seconds until it must listen; it takes under one, a CI machine under load ten
_FAREWELL = 5.0  # seconds from SIGTERM to SIGKILL
_FIRST_LINE_LIMIT = 4096  # bytes
_KEPT = 4096  # bytes of its stderr, of which the last line is shown if it fails
_LAST_WORDS_LIMIT = 1.0  # seconds from its end to the end of its stderr, which a child of its own may hold open


@asynccontextmanager
async def demo_server(*, pods: int, churn: float, cut_every: float) -> AsyncGenerator[str]:
    """Run a server, give its URL, end it.

    Args:
        pods: How many there are.
        churn: Changes a second.
        cut_every: Seconds between two moments at which all connections are cut; 0 for never.

    Raises:
        CommandError: It did not start, or died; with its last words. Raised into the body as well, by cancelling it.
    """
    options = {"--port": 0, "--pods": pods, "--churn": churn, "--cut-every": cut_every}
    arguments = [
        text for name, value in options.items() for text in (name, f"{value:g}" if value % 1 else f"{value:.0f}")
    ]
    process = await anyio.open_process(
        [sys.executable, "-m", "kubeinformer.testing", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with anyio.create_task_group() as tasks:
            assert process.stdout is not None
            assert process.stderr is not None
            last_words = _Tail(process.stderr)
            tasks.start_soon(last_words.read)
            url = await _url(process, last_words)
            tasks.start_soon(_Tail(process.stdout).read)
            tasks.start_soon(_watch_over, process, last_words)
            yield url
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


class _Tail:
    """Reads a pipe to its end, so that its writer never blocks, and keeps the last of it."""

    def __init__(self, stream: ByteReceiveStream) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._ended = anyio.Event()

    async def read(self) -> None:
        try:
            async for piece in self._stream:
                self._kept += piece
                del self._kept[:-_KEPT]
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            pass
        finally:
            self._ended.set()

    async def last_line(self) -> str:
        """Give what its writer, which has ended, said last."""
        with anyio.move_on_after(_LAST_WORDS_LIMIT):
            await self._ended.wait()
        return self._kept.decode("utf-8", "replace").strip().rpartition("\n")[2]


async def _url(process: Process, last_words: _Tail) -> str:
    assert process.stdout is not None
    line = bytearray()
    with anyio.move_on_after(_START_LIMIT):
        while b"\n" not in line and len(line) < _FIRST_LINE_LIMIT:
            try:
                line += await process.stdout.receive()
            except anyio.EndOfStream:
                await process.wait()
                raise await _died(process, last_words) from None
    try:
        return str(json.loads(line.partition(b"\n")[0])["url"])
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"the demo's API server did not say where it listens, but {bytes(line)!r}", 1) from None


async def _watch_over(process: Process, last_words: _Tail) -> None:
    await process.wait()
    raise await _died(process, last_words)


async def _died(process: Process, last_words: _Tail) -> CommandError:
    said = await last_words.last_line()
    return CommandError(
        f"the demo's API server ended by itself (exit code {process.returncode})" + (f": {said}" if said else ""), 1
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_FAREWELL):
            await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()
