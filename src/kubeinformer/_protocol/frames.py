r"""Frames: from the bytes of a watch stream to its lines.

Rules. Only ``\n`` ends a line. U+2028, U+2029 and U+0085 are legal inside JSON strings, so `str.splitlines` and text
mode cannot be used; also, a chunk may end inside a UTF-8 sequence. The time is linear in the bytes received, however
small the chunks are. The memory is that of one line. A line over the limit is refused as soon as too many bytes have
arrived, not only when it is complete. Blank lines are skipped (proxies send them to keep connections open).

Theory. A server flushes whole events, so nearly every chunk holds many whole lines and the beginning of another. Whole
lines are sliced out of the chunk itself, and only the incomplete line is copied into a buffer. The buffer is a
bytearray, not a list of parts: a line of 10 MB in chunks of two bytes would be 5 million objects.

Not here. What a line means (``watch_events``).
"""

from collections.abc import Iterator

from kubeinformer.errors import MalformedData, ObjectTooLarge

__all__ = ["LineFramer"]

_BLANK = (b"", b"\r")


class LineFramer:
    """Cuts a stream into lines.

    Args:
        resource: The resource that is being read, for errors.
        size_limit: The largest number of bytes in one line.
    """

    def __init__(self, resource: str, *, size_limit: int) -> None:
        self._resource = resource
        self._size_limit = size_limit
        self._partial = bytearray()  # the line whose end has not arrived
        self._position = 0  # where that line starts in the stream

    @property
    def pending(self) -> int:
        """The number of bytes held of a line whose end has not arrived yet."""
        return len(self._partial)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield each line without its newline, after its byte position in the stream. Exhaust before feeding more.

        Raises:
            ObjectTooLarge: A line has more bytes than the limit.
        """
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._check_size(len(self._partial) + end - start)
            line = data[start:end]
            if self._partial:
                self._partial += line
                line = bytes(self._partial)
                self._partial = bytearray()  # not clear(): this frees the memory of a huge line
            position = self._position
            self._position += len(line) + 1
            start = end + 1
            if line not in _BLANK:
                yield position, line
        self._check_size(len(self._partial) + len(data) - start)
        self._partial += data[start:]

    def finish(self) -> None:
        """Report that the stream has ended.

        Raises:
            MalformedData: It ended inside a line, even if that is complete JSON. API servers end every event with a
                newline, so without it, bytes are missing.
        """
        if bytes(self._partial[:2]) not in _BLANK:  # no copy of what may be 32 MiB
            raise MalformedData(
                self._resource,
                f"the stream was cut in the middle of an event, after {self.pending} of its bytes",
                self._position,
            )

    def _check_size(self, size: int) -> None:
        if size > self._size_limit:
            raise ObjectTooLarge(self._resource, f"an event of more than {self._size_limit} bytes", self._position)
