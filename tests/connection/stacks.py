"""The transports on the event loops they are for: what the contract suite runs over."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest, HttpxTransport, Response, Transport
from kubeinformer.connection.credentials import StaticToken

PODS = HttpRequest(path="/api/v1/pods")
LONG = 30.0  # seconds; never reached


@dataclass(frozen=True)
class Stack:
    """A transport on an event loop."""

    transport: type[AiohttpTransport | HttpxTransport]
    backend: str

    def __str__(self) -> str:
        return f"{self.transport.__name__.removesuffix('Transport').lower()}-{self.backend}"

    def make(
        self, server: str, token: str | None = None, connect_timeout: float | None = None, **options: Any
    ) -> Transport:
        """A transport; close it."""
        if token is not None:
            options["credentials"] = StaticToken(token)
        more: dict[str, Any] = {} if connect_timeout is None else {"connect_timeout": connect_timeout}
        return self.transport(ConnectionConfig(server=server, **options), **more)

    @asynccontextmanager
    async def to(self, server: str, token: str | None = None, **options: Any) -> AsyncGenerator[Transport]:
        """A transport that is closed at the end."""
        transport = self.make(server, token, **options)
        try:
            yield transport
        finally:
            await transport.aclose()

    @asynccontextmanager
    async def get(
        self, server: str, token: str | None = None, request: HttpRequest = PODS, **options: Any
    ) -> AsyncGenerator[Response]:
        """One request through a transport of its own."""
        async with self.to(server, token, **options) as transport, transport.stream(request) as response:
            yield response

    async def fetch(self, server: str, token: str | None = None, **options: Any) -> bytes:
        """The whole body of one request."""
        async with self.get(server, token, **options) as response:
            return await read_all(response)


STACKS = [Stack(AiohttpTransport, "asyncio"), Stack(HttpxTransport, "asyncio"), Stack(HttpxTransport, "trio")]


async def read_all(response: Response) -> bytes:
    body = b""
    while data := await response.receive(LONG):
        body += data
    return body


def socket_of(response: Any) -> socket.socket:
    """The socket beneath, of either transport."""
    if hasattr(response, "_answer"):
        sock: socket.socket = response._answer.connection.transport.get_extra_info("socket")
    else:
        sock = response._wire.get_extra_info("socket")
    return sock
