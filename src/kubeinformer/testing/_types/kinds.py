"""What the fake knows about a resource: its names, what it supports, and how its objects are stored and sent.

Theory. An object is stored as JSON bytes, because lists and watches send bytes: it is encoded once per write, not once
per reader. Built-in resources are stored without ``kind`` and ``apiVersion``. A real server omits these in list items,
and puts them first in events; to prepend them is cheaper than to cut them out. Custom resources are stored whole, with
sorted keys, because a real server has no Go struct that would determine the order.
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
        custom: Whether it is encoded like custom resources: sorted keys, list items with their kind.
        singular: Its name for one object; by default, the kind in lower case.
        short_names: Such as ``po``.
        categories: Such as ``all``.
        verbs: The verbs that it supports, as in discovery.
        subresources: Such as ``status``.
        fields: The fields that selectors may use, in addition to those of the metadata.
        updates_need_version: Whether a PUT without a resourceVersion is refused.
        schema: The structural schema of a custom resource; None if its objects may have any contents.
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
        """Whether a PUT without a resourceVersion is refused. All custom resources do that."""
        return self.custom or self.updates_need_version

    @property
    def singular_name(self) -> str:
        """Its name for one object."""
        return self.singular or self.kind.lower()

    def select_fields(self, selector: FieldSelector) -> FieldConditions:
        """Resolve a field selector; 400 if this resource does not support one of its fields."""
        has_own = self.custom or bool(self.fields)
        # On a real server, cluster-scoped resources have metadata.namespace, except those with fields of their own.
        metadata = METADATA if self.namespaced or not has_own else METADATA[:1]
        known = {each.label: each for each in (*metadata, *self.fields)}
        return FieldConditions(selector, known, is_closed=not has_own)

    def key(self, obj: RawObject) -> str:
        """The key of an object, which must have metadata: ``namespace/name`` or ``name``."""
        metadata = obj["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}" if self.namespaced else str(metadata["name"])

    def encode(self, obj: RawObject) -> bytes:
        """Encode an object into the form in which it is stored."""
        content = {name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}}
        if self.custom:
            content |= {"apiVersion": self.resource.api_version, "kind": self.kind}
        return msgspec.json.encode(content, order="sorted" if self.custom else None)

    def decode(self, body: bytes) -> RawObject:
        """Decode the stored form into a new object, with ``kind`` and ``apiVersion``."""
        obj: RawObject = msgspec.json.decode(body)
        return obj if self.custom else {"kind": self.kind, "apiVersion": self.resource.api_version, **obj}

    def complete(self, bare: bytes) -> bytes:
        """Convert JSON without ``kind`` and ``apiVersion`` that starts with ``{"metadata"`` to the stored form."""
        return self.opening_of_events + bare[1:] if self.custom else bare

    @property
    def opening_of_events(self) -> bytes:
        """The beginning of an object in an event or a GET, up to its first other key."""
        kind, version = msgspec.json.encode(self.kind), msgspec.json.encode(self.resource.api_version)
        if self.custom:
            return b'{"apiVersion":' + version + b',"kind":' + kind + b","
        return b'{"kind":' + kind + b',"apiVersion":' + version + b","
