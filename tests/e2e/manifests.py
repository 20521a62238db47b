"""Objects that the tests create: the minimum that a real API server accepts, or any size on request."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def pod(name: str, *, labels: Mapping[str, str] | None = None, padding: int = 0) -> Json:
    """A pod that nobody schedules or runs. ``padding`` is the size of an annotation, in bytes."""
    metadata: Json = {"name": name, "labels": dict(labels or {})}
    if padding:
        metadata["annotations"] = {"padding": "x" * padding}
    # The digest-less image is never pulled: there is no node.
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "none"}]}}


def config_map(name: str, data: Mapping[str, str] | None = None) -> Json:
    return {"metadata": {"name": name}, "data": dict(data or {})}


def custom_resource_definition(kind: str, *, group: str, version: str = "v1", namespaced: bool = True) -> Json:
    """A resource whose objects may hold anything; its plural is the lower-case kind and an s."""
    singular, plural = kind.lower(), f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"kind": kind, "singular": singular, "plural": plural, "listKind": f"{kind}List"},
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
