"""Content encodings: from the bytes on the wire to the bytes of the body.

Rules. When the iterator that `GzipDecoder.feed` returns is exhausted, all input is consumed. No piece of output is
larger than ``max_output``, so a decompression bomb takes time, but no memory. It is an error if a stream ends inside a
member, but not if it ends between members.

Theory. Since 1.37 an API server compresses watch streams with gzip, and starts a new gzip *member* at every flush. RFC
1952 section 2.2 allows that. Decoders that stop after the first member (aiohttp < 3.14, httpx 0.28) lose the rest
without an error. So this is a loop with one `zlib.decompressobj` for each member. Three details of zlib matter:

- It returns the input that it did not consume as a copy. So input is passed in slices. Otherwise a chunk would be
  copied once for each member in it, or a bomb once for each piece of output.
- If a piece of output has exactly ``max_output`` bytes, zlib may hold more output although it has consumed all input.
  So it is called again without input, until it returns less.
- If a member ends in a call that had a limit, the bytes after it can be in ``unconsumed_tail`` as well as in
  ``unused_data`` (seen with CPython 3.11). They must not be passed in again, so ``eof`` is checked first.

Zero bytes between and after members are padding, as for gzip(1) and CPython's `gzip`.

Source. RFC 1952; protocol.md, trap 6.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from kubeinformer.errors import MalformedData

__all__ = ["BodyDecoder", "GzipDecoder", "IdentityDecoder", "body_decoder"]

_GZIP_ONLY = 31  # zlib's wbits: the largest window (15), and a gzip header and trailer (16), nothing else

# The number of bytes that zlib gets at a time, which is also the most that it copies when it returns unconsumed input.
# Deflate expands by a factor of 1,032 at most. So a slice of a bomb is copied at most 64 times, once for each 256 KiB
# of output: less than the output itself.
_SLICE = 16_384

# 256 KiB are a few dozen pods: so large that the cost for each piece is negligible, and small compared with the 16 MiB
# of the documented memory limit.
_MAX_OUTPUT = 262_144


class BodyDecoder(Protocol):
    """Decodes a content encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded ``data`` in pieces of limited size. Exhaust it before feeding more.

        Raises:
            MalformedData: The data is not encoded as announced; names the byte in the encoded stream.
        """
        ...

    def finish(self) -> None:
        """Report that the body has ended.

        Raises:
            MalformedData: It ended too early.
        """


class GzipDecoder:
    """Decodes a gzip stream of any number of members. See `BodyDecoder`.

    Args:
        resource: The resource that is being read, for errors.
        max_output: The largest number of bytes in one piece of output.
    """

    def __init__(self, resource: str, *, max_output: int = _MAX_OUTPUT) -> None:
        self._resource = resource
        self._max_output = max_output
        self._member = zlib.decompressobj(_GZIP_ONLY)
        self._inside = False  # whether a member's header has begun and its trailer has not been checked yet
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
        """Report that the body has ended. An empty body is not an error here."""
        if self._inside:
            raise MalformedData(
                self._resource,
                f"the answer ends inside member {self._members + 1} of its gzip stream, "
                f"after {self._consumed} compressed bytes",
            )

    def _padding(self, offered: memoryview) -> int:
        """Count the zero bytes to skip. Before the first member they are not padding, and zlib will report them."""
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
    """Cuts an unencoded body into pieces of limited size. See `BodyDecoder`.

    Args:
        max_output: The largest number of bytes in one piece of output.
    """

    def __init__(self, *, max_output: int = _MAX_OUTPUT) -> None:
        self._max_output = max_output

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield ``data``, cut into pieces if it is larger than ``max_output``."""
        for start in range(0, len(data), self._max_output):
            yield data[start : start + self._max_output]

    def finish(self) -> None:
        """Report that the body has ended. Only the reader of the body can tell whether it is complete."""


def body_decoder(resource: str, content_encoding: str | None) -> BodyDecoder:
    """Choose the decoder for an answer.

    Args:
        resource: The resource that is being read, for errors.
        content_encoding: The value of the header; None if there is none.

    Raises:
        MalformedData: The encoding was not requested.
    """
    match (content_encoding or "").strip().lower():
        case "" | "identity":
            return IdentityDecoder()
        case "gzip" | "x-gzip":
            return GzipDecoder(resource)
        case other:
            raise MalformedData(resource, f"content-encoding {other[:40]!r}, which was not asked for (only gzip was)")
