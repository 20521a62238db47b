"""The target of a single request, in the terms of RBAC: for errors, and to find the informer that a write concerns.

Source. apiserver's ``request.RequestInfo`` at 1.37: paths of resources, of subresources, and of neither.
"""

from typing import NamedTuple

__all__ = ["Target", "target_of"]

_VERBS = {"POST": "create", "PUT": "update"}  # the other methods are verbs in lower case
_PARTS_OF_NAMESPACES = ("status", "finalize")


class Target(NamedTuple):
    """What a request does, and to which object.

    Attributes:
        verb: ``get``, ``list``, ``create``, ``update``, ``patch``, ``delete``, ``deletecollection``; for a path that
            belongs to no resource, the method in lower case.
        resource: ``v1/pods``, ``apps/v1/deployments/status``; or the path itself.
        namespace: The namespace; None for all namespaces, and if there is none.
        name: The name of the object; None for a collection.
        group: The API group, empty for the core group.
    """

    verb: str
    resource: str
    namespace: str | None = None
    name: str | None = None
    group: str = ""

    @property
    def is_path(self) -> bool:
        """Whether the path belongs to no resource."""
        return self.resource.startswith("/")

    @property
    def rbac_resource(self) -> str:
        """The resource as a Role names it: ``pods``, ``deployments.apps/status``."""
        _, plural, *parts = self.resource.removeprefix(f"{self.group}/").split("/")
        return "/".join([f"{plural}.{self.group}" if self.group else plural, *parts])


def target_of(method: str, path: str, name: str | None = None) -> Target:
    """Find the target of a request from its path.

    Args:
        method: The HTTP method, in upper case.
        path: The path, without query.
        name: The name of the object in the body of a create, because the path does not contain it.
    """
    match path.strip("/").split("/"):
        case ["api", version, *rest] if rest:
            group, api_version = "", version
        case ["apis", group, version, *rest] if rest:
            api_version = f"{group}/{version}"
        case _:
            return Target(method.lower(), path)
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _PARTS_OF_NAMESPACES:  # noqa: PLR2004 - name, rest
        namespace, rest = rest[1], rest[2:]
    plural, *more = rest
    own_name, parts = (more[0], more[1:]) if more else (None, [])
    verb = _VERBS.get(method, method.lower())
    if own_name is None:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    return Target(verb, "/".join([api_version, plural, *parts]), namespace, own_name or name, group)
