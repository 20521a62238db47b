"""Objects as a ``Table``: what ``kubectl get`` prints.

Rules. Every resource has the columns Name and Age. The first event of a watch has the column definitions, the later
ones have none. The object of a row is its complete metadata, or null, depending on ``includeObject``.

Theory. A real server has additional columns for each built-in resource (READY, STATUS), which it computes from the
object. They are not imitated, because clients print tables and do not interpret them. The age is text, and ends at the
time of the wall clock.

Source. ``apiserver/pkg/registry/rest/table.go``, ``apiserver/pkg/endpoints/handlers/response.go`` and, for ages,
``apimachinery/pkg/util/duration`` at 1.37; seen on a real server.
"""

import datetime as dt
from collections.abc import Callable

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._read.negotiation import Form
from kubeinformer.testing._read.rendering import Rendering, bookmark_metadata, list_metadata
from kubeinformer.testing._read.shards import ShardSelector
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["TableRendering", "human_duration"]

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400  # seconds
_UNITS = {1: "s", _MINUTE: "m", _HOUR: "h", _DAY: "d", _YEAR: "y"}
# For durations up to this many seconds: the unit, and the smaller unit for the rest.
_STEPS = (
    (2 * _MINUTE, 1, 0),
    (10 * _MINUTE, _MINUTE, 1),
    (3 * _HOUR, _MINUTE, 0),
    (8 * _HOUR, _HOUR, _MINUTE),
    (2 * _DAY, _HOUR, 0),
    (8 * _DAY, _DAY, _HOUR),
    (2 * _YEAR, _DAY, 0),
    (8 * _YEAR, _YEAR, _DAY),
)


def human_duration(seconds: int) -> str:
    """Format a duration as ``kubectl`` does: the longer, the coarser."""
    seconds = max(0, seconds)
    unit, smaller = next(((unit, smaller) for limit, unit, smaller in _STEPS if seconds < limit), (_YEAR, 0))
    text = f"{seconds // unit}{_UNITS[unit]}"
    rest = seconds % unit // smaller if smaller else 0
    return f"{text}{rest}{_UNITS[smaller]}" if rest else text


class _Metadata(msgspec.Struct):
    name: str = ""
    resourceVersion: str = ""  # noqa: N815 - the field's name on the wire
    creationTimestamp: dt.datetime | None = None  # noqa: N815 - as above


class _Object(msgspec.Struct):
    metadata: _Metadata


_decode = msgspec.json.Decoder(_Object).decode


class TableRendering(Rendering):
    """The form of the objects for a client that requested tables.

    Args:
        type_: The type of the objects.
        form: The Table and its version.
        include_object: As in the query: ``Metadata``, ``Object``, ``None`` or empty.

    Raises:
        FakeApiError: 400: ``includeObject`` has another value.
    """

    def __init__(self, type_: ResourceType, form: Form, include_object: str) -> None:
        super().__init__(type_, form)
        self._full = Rendering(type_, Form())
        self._row_object: Callable[[bytes], bytes]
        match include_object:
            case "" | "Metadata":
                self._row_object = self._metadata_only
            case "None":
                self._row_object = lambda _: b"null"
            case "Object":
                self._row_object = self._full.object
            case other:
                raise _status.bad_request(
                    "Unable to convert to Table as requested: includeObject: Invalid value: "
                    f"\"{other}\": must be 'Metadata', 'Object', 'None', or empty"
                )
        self._columns: list[RawObject] | None = [
            _column("Name", "string", "name", "The name of the object, unique in its namespace"),
            _column("Age", "date" if type_.custom else "string", "", "The time since the object was created"),
        ]

    def item(self, body: bytes) -> bytes:
        """One row."""
        metadata = _decode(body).metadata
        age: str | None = None
        if metadata.creationTimestamp is not None:
            age = human_duration(int((dt.datetime.now(dt.UTC) - metadata.creationTimestamp).total_seconds()))
        cells = msgspec.json.encode([metadata.name, age])
        return b'{"cells":%b,"object":%b}' % (cells, self._row_object(body))

    def object(self, body: bytes) -> bytes:
        """A table with one row. Only the first table that this rendering makes has column definitions."""
        head, tail = self._table({"resourceVersion": _decode(body).metadata.resourceVersion})
        return head + self.item(body) + tail

    def bookmark(self, version: int, *, ends_initial_events: bool = False) -> bytes:
        """A BOOKMARK event. Its row has the metadata, whatever was requested."""
        metadata = bookmark_metadata(version, ends_initial_events)
        head, tail = self._table({"resourceVersion": str(version)})
        row = {"kind": "PartialObjectMetadata", "apiVersion": self._form.api_version, "metadata": metadata}
        encoded = msgspec.json.encode({"cells": ["", None], "object": row})
        return b'{"type":"BOOKMARK","object":%b}\n' % (head + encoded + tail)

    def list_parts(
        self,
        version: int,
        token: str,
        remaining: int | None,
        shards: ShardSelector | None,  # noqa: ARG002 - a table says nothing of it, on a real server neither
    ) -> tuple[bytes, bytes]:
        """What comes before and after the rows of a list."""
        head, tail = self._table(list_metadata(version, token, remaining))
        return head, tail + b"\n"

    def _table(self, metadata: RawObject) -> tuple[bytes, bytes]:
        columns, self._columns = self._columns, None
        opening = {
            "kind": "Table",
            "apiVersion": self._form.api_version,
            "metadata": metadata,
            "columnDefinitions": columns,
        }
        return msgspec.json.encode(opening)[:-1] + b',"rows":[', b"]}"


def _column(name: str, type_: str, format_: str, description: str) -> RawObject:
    return {"name": name, "type": type_, "format": format_, "description": description, "priority": 0}
