"""Which resource, namespace and name a URL path is about.

Rules. Pure, and the inverse of `Resource.path`. Slashes at the end are ignored; any other additional slash makes it a
different path. ``/api/v1/namespaces/NAME`` is an object of the resource ``namespaces``. It is a scope only if another
segment follows, unless that segment is a subresource of namespaces.

Source. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from dataclasses import dataclass

from kubeinformer.resources import Resource
from kubeinformer.testing import _status
from kubeinformer.testing._store.storage import unserved

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. Namespace, name and subresource are empty if the path has none."""

    resource: Resource
    namespace: str
    name: str
    subresource: str = ""

    @property
    def key(self) -> str:
        """The key of the object: ``namespace/name``, or ``name``."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @classmethod
    def parse(cls, path: str) -> "Target":
        """Parse a path; 404 if it is neither a collection nor an object."""
        match path.removeprefix("/").rstrip("/").split("/"):
            case ["api", version, *rest]:
                group = ""
            case ["apis", group, version, *rest]:
                pass
            case _:
                raise _status.page_not_found()
        subresource = ""
        match rest:
            case ["namespaces", name, ("status" | "finalize") as subresource]:
                plural, namespace = "namespaces", ""
            case ["namespaces", namespace, plural]:
                name = ""
            case ["namespaces", namespace, plural, name]:
                pass
            case [plural]:
                namespace = name = ""
            case ["namespaces", namespace, plural, name, subresource]:
                pass
            case [plural, name]:
                namespace = ""
            case [plural, name, subresource]:
                namespace = ""
            case _:
                raise unserved(group)
        try:
            resource = Resource(group, version, plural)
        except ValueError:
            raise unserved(group) from None
        return cls(resource, namespace, name, subresource)
