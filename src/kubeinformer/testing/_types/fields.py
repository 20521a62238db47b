"""Which fields of a resource a field selector may use, and which values an object has for them.

Rules. A selector with any other field is a 400, as on a real server. Every resource has ``metadata.name``, and
``metadata.namespace`` if it has it on the real server. The other fields depend on the resource.

Theory. A real server does not look at the JSON of the objects, but at values that it computes for each resource. So if
an object leaves a field out, the field has the zero value of its Go type: ``false`` or ``0``, not the empty text.

Source. The field label conversions of ``pkg/apis/*/v1/conversion.go`` and the ``ToSelectableFields`` of
``pkg/registry`` in Kubernetes 1.37; which labels are refused was seen on a real server.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubeinformer._protocol.selectors import FieldSelector
from kubeinformer.resources import RawObject
from kubeinformer.testing import _status

__all__ = ["METADATA", "Field", "FieldConditions", "field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field that objects can be selected by.

    Attributes:
        label: Its name in selectors.
        paths: The paths to its value. The first one counts that exists and is not empty.
        absent: The value for an object in which there is none.
    """

    label: str
    paths: tuple[tuple[str, ...], ...]
    absent: str = ""

    def value(self, obj: RawObject) -> str:
        """Return the value of an object, as text."""
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
    """Make a field whose label is its first path. More paths may follow."""
    return Field(label, tuple(tuple(path.split(".")) for path in (label, *other_paths)), absent)


METADATA = (field("metadata.name"), field("metadata.namespace"))
"""Known for nearly every resource."""


class FieldConditions:
    """A field selector, resolved to the fields of one resource. It is false if it selects everything.

    Args:
        selector: The selector.
        known: The fields of the resource, by label.
        is_closed: Whether the resource has no fields of its own, which changes the text of the refusal.

    Raises:
        FakeApiError: 400: the selector has an unknown field.
    """

    def __init__(self, selector: FieldSelector, known: Mapping[str, Field], *, is_closed: bool) -> None:
        self._conditions: list[tuple[Field, str, bool]] = []
        for requirement in selector.requirements:
            label = ".".join(requirement.path)
            if label not in known:
                raise _unknown(label, known, is_closed=is_closed)
            self._conditions.append((known[label], requirement.value, requirement.equal))
        self.is_of_key: bool = all(each in METADATA for each, _, _ in self._conditions)
        """Whether name and namespace alone decide."""

    def matches(self, obj: RawObject) -> bool:
        """Whether an object is selected."""
        return all((each.value(obj) == value) is equal for each, value, equal in self._conditions)

    def __bool__(self) -> bool:
        return bool(self._conditions)


def _unknown(label: str, known: Mapping[str, Field], *, is_closed: bool) -> _status.FakeApiError:
    if is_closed:
        names = ", ".join(f'"{name}"' for name in known)
        return _status.bad_request(f'"{label}" is not a known field selector: only {names}')
    return _status.bad_request(f"field label not supported: {label}")
