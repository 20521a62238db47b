"""Checks that objects are of the collection's own kind.

Rules. The apiVersion of an object is that of the requested resource, or ``meta.k8s.io/v1`` if only metadata was
requested. All objects of one snapshot, and of the changes after it, have one kind. Anything else answers another
request (a proxy's mistake, or an API server that ignores what it is asked for), and would make the store wrong.

Theory. A resource determines the group and the version, but not the kind. The kind is learned from the first object. It
is forgotten when a new snapshot begins, because the CRD may have been deleted and created again meanwhile.

Source. client-go's reflector also compares an event's group, version and kind with the expected ones
(``tools/cache/reflector.go`` at 1.37).
"""

from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.requests import Collection
from kubeinformer.errors import WrongKind

__all__ = ["KindCheck"]

_METADATA_ONLY = "meta.k8s.io/v1"


class KindCheck:
    """Checks that all objects of one collection have the same kind."""

    def __init__(self, collection: Collection) -> None:
        self._resource = str(collection)
        self._api_version = _METADATA_ONLY if collection.metadata_only else collection.resource.api_version
        self._kind: str | None = None

    def begin(self) -> None:
        """A new snapshot begins; its first object determines the kind."""
        self._kind = None

    def accept(self, identity: Identity, position: int | None = None) -> None:
        """Check an object.

        Args:
            identity: The identity of the object.
            position: Where it starts in the decoded body; None if unknown.

        Raises:
            WrongKind: It has no kind, another kind, or another API version.
        """
        if identity.kind == self._kind and identity.api_version == self._api_version:
            return
        came = f"an object of kind {identity.kind[:60]!r} and apiVersion {identity.api_version[:60]!r}"
        if identity.api_version != self._api_version:
            raise WrongKind(self._resource, f"{came}, which should be {self._api_version!r}", position)
        if self._kind is not None or not identity.kind:
            raise WrongKind(self._resource, f"{came} among objects of kind {self._kind or 'unknown'!r}", position)
        self._kind = identity.kind
