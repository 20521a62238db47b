"""A transport in memory that plays a script, on any event loop, and the bytes that API servers send.

Nothing here takes time: `ScriptedTransport` returns what the script says, and `idle` returns when the script is over or
hangs. So a test defines what comes over the wire, waits for `idle`, and looks at the result.
"""

import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, final

import anyio
import anyio.lowlevel

from kubeinformer import Timing
from kubeinformer.connection import HttpRequest, Response

JSON: Final = {"content-type": "application/json"}
GUARD = 20.0  # seconds; never reached by a test that passes

# Nothing waits, nothing gives up: a test that is about one of these hands in its own.
# Scripts have an answer for each request that is expected: however slow the machine is, no proof comes between.
QUICK: Final = Timing(backoff_first=1e-6, backoff_limit=1e-6, probe_first=1e-6, probe_limit=1e-6, proof_after=3600)


@final
class Hang:
    """Stands in a script where the peer goes silent."""


HANG: Final = Hang()
Chunk: TypeAlias = bytes | Exception | Hang


@dataclass(frozen=True)
class Answer:
    """What comes back for one request: chunks, then a clean end, unless a chunk is an error or `HANG`."""

    chunks: Sequence[Chunk] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


Line: TypeAlias = Answer | Exception | Hang
"""One line of a script: an answer, an error on sending, or nothing at all."""


class ScriptedTransport:
    """Plays one line of the script for each request, then hangs.

    Attributes:
        requests: What was asked so far.
        deadlines: What `receive` was told, in order.
        reauthentications: How often credentials were forgotten.
        open_streams: Responses that are being read now.
        is_closed: Whether ``aclose`` was called.
    """

    def __init__(self, *script: Line) -> None:
        self._script = deque(script)
        self._idle = anyio.Event()
        self._arrival = anyio.Event()
        self.requests: list[HttpRequest] = []
        self.deadlines: list[float] = []
        self.reauthentications = 0
        self.open_streams = 0
        self.is_closed = False

    @property
    def kinds(self) -> list[str]:
        """What was asked: ``watch-list``, ``watch``, ``page``, ``next page``, ``list`` (of everything) or ``proof``."""
        return [_kind(dict(request.query)) for request in self.requests]

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        return self._stream(request)

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        self.requests.append(request)
        await anyio.lowlevel.checkpoint()
        if not self._script:
            await self.hang()
        line = self._script.popleft()
        if isinstance(line, Hang):
            await self.hang()
        if isinstance(line, Exception):
            raise line
        assert isinstance(line, Answer)
        self.open_streams += 1
        try:
            yield _ScriptedResponse(self, line)
        finally:
            self.open_streams -= 1

    async def hang(self) -> None:
        """Be silent until there is more script, or for ever."""
        self._idle.set()
        await anyio.sleep_forever()

    async def idle(self) -> None:
        """Wait until the script is over or hangs: all that came before has been taken."""
        with anyio.fail_after(GUARD):
            await self._idle.wait()
            self._idle = anyio.Event()

    async def reauthenticate(self) -> None:
        self.reauthentications += 1

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()  # as a real one does; a cancelled scope must not keep it from closing
        self.is_closed = True


class _ScriptedResponse:
    def __init__(self, transport: ScriptedTransport, answer: Answer) -> None:
        self._transport = transport
        self._chunks = deque(answer.chunks)
        self.status = answer.status
        self.headers = answer.headers

    async def receive(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the seam's signature
        # No checkpoint: bytes that are already there are handed out at once, as aiohttp's transport does.
        self._transport.deadlines.append(timeout)
        if not self._chunks:
            return b""
        chunk = self._chunks.popleft()
        if isinstance(chunk, Hang):
            await self._transport.hang()
        if isinstance(chunk, Exception):
            raise chunk
        assert isinstance(chunk, bytes)
        return chunk


class FedResponse:
    """A response whose chunks come from the test while it is read: for tests about what happens in between."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.headers: Mapping[str, str] = JSON
        self._send, self._receive = anyio.create_memory_object_stream[bytes](100)

    async def receive(self, timeout: float) -> bytes:  # noqa: ARG002, ASYNC109 - the seam's signature
        return await self._receive.receive()

    def feed(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self._send.send_nowait(chunk)

    def close(self) -> None:
        self._send.close()
        self._receive.close()


class FedTransport(ScriptedTransport):
    """Answers every request with one and the same `FedResponse`."""

    def __init__(self) -> None:
        super().__init__()
        self.response = FedResponse()

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        self.requests.append(request)
        await anyio.lowlevel.checkpoint()
        yield self.response

    async def aclose(self) -> None:
        self.response.close()
        await super().aclose()


def _kind(query: Mapping[str, str]) -> str:
    if "sendInitialEvents" in query:
        return "watch-list"
    if "watch" in query:
        return "watch"
    if "continue" in query:
        return "next page"
    if "resourceVersion" in query:
        return "proof"
    return "page" if "limit" in query else "list"


# What servers send. Objects are pods of the namespace "default".


def pod(name: str, version: int, uid: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, **more}


def event(kind: str, obj: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def added(name: str, version: int, uid: str = "", **more: Any) -> bytes:
    return event("ADDED", pod(name, version, uid, **more))


def modified(name: str, version: int, uid: str = "", **more: Any) -> bytes:
    return event("MODIFIED", pod(name, version, uid, **more))


def deleted(name: str, version: int, uid: str = "", **more: Any) -> bytes:
    return event("DELETED", pod(name, version, uid, **more))


def bookmark(version: int) -> bytes:
    return event("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": str(version)}})


def end(version: int) -> bytes:
    """The bookmark that ends the initial events."""
    metadata = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return event("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": metadata})


def initial(names: Iterable[str], version: int) -> bytes:
    """A whole initial stream, all objects of one version."""
    return b"".join(added(name, version) for name in names) + end(version)


def status(code: int, reason: str = "", message: str = "", **details: Any) -> dict[str, Any]:
    found = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return found | {"message": message, "details": details}


def refuse(code: int, reason: str = "", message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal by status code."""
    body = json.dumps(status(code, reason, message)).encode()
    return Answer([body], status=code, headers={**JSON, **(headers or {})})


def error_event(code: int, reason: str = "", message: str = "") -> bytes:
    """A refusal inside a stream."""
    return event("ERROR", status(code, reason, message))


def page(objects: Iterable[Mapping[str, Any]], version: int, token: str = "") -> bytes:
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    items = [{name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}} for obj in objects]
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}).encode()
