"""Identity: which object some JSON is, and in which version, without decoding the rest of it.

Rules. An identity has a name and a resource version, or there is an error: a store keyed by half an identity is a
wrong store. ``null`` and a missing field mean the same, as in Go. Bytes that were identified are whole, strict JSON in
UTF-8 and may be kept as they are.

Theory. Four strings of ``metadata`` are all that the list-watch machine compares. A msgspec Struct decodes these and
skips the rest at about 1 GB/s; a dict of the whole object takes six times as long and leaves work for the collector.
What is skipped is still checked: `decoding` says what for, and which nesting is refused.

Kinds. What comes back from a misconfigured endpoint with HTTP 200 is most often a Table (somebody's proxy asks for
what kubectl asks for) or a Status. Both are told by kind *and* apiVersion: custom resources of kind Table exist.
"""

import msgspec

from kubeinformer._protocol.decoding import Data, check_utf8, decode
from kubeinformer.errors import WrongKind

__all__ = ["Identity", "identify", "identify_item", "refuse_foreign_kind"]


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Which object, in which version. gc=False is safe: there are only strings in it.

    Attributes:
        name: ``metadata.name``, never empty.
        namespace: ``metadata.namespace``; empty for objects that have none.
        uid: ``metadata.uid``; empty when the server gave none.
        resource_version: ``metadata.resourceVersion``, never empty.
        kind: Empty in the items of a list of built-in kinds.
        api_version: As kind.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    kind: str
    api_version: str

    @property
    def key(self) -> str:
        """``namespace/name``, or ``name`` of an object without a namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class _Metadata(msgspec.Struct, gc=False, rename={"resource_version": "resourceVersion"}):
    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None


class _Object(msgspec.Struct, gc=False, rename={"api_version": "apiVersion"}):
    metadata: _Metadata | None = None
    kind: str | msgspec.UnsetType | None = msgspec.UNSET
    api_version: str | msgspec.UnsetType | None = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Object)
_NOTHING = _Metadata()
_DOTS = frozenset((".", ".."))
_EMPTY = (None, "")


def identify(resource: str, raw: Data, position: int | None) -> Identity:
    """Read the identity of one object, and check all of its bytes.

    Args:
        resource: What is being read, for errors.
        raw: The object's JSON, exactly.
        position: Where it starts in the decoded body, None when unknown.

    Raises:
        MalformedData: Not JSON, not UTF-8, or nested too deeply.
        WrongKind: JSON, but no object with a name and a resource version; or a Table or Status; or a name that leads
            elsewhere in a path.
    """
    return identify_item(resource, raw, position)[0]


def identify_item(resource: str, raw: Data, position: int | None) -> tuple[Identity, bool]:
    """As `identify`, and whether the object has ``kind`` or ``apiVersion`` as a member that says nothing.

    Of such an object, whoever puts the kind in front would see the empty member win: of two keys the last one counts.
    """
    check_utf8(raw, resource, position)
    found = decode(_DECODER, raw, resource, position, "an object")
    kind, api_version = found.kind or "", found.api_version or ""
    refuse_foreign_kind(resource, kind, api_version, position)
    metadata = found.metadata or _NOTHING
    if not metadata.name:
        raise WrongKind(resource, "object without metadata.name", position)
    if _leads_elsewhere(metadata.name) or (metadata.namespace and _leads_elsewhere(metadata.namespace)):
        raise WrongKind(resource, "object whose name or namespace is no segment of a path", position)
    if not metadata.resource_version:
        raise WrongKind(resource, "object without metadata.resourceVersion", position)
    is_told_empty = found.kind in _EMPTY or found.api_version in _EMPTY
    identity = Identity(
        metadata.name, metadata.namespace or "", metadata.uid or "", metadata.resource_version, kind, api_version
    )
    return identity, is_told_empty


def _leads_elsewhere(name: str) -> bool:
    """No name in Kubernetes does; with one that does, two objects could share a key, and a path be another one."""
    return "/" in name or name in _DOTS


def refuse_foreign_kind(resource: str, kind: str, api_version: str, position: int | None) -> None:
    """Refuse what is never an object of a resource, nor a list of them.

    Raises:
        WrongKind: It is a Table or a Status of the API machinery itself.
    """
    if (kind == "Table" and api_version.startswith("meta.k8s.io/")) or (kind == "Status" and api_version == "v1"):
        raise WrongKind(resource, f"kind {kind} ({api_version}) came, not {resource}", position)
