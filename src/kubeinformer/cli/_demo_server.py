"""The demo's API server: `kubeinformer.testing` in a separate process, so that its memory is not counted as the demo's.

Rules. The server never outlives the demo. On every way out it is terminated, and killed if it does not stop. It also
stops when its standard input ends, so it goes away even if the demo itself is killed. It runs in a process group of its
own, so that Ctrl-C reaches only the demo, and the server is still there when the summary is made.
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

_START_LIMIT = 60.0  # seconds until it must listen; it usually takes less than one, and ten on a CI machine under load
_FAREWELL = 5.0  # seconds from SIGTERM to SIGKILL
_FIRST_LINE_LIMIT = 4096  # bytes
_KEPT = 4096  # bytes of its stderr that are kept; the last line is shown if it fails
_LAST_WORDS_LIMIT = 1.0  # seconds from its end to the end of its stderr; a child process may hold the pipe open


@asynccontextmanager
async def demo_server(*, pods: int, churn: float, cut_every: float) -> AsyncGenerator[str]:
    """Run a server for the length of the block, and yield its URL.

    Args:
        pods: The number of pods.
        churn: Changes per second.
        cut_every: Seconds between two cuts of all connections; 0 for never.

    Raises:
        CommandError: The server did not start, or died. The message has the last line of its stderr. If it dies while
            the body runs, the body is cancelled.
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
    """Reads a pipe to its end, so that the writer never blocks, and keeps the last part."""

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
        """Return the last line that the writer wrote. Call it when the writer has ended."""
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
