"""How objects look to one client: in full or only their metadata, in a list or in an event.

Rules. Pure: bytes as stored in, bytes as sent out. A Status is never reduced to its metadata.

Not here. Which form a client gets (``_read.negotiation``), tables (``_read.table``).

Source. ``apiserver/pkg/endpoints/handlers/response.go`` at 1.37. The order of keys was seen on a real server: a
built-in list begins with its kind and version and ends with its items; a custom list has sorted keys, so its
``metadata.resourceVersion`` comes last.
"""

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._read.negotiation import Form
from kubeinformer.testing._read.shards import ShardSelector
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["Rendering", "bookmark_metadata", "error_event", "list_metadata"]

_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw


_decode_metadata = msgspec.json.Decoder(_OnlyMetadata).decode


class Rendering:
    """The form of the objects for one client.

    Args:
        type_: The type of the objects.
        form: Plain, or metadata only.
    """

    def __init__(self, type_: ResourceType, form: Form) -> None:
        self._type, self._form = type_, form
        self._partial = bool(form.kind)
        self._partial_opening = b'{"kind":"PartialObjectMetadata","apiVersion":%b,"metadata":' % msgspec.json.encode(
            form.api_version
        )
        self._sorted = type_.custom and not self._partial
        self._opening = type_.opening_of_events
        self._keeps_body = type_.custom

    def item(self, body: bytes) -> bytes:
        """One object of a list."""
        return self._metadata_only(body) if self._partial else body

    def object(self, body: bytes) -> bytes:
        """One object on its own."""
        if self._partial:
            return self._metadata_only(body)
        return body if self._keeps_body else self._opening + body[1:]

    def event(self, type_: bytes, body: bytes) -> bytes:
        """One event with an object; ``type_`` is ``ADDED``, ``MODIFIED`` or ``DELETED``."""
        return b'{"type":"%b","object":%b}\n' % (type_, self.object(body))

    def bookmark(self, version: int, *, ends_initial_events: bool = False) -> bytes:
        """A BOOKMARK event."""
        kind, api_version = (
            ("PartialObjectMetadata", self._form.api_version)
            if self._partial
            else (self._type.kind, self._type.resource.api_version)
        )
        obj = {"kind": kind, "apiVersion": api_version, "metadata": bookmark_metadata(version, ends_initial_events)}
        return msgspec.json.encode({"type": "BOOKMARK", "object": obj}) + b"\n"

    def list_parts(
        self, version: int, token: str, remaining: int | None, shards: ShardSelector | None
    ) -> tuple[bytes, bytes]:
        """What comes before and after the items of a list. ``shards`` are the shards that it is restricted to."""
        metadata = list_metadata(version, token, remaining)
        # Seen on 1.37: only full lists of built-in objects say that they are a shard, although all such lists are one.
        if shards is not None and not self._partial and not self._type.custom:
            metadata["shardInfo"] = {"selector": str(shards)}
        kind, api_version = (
            ("PartialObjectMetadataList", self._form.api_version)
            if self._partial
            else (f"{self._type.kind}List", self._type.resource.api_version)
        )
        encode = msgspec.json.encode
        if self._sorted:
            tail = encode({"kind": kind, "metadata": {"continue": ""} | metadata}, order="sorted")
            return b'{"apiVersion":%b,"items":[' % encode(api_version), b"]," + tail[1:] + b"\n"
        head = encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
        return head[:-1] + b',"items":[', b"]}\n"

    def _metadata_only(self, body: bytes) -> bytes:
        return self._partial_opening + bytes(_decode_metadata(body).metadata) + b"}"


def bookmark_metadata(version: int, ends_initial_events: bool) -> RawObject:  # noqa: FBT001 - passed on as it came
    """The metadata of the object in a BOOKMARK event."""
    metadata: RawObject = {"resourceVersion": str(version)}
    return metadata | {"annotations": _INITIAL_EVENTS_END} if ends_initial_events else metadata


def list_metadata(version: int, token: str, remaining: int | None) -> RawObject:
    """The metadata of a list."""
    metadata: RawObject = {"resourceVersion": str(version)}
    if token:
        metadata["continue"] = token
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return metadata


def error_event(status: RawObject) -> bytes:
    """An ERROR event: the refusal in a stream that began with a 200."""
    return msgspec.json.encode({"type": "ERROR", "object": status}) + b"\n"
