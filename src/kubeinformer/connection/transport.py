"""The seam between the protocol and the network: one request out, raw bytes in.

Rules. A transport moves bytes and knows nothing of watches, lists or JSON. It never decodes the content encoding
(the protocol does, with a bound on what may come out), never follows redirects (they could carry a token to another
host), never retries, and has no timeout of its own beyond connecting: each `Response.receive` is told how long
silence may last.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from kubeinformer._protocol.requests import HttpRequest

__all__ = ["HttpRequest", "Response", "Transport"]


class Response(Protocol):
    """An answer whose head has arrived and whose body is read by hand."""

    @property
    def status(self) -> int:
        """The HTTP status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with names in lower case."""
        ...

    async def receive(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the transport knows the cheapest timer
        """Return the next bytes of the body as they came over the wire, or ``b""`` at its clean end.

        Args:
            timeout: Seconds of silence after which the peer is taken for dead.

        Raises:
            ReadDeadlineExceeded: Nothing came for ``timeout`` seconds.
            ConnectionLost: The connection broke before the body was complete.
        """
        ...


class Transport(Protocol):
    """What carries requests to one API server. Safe for any number of concurrent streams."""

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        """Send a request; the response lives as long as the context. Leaving early drops the connection.

        Raises on entering:
            ConnectionFailed: Nobody answered: refused, unresolvable, TLS not trusted, proxy said no.
            ConnectionLost: The connection broke before the response's head came.
            ReadDeadlineExceeded: The head did not come in time.
            ConfigError: The credentials or a TLS file cannot be used.
            UsageError: The transport is closed.
        """
        ...

    async def reauthenticate(self) -> None:
        """Forget cached credentials: the server answered 401. The next request gets fresh ones."""

    async def aclose(self) -> None:
        """Drop all connections and remove private files. Idempotent."""
