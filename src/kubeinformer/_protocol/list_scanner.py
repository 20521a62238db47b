"""The list scanner: the items of a list body of any size, while it arrives.

Rules. A list is one JSON object. Each of its values is returned as exactly the bytes that the server sent, and the
elements of ``items`` one by one. The memory is that of the largest value and a quarter more; the time is linear in the
bytes received. If the body is not strict JSON to the last byte, that is an error, but the items before the error have
been returned by then. A second ``items`` is an error, too: JSON's usual rule that the last one counts cannot be
followed, because the first one has been returned already.

Theory. This module reads only the brackets, colons and commas of the two outermost levels. It leaves to msgspec where a
value ends: msgspec is asked to decode the whole buffer as one value, and its error message about what follows names the
byte. This reaches 550 MB/s for pods and 2,700 MB/s for Secrets, is strict, and accepts the same bodies as the other way
to read a list (`pages`). Alternatives that were tried on the same machine:

- ijson with yajl2_c, if its events are only counted in C: 63 MB/s, which is slower than a server sends. It gives no
  byte offsets, converts every number (a ValueError at 4,301 digits, Python's own limit), and accepts lone surrogates
  that msgspec refuses. The property tests still compare the results with those of ijson and of `json`.
- One regular expression for a whole object: 50 MB/s.

msgspec does not promise the wording of that message. A test pins it, and the offset is measured at import. A slice that
was cut wrongly could not pass the strict decoding of each value that follows. `IS_USABLE` tells whether the installed
msgspec still uses this wording. If not, `ijson_scanner` takes over (docs/decisions/0008).
"""

import re
from collections.abc import Generator, Iterator
from typing import TypeAlias, TypeVar

import msgspec

from kubeinformer._protocol.decoding import check_utf8, decode
from kubeinformer.errors import MalformedData, ObjectTooLarge, WrongKind

__all__ = ["IS_USABLE", "ListScanner", "Value"]

Value: TypeAlias = tuple[str, int, bytes]
"""A key of the list, where its value starts in the body, and the value. For ``items``, one such tuple per element."""

T = TypeVar("T")
_Scan: TypeAlias = Generator[Value | None, None, T]

# If an attempt did not find the end of the value, wait for this many more bytes, or for a quarter more, if that is
# larger. So all attempts together cost at most five times the value, however small the chunks are.
_COALESCE = 65_536

# An error this close to the end of the buffer may only mean that the rest has not arrived. The longest escape has 12
# bytes, tokens that are neither strings nor numbers are much shorter, and numbers that are cut off are reported as
# "truncated".
_UNCERTAIN = 16

_SPACE = b" \t\r\n"
_OPEN, _CLOSE, _OPEN_ARRAY, _CLOSE_ARRAY, _COMMA, _QUOTE, _TAG = b'{}[],"<'
_RAW = msgspec.json.Decoder(msgspec.Raw)
_KEY = msgspec.json.Decoder(str)
_BYTE = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)$")
_TRAILING = "trailing characters"


def _complaint(data: bytes | memoryview) -> tuple[str, int]:
    """Let msgspec decode one value: its error message, and the byte that it names; ("", -1) if it names none."""
    try:
        _RAW.decode(data)
    except msgspec.DecodeError as error:
        if found := _BYTE.match(str(error)):
            return found[1], int(found[2])
    return "", -1


_OFFSET = _complaint(b"0,")[1] - 1  # msgspec 0.22 names the byte after the wrong one

IS_USABLE = _OFFSET >= 0 and all(_complaint(text)[0] == _TRAILING for text in (b'{"a":[1]},', b'{"a":[1]} ,'))
"""Whether this version of msgspec tells where a value ends, as the scanner needs it."""


class ListScanner:
    """Splits a list body into its values while it arrives.

    Args:
        resource: The resource that is being read, for errors.
        size_limit: The largest number of bytes in one value.

    Attributes:
        has_items: Whether ``items`` has been seen, even if it was empty or null.
    """

    def __init__(self, resource: str, *, size_limit: int) -> None:
        self.has_items = False
        self._resource = resource
        self._size_limit = size_limit
        self._buffer = bytearray()
        self._at = 0  # how many bytes of the buffer have been read
        self._base = 0  # where the buffer starts in the body
        self._has_ended = False
        self._values = self._scan()

    def feed(self, data: bytes | memoryview) -> Iterator[Value]:
        """Yield the values that are complete. Exhaust before feeding more.

        Raises:
            MalformedData: It is not JSON, not UTF-8, cut off, or nested too deeply.
            ObjectTooLarge: A value has more bytes than the limit.
            WrongKind: ``items`` is not an array.
        """
        self._buffer += data
        for value in self._values:
            if value is None:
                return
            yield value

    def finish(self) -> Iterator[Value]:
        """Report that the body has ended, and yield the rest of the values. Raises as `feed`."""
        self._has_ended = True
        yield from (value for value in self._values if value is not None)

    def _scan(self) -> _Scan[None]:
        """Read the whole body. Yields None if the buffer is exhausted, and is resumed when more bytes are there."""
        if (first := (yield from self._peek("empty answer"))) != _OPEN:
            raise self._malformed("an HTML page, not JSON" if first == _TAG else "text that is no JSON object")
        self._at += 1
        if (yield from self._peek()) == _CLOSE:
            self._at += 1
        else:
            yield from self._members()
        while not self._has_ended or self._skip_space():
            if self._skip_space():
                raise self._malformed("text after the end of the list")
            yield from self._wait()

    def _members(self) -> _Scan[None]:
        byte = _COMMA
        while byte == _COMMA:
            if (yield from self._peek()) != _QUOTE:
                raise self._malformed("a key should be here")
            position, raw = yield from self._value()
            key = decode(_KEY, raw, self._resource, position, "a key")
            yield from self._take(b":")
            if key == "items":
                yield from self._items()
            else:
                yield key, *(yield from self._checked_value())
            byte = yield from self._take(b",}")

    def _items(self) -> _Scan[None]:
        if self.has_items:
            raise self._malformed("a second list of items")
        self.has_items = True
        if (yield from self._peek()) != _OPEN_ARRAY:
            position, raw = yield from self._value()
            if raw != b"null":
                raise WrongKind(self._resource, "items that are no array", position)
            return
        self._at += 1
        if (yield from self._peek()) == _CLOSE_ARRAY:
            self._at += 1
            return
        byte = _COMMA
        while byte == _COMMA:
            yield from self._peek()
            # Not checked here: whoever takes an item identifies it, which checks it.
            yield "items", *(yield from self._value())
            byte = yield from self._take(b",]")

    def _checked_value(self) -> _Scan[tuple[int, bytes]]:
        yield from self._peek()
        position, raw = yield from self._value()
        check_utf8(raw, self._resource, position)
        return position, raw

    def _value(self) -> _Scan[tuple[int, bytes]]:
        """Read the value that starts here, of any type: its position and its bytes."""
        while (end := self._end_of_value()) is None:
            if self._has_ended:
                raise self._cut()
            have = len(self._buffer) - self._at
            self._check_size(have)
            wanted = min(have + max(have // 4, _COALESCE), self._size_limit + 1)
            while len(self._buffer) - self._at < wanted and not self._has_ended:
                yield from self._wait()
        with memoryview(self._buffer) as view:
            raw = bytes(view[self._at : end]).rstrip(_SPACE)  # msgspec reads on to what follows the value
        self._check_size(len(raw))
        position = self._base + self._at
        self._at = end
        return position, raw

    def _end_of_value(self) -> int | None:
        """Find the end of the value that starts here, with the spaces after it. None if it has not arrived yet."""
        try:
            with memoryview(self._buffer) as view, view[self._at :] as rest:
                problem, where = _complaint(rest)
        except RecursionError:
            problem, where = "nested more deeply than this Python can decode", 0
        if problem == _TRAILING:
            return self._at + where - _OFFSET
        if where < 0 or (not self._has_ended and where > len(self._buffer) - self._at - _UNCERTAIN):
            return None
        raise self._malformed(f"a value that is not JSON: {problem} (byte {where} of it)")

    def _peek(self, at_end: str = "") -> _Scan[int]:
        """Go to the next byte that is not a space, and return it without taking it."""
        while not self._skip_space():
            if self._has_ended:
                raise self._malformed(at_end) if at_end else self._cut()
            yield from self._wait()
        return self._buffer[self._at]

    def _take(self, expected: bytes) -> _Scan[int]:
        byte = yield from self._peek()
        if byte not in expected:
            raise self._malformed(f"one of {expected.decode()!r} should be here")
        self._at += 1
        return byte

    def _wait(self) -> _Scan[None]:
        del self._buffer[: self._at]  # cheap: a bytearray only moves its start
        self._base += self._at
        self._at = 0
        yield None

    def _skip_space(self) -> bool:
        """Go to the next byte that is not a space. False if there is none in the buffer."""
        while self._at < len(self._buffer):
            if self._buffer[self._at] not in _SPACE:
                return True
            self._at += 1
        return False

    def _check_size(self, size: int) -> None:
        if size > self._size_limit:
            problem = f"an object of more than {self._size_limit} bytes"
            raise ObjectTooLarge(self._resource, problem, self._base + self._at)

    def _malformed(self, problem: str) -> MalformedData:
        return MalformedData(self._resource, problem, self._base + self._at)

    def _cut(self) -> MalformedData:
        return MalformedData(self._resource, "the answer was cut in the middle", self._base + len(self._buffer))
