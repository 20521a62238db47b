"""Watch events: from one line of a watch stream to what it says.

Rules. A line is ``{"type":"ADDED|MODIFIED|DELETED|BOOKMARK|ERROR","object":{…}}``. The object's body is kept as the
bytes the server sent: integers beyond 64 bits, 1e400 and duplicate keys survive as they are, and whoever reads the
object decides what they mean. Anything else is an error, never skipped: an event that is passed over is a change
that is missed.

Theory. API servers write the envelope of an object in one form, to the byte. Between that form's two ends stands one
value, which is the object if it decodes strictly: then the line as a whole is the envelope and nothing else, and the
object was scanned once. Any other line, and any that is wrong, takes two decodings: of the envelope with the object as
`msgspec.Raw`, and of the object's identity. (One struct for both would not tell where the object's bytes are.) For a
pod of 6.6 KB that is 7 µs against 11.

Source. ``k8s.io/initial-events-end`` is KEP-3157's mark of the bookmark that ends the initial events; only the value
``"true"`` counts (client-go compares the same way).
"""

import enum
from typing import TypeAlias

import msgspec

from kubeinformer._protocol.decoding import check_utf8, decode
from kubeinformer._protocol.identity import Identity, identify, refuse_foreign_kind
from kubeinformer._protocol.status import Status, decode_status
from kubeinformer.errors import ProtocolError, WrongKind

__all__ = ["Bookmark", "ErrorEvent", "EventType", "ObjectEvent", "WatchEvent", "decode_watch_event"]


class EventType(enum.Enum):
    """The types of watch events."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class ObjectEvent(msgspec.Struct, frozen=True, gc=False):
    """An object came, changed or went. gc=False is safe: nothing in it can lead back to it.

    Attributes:
        type: ADDED, MODIFIED or DELETED.
        identity: Which object, in which version.
        body: The object's JSON as the server sent it; of a DELETED one its last state.
    """

    type: EventType
    identity: Identity
    body: bytes


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """All changes up to a version have been sent.

    Attributes:
        resource_version: That version, never empty.
        ends_initial: The initial events are complete (``k8s.io/initial-events-end``).
    """

    resource_version: str
    ends_initial: bool


class ErrorEvent(msgspec.Struct, frozen=True, gc=False):
    """The server gives up this watch, and says why."""

    status: Status


WatchEvent: TypeAlias = ObjectEvent | Bookmark | ErrorEvent

# What stands in for HTTP's status when a Status inside a stream has no code: the stream itself was a 200.
_NO_CODE = 500


class _Line(msgspec.Struct, gc=False):
    type: str
    object: msgspec.Raw


class _Annotations(msgspec.Struct, gc=False, rename={"initial_events_end": "k8s.io/initial-events-end"}):
    initial_events_end: str = ""


class _BookmarkMetadata(msgspec.Struct, gc=False, rename={"resource_version": "resourceVersion"}):
    resource_version: str = ""
    annotations: _Annotations | None = None


class _BookmarkObject(msgspec.Struct, gc=False, rename={"api_version": "apiVersion"}):
    metadata: _BookmarkMetadata
    kind: str = ""
    api_version: str = ""


_LINE = msgspec.json.Decoder(_Line)
_BOOKMARK = msgspec.json.Decoder(_BookmarkObject)
_MIDDLE = b'","object":{'
_BEGINNINGS = {
    f'{{"type":"{member.value}'.encode(): member for member in (EventType.ADDED, EventType.MODIFIED, EventType.DELETED)
}
_LONGEST_BEGINNING = max(map(len, _BEGINNINGS))
_TYPES = {member.value: member for member in EventType}  # six times faster than EventType(text)


def decode_watch_event(resource: str, line: bytes, position: int) -> WatchEvent:
    """Decode one line of a watch stream.

    Args:
        resource: What is being watched, for errors.
        line: The line, without its newline.
        position: Where it starts in the decoded body.

    Raises:
        MalformedData: Not JSON, not UTF-8, or nested too deeply.
        WrongKind: JSON, but no watch event; or an event about something that is no object.
    """
    end = line.find(_MIDDLE, 0, _LONGEST_BEGINNING + len(_MIDDLE))
    usual_type = _BEGINNINGS.get(line[:end]) if end > 0 and line.endswith(b"}}") else None
    if usual_type is not None:
        body = line[end + len(_MIDDLE) - 1 : -1]
        try:
            return ObjectEvent(usual_type, identify(resource, body, position), body)
        except ProtocolError:
            pass  # what is wrong is for the second way to say: perhaps only that the line is not in the usual form
    check_utf8(line, resource, position)  # of what no one keeps, too: a line is whole, or it is not believed
    envelope = decode(_LINE, line, resource, position, "a watch event")
    body = bytes(envelope.object)  # a copy: a Raw would keep the whole line
    match _TYPES.get(envelope.type):
        case EventType.BOOKMARK:
            return _decode_bookmark(resource, body, position)
        case EventType.ERROR:
            return ErrorEvent(decode_status(body, _NO_CODE))
        case None:
            raise WrongKind(resource, f"watch event of unknown type {envelope.type[:20]!r}", position)
        case event_type:
            return ObjectEvent(event_type, identify(resource, body, position), body)


def _decode_bookmark(resource: str, body: bytes, position: int) -> Bookmark:
    found = decode(_BOOKMARK, body, resource, position, "a bookmark")
    refuse_foreign_kind(resource, found.kind, found.api_version, position)
    if not found.metadata.resource_version:
        raise WrongKind(resource, "bookmark without metadata.resourceVersion", position)
    annotations = found.metadata.annotations
    ends_initial = annotations is not None and annotations.initial_events_end == "true"
    return Bookmark(found.metadata.resource_version, ends_initial)
