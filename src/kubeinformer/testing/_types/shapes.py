"""What the parts of an object are to patches and ownership: one value, or something that is merged.

Rules. Pure. A map is merged key by key unless it `is_atomic`. A list is one value unless it has `list_keys`: a tuple of
fields that tell its items apart, or an empty tuple for a set of plain values. `merge_key` is the strategic merge
patch's own idea of the same: a field, an empty string for a set, None for a list that is replaced.

Theory. The real server reads both from its Go types and its OpenAPI schema. The fake has neither, and needs neither:
in the built-in API a list's name tells how it merges, with few exceptions (``ports``), so a table of names is enough.
A list that is not in the table is one value, which is also what the real server does with most. For a custom resource
its schema says so, and its metadata is everybody's metadata.

Source. The markers ``patchMergeKey``, ``listMapKey``, ``listType`` and ``mapType`` in ``k8s.io/api`` at 1.37.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kubeinformer.resources import RawObject

__all__ = ["BuiltInShape", "SchemaShape", "Shape"]


class Shape(Protocol):
    """How one part of an object merges."""

    @property
    def is_atomic(self) -> bool:
        """Whether a map here is one value."""
        ...

    @property
    def list_keys(self) -> tuple[str, ...] | None:
        """What tells the items of a list here apart: fields, nothing but their value, or None when it is one value."""
        ...

    @property
    def key_defaults(self) -> Mapping[str, object]:
        """The values of `list_keys` that items may leave out."""
        ...

    @property
    def merge_key(self) -> str | None:
        """The strategic merge patch's key of a list here."""
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
    """A part of a built-in object, known by its names.

    Attributes:
        kind: The kind of the whole object.
        path: The keys that lead here; items of lists have none.
        is_item: Whether it is an item of the list that ``path`` leads to.
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
        schema: The schema of this part, empty where there is none.
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
