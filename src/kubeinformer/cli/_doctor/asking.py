"""How the doctor asks: every answer is limited in time and memory, and every failure says at which stage it happened.

Rules. Answers are requested uncompressed, so that sizes are what was sent. Whether the server would compress them is a
separate question, which a header answers. What exceeds the limit is not read: leaving early drops the connection.

Theory. The library's own requests turn every answer into an object or an error, which is right for users. A doctor
wants to see what came: the status, the headers, the first bytes of a page that is not JSON.
"""

import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from kubeinformer import (
    Cluster,
    ConfigError,
    ConnectionFailed,
    KubeInformerError,
    RawObject,
    ReadDeadlineExceeded,
    RequestTimeout,
)
from kubeinformer.cli._doctor.report import Stage
from kubeinformer.cli._text import one_line
from kubeinformer.connection import ConnectionConfig, HttpRequest, Response, Transport

__all__ = ["CONNECT_LIMIT", "SILENCE_LIMIT", "Answer", "Asking", "NotAnswered", "stage_of"]

T = TypeVar("T")

# A healthy API server answers these requests in milliseconds. One that needs longer than this is not healthy.
SILENCE_LIMIT = 5.0  # seconds
# For name resolution, TCP, proxy and TLS. Shorter than the limit above: if packets are dropped on the way, the failure
# has to be reported as "no connection", not as a server that is silent.
CONNECT_LIMIT = 4.0  # seconds
_BODY_LIMIT = 2 * 2**20  # bytes; discovery of a group with many resources has 100 KB
_SAID_LIMIT = 300  # characters shown of what came instead of an answer
_JSON = "application/json"


class NotAnswered(Exception):
    """There was no answer, or not one of an API server.

    It is never shown itself: it carries the stage and a line of text to the report.
    """

    def __init__(self, stage: Stage, why: str) -> None:
        super().__init__(stage, why)
        self.stage: Stage = stage
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, up to the size that was wanted.

    Attributes:
        status: The HTTP status.
        headers: The headers, with names in lower case.
        body: The first bytes of the body.
        is_whole: Whether these are all.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's class

    @property
    def said(self) -> str:
        """The status and what the server said, on one line: the message of a Status, or the beginning of other text."""
        status = self.decode(dict[str, Any])
        said = status.get("message") if status else None
        words = said if isinstance(said, str) else self.body[: 4 * _SAID_LIMIT].decode("utf-8", "replace")
        if not isinstance(said, str) and ("<" in words or status):
            words = ""  # not shown: a page of HTML, or an object, which may be a Secret
        line = one_line(words)[:_SAID_LIMIT]
        return f"HTTP {self.status}" + (f": {line}" if line else "")

    def decode(self, shape: type[T]) -> T | None:
        """The body, decoded as this type; None if it is not whole, or is something else."""
        try:
            return msgspec.json.decode(self.body, type=shape) if self.is_whole else None
        except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
            return None


class Asking:
    """Asks one server.

    Args:
        config: The server and the credentials.
        transport: Carries the requests.
        cluster: A connection with the same config, for reviews.
    """

    def __init__(self, config: ConnectionConfig, transport: Transport, cluster: Cluster) -> None:
        self._config, self._transport, self._cluster = config, transport, cluster

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = _JSON, limit: int = _BODY_LIMIT
    ) -> Answer:
        """Send a GET, and return the answer.

        Raises:
            NotAnswered: No answer came.
        """
        async with self.open(path, query, accept=accept) as response:
            body = bytearray()
            while chunk := await self.receive(response):
                body += chunk
                if len(body) > limit:
                    return Answer(response.status, response.headers, bytes(body[:limit]), is_whole=False)
        return Answer(response.status, response.headers, bytes(body))

    async def review(self, path: str, question: RawObject) -> RawObject:
        """Return the answer to a review: a question in the form of a POST, of which the server stores nothing.

        Raises:
            KubeInformerError: No answer came.
        """
        return await self._cluster.request("POST", path, question, timeout=SILENCE_LIMIT)

    async def would_compress(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether the answer is compressed for a client that accepts it. The body is not read.

        Raises:
            NotAnswered: No answer came.
        """
        async with self.open(path, query, encoding="gzip") as response:
            return response.headers.get("content-encoding", "").strip().lower() == "gzip"

    @asynccontextmanager
    async def open(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = _JSON,
        encoding: str = "identity",
    ) -> AsyncGenerator[Response]:
        """An answer whose body is read by calls of `receive`.

        Raises:
            NotAnswered: No answer came.
        """
        request = HttpRequest(
            path=path,
            query=tuple((query or {}).items()),
            headers=(("accept", accept), ("accept-encoding", encoding)),
            head_timeout=SILENCE_LIMIT,
        )
        try:
            async with self._transport.stream(request) as response:
                yield response
        except KubeInformerError as error:
            raise self.not_answered(error, f"GET {self._config.server}{path}: ") from None

    async def receive(self, response: Response) -> bytes:
        """The next bytes of a body, empty at its end.

        Raises:
            NotAnswered: The connection broke, or was silent for too long.
        """
        try:
            return await response.receive(SILENCE_LIMIT)
        except KubeInformerError as error:
            raise self.not_answered(error) from None

    def not_answered(self, error: KubeInformerError, what: str = "") -> NotAnswered:
        """Make the error that carries the stage at which another error happened, and a line about it.

        Args:
            error: The error.
            what: What was tried, for errors whose text does not say it.
        """
        stage = stage_of(error, through_proxy=self._config.proxy_url is not None)
        # Not the library's own message about silence, which is about streams that it opens again.
        words = f"{what}nothing came for {SILENCE_LIMIT:g} s" if stage == "time" else str(error)
        return NotAnswered(stage, one_line(words))


def stage_of(error: KubeInformerError, *, through_proxy: bool) -> Stage:
    """At which stage of a request an error happened.

    Args:
        error: The error.
        through_proxy: Whether the connection goes through a proxy. Then the proxy resolves names and opens TCP.
    """
    cause = error.__cause__
    match error:
        case ConfigError():
            return "config"  # it has been read, so only a file that it names, or a program for credentials, can fail
        case ConnectionFailed() if isinstance(cause, ssl.SSLError):
            return "tls"
        case ConnectionFailed() if through_proxy:
            return "proxy"
        case ConnectionFailed() if isinstance(cause, socket.gaierror | UnicodeError):
            return "dns"
        case ConnectionFailed():
            return "tcp"
        case ReadDeadlineExceeded() | RequestTimeout():
            return "time"
        case _:
            return "http"
