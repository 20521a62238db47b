"""What the parts of an object are to patches and to ownership: a single value, or something that is merged.

Rules. Pure. A map is merged key by key, unless it `is_atomic`. A list is a single value, unless it has `list_keys`: a
tuple of the fields that identify its items, or an empty tuple for a set of plain values. `merge_key` is the counterpart
for strategic merge patches: a field, an empty string for a set, or None for a list that is replaced.

Theory. The real server reads both from its Go types and its OpenAPI schema. The fake has neither, and needs neither. In
the built-in API, the name of a list says how it is merged, with few exceptions (``ports``), so a table of names is
enough. A list that is not in the table is a single value, as most lists are on the real server. For a custom resource,
its schema says how lists are merged; its metadata is merged like all metadata.

Source. The markers ``patchMergeKey``, ``listMapKey``, ``listType`` and ``mapType`` in ``k8s.io/api`` at 1.37.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kubeinformer.resources import RawObject

__all__ = ["BuiltInShape", "SchemaShape", "Shape"]


class Shape(Protocol):
    """How one part of an object is merged."""

    @property
    def is_atomic(self) -> bool:
        """Whether a map here is a single value."""
        ...

    @property
    def list_keys(self) -> tuple[str, ...] | None:
        """What identifies the items of a list here: fields, or just their value; None if the list is one value."""
        ...

    @property
    def key_defaults(self) -> Mapping[str, object]:
        """The values of `list_keys` that items may leave out."""
        ...

    @property
    def merge_key(self) -> str | None:
        """The key of a list here in strategic merge patches."""
        ...

    def field(self, name: str) -> "Shape":
        """The part under a key."""
        ...

    def item(self) -> "Shape":
        """The items of a list here."""
        ...


@dataclass(frozen=True, slots=True)
class _List:
    merge_key: str | None
    keys: tuple[str, ...] | None
    defaults: Mapping[str, object]
    has_atomic_items: bool = False


def _by(*keys: str, merge: str | None = None, atomic: bool = False, **defaults: object) -> _List:
    return _List(keys[0] if merge is None else merge, keys, defaults, atomic)


_ONE_VALUE = _List(None, None, {})
_SET = _List("", (), {})
_LISTS: Mapping[str, _List] = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "env", "volumes"), _by("name")),
    **dict.fromkeys(("imagePullSecrets", "secrets"), _by("name", atomic=True)),
    **dict.fromkeys(("resourceClaims", "claims", "schedulingGates", "webhooks"), _by("name")),
    "volumeMounts": _by("mountPath"),
    "volumeDevices": _by("devicePath"),
    "hostAliases": _by("ip"),
    "podIPs": _by("ip"),
    "topologySpreadConstraints": _by("topologyKey", "whenUnsatisfiable"),
    "conditions": _by("type"),
    "addresses": _by("type"),
    "ownerReferences": _by("uid", atomic=True),
    "finalizers": _SET,
    "podCIDRs": _SET,
}
_CONTAINER_PORTS = _by("containerPort", "protocol", protocol="TCP")
_SERVICE_PORTS = _by("port", "protocol", protocol="TCP")
_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_ATOMIC_MAPS = frozenset(
    {
        *("selector", "nodeSelector", "labelSelector", "namespaceSelector", "podSelector", "objectSelector"),
        *("involvedObject", "fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "secretRef"),
        *("claimRef", "scaleTargetRef", "targetRef", "roleRef"),
    }
)


@dataclass(frozen=True, slots=True)
class BuiltInShape:
    """A part of a built-in object, identified by its names.

    Attributes:
        kind: The kind of the whole object.
        path: The keys that lead here. Items of lists add none.
        is_item: Whether it is an item of the list at ``path``.
    """

    kind: str
    path: tuple[str, ...] = ()
    is_item: bool = False

    @property
    def is_atomic(self) -> bool:
        """See `Shape`."""
        return self._list.has_atomic_items if self.is_item else bool(self.path) and self.path[-1] in _ATOMIC_MAPS

    @property
    def list_keys(self) -> tuple[str, ...] | None:
        """See `Shape`."""
        return None if self.is_item else self._list.keys

    @property
    def key_defaults(self) -> Mapping[str, object]:
        """See `Shape`."""
        return self._list.defaults

    @property
    def merge_key(self) -> str | None:
        """See `Shape`."""
        return None if self.is_item else self._list.merge_key

    def field(self, name: str) -> "BuiltInShape":
        """See `Shape`."""
        return BuiltInShape(self.kind, (*self.path, name))

    def item(self) -> "BuiltInShape":
        """See `Shape`."""
        return BuiltInShape(self.kind, self.path, is_item=True)

    @property
    def _list(self) -> _List:
        if not self.path:
            return _ONE_VALUE
        *parents, name = self.path
        if name == "ports":
            if parents and parents[-1] in _CONTAINERS:
                return _CONTAINER_PORTS
            return _SERVICE_PORTS if (self.kind, parents) == ("Service", ["spec"]) else _ONE_VALUE
        if name in {"secrets", "addresses"} and self.kind not in {"ServiceAccount", "Node"}:
            return _ONE_VALUE
        return _LISTS.get(name, _ONE_VALUE)


@dataclass(frozen=True, slots=True)
class SchemaShape:
    """A part of a custom resource, as its structural schema describes it.

    Attributes:
        schema: The schema of this part; empty if there is none.
        is_root: Whether it is the whole object.
    """

    schema: RawObject
    is_root: bool = False

    @property
    def is_atomic(self) -> bool:
        """See `Shape`."""
        return self.schema.get("x-kubernetes-map-type") == "atomic"

    @property
    def list_keys(self) -> tuple[str, ...] | None:
        """See `Shape`."""
        match self.schema.get("x-kubernetes-list-type"):
            case "map":
                return tuple(self.schema.get("x-kubernetes-list-map-keys", ()))
            case "set":
                return ()
            case _:
                return None

    @property
    def key_defaults(self) -> Mapping[str, object]:
        """See `Shape`."""
        fields = self.schema.get("items", {}).get("properties", {})
        return {name: field["default"] for name, field in fields.items() if "default" in field}

    @property
    def merge_key(self) -> str | None:
        """None: custom resources have no strategic merge patch."""
        return None

    def field(self, name: str) -> Shape:
        """See `Shape`."""
        if self.is_root and name == "metadata":
            return BuiltInShape("", ("metadata",))
        further = self.schema.get("additionalProperties")
        return SchemaShape(self.schema.get("properties", {}).get(name, further if isinstance(further, dict) else {}))

    def item(self) -> "SchemaShape":
        """See `Shape`."""
        return SchemaShape(self.schema.get("items", {}))
