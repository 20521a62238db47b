"""A resource type on an API server: group, version, plural, and the URL path that they form.

Core resources are under ``/api/v1``, all others under ``/apis/GROUP/VERSION``
(https://kubernetes.io/docs/reference/using-api/api-concepts/#standard-api-terminology).
"""

import re
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

__all__ = ["RawObject", "Resource", "check_namespace"]

# JSON objects are dict[str, Any] and not a recursive JSON type. With the latter, `pod["spec"]["nodeName"]` would not
# type-check, and every user would have to cast. See docs/decisions/0002.
RawObject: TypeAlias = dict[str, Any]
"""A Kubernetes object as decoded JSON."""

_ACCEPTED = (
    "accepted are 'VERSION/PLURAL' for core resources, such as 'v1/pods', "
    "and 'GROUP/VERSION/PLURAL' for all others, such as 'apps/v1/deployments' or 'example.com/v1/widgets'"
)
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_GROUP = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")
_CUSTOM_VERSION = re.compile(_LABEL)  # a CRD can give its versions any name
_PLURAL = re.compile(_LABEL)

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: a namespace is an RFC 1123 label. The names
# of other objects are at least one segment of a path ("system:node" is a ClusterRole).
_NAMESPACE = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}")
_LEADS_ELSEWHERE = re.compile(r".*/|\.{1,2}\Z", re.DOTALL)


def check_namespace(namespace: str) -> str:
    """Return the namespace if its name is valid: it becomes a part of the URL path.

    Raises:
        ValueError: It is not valid.
    """
    if not _NAMESPACE.fullmatch(namespace):
        raise ValueError(
            f"not a namespace: {namespace!r}; accepted are up to 63 lower-case letters, digits and dashes, "
            "with a letter or digit at both ends"
        )
    return namespace


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type, such as pods of the core group in version v1.

    Attributes:
        group: The API group, empty for the core group.
        version: The version, such as ``v1`` or ``v2beta1``.
        plural: The plural name in lower case, as in the URL.

    Raises:
        ValueError: One of them is malformed; the message shows the accepted forms.
    """

    group: str
    version: str
    plural: str

    def __post_init__(self) -> None:
        version = _CUSTOM_VERSION if "." in self.group else _VERSION
        if (
            (self.group and not _GROUP.fullmatch(self.group))
            or not version.fullmatch(self.version)
            or not _PLURAL.fullmatch(self.plural)
        ):
            raise ValueError(f"not a resource: {str(self)!r}; {_ACCEPTED}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``v1/pods`` or ``apps/v1/deployments``.

        Args:
            text: ``VERSION/PLURAL`` for core resources, ``GROUP/VERSION/PLURAL`` for others.

        Raises:
            ValueError: The text has another form; the message shows the accepted ones.
        """
        match text.split("/"):
            case [version, plural]:
                group = ""
            case [group, version, plural] if group:
                pass
            case _:
                raise ValueError(f"not a resource: {text!r}; {_ACCEPTED}")
        return cls(group, version, plural)

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of objects of this resource, such as ``v1`` or ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the URL path of the collection, of one object, or of a subresource. It starts with a slash.

        Args:
            namespace: None for all namespaces, and for cluster-scoped resources.
            name: The name of the object; None for the collection.
            subresource: A part of the object that is read and written separately, such as ``status`` or ``scale``.

        Example:
            >>> from kubeinformer import Resource
            >>> Resource.parse("v1/pods").path("shop")
            '/api/v1/namespaces/shop/pods'
            >>> Resource.parse("apps/v1/deployments").path("shop", "web", "status")
            '/apis/apps/v1/namespaces/shop/deployments/web/status'

        Raises:
            ValueError: A name would lead elsewhere, because it cannot be one segment of a path; or a subresource was
                given without a name.
        """
        if subresource and not name:
            raise ValueError(f"subresource={subresource!r} needs the name of the object that it is a part of")
        for what, segment in (("namespace", namespace), ("name", name), ("subresource", subresource)):
            if segment and _LEADS_ELSEWHERE.match(segment):
                raise ValueError(f"{what}={segment!r} would lead elsewhere in a URL: no '/', and neither '.' nor '..'")
        root = f"/apis/{self.group}" if self.group else "/api"
        middle = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.version}{middle}/{self.plural}" + "".join(f"/{end}" for end in (name, subresource) if end)

    def __str__(self) -> str:
        return f"{self.api_version}/{self.plural}"
