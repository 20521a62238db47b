"""The smallest HTTP client that can look at a stream byte by byte: h11 over an anyio socket."""

import json
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

import anyio
import anyio.abc
import h11

Json: TypeAlias = dict[str, Any]

PATIENCE = 20.0  # seconds until a test that waits for the server has failed
WATCH_LIST = {
    "watch": "true",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return dict(json.loads(self.body))


@dataclass(slots=True)
class Connection:
    """One TCP connection, which may be used for request after request."""

    stream: anyio.abc.SocketStream
    protocol: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))

    async def send(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        if self.protocol.our_state is h11.DONE:
            self.protocol.start_next_cycle()
        fields = {"Host": "fake", "Content-Length": str(len(body)), **(headers or {})}
        data = self.protocol.send(h11.Request(method=method, target=target, headers=list(fields.items()))) or b""
        if body:
            data += self.protocol.send(h11.Data(data=body)) or b""
        self.protocol.send(h11.EndOfMessage())
        await self.stream.send(data)

    async def receive(self) -> h11.Response | h11.Data | h11.EndOfMessage:
        """Raises h11.RemoteProtocolError, or an anyio error, when the server cuts the body short."""
        with anyio.fail_after(PATIENCE):
            while (event := self.protocol.next_event()) is h11.NEED_DATA:
                try:
                    self.protocol.receive_data(await self.stream.receive())
                except anyio.EndOfStream:
                    self.protocol.receive_data(b"")
        assert isinstance(event, h11.Response | h11.Data | h11.EndOfMessage)
        return event

    async def head(self) -> h11.Response:
        event = await self.receive()
        assert isinstance(event, h11.Response)
        return event

    async def chunk(self) -> bytes:
        """Some of the body, or nothing at its end."""
        event = await self.receive()
        assert isinstance(event, h11.Data | h11.EndOfMessage)
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def answer(self) -> Answer:
        head = await self.head()
        chunks: list[bytes] = []
        while chunk := await self.chunk():
            chunks.append(chunk)
        return Answer(head.status_code, _headers(head), b"".join(chunks))


@dataclass(slots=True)
class WatchStream:
    connection: Connection
    head: Answer
    _lines: list[bytes] = field(default_factory=list)
    _rest: bytes = b""

    async def event(self) -> Json | None:
        """The next event, or None at the clean end of the stream."""
        while not self._lines:
            received = await self.connection.receive()
            if isinstance(received, h11.EndOfMessage):
                assert self._rest == b"", "the stream ended inside an event"
                return None
            assert isinstance(received, h11.Data)
            *self._lines, self._rest = (self._rest + bytes(received.data)).split(b"\n")
        return dict(json.loads(self._lines.pop(0)))

    async def take(self, count: int) -> list[Json]:
        events = [await self.event() for _ in range(count)]
        return [event for event in events if event is not None]

    async def until_bookmark(self) -> list[Json]:
        """Every event up to and with the next bookmark."""
        events: list[Json] = []
        while not events or events[-1]["type"] != "BOOKMARK":
            event = await self.event()
            assert event is not None, f"the stream ended after {summary(events)[-3:]}"
            events.append(event)
        return events

    async def until_end(self) -> list[Json]:
        events: list[Json] = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events


class Client:
    """Requests to one server; every one on a connection of its own."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.address = urlsplit(url)
        self._headers = dict(headers or {})

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection, None]:
        assert self.address.hostname is not None
        assert self.address.port is not None
        async with await anyio.connect_tcp(self.address.hostname, self.address.port) as stream:
            yield Connection(stream)

    async def request(
        self, method: str, path: str, *, json_body: object = None, content_type: str = "application/json", **query: str
    ) -> Answer:
        async with self.connect() as connection:
            body = b"" if json_body is None else json.dumps(json_body).encode()
            headers = self._headers | {"Content-Type": content_type}
            await connection.send(method, _target(path, query), headers=headers, body=body)
            return await connection.answer()

    async def get(self, path: str, **query: str) -> Answer:
        return await self.request("GET", path, **query)

    @asynccontextmanager
    async def watch(self, path: str, **query: str) -> AsyncGenerator[WatchStream, None]:
        """Open a watch; entered once the head of the answer came, which has to be a 200."""
        async with self.connect() as connection:
            await connection.send("GET", _target(path, {"watch": "true"} | query), headers=self._headers)
            head = await connection.head()
            assert head.status_code == 200
            yield WatchStream(connection, Answer(head.status_code, _headers(head), b""))

    def with_headers(self, **headers: str) -> "Client":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.address.geturl(), self._headers | named)


def _target(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _headers(head: h11.Response) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in head.headers}


def gunzip_members(data: bytes) -> list[bytes]:
    """Every gzip member on its own."""
    members = []
    while data:
        decompressor = zlib.decompressobj(wbits=31)
        members.append(decompressor.decompress(data))
        assert decompressor.eof, "the last gzip member is cut short"
        data = decompressor.unused_data
    return members


def summary(events: list[Json]) -> list[tuple[str, str]]:
    """Type and name of each event; for a bookmark its version in place of the name."""
    return [
        (
            event["type"],
            event["object"]["metadata"].get("name") or event["object"]["metadata"].get("resourceVersion", ""),
        )
        for event in events
    ]


def is_end_of_initial_events(event: Json) -> bool:
    annotations: Json = event["object"]["metadata"].get("annotations", {})
    return bool(event["type"] == "BOOKMARK" and annotations.get("k8s.io/initial-events-end") == "true")
