"""Content encodings: from the bytes on the wire to the bytes of the body.

Rules. All input is consumed when the iterator that `GzipDecoder.feed` gives is exhausted; no piece of output is
larger than ``max_output``, so a bomb costs its reader time and never memory; a stream that stops inside a member is
an error, one that stops between members is not.

Theory. Since 1.37 an API server gzips watch streams and starts a new gzip *member* at every flush. RFC 1952 section
2.2 allows that, and decoders that stop after the first member (aiohttp < 3.14, httpx 0.28) lose the rest without a
word. So this is a loop over `zlib.decompressobj`, one per member. Three details of Python's zlib:

- It hands back what it did not consume as a copy. Input is therefore offered in slices, or a chunk holding many
  members (or one bomb) would be copied once per member (or per piece of output).
- Output that filled ``max_output`` exactly may have a rest inside zlib although all input was taken: it must be
  called again with no input until it gives less.
- When a member ends on a call that had a limit, what follows it can stand in ``unconsumed_tail`` as well as in
  ``unused_data`` (seen with CPython 3.11). Offering it again would only pile it up: ``eof`` is looked at first.

Zero bytes between and after members are padding, as for gzip(1) and CPython's `gzip`.

Source. RFC 1952; protocol.md, trap 6.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from kubeinformer.errors import MalformedData

__all__ = ["BodyDecoder", "GzipDecoder", "IdentityDecoder", "body_decoder"]

_GZIP_ONLY = 31  # zlib's wbits: the largest window (15), and a gzip header and trailer (16), nothing else

# Bytes offered to zlib at a time, the most that one hand-back copies. Deflate expands 1,032 times at most, so a slice
# of a bomb is copied 64 times per 256 KiB of output: less than the output itself.
_SLICE = 16_384

# 256 KiB: a few dozen pods; large enough that the cost per piece vanishes, small beside the 16 MiB of the promise.
_MAX_OUTPUT = 262_144


class BodyDecoder(Protocol):
    """Undoes a content encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decodes to, in pieces of bounded size. Exhaust it before feeding more.

        Raises:
            MalformedData: The data is not encoded as announced; names the byte in the encoded stream.
        """
        ...

    def finish(self) -> None:
        """Say that the body has ended.

        Raises:
            MalformedData: It ended too early.
        """


class GzipDecoder:
    """Decodes a gzip stream of any number of members. See `BodyDecoder`.

    Args:
        resource: What is being read, for errors.
        max_output: Most bytes in one piece of output.
    """

    def __init__(self, resource: str, *, max_output: int = _MAX_OUTPUT) -> None:
        self._resource = resource
        self._max_output = max_output
        self._member = zlib.decompressobj(_GZIP_ONLY)
        self._inside = False  # a member's header has begun and its trailer has not been checked yet
        self._members = 0  # complete ones
        self._consumed = 0  # bytes of the encoded stream

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield decoded pieces of at most ``max_output`` bytes, none of them empty."""
        view = memoryview(data)
        while view:
            offered = view[:_SLICE]
            if not self._inside and (padding := self._padding(offered)):
                self._consumed += padding
                view = view[padding:]
                continue
            self._inside = True
            yield from self._inflate(offered)
            taken = len(offered) - len(self._member.unused_data)
            self._consumed += taken
            view = view[taken:]
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP_ONLY)
                self._inside = False
                self._members += 1

    def finish(self) -> None:
        """Say that the body has ended. A body without any byte is no error here."""
        if self._inside:
            raise MalformedData(
                self._resource,
                f"the answer ends inside member {self._members + 1} of its gzip stream, "
                f"after {self._consumed} compressed bytes",
            )

    def _padding(self, offered: memoryview) -> int:
        """Count the zero bytes to skip. Before the first member they are no padding, and zlib will say so."""
        if offered[0] or not self._members:
            return 0
        return len(offered) - len(bytes(offered).lstrip(b"\0"))

    def _inflate(self, offered: memoryview) -> Iterator[bytes]:
        rest: bytes | memoryview = offered
        while True:
            try:
                piece = self._member.decompress(rest, self._max_output)
            except zlib.error as error:
                raise MalformedData(
                    self._resource,
                    f"broken gzip data in member {self._members + 1}, "
                    f"at or after compressed byte {self._consumed} ({error})",
                ) from error
            if piece:
                yield piece
            rest = self._member.unconsumed_tail
            if self._member.eof or (not rest and len(piece) < self._max_output):
                return


class IdentityDecoder:
    """Cuts an unencoded body into pieces of bounded size. See `BodyDecoder`.

    Args:
        max_output: Most bytes in one piece of output.
    """

    def __init__(self, *, max_output: int = _MAX_OUTPUT) -> None:
        self._max_output = max_output

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield ``data``, cut where it is larger than ``max_output``."""
        for start in range(0, len(data), self._max_output):
            yield data[start : start + self._max_output]

    def finish(self) -> None:
        """Say that the body has ended: whether it is complete, only its reader can tell."""


def body_decoder(resource: str, content_encoding: str | None) -> BodyDecoder:
    """Choose the decoder for an answer.

    Args:
        resource: What is being read, for errors.
        content_encoding: The header's value, None when there is none.

    Raises:
        MalformedData: An encoding that was not asked for.
    """
    match (content_encoding or "").strip().lower():
        case "" | "identity":
            return IdentityDecoder()
        case "gzip" | "x-gzip":
            return GzipDecoder(resource)
        case other:
            raise MalformedData(resource, f"content-encoding {other[:40]!r}, which was not asked for (only gzip was)")
