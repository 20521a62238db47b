"""How objects look to one client: in full or metadata only, in a list or in an event.

Rules. Pure: bytes at rest in, bytes of the wire out. Which of the two forms a client gets is negotiated through its
Accept header; a Status is never reduced.

Source. ``apiserver/pkg/endpoints/handlers/response.go`` at 1.37; the order of keys was seen on a real server: a
built-in list begins with its kind and version and ends with its items, a custom one has sorted keys, so that its
``metadata.resourceVersion`` comes last.
"""

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._kinds import ResourceType

__all__ = ["Rendering", "negotiate"]

_PARTIAL = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",'
_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw


_decode_metadata = msgspec.json.Decoder(_OnlyMetadata).decode


def negotiate(accept: str, *, partial_kind: str) -> bool:
    """Decide on a form; True for metadata only.

    Args:
        accept: The Accept header, empty when there is none.
        partial_kind: What ``as=`` has to name: ``PartialObjectMetadata``, or that with ``List`` behind it.

    Raises:
        FakeApiError: 406, nothing in the header can be served.
    """
    for clause in accept.split(",") if accept else ["*/*"]:
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        if media_type not in {"application/json", "application/*", "*/*"}:
            continue
        wanted = {name: value for name, _, value in (parameter.partition("=") for parameter in parameters)}
        if "as" not in wanted:
            return False
        if (wanted["as"], wanted.get("g"), wanted.get("v")) == (partial_kind, "meta.k8s.io", "v1"):
            return True
    raise _status.not_acceptable()


class Rendering:
    """The form of one client's objects.

    Args:
        type_: What is rendered.
        partial: Whether only metadata is wanted.
    """

    def __init__(self, type_: ResourceType, *, partial: bool) -> None:
        self._type, self._partial = type_, partial
        self._sorted = type_.custom and not partial
        self._opening = type_.opening_of_events
        self._keeps_body = type_.custom
        self._cut = 0 if type_.custom else 1

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
            ("PartialObjectMetadata", "meta.k8s.io/v1")
            if self._partial
            else (self._type.kind, self._type.resource.api_version)
        )
        metadata: RawObject = {"resourceVersion": str(version), "creationTimestamp": None}
        if ends_initial_events:
            metadata["annotations"] = _INITIAL_EVENTS_END
        obj = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
        return msgspec.json.encode({"type": "BOOKMARK", "object": obj}) + b"\n"

    def list_parts(self, version: int, token: str, remaining: int | None) -> tuple[bytes, bytes]:
        """What stands before and behind the items of a list."""
        metadata: RawObject = {"resourceVersion": str(version)}
        if token:
            metadata["continue"] = token
        if remaining is not None:
            metadata["remainingItemCount"] = remaining
        kind, api_version = (
            ("PartialObjectMetadataList", "meta.k8s.io/v1")
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
        return _PARTIAL + b'"metadata":%b}' % bytes(_decode_metadata(body).metadata)


def error_event(status: RawObject) -> bytes:
    """An ERROR event: how a stream that began with 200 says no."""
    return msgspec.json.encode({"type": "ERROR", "object": status}) + b"\n"
