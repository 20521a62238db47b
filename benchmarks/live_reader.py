"""The measured side of `benchmarks.live`: an informer that is in sync, a reader, and then the recording.

``memory`` passes the recording to the informer without a socket, in prepared chunks of 64 KiB. ``http`` reads it from a
server (`benchmarks.replay`). The timing starts when everything is at rest: the initial events have arrived, the reader
has read them, and the bodies from before the dictionary have been encoded again. It ends when the reader has the last
event.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from benchmarks.loopback import PIECE
from benchmarks.memory import peak_mb
from benchmarks.recording import EVENTS_FILE, INITIAL_FILE, LAST_KEY
from benchmarks.sampling import Profile

from kubeinformer import Informer, Synced, connect
from kubeinformer.connection import HttpRequest, Response

_SETTLE = 1.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="of the recording, for `memory`")
    parser.add_argument("--server", help="URL, for `http`")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--decode", action="store_true", help="the reader looks at every object")
    parser.add_argument("--profile", action="store_true", help="prints a table of self time instead")
    asyncio.run(_main(parser.parse_args()))


async def _main(options: argparse.Namespace) -> None:
    profile = Profile() if options.profile else None
    async with AsyncExitStack() as stack:
        if options.folder:
            transport = PreparedTransport(options.folder)
            go: Callable[[], Awaitable[None]] = transport.go
            cluster = await stack.enter_async_context(connect(transport=transport))
        else:
            go = _Asking(options.server).go
            connection = connect(server=options.server, compressed=options.gzip)
            cluster = await stack.enter_async_context(connection)
        figures = await _read(cluster.informer("v1/pods"), go, profile, decode=options.decode)
    if options.server:
        figures["peak_rss_mb"] = peak_mb()  # the other process holds the whole recording
    print(json.dumps({"table": profile.table()} if profile else figures))


async def _read(
    informer: Informer, go: Callable[[], Awaitable[None]], profile: Profile | None, *, decode: bool
) -> dict[str, Any]:
    async with informer.events() as events:
        async for event in events:
            if isinstance(event, Synced):
                break
        await anyio.sleep(_SETTLE)
        before = informer.statistics()
        read = 0
        await go()
        with profile.sampling() if profile else nullcontext():
            started, cpu = time.perf_counter(), time.process_time()
            async for event in events:
                read += 1
                if decode and not isinstance(event, Synced):
                    event.object  # noqa: B018 - decodes it
                if not isinstance(event, Synced) and event.key == LAST_KEY:
                    break
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    after = informer.statistics()
    received = after.events - before.events
    megabytes = (after.decoded_bytes - before.decoded_bytes) / 1e6
    return {
        "events_received": received,
        "changes_applied": after.changes - before.changes,
        "events_read": read,
        "seconds": round(seconds, 3),
        "applied_per_second": round((after.changes - before.changes) / seconds),
        "read_per_second": round(read / seconds),
        "cpu_us_per_event": round(cpu / received * 1e6, 1),
        "json_mb_per_second": round(megabytes / seconds, 1),
        "wire_mb_per_second": round((after.received_bytes - before.received_bytes) / 1e6 / seconds, 1),
        "requests": after.requests,
    }


class _Asking:
    """Tells the server to go on."""

    def __init__(self, server: str) -> None:
        self._address = urlsplit(server)

    async def go(self) -> None:
        _, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        writer.write(b"GET /go HTTP/1.1\r\n\r\n")
        await writer.drain()
        writer.close()


class PreparedTransport:
    """A transport in memory with one stream to give: the recording, cut anywhere, ready before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._initial = _chunks(folder / INITIAL_FILE)
        self._events = _chunks(folder / EVENTS_FILE)
        self._go = anyio.Event()

    async def go(self) -> None:
        """Hand out the live events from now on."""
        self._go.set()

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        """Give the one answer there is; see `Transport.stream`."""
        assert ("sendInitialEvents", "true") in request.query
        return self._stream()

    @asynccontextmanager
    async def _stream(self) -> AsyncGenerator[Response]:
        yield _PreparedResponse(iter(self._initial), iter(self._events), self._go)

    async def reauthenticate(self) -> None:
        """Not needed: see `Transport.reauthenticate`."""
        raise AssertionError("nobody answers 401 here")

    async def aclose(self) -> None:
        """Nothing is open."""


class _PreparedResponse:
    status = 200
    headers: Mapping[str, str] = {"content-type": "application/json"}

    def __init__(self, initial: Iterator[bytes], events: Iterator[bytes], go: anyio.Event) -> None:
        self._initial, self._events, self._go = initial, events, go

    async def receive(self, timeout: float) -> bytes:  # noqa: ARG002, ASYNC109 - the seam's signature
        # Without a checkpoint, as the real transport when bytes are there.
        if chunk := next(self._initial, None):
            return chunk
        if not self._go.is_set():
            await self._go.wait()
        if chunk := next(self._events, None):
            return chunk
        await anyio.sleep_forever()
        return b""


def _chunks(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(iter(partial(file.read, PIECE), b""))


if __name__ == "__main__":
    main()
