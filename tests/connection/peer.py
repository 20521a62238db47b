"""A raw-socket HTTP server that plays a script, on both event loops."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anyio
import anyio.abc
from anyio.streams.tls import TLSAttribute, TLSStream

Play: TypeAlias = Callable[["Exchange"], Awaitable[None]]

LEFT = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


@dataclass(eq=False)
class Exchange:
    """One request as it came, and the means to answer it."""

    head: str
    stream: anyio.abc.ByteStream
    body: bytes = b""

    @property
    def method(self) -> str:
        return self.head.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}

    @property
    def client(self) -> str:
        """The common name of the client's certificate."""
        certificate: Any = self.stream.extra(TLSAttribute.peer_certificate)  # noqa: S610 - not Django's
        return str(certificate["subject"][0][0][1])

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def start(self, status: str = "200 OK", **headers: str) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await self.send(f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n{more}\r\n".encode())

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def hang_up(self) -> None:
        """Close the connection with a FIN."""
        await self.stream.aclose()

    async def reset(self) -> None:
        """Break the connection with a RST."""
        sock = self.stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - not Django's
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await self.stream.aclose()

    async def closed_by_peer(self) -> None:
        """Return when the client closes, or breaks, the connection."""
        try:
            while True:
                await self.stream.receive()
        except LEFT:
            pass


@dataclass
class Server:
    """What came so far.

    Attributes:
        connections: How many were accepted.
        open: How many of them are open.
        exchanges: The requests.
    """

    port: int
    scheme: str
    connections: int = 0
    open: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    _changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def count(self, accepted: int, opened: int) -> None:
        self.connections += accepted
        self.open += opened
        self._changed.set()
        self._changed = anyio.Event()

    async def abandoned(self) -> None:
        """Return when no connection is open."""
        while self.open:
            await self._changed.wait()


@asynccontextmanager
async def serve(play: Play, *, context: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    """Answer each request with `play`; close a connection when the play did, or the client left."""
    server = Server(port=0, scheme="https" if context else "http")

    async def talk(plain: anyio.abc.ByteStream) -> None:
        server.count(1, 1)
        stream = plain
        try:
            if context is not None:
                stream = await TLSStream.wrap(plain, server_side=True, ssl_context=context, standard_compatible=False)
            while True:
                came = b""
                while b"\r\n\r\n" not in came:
                    came += await stream.receive()
                head, _, body = came.partition(b"\r\n\r\n")
                exchange = Exchange(head.decode() + "\r\n\r\n", stream)
                while len(body) < int(exchange.headers.get("content-length", "0")):
                    body += await stream.receive()
                exchange.body = body
                server.exchanges.append(exchange)
                await play(exchange)
        except LEFT:
            pass
        finally:
            await anyio.aclose_forcefully(plain)
            server.count(0, -1)

    async with listening(talk) as server.port:
        yield server


@asynccontextmanager
async def listening(talk: Callable[[anyio.abc.SocketStream], Awaitable[None]]) -> AsyncGenerator[int]:
    """Talk to each that connects; gives the port."""

    async def briefly(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await talk(stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", backlog=512)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, briefly)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        tasks.cancel_scope.cancel()


async def hello(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"hello")
    await exchange.end()
