"""Which collection on an API server: group, version, plural, and how they become a URL path.

Core resources live under ``/api/v1``, all others under ``/apis/GROUP/VERSION``
(https://kubernetes.io/docs/reference/using-api/api-concepts/#standard-api-terminology).
"""

import re
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

__all__ = ["RawObject", "Resource"]

# JSON objects are dict[str, Any] and not a recursive JSON type: with the latter, no `pod["spec"]["nodeName"]` would
# type-check, and every user would cast. docs/decisions/0002.
RawObject: TypeAlias = dict[str, Any]
"""A Kubernetes object as decoded JSON."""

_ACCEPTED = (
    "accepted are 'VERSION/PLURAL' for core resources, such as 'v1/pods', "
    "and 'GROUP/VERSION/PLURAL' for all others, such as 'apps/v1/deployments' or 'example.com/v1/widgets'"
)
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_GROUP = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")
_PLURAL = re.compile(_LABEL)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type, such as pods of the core group in version v1.

    Attributes:
        group: The API group, empty for the core group.
        version: The version, such as ``v1`` or ``v2beta1``.
        plural: The plural name in lower case, as in the URL.
    """

    group: str
    version: str
    plural: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``v1/pods`` or ``apps/v1/deployments``.

        Raises:
            ValueError: The text has another form; the message shows the accepted ones.
        """
        match text.split("/"):
            case [version, plural]:
                group = ""
            case [group, version, plural] if _GROUP.fullmatch(group):
                pass
            case _:
                raise ValueError(f"not a resource: {text!r}; {_ACCEPTED}")
        if not _VERSION.fullmatch(version) or not _PLURAL.fullmatch(plural):
            raise ValueError(f"not a resource: {text!r}; {_ACCEPTED}")
        return cls(group, version, plural)

    @property
    def api_version(self) -> str:
        """What objects of this resource carry as ``apiVersion``: ``v1``, ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of the collection, or of one object, starting with a slash."""
        root = f"/apis/{self.group}" if self.group else "/api"
        middle = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}/{self.version}{middle}/{self.plural}" + (f"/{name}" if name else "")

    def __str__(self) -> str:
        return f"{self.api_version}/{self.plural}"
