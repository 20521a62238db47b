"""The list scanner: the items of a list body of any size, while it arrives.

Rules. A list is one JSON object; each value of it comes out as the very bytes the server sent, the elements of
``items`` one by one. Memory is the largest value and a quarter more; time is linear in the bytes received. Whatever
is not strict JSON to the last byte is an error, but items before the error have been handed out by then. A second
``items`` is an error too: the first one is out already, and JSON's usual "the last one counts" cannot be kept.

Theory. Only the brackets, colons and commas of the two outermost levels are read here. Where a value ends is
msgspec's to say: it is asked to decode what is buffered as one value, and its complaint about what follows names
the byte. That is 550 MB/s for pods and 2,700 MB/s for secrets, strict, and lets everything pass that the other way
(`pages`) lets pass. What was tried instead, on the same machine:

- ijson with yajl2_c, its events only counted in C: 63 MB/s, which is slower than a server sends. It gives no byte
  offsets, builds every number (a ValueError at 4,301 digits, Python's own limit), and accepts lone surrogates that
  msgspec refuses. The property tests still use it, and `json`, as judges of what comes out of here.
- One regular expression for a whole object: 50 MB/s.

The wording of that complaint is no promise of msgspec's. A test pins it, the offset is measured at import, and a
slice that was cut wrongly could not pass the strict decoding that every value still goes through. `IS_USABLE` tells
whether the installed msgspec still says it; if not, `ijson_scanner` stands in (docs/decisions/0008).
"""

import re
from collections.abc import Generator, Iterator
from typing import TypeAlias, TypeVar

import msgspec

from kubeinformer._protocol.decoding import check_utf8, decode
from kubeinformer.errors import MalformedData, ObjectTooLarge, WrongKind

__all__ = ["IS_USABLE", "ListScanner", "Value"]

Value: TypeAlias = tuple[str, int, bytes]
"""A key of the list's object, where its value starts in the body, and that value. For ``items``, one per element."""

T = TypeVar("T")
_Scan: TypeAlias = Generator[Value | None, None, T]

# After an attempt that found no end, wait for this much more (or a quarter more, if that is larger): attempts then
# cost five times the value at most, however small the chunks.
_COALESCE = 65_536

# An error this close to the end of the buffer may only mean that the rest has not come: the longest token that is
# not a string is far shorter but for numbers, which end in "truncated", and the longest escape is 12 bytes.
_UNCERTAIN = 16

_SPACE = b" \t\r\n"
_OPEN, _CLOSE, _OPEN_ARRAY, _CLOSE_ARRAY, _COMMA, _QUOTE, _TAG = b'{}[],"<'
_RAW = msgspec.json.Decoder(msgspec.Raw)
_KEY = msgspec.json.Decoder(str)
_BYTE = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)$")
_TRAILING = "trailing characters"


def _complaint(data: bytes | memoryview) -> tuple[str, int]:
    """Let msgspec decode one value: what it says is wrong, and at which byte; ("", -1) if it names none."""
    try:
        _RAW.decode(data)
    except msgspec.DecodeError as error:
        if found := _BYTE.match(str(error)):
            return found[1], int(found[2])
    return "", -1


_OFFSET = _complaint(b"0,")[1] - 1  # in msgspec 0.22 it points one byte beyond the one that is wrong

IS_USABLE = _OFFSET >= 0 and all(_complaint(text)[0] == _TRAILING for text in (b'{"a":[1]},', b'{"a":[1]} ,'))
"""Whether this msgspec tells where a value ends, as the scanner needs it."""


class ListScanner:
    """Takes a list body apart as it arrives.

    Args:
        resource: What is being read, for errors.
        size_limit: Most bytes in one value.

    Attributes:
        has_items: ``items`` has been seen, be it empty or null.
    """

    def __init__(self, resource: str, *, size_limit: int) -> None:
        self.has_items = False
        self._resource = resource
        self._size_limit = size_limit
        self._buffer = bytearray()
        self._at = 0  # what of the buffer has been read
        self._base = 0  # where the buffer starts in the body
        self._has_ended = False
        self._values = self._scan()

    def feed(self, data: bytes | memoryview) -> Iterator[Value]:
        """Yield the values that are complete. Exhaust before feeding more.

        Raises:
            MalformedData: Not JSON, not UTF-8, cut off, or nested too deeply.
            ObjectTooLarge: A value has more bytes than the limit.
            WrongKind: ``items`` is no array.
        """
        self._buffer += data
        for value in self._values:
            if value is None:
                return
            yield value

    def finish(self) -> Iterator[Value]:
        """Say that the body has ended, and yield the values left. Raises as `feed`."""
        self._has_ended = True
        yield from (value for value in self._values if value is not None)

    def _scan(self) -> _Scan[None]:
        """Read the whole body. Yields None when the buffer is exhausted, and is resumed when there is more."""
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
            # Not checked here: who takes an item identifies it, and that checks it.
            yield "items", *(yield from self._value())
            byte = yield from self._take(b",]")

    def _checked_value(self) -> _Scan[tuple[int, bytes]]:
        yield from self._peek()
        position, raw = yield from self._value()
        check_utf8(raw, self._resource, position)
        return position, raw

    def _value(self) -> _Scan[tuple[int, bytes]]:
        """Read the value that starts here, whatever it is: its position, and its bytes."""
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
        """Find where the value that starts here, with the spaces after it, ends; None when that has not come yet."""
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
        """Go to the next byte that is no space, and return it without taking it."""
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
        """Go to the next byte that is no space. False when there is none in the buffer."""
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
