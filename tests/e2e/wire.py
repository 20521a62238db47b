"""A connection between a client and a server that a test can cut, unplug and freeze: TCP, relayed byte for byte.

The certificate of the server is for loopback, so a client that trusts the server also trusts it through this relay.
"""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire:
    """Relays TCP from a loopback port of its own. Entered it listens, left it is gone with all connections.

    Args:
        server: Base URL of the server.

    Attributes:
        url: Base URL of this end.
        connections: How many were accepted and relayed so far.
    """

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        assert parts.hostname is not None
        assert parts.port is not None
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        self._relays: set[_Relay] = set()
        self._is_plugged = True
        self._listener: asyncio.Server | None = None
        self.url = ""
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.get_running_loop().create_server(lambda: _ClientSide(self), "127.0.0.1", 0)
        self.url = f"{self._scheme}://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.unplug()
        assert self._listener is not None
        self._listener.close()

    def cut(self) -> None:
        """Break every connection, with no goodbye; new ones are welcome."""
        for relay in list(self._relays):
            relay.abort()

    def unplug(self) -> None:
        """Break every connection, and each new one at once."""
        self._is_plugged = False
        self.cut()

    def plug(self) -> None:
        self._is_plugged = True

    def freeze(self) -> None:
        """Let no byte through on the connections there are, and keep them open: a dead peer that sends no FIN."""
        for relay in self._relays:
            relay.freeze()

    def thaw(self) -> None:
        """Let go on what was frozen: everything that was sent meanwhile arrives at once."""
        for relay in self._relays:
            relay.thaw()

    def accept(self, client: asyncio.Transport) -> "_Relay | None":
        if not self._is_plugged:
            client.abort()
            return None
        self.connections += 1
        relay = _Relay(client, self._relays)
        relay.dial(self._host, self._port)
        return relay


class _Relay:
    """A client's connection and the one to the server that carries on for it."""

    def __init__(self, client: asyncio.Transport, relays: "set[_Relay]") -> None:
        self._client = client
        self._server: asyncio.Transport | None = None
        self._early = bytearray()  # what the client said before the server was there
        self._is_over = False
        self._relays = relays
        self._relays.add(self)
        self._dialling: asyncio.Task[None] | None = None

    def dial(self, host: str, port: int) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._dial(host, port))

    async def _dial(self, host: str, port: int) -> None:
        try:
            server, _ = await asyncio.get_running_loop().create_connection(lambda: _ServerSide(self), host, port)
        except OSError:
            self.abort()
            return
        self._server = server
        server.write(bytes(self._early))
        if self._is_over:
            server.abort()

    def to_server(self, data: bytes) -> None:
        if self._server is None:
            self._early += data
        else:
            self._server.write(data)

    def to_client(self, data: bytes) -> None:
        self._client.write(data)

    def finish(self) -> None:
        """One side ended: what it sent last is handed over, then the other side ends too."""
        self._end()
        for side in (self._client, self._server):
            if side is not None:
                side.close()

    def abort(self) -> None:
        self._end()
        for side in (self._client, self._server):
            if side is not None:
                side.abort()

    def freeze(self) -> None:
        for side in (self._client, self._server):
            if side is not None and not side.is_closing():
                side.pause_reading()

    def thaw(self) -> None:
        for side in (self._client, self._server):
            if side is not None and not side.is_closing():
                side.resume_reading()

    def _end(self) -> None:
        self._is_over = True
        self._relays.discard(self)


class _ClientSide(asyncio.Protocol):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._relay: _Relay | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._relay = self._wire.accept(transport)

    def data_received(self, data: bytes) -> None:
        if self._relay is not None:
            self._relay.to_server(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._relay is not None:
            self._relay.finish()


class _ServerSide(asyncio.Protocol):
    def __init__(self, relay: _Relay) -> None:
        self._relay = relay

    def data_received(self, data: bytes) -> None:
        self._relay.to_client(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._relay.finish()
