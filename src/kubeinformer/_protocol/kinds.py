"""Whether what comes is of the collection's own kind.

Rules. An object's apiVersion is that of the resource that was asked for, or ``meta.k8s.io/v1`` when only metadata was;
and all objects of one snapshot, with the changes after it, are of one kind. Anything else is an answer to another
question (a proxy's mix-up, an API server that ignores what it is asked for), and storing it would make a wrong store.

Theory. A resource says its group and version, but not its kind: that is learned from the first object, and forgotten
when a new snapshot begins, since a CRD may have been made anew meanwhile.

Source. client-go's reflector compares an event's group, version and kind with the expected ones as well
(``tools/cache/reflector.go`` at 1.37).
"""

from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.requests import Collection
from kubeinformer.errors import WrongKind

__all__ = ["KindCheck"]

_METADATA_ONLY = "meta.k8s.io/v1"


class KindCheck:
    """Holds one collection's objects to one kind."""

    def __init__(self, collection: Collection) -> None:
        self._resource = str(collection)
        self._api_version = _METADATA_ONLY if collection.metadata_only else collection.resource.api_version
        self._kind: str | None = None

    def begin(self) -> None:
        """A new snapshot begins: its first object says the kind."""
        self._kind = None

    def accept(self, identity: Identity, position: int | None = None) -> None:
        """Let an object pass.

        Args:
            identity: Which object.
            position: Where it starts in the decoded body, None when unknown.

        Raises:
            WrongKind: It is of no kind, of another one, or of another API version.
        """
        if identity.kind == self._kind and identity.api_version == self._api_version:
            return
        came = f"an object of kind {identity.kind[:60]!r} and apiVersion {identity.api_version[:60]!r}"
        if identity.api_version != self._api_version:
            raise WrongKind(self._resource, f"{came}, which should be {self._api_version!r}", position)
        if self._kind is not None or not identity.kind:
            raise WrongKind(self._resource, f"{came} among objects of kind {self._kind or 'unknown'!r}", position)
        self._kind = identity.kind
