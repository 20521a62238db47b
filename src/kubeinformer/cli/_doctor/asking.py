"""How the doctor asks: a bound on the time and the memory of every answer, and failures with the stage they came from.

Rules. Answers are asked for uncompressed, so that bytes are bytes; whether the server would compress them is a question
of its own, answered by a header. What is over the limit is not read: leaving early drops the connection.

Theory. The library's own requests turn every answer into an object or an error, which is right for users. A doctor
wants to know what came: the status, the headers, the first bytes of a page that is no JSON.
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

# An API server that is well answers these in milliseconds; one that needs longer than this is not well.
SILENCE_LIMIT = 5.0  # seconds
# Name, TCP, proxy and TLS. Less than the above, so that packets that are dropped on the way count as no connection,
# which is what they are, and not as a server that says nothing.
CONNECT_LIMIT = 4.0  # seconds
_BODY_LIMIT = 2 * 2**20  # bytes; discovery of a group with many resources has 100 KB
_SAID_LIMIT = 300  # characters of what came instead of an answer
_JSON = "application/json"


class NotAnswered(Exception):
    """No answer, or none of an API server. Never shown: it carries a stage and a line to the report."""

    def __init__(self, stage: Stage, why: str) -> None:
        super().__init__(stage, why)
        self.stage: Stage = stage
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as much of it as was wanted.

    Attributes:
        status: HTTP's.
        headers: With names in lower case.
        body: Its first bytes.
        is_whole: Whether these are all.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = True

    @property
    def is_success(self) -> bool:
        """Whether the status says so."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's class

    @property
    def said(self) -> str:
        """What the server said about it, on one line: a Status' message, or that there is none."""
        status = self.decode(dict[str, Any])
        said = status.get("message") if status else None
        words = said if isinstance(said, str) else self.body[: 4 * _SAID_LIMIT].decode("utf-8", "replace")
        if not isinstance(said, str) and ("<" in words or status):
            words = ""  # a page of HTML, or an object, which may be a Secret
        line = one_line(words)[:_SAID_LIMIT]
        return f"HTTP {self.status}" + (f": {line}" if line else "")

    def decode(self, shape: type[T]) -> T | None:
        """The body in this shape; None if it is not whole, or is something else."""
        try:
            return msgspec.json.decode(self.body, type=shape) if self.is_whole else None
        except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
            return None


class Asking:
    """Asks one server.

    Args:
        config: Which.
        transport: Carries the requests.
        cluster: The same, for reviews.
    """

    def __init__(self, config: ConnectionConfig, transport: Transport, cluster: Cluster) -> None:
        self._config, self._transport, self._cluster = config, transport, cluster

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = _JSON, limit: int = _BODY_LIMIT
    ) -> Answer:
        """One answer.

        Raises:
            NotAnswered: None came.
        """
        async with self.open(path, query, accept=accept) as response:
            body = bytearray()
            while chunk := await self.receive(response):
                body += chunk
                if len(body) > limit:
                    return Answer(response.status, response.headers, bytes(body[:limit]), is_whole=False)
        return Answer(response.status, response.headers, bytes(body))

    async def review(self, path: str, question: RawObject) -> RawObject:
        """The answer to a review: a question in the form of a write, of which nothing is kept.

        Raises:
            KubeInformerError: None came.
        """
        return await self._cluster.request("POST", path, question, timeout=SILENCE_LIMIT)

    async def would_compress(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether an answer comes compressed to who accepts it. Its body is not read.

        Raises:
            NotAnswered: None came.
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
        """An answer whose body is read by hand, by `receive`.

        Raises:
            NotAnswered: None came.
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
            NotAnswered: The connection broke, or is silent.
        """
        try:
            return await response.receive(SILENCE_LIMIT)
        except KubeInformerError as error:
            raise self.not_answered(error) from None

    def not_answered(self, error: KubeInformerError, what: str = "") -> NotAnswered:
        """The stage that an error came from, and its line.

        Args:
            error: The error.
            what: What was tried, for errors that do not say it.
        """
        stage = stage_of(error, through_proxy=self._config.proxy_url is not None)
        # The library's own words for silence are about streams that it opens again.
        words = f"{what}nothing came for {SILENCE_LIMIT:g} s" if stage == "time" else str(error)
        return NotAnswered(stage, one_line(words))


def stage_of(error: KubeInformerError, *, through_proxy: bool) -> Stage:
    """At which stage of a request an error arose.

    Args:
        error: The error.
        through_proxy: Whether a proxy is asked for the connection: then names and TCP are its business.
    """
    cause = error.__cause__
    match error:
        case ConfigError():
            return "config"  # it was read, so that only a file that it names, or a credential's program, can fail
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
