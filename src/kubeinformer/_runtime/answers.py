"""Bodies that are read whole, with a bound: explanations of refusals, and answers to single requests."""

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
    """What a refusal says, as far as its body can be had: the status code alone already says most.

    The body of a redirect is not read: it is a page for people.

    Args:
        response: What is read.
        resource: Of what.
        patience: Seconds for all of it: a drip is never silent.
    """
    if is_redirect(response.status):
        return Status(response.status)
    body = bytearray()
    try:
        with anyio.move_on_after(patience):
            await _read(response, resource, patience, body, _STATUS_BODY_LIMIT)
    except (TransportError, ProtocolError):
        # What the server meant is in the status code; that its explanation broke off changes nothing.
        pass
    return decode_status(bytes(body[:_STATUS_BODY_LIMIT]), response.status)


async def read_whole(response: Response, resource: str, limit: int, silence: float) -> bytes:
    """All of a body, decoded.

    Args:
        response: What is read.
        resource: Of what.
        limit: Most bytes after decompression.
        silence: Seconds after which a silent peer is taken for dead.

    Raises:
        ObjectTooLarge: There is more.
        TransportError, MalformedData: Not all of it came, or not as announced.
    """
    body = bytearray()
    await _read(response, resource, silence, body, limit + 1)
    if len(body) > limit:
        raise ObjectTooLarge(resource, f"an answer of over {limit} bytes")
    return bytes(body)


async def _read(response: Response, resource: str, silence: float, body: bytearray, limit: int) -> None:
    """Read until there are that many bytes, or the body ends."""
    decoder = body_decoder(resource, response.headers.get("content-encoding"))
    while data := await response.receive(silence):
        for piece in decoder.feed(data):
            body += piece
            if len(body) >= limit:
                return
            await anyio.lowlevel.checkpoint()
    decoder.finish()
