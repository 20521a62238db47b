"""Which fields of a resource a field selector may name, and what an object has there.

Rules. A selector that names any other field is a 400, as on a real server. ``metadata.name`` is known everywhere,
``metadata.namespace`` wherever the real server knows it; the rest belongs to the resource.

Theory. A real server does not look at objects' JSON but at values that it computes for each resource, so a field that
an object leaves out has the value of its Go type: ``false`` or ``0``, not the empty text.

Source. The field label conversions of ``pkg/apis/*/v1/conversion.go`` and the ``ToSelectableFields`` of
``pkg/registry`` in Kubernetes 1.37; which labels are refused was seen on a real server.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubeinformer._protocol.selectors import FieldSelector
from kubeinformer.resources import RawObject
from kubeinformer.testing import _status

__all__ = ["METADATA", "Field", "field", "matches", "require_known"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field that objects can be selected by.

    Attributes:
        label: What selectors call it.
        paths: Where its value stands in an object; of several the first that is there and not empty.
        absent: The value of an object that has it nowhere.
    """

    label: str
    paths: tuple[tuple[str, ...], ...]
    absent: str = ""

    def value(self, obj: RawObject) -> str:
        """Read an object's value, as text."""
        for path in self.paths:
            found: object = obj
            for key in path:
                found = found.get(key) if isinstance(found, Mapping) else None
            if isinstance(found, bool):
                return "true" if found else "false"
            if isinstance(found, str | int) and found != "":
                return str(found)
        return self.absent


def field(label: str, *other_paths: str, absent: str = "") -> Field:
    """Make a field whose label is its path, with further paths behind it."""
    return Field(label, tuple(tuple(path.split(".")) for path in (label, *other_paths)), absent)


METADATA = (field("metadata.name"), field("metadata.namespace"))
"""Known for nearly every resource."""


def require_known(selector: FieldSelector, known: Mapping[str, Field], *, is_closed: bool) -> None:
    """Refuse a selector that names an unknown field with a 400.

    Args:
        selector: What was asked.
        known: The resource's fields by label.
        is_closed: Whether the resource has none of its own, which changes the server's words.
    """
    for requirement in selector.requirements:
        label = ".".join(requirement.path)
        if label in known:
            continue
        if is_closed:
            names = ", ".join(f'"{name}"' for name in known)
            raise _status.bad_request(f'"{label}" is not a known field selector: only {names}')
        raise _status.bad_request(f"field label not supported: {label}")


def matches(selector: FieldSelector, known: Mapping[str, Field], obj: RawObject) -> bool:
    """Tell whether an object is selected by a selector of known fields."""
    return all(
        (known[".".join(requirement.path)].value(obj) == requirement.value) is requirement.equal
        for requirement in selector.requirements
    )
