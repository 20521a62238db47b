"""A response over httpx2, which is read by hand: the part of ``httpx_transport`` that begins when the head has arrived.

Theory. httpcore2 gives the body as a chain of generators. They end for good if an exception passes them, also if that
is a cancellation; and a generator that has ended looks like a body that has ended. So a response counts as broken until
a read has returned.
"""

import contextlib
from collections.abc import Mapping

import anyio
import httpx2

from kubeinformer.connection import httpx_failures as failures
from kubeinformer.connection.failures import Failure
from kubeinformer.connection.httpx_network import Wire
from kubeinformer.errors import ReadDeadlineExceeded, TransportError

__all__ = ["HttpxResponse"]


class HttpxResponse:
    """One response. See `kubeinformer.connection.Response`."""

    __slots__ = (
        "_broken",
        "_chunks",
        "_closed",
        "_ended",
        "_next",
        "_stream",
        "_target",
        "_waiting",
        "_wire",
        "headers",
        "status",
    )

    def __init__(self, answer: httpx2.Response, target: str) -> None:
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        self.status: int = answer.status_code
        self.headers: Mapping[str, str] = dict(answer.headers.items())
        self._stream, self._target = answer.stream, target
        self._chunks = aiter(answer.stream)
        self._next = self._chunks.__anext__
        wire = answer.extensions.get("network_stream")
        self._wire = wire if isinstance(wire, Wire) else None
        self._waiting: anyio.CancelScope | None = None
        self._ended = self._broken = self._closed = False

    async def receive(self, timeout: float) -> bytes:  # noqa: ASYNC109 - the seam's signature
        """Return the next bytes, ``b""`` at the clean end; see `Response.receive`."""
        if self._ended:
            return b""
        if self._broken or self._closed:
            raise Failure(self._target).broke_in_body(None)
        self._broken = True  # until the read has returned: an interrupted iterator looks like one that has ended
        try:
            data = b""
            while not data:
                if self._wire is not None:
                    self._wire.silence = timeout
                    data = await self._next()
                else:
                    data = await self._next_within(timeout)
        except StopAsyncIteration:
            self._ended = True
            return b""
        except failures.SILENT:
            failure: TransportError = ReadDeadlineExceeded(timeout)
        except failures.FOREIGN as error:
            failure = failures.lost(error, self._target)
        else:
            self._broken = False
            return data
        raise failure

    async def _next_within(self, timeout: float) -> bytes:  # noqa: ASYNC109 - as above
        """The next part of a body from a transport that a user passed in."""
        with anyio.move_on_after(timeout) as self._waiting:
            return await self._next()
        if self._closed:
            raise anyio.ClosedResourceError
        raise ReadDeadlineExceeded(timeout)

    def close(self) -> None:
        """The transport is being closed. It wakes readers of sockets; this method wakes all other readers."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def drop(self) -> None:
        """Drop the connection, or give it back if the body was read to its end."""
        if self._wire is not None:
            self._wire.silence = None
        with anyio.CancelScope(shield=True), contextlib.suppress(*failures.FOREIGN):
            try:
                if (aclose := getattr(self._chunks, "aclose", None)) is not None:
                    await aclose()  # here, so that the garbage collector does not do it in a task of its own
            finally:
                await self._stream.aclose()
