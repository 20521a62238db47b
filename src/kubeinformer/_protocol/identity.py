"""Identity: which object some JSON is, and in which version, without decoding the rest of it.

Rules. An identity has a name and a resource version; otherwise there is an error, because a store with incomplete
identities would be wrong. ``null`` and a missing field mean the same, as in Go. Bytes that were identified are
complete, strict JSON in UTF-8, and may be kept as they are.

Theory. The list-watch machine compares only four strings of ``metadata``. A msgspec Struct decodes these and skips the
rest at about 1 GB/s. A dict of the whole object would take six times as long, and would leave work for the garbage
collector. What is skipped is still checked: see `decoding` for what is checked, and for the nesting that is refused.

Kinds. If a misconfigured endpoint answers with HTTP 200, the answer is most often a Table (a proxy requests what
kubectl requests) or a Status. Both are recognised by kind *and* apiVersion, because there are custom resources of kind
Table.
"""

import msgspec

from kubeinformer._protocol.decoding import Data, check_utf8, decode
from kubeinformer.errors import WrongKind

__all__ = ["Identity", "identify", "identify_item", "refuse_foreign_kind"]


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Which object, in which version. gc=False is safe: it contains only strings.

    Attributes:
        name: ``metadata.name``, never empty.
        namespace: ``metadata.namespace``; empty for objects that have none.
        uid: ``metadata.uid``; empty if the server gave none.
        resource_version: ``metadata.resourceVersion``, never empty.
        kind: The kind; empty in the items of a list of a built-in kind.
        api_version: The ``apiVersion``; empty in the same cases as ``kind``.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    kind: str
    api_version: str

    @property
    def key(self) -> str:
        """``namespace/name``, or ``name`` for an object without a namespace."""
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
        resource: The resource that is being read, for errors.
        raw: The JSON of the object, and nothing else.
        position: Where it starts in the decoded body; None if unknown.

    Raises:
        MalformedData: It is not JSON, not UTF-8, or nested too deeply.
        WrongKind: It is JSON, but not an object with a name and a resource version; or it is a Table or a Status; or
            its name is not one segment of a path.
    """
    return identify_item(resource, raw, position)[0]


def identify_item(resource: str, raw: Data, position: int | None) -> tuple[Identity, bool]:
    """As `identify`, and whether the object has a ``kind`` or ``apiVersion`` that is empty or null.

    If the kind was put in front of such an object, the empty member would win, because the last of equal keys counts.
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
    """Whether it is not one segment of a path. No name in Kubernetes is like that.

    Otherwise two objects could have the same key, and a URL path could lead to another object.
    """
    return "/" in name or name in _DOTS


def refuse_foreign_kind(resource: str, kind: str, api_version: str, position: int | None) -> None:
    """Refuse what is never an object of a resource, and never a list of such objects.

    Raises:
        WrongKind: It is a Table or a Status of Kubernetes itself.
    """
    if (kind == "Table" and api_version.startswith("meta.k8s.io/")) or (kind == "Status" and api_version == "v1"):
        raise WrongKind(resource, f"kind {kind} ({api_version}) came, not {resource}", position)
