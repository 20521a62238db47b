"""What a server says about itself: groups, versions and resources, in the old format and in the aggregated one.

Rules. Pure: the served types in, documents out. The documents are made for each request, so a resource that was just
registered is in them.

Theory. The versions of a group are ordered by maturity, then by number: v2, v1, v1beta1; the first one is preferred.
Reviews are not collections, so they are not types; they are listed separately.

Source. ``apiserver/pkg/endpoints/discovery`` at 1.37 and ``apimachinery/pkg/version/helpers.go`` for the order; seen on
a real server.
"""

import re
from collections.abc import Iterable

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._read.negotiation import AGGREGATED_DISCOVERY
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["SELF_SUBJECT_ACCESS_REVIEWS", "Discovery"]

SELF_SUBJECT_ACCESS_REVIEWS = ResourceType(
    Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
    "SelfSubjectAccessReview",
    namespaced=False,
    verbs=("create",),
)

_SUBRESOURCE_VERBS = ("get", "patch", "update")
# For custom resources, a real server lists the verbs in this order, in which they were introduced.
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_KUBE_VERSION = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")
_MATURITY = {None: 2, "beta": 1, "alpha": 0}


class Discovery:
    """The discovery documents about some types."""

    def __init__(self, types: Iterable[ResourceType]) -> None:
        self._groups: dict[str, dict[str, list[ResourceType]]] = {}
        for type_ in (*types, SELF_SUBJECT_ACCESS_REVIEWS):
            versions = self._groups.setdefault(type_.resource.group, {})
            versions.setdefault(type_.resource.version, []).append(type_)

    def core_versions(self, address: str) -> RawObject:
        """``/api``."""
        where = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
        return {"kind": "APIVersions", "versions": self._versions(""), "serverAddressByClientCIDRs": [where]}

    def groups(self) -> RawObject:
        """``/apis``."""
        groups = [self._group(name) for name in self._groups if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> RawObject | None:
        """``/apis/GROUP``; None if there is no such group."""
        if not name or name not in self._groups:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(name)}

    def resources(self, group: str, version: str) -> RawObject | None:
        """``/api/v1`` or ``/apis/GROUP/VERSION``; None if that is not served."""
        types = self._groups.get(group, {}).get(version)
        if types is None:
            return None
        entries = [entry for type_ in _sorted(types) for entry in _resource_entries(type_)]
        api_version = {"apiVersion": "v1"} if group else {}
        joined = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", **api_version, "groupVersion": joined, "resources": entries}

    def aggregated(self, *, core: bool) -> RawObject:
        """``/api`` or ``/apis`` as one document."""
        items = [
            {
                "metadata": {"name": name} if name else {},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_entry(type_) for type_ in _sorted(versions[version])],
                        "freshness": "Current",
                    }
                    for version in self._versions(name)
                ],
            }
            for name, versions in self._groups.items()
            if core is not bool(name)
        ]
        form = AGGREGATED_DISCOVERY
        return {"kind": form.kind, "apiVersion": form.api_version, "metadata": {}, "items": items}

    def _versions(self, group: str) -> list[str]:
        return sorted(self._groups.get(group, {}), key=_priority, reverse=True)

    def _group(self, name: str) -> RawObject:
        versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in self._versions(name)]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _sorted(types: list[ResourceType]) -> list[ResourceType]:
    return sorted(types, key=lambda type_: type_.resource.plural)


def _priority(version: str) -> tuple[int, int, int]:
    found = _KUBE_VERSION.fullmatch(version)
    if found is None:
        return -1, 0, 0
    return _MATURITY[found[2]], int(found[1]), int(found[3] or 0)


def _verbs(type_: ResourceType) -> list[str]:
    return [verb for verb in _CUSTOM_VERBS if verb in type_.verbs] if type_.custom else list(type_.verbs)


def _names(type_: ResourceType) -> RawObject:
    names = {"shortNames": type_.short_names, "categories": type_.categories}
    return {name: list(values) for name, values in names.items() if values}


def _resource_entries(type_: ResourceType) -> list[RawObject]:
    plural, kind = type_.resource.plural, type_.kind
    common = {"namespaced": type_.namespaced, "kind": kind}
    entry = {"name": plural, "singularName": type_.singular_name, **common, "verbs": _verbs(type_), **_names(type_)}
    subresources = [
        {"name": f"{plural}/{name}", "singularName": "", **common, "verbs": list(_SUBRESOURCE_VERBS)}
        for name in type_.subresources
    ]
    return [entry, *subresources]


def _aggregated_entry(type_: ResourceType) -> RawObject:
    group, version = (type_.resource.group, type_.resource.version) if type_.custom else ("", "")
    kind = {"group": group, "version": version, "kind": type_.kind}
    subresources = [
        {"subresource": name, "responseKind": kind, "verbs": list(_SUBRESOURCE_VERBS)} for name in type_.subresources
    ]
    return {
        "resource": type_.resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if type_.namespaced else "Cluster",
        "singularResource": type_.singular_name,
        "verbs": _verbs(type_),
        **_names(type_),
        **({"subresources": subresources} if subresources else {}),
    }
