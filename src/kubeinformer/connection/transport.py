"""The interface between the protocol and the network: a request goes out, raw bytes come in.

Rules. A transport moves bytes and knows nothing of watches, lists or JSON. It does not decode the content encoding; the
protocol does, and limits the size of the result. It does not follow redirects, which could send a token to another
host. It does not retry. It has no timeout except for connecting: each call of `Response.receive` says how long the
silence may last.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from kubeinformer._protocol.requests import HttpRequest

__all__ = ["HttpRequest", "Response", "Transport"]


class Response(Protocol):
    """An answer whose head has arrived. `receive` reads its body."""

    @property
    def status(self) -> int:
        """The HTTP status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with names in lower case."""
        ...

    async def receive(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the transport knows the cheapest timer
        """Return the next bytes of the body as they arrive, still compressed; or ``b""`` when the body is complete.

        Args:
            timeout: After this many seconds without a byte, the connection counts as dead.

        Raises:
            ReadDeadlineExceeded: Nothing arrived for ``timeout`` seconds.
            ConnectionLost: The connection broke before the body was complete.
        """
        ...


class Transport(Protocol):
    """Sends requests to one API server. Any number of streams may be open at the same time."""

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        """Send a request. The response is valid inside the context; leaving it early closes the connection.

        Args:
            request: What to send. The transport adds the credentials.

        Raises on entering:
            ConnectionFailed: No connection could be made: it was refused, the host is unknown, TLS is not trusted, or
                the proxy refused.
            ConnectionLost: The connection broke before the head of the response arrived.
            ReadDeadlineExceeded: The head did not arrive in time.
            ConfigError: The credentials or a TLS file cannot be used.
            UsageError: The transport is closed.
        """
        ...

    async def reauthenticate(self) -> None:
        """Forget cached credentials, because the server answered 401. The next request gets new ones."""

    async def aclose(self) -> None:
        """Close all connections and remove private files. Idempotent."""
