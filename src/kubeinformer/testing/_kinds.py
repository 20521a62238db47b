"""What the fake knows about a resource: its kind, its scope, and how its objects look at rest and on the wire.

Theory. An object is kept as JSON bytes, because bytes are what lists and watches send: encoding happens once a write,
not once a reader. Built-in resources are kept without ``kind`` and ``apiVersion``: a real server writes list items
without them and puts them in front in events, and prepending is cheaper than cutting out. Custom resources are kept
whole with sorted keys, since a real server has no Go struct to take an order from.
"""

from dataclasses import dataclass

import msgspec

from kubeinformer.resources import RawObject, Resource

__all__ = ["BUILT_IN", "ResourceType"]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource that the server serves.

    Attributes:
        resource: Group, version and plural.
        kind: The kind of its objects, such as ``Pod``.
        namespaced: Whether its objects live in namespaces.
        custom: Whether it is written as custom resources are: sorted keys, list items with their kind.
    """

    resource: Resource
    kind: str
    namespaced: bool
    custom: bool = False

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


def _built_in(resource: str, kind: str, *, namespaced: bool = True) -> ResourceType:
    return ResourceType(Resource.parse(resource), kind, namespaced)


BUILT_IN = (
    _built_in("v1/pods", "Pod"),
    _built_in("v1/secrets", "Secret"),
    _built_in("v1/configmaps", "ConfigMap"),
    _built_in("v1/services", "Service"),
    _built_in("v1/events", "Event"),
    _built_in("v1/namespaces", "Namespace", namespaced=False),
    _built_in("v1/nodes", "Node", namespaced=False),
    _built_in("apps/v1/deployments", "Deployment"),
    _built_in("coordination.k8s.io/v1/leases", "Lease"),
)
"""Served from the start. Leases are among them because leader election needs them."""
