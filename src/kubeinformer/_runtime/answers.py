"""Reads whole bodies, with a limit: explanations of refusals, and answers to single requests."""

import anyio
import anyio.lowlevel

from kubeinformer._protocol.gzip import body_decoder
from kubeinformer._protocol.refusals import is_redirect
from kubeinformer._protocol.status import Status, decode_status
from kubeinformer.connection.transport import Response
from kubeinformer.errors import ObjectTooLarge, ProtocolError, TransportError

__all__ = ["read_status", "read_whole"]

_STATUS_BODY_LIMIT = 64 * 1024  # a Status is a few hundred bytes; a proxy's error page can be anything


async def read_status(response: Response, resource: str, patience: float) -> Status:
    """Read what a refusal says, as far as possible. The status code alone already says most.

    The body of a redirect is not read, because it is a page for people.

    Args:
        response: The response to read.
        resource: The resource, for errors.
        patience: Seconds for the whole body, because a peer that sends single bytes is never silent.
    """
    if is_redirect(response.status):
        return Status(response.status)
    body = bytearray()
    try:
        with anyio.move_on_after(patience):
            await _read(response, resource, patience, body, _STATUS_BODY_LIMIT)
    except (TransportError, ProtocolError):
        # The status code says what the server meant, even if its explanation is incomplete.
        pass
    return decode_status(bytes(body[:_STATUS_BODY_LIMIT]), response.status)


async def read_whole(response: Response, resource: str, limit: int, silence: float) -> bytes:
    """Read a whole body and decompress it.

    Args:
        response: The response to read.
        resource: The resource, for errors.
        limit: The largest number of bytes after decompression.
        silence: Seconds of silence after which the peer counts as dead.

    Raises:
        ObjectTooLarge: The body is larger.
        TransportError, MalformedData: The body is incomplete, or not compressed as announced.
    """
    body = bytearray()
    await _read(response, resource, silence, body, limit + 1)
    if len(body) > limit:
        raise ObjectTooLarge(resource, f"an answer of over {limit} bytes")
    return bytes(body)


async def _read(response: Response, resource: str, silence: float, body: bytearray, limit: int) -> None:
    """Read until ``body`` has ``limit`` bytes, or until the body ends."""
    decoder = body_decoder(resource, response.headers.get("content-encoding"))
    while data := await response.receive(silence):
        for piece in decoder.feed(data):
            body += piece
            if len(body) >= limit:
                return
            await anyio.lowlevel.checkpoint()
    decoder.finish()
