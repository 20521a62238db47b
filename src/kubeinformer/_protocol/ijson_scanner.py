"""A replacement for the list scanner: the same values from the same bodies, with ijson only.

When. `list_scanner` finds the end of a value through an error message of msgspec, whose wording msgspec does not
promise. If the installed msgspec uses other words, bodies beyond the page budget are read here. This is slower
(docs/decisions/0008), but equally correct, and needs no more memory.

What differs. Values are decoded and encoded again. They are equal as JSON, but not byte for byte: only the last of
duplicate keys is left, and yajl puts ``?`` for a lone surrogate escape. Integers of more than 4,300 digits, Python's
limit, are refused. ijson does not report positions, so errors tell how much of the body had been read.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import ijson
import msgspec
from ijson.common import ObjectBuilder

from kubeinformer._protocol.list_scanner import Value
from kubeinformer.errors import MalformedData, ObjectTooLarge, WrongKind

__all__ = ["IjsonScanner"]

# With fewer bytes than this, a call into yajl costs more than the parsing.
_COALESCE = 65_536
_FAST_BACKEND = "yajl2_c"
_MEMBER, _ELEMENT = 1, 2  # how many containers are open around a member of the list, and around one of its items
_OPENS = {"start_map", "start_array"}
_CLOSES = {"end_map", "end_array"}

_REFUSALS = (ijson.JSONError, ValueError)

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class IjsonScanner:
    """As `ListScanner`: takes a list body apart as it arrives."""

    def __init__(self, resource: str, *, size_limit: int) -> None:
        if ijson.backend != _FAST_BACKEND:  # Python's own filter shows equal warnings only once
            warnings.warn(
                f"ijson runs on its {ijson.backend} backend: large lists parse many times slower than with "
                f"{_FAST_BACKEND}, which its wheels bring; reinstall ijson from a wheel, or with yajl 2 at hand",
                RuntimeWarning,
                stacklevel=2,
            )
        self.has_items = False
        self._resource = resource
        self._size_limit = size_limit
        self._events: Any = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events)
        self._waiting = bytearray()
        self._read = 0  # bytes given to ijson
        self._since_value = 0  # of these, since the last value was complete
        self._depth = 0
        self._key = ""
        self._builder: Any = None

    def feed(self, data: bytes | memoryview) -> Iterator[Value]:
        """As `ListScanner.feed`."""
        self._waiting += data
        if len(self._waiting) >= _COALESCE:
            yield from self._parse()

    def finish(self) -> Iterator[Value]:
        """As `ListScanner.finish`."""
        yield from self._parse()
        try:
            self._parser.close()
        except ijson.IncompleteJSONError:
            raise self._malformed("the answer was cut in the middle") from None
        except (SystemError, ValueError):  # as in `_parse`; of yajl's own errors only the one above comes at the end
            raise self._malformed() from None
        yield from self._values()

    def _parse(self) -> Iterator[Value]:
        data, self._waiting = bytes(self._waiting), bytearray()
        if not data:
            return
        self._read += len(data)
        self._since_value += len(data)
        failure: MalformedData | None = None
        try:
            self._parser.send(data)
        except SystemError:
            # An integer was too long. ijson 3.6 turns the ValueError into this exception. One of the events then
            # contains a null pointer, so none of them may be used.
            raise self._malformed() from None
        except _REFUSALS:
            failure = self._malformed()
        yield from self._values()  # values that were complete before the error count, as in `ListScanner`
        if failure:
            raise failure
        if self._since_value > self._size_limit + _COALESCE:
            problem = f"an object of more than {self._size_limit} bytes"
            raise ObjectTooLarge(self._resource, problem, self._read - self._since_value)

    def _values(self) -> Iterator[Value]:
        for event, value in self._events:
            closes = event in _CLOSES
            self._depth -= closes
            if self._builder is not None:
                self._builder.event(event, value)
            elif self._depth == 0:
                self._open_list(event)
            elif event == "map_key":
                self._key = value
            elif self._depth == _MEMBER and self._key == "items" and event != "end_array":
                self._open_items(event)
            elif not closes:
                self._builder = ObjectBuilder()
                self._builder.event(event, value)
            self._depth += event in _OPENS
            outside = _ELEMENT if self._key == "items" else _MEMBER
            if self._builder is not None and self._depth == outside:
                built, self._builder = self._builder.value, None
                yield self._key, self._read, self._encoded(built)
        del self._events[:]

    def _open_list(self, event: str) -> None:
        if event not in {"start_map", "end_map"}:
            raise MalformedData(self._resource, "text that is no JSON object", 0)

    def _open_items(self, event: str) -> None:
        if self.has_items:
            raise MalformedData(self._resource, "a second list of items", self._read)
        self.has_items = True
        if event not in {"start_array", "null"}:
            raise WrongKind(self._resource, "items that are no array", self._read)

    def _encoded(self, value: Any) -> bytes:
        self._since_value = 0
        try:
            raw = _ENCODER.encode(value)
        except (ValueError, RecursionError):
            raise self._malformed() from None
        if len(raw) > self._size_limit:
            raise ObjectTooLarge(self._resource, f"an object of more than {self._size_limit} bytes", self._read)
        return raw

    def _malformed(self, problem: str = "a list that is not JSON, or more than Python can hold") -> MalformedData:
        # Without the text of the error: yajl quotes the data around it, which may be a Secret.
        return MalformedData(self._resource, problem, self._read)
