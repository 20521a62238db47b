"""A raw-socket HTTP server that plays a script, and certificates for real TLS."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import pytest

Play: TypeAlias = Callable[["Exchange"], Awaitable[None]]


class Serve(Protocol):
    def __call__(
        self, play: Play, *, context: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["Server"]: ...


@dataclass
class Exchange:
    """One request as it came, and the means to answer it."""

    head: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def start(self, status: str = "200 OK", **headers: str) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await self.send(f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n{more}\r\n".encode())

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def closed_by_peer(self) -> None:
        """Return when the client closes, or breaks, the connection."""
        try:
            while await self.reader.read(2**16):
                pass
        except ConnectionError:
            pass


@dataclass
class Server:
    port: int
    scheme: str
    connections: int = 0
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(play: Play, *, context: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    """Answer each request with `play`; close a connection when the play closed its writer, or the client left."""
    server = Server(port=0, scheme="https" if context else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                exchange = Exchange(head, reader, writer)
                server.exchanges.append(exchange)
                await play(exchange)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context, backlog=512)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@pytest.fixture(name="serve")
def give_serve() -> "Serve":
    """Test folders are no packages: modules get helpers as fixtures, and their types under TYPE_CHECKING."""
    return serve
