"""What the fake knows about a resource: its names, what it allows, how its objects look at rest and on the wire.

Theory. An object is kept as JSON bytes, because bytes are what lists and watches send: encoding happens once a write,
not once a reader. Built-in resources are kept without ``kind`` and ``apiVersion``: a real server writes list items
without them and puts them in front in events, and prepending is cheaper than cutting out. Custom resources are kept
whole with sorted keys, since a real server has no Go struct to take an order from.
"""

from dataclasses import dataclass, field

import msgspec

from kubeinformer._protocol.selectors import FieldSelector
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._types.fields import METADATA, Field, FieldConditions

__all__ = ["VERBS", "ResourceType"]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What can be done with nearly every resource."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource that the server serves.

    Attributes:
        resource: Group, version and plural.
        kind: The kind of its objects, such as ``Pod``.
        namespaced: Whether its objects live in namespaces.
        custom: Whether it is written as custom resources are: sorted keys, list items with their kind.
        singular: Its name for one object; by default the kind in lower case.
        short_names: Such as ``po``.
        categories: Such as ``all``.
        verbs: What discovery says can be done with it.
        subresources: Such as ``status``.
        fields: By which fields its objects can be selected, besides those of the metadata.
        updates_need_version: Whether a PUT without a resourceVersion is refused.
        schema: A custom resource's structural schema, None when its objects may hold anything.
    """

    resource: Resource
    kind: str
    namespaced: bool
    custom: bool = False
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    subresources: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    updates_need_version: bool = False
    schema: RawObject | None = field(default=None, compare=False)

    @property
    def requires_version(self) -> bool:
        """Whether a PUT without a resourceVersion is refused; all custom resources do that."""
        return self.custom or self.updates_need_version

    @property
    def singular_name(self) -> str:
        """Its name for one object."""
        return self.singular or self.kind.lower()

    def select_fields(self, selector: FieldSelector) -> FieldConditions:
        """Look a field selector up; 400 if it names a field that this resource cannot be selected by."""
        has_own = self.custom or bool(self.fields)
        # A real server's cluster-scoped resources know metadata.namespace, but for those with a list of their own.
        metadata = METADATA if self.namespaced or not has_own else METADATA[:1]
        known = {each.label: each for each in (*metadata, *self.fields)}
        return FieldConditions(selector, known, is_closed=not has_own)

    def key(self, obj: RawObject) -> str:
        """``namespace/name`` or ``name``: the key of an object that has its metadata."""
        metadata = obj["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}" if self.namespaced else str(metadata["name"])

    def encode(self, obj: RawObject) -> bytes:
        """Turn an object into its form at rest."""
        content = {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}
        if self.custom:
            content |= {"apiVersion": self.resource.api_version, "kind": self.kind}
        return msgspec.json.encode(content, order="sorted" if self.custom else None)

    def decode(self, body: bytes) -> RawObject:
        """Read a form at rest into an object of its own, with ``kind`` and ``apiVersion``."""
        obj: RawObject = msgspec.json.decode(body)
        return obj if self.custom else {"kind": self.kind, "apiVersion": self.resource.api_version, **obj}

    def complete(self, bare: bytes) -> bytes:
        """Turn JSON without ``kind`` and ``apiVersion`` that starts with ``{"metadata"`` into the form at rest."""
        return self.opening_of_events + bare[1:] if self.custom else bare

    @property
    def opening_of_events(self) -> bytes:
        """What an object in an event or a GET starts with, up to its first other key."""
        kind, version = msgspec.json.encode(self.kind), msgspec.json.encode(self.resource.api_version)
        if self.custom:
            return b'{"apiVersion":' + version + b',"kind":' + kind + b","
        return b'{"kind":' + kind + b',"apiVersion":' + version + b","
