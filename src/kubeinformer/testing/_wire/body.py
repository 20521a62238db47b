"""How bodies are sent: coalesced, and compressed as on a real API server.

Theory. The real server compresses a list of more than 128 KiB as one gzip member. Since 1.37, it also compresses a
watch that allows bookmarks, with a new member at every flush. A decoder that stops after the first member loses
everything after it. Other watches are never compressed. Both are compressed at level 1. The headers of a list are not
sent before its first 128 KiB are there, because only then it is known whether the list is compressed.

Source. ``apiserver/pkg/endpoints/handlers/responsewriters/writers.go`` at 1.37 (deferredResponseWriter,
defaultGzipThresholdBytes, defaultGzipContentEncodingLevel); the watch was seen on a real server.
"""

import zlib

from kubeinformer.testing._wire.http import Exchange

__all__ = ["GZIP_THRESHOLD", "WRITE_SIZE", "ListBody", "WatchBody", "accepts_gzip"]

GZIP_THRESHOLD = 128 * 1024  # bytes
WRITE_SIZE = 64 * 1024  # bytes; larger writes gain nothing, and the event loop gets a turn after each one
_LEVEL = 1
_GZIP_HEADERS = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
_GZIP_FORMAT = 31  # zlib's window bits that stand for a gzip header and trailer


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client accepts gzip. As on a real server, only the bare word counts, neither ``*`` nor a ``q``."""
    return "gzip" in (part.strip() for part in accept_encoding.split(","))


class ListBody:
    """The body of a list, whose length is not known before its end.

    Args:
        exchange: The exchange that is answered.
        gzip_threshold: A body of at least this number of bytes is compressed; None for no compression.
    """

    def __init__(self, exchange: Exchange, gzip_threshold: int | None) -> None:
        self._exchange, self._threshold = exchange, gzip_threshold
        self._pending: list[bytes] = []
        self._size = 0
        self._started = False
        self._compressor = None if gzip_threshold is None else zlib.compressobj(_LEVEL, wbits=_GZIP_FORMAT)

    async def write(self, data: bytes) -> None:
        """Take a part of the body. It is sent in pieces of at least `WRITE_SIZE`."""
        self._pending.append(data)
        self._size += len(data)
        if self._size >= WRITE_SIZE and (self._started or self._threshold is None or self._size >= self._threshold):
            if not self._started:
                await self._start()
            await self._flush()

    async def finish(self) -> None:
        """Send what is left, and end the body."""
        if not self._started:
            if self._threshold is None or self._size < self._threshold:
                self._compressor = None
            await self._start()
        await self._flush()
        if self._compressor is not None:
            await self._exchange.send(self._compressor.flush())
        await self._exchange.finish()

    async def _start(self) -> None:
        self._started = True
        await self._exchange.start(200, list(_GZIP_HEADERS) if self._compressor is not None else [])

    async def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending, self._size = [], 0
        await self._exchange.send(data if self._compressor is None else self._compressor.compress(data))


class WatchBody:
    """The body of a watch. Every flush can be decoded by itself.

    Args:
        exchange: The exchange that is answered.
        gzip: Whether each flush is a gzip member.
    """

    def __init__(self, exchange: Exchange, *, gzip: bool) -> None:
        self._exchange, self._gzip = exchange, gzip
        self._pending: list[bytes] = []
        self._size = 0

    async def start(self) -> None:
        """Send the head, so that the client knows that its watch is accepted, before anything happens."""
        await self._exchange.start(200, list(_GZIP_HEADERS) if self._gzip else [])
        if self._exchange.tampering is not None:
            await self._exchange.tampering.opened(self._put, self.flush)

    async def write(self, event: bytes) -> None:
        """Take one event. It is sent with the next `flush`, or when enough has been collected."""
        if self._exchange.tampering is None:
            await self._put(event)
        else:
            await self._exchange.tampering.event(event, self._put, self.flush)

    async def _put(self, event: bytes) -> None:
        self._pending.append(event)
        self._size += len(event)
        if self._size >= WRITE_SIZE:
            await self.flush()

    async def flush(self) -> None:
        """Send all events taken so far."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending, self._size = [], 0
        await self._exchange.send(_member(data) if self._gzip else data)

    async def finish(self) -> None:
        """Send what is left, and end the stream cleanly."""
        await self.flush()
        await self._exchange.finish()


def _member(data: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_FORMAT)
    return compressor.compress(data) + compressor.flush()
