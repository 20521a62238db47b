"""The rules for the metadata of every object: names, labels, annotations, finalizers, owners.

Rules. Pure: metadata in, causes out, in the order and with the texts of the real server.

Source. ``apimachinery/pkg/api/validation/objectmeta.go`` and ``pkg/util/validation/validation.go`` at 1.37; seen on a
real kube-apiserver.
"""

import functools
import re
from collections.abc import Iterator

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._status import Cause

__all__ = ["immutable", "metadata_causes", "new_finalizers"]

_LABEL, _SUBDOMAIN = (
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
)
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_QUALIFIED})?"
_SUBDOMAIN_LENGTH, _LABEL_LENGTH = 253, 63
_MUST_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_MUST_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_MUST_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_MUST_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    f"is '{_VALUE}')"
)
_STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})
# Many objects share their labels, so results are cached. A lookup costs a third of a check of a pod's metadata.
_REMEMBERED = functools.lru_cache(maxsize=4096)
_NO_DOTS = frozenset({"Namespace"})
_PATH_NAMES = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


def metadata_causes(kind: str, metadata: RawObject) -> list[Cause]:
    """Find what is wrong with the metadata of an object that is written."""
    return [
        *_name_causes(kind, metadata),
        *_label_causes(metadata.get("labels") or {}),
        *(
            cause
            for name in metadata.get("annotations") or {}
            for cause in _qualified("metadata.annotations", name, name.lower())
        ),
        *_owner_causes(metadata.get("ownerReferences") or []),
        *_finalizer_causes(metadata.get("finalizers") or []),
    ]


def immutable(field: str, value: object) -> Cause:
    """The cause for a field that cannot be changed."""
    return _invalid(f"metadata.{field}", value, "field is immutable")


def new_finalizers(added: list[str]) -> Cause:
    """The cause for new finalizers on an object that is being deleted."""
    listed = ", ".join(msgspec.json.encode(name).decode() for name in added)
    text = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
    return Cause("FieldValueForbidden", f"{text}[]string{{{listed}}}", "metadata.finalizers")


def _invalid(field: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {msgspec.json.encode(value).decode()}: {why}", field)


def _name_causes(kind: str, metadata: RawObject) -> Iterator[Cause]:
    name = metadata.get("name") or ""
    if not name:
        yield Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
        return
    if kind in _PATH_NAMES:
        if name in {".", ".."}:
            yield _invalid("metadata.name", name, f"may not be '{name}'")
        for part in "/%":
            if part in name:
                yield _invalid("metadata.name", name, f"may not contain '{part}'")
    elif kind in _NO_DOTS and "." in name:
        yield _invalid("metadata.name", name, "must not contain dots")
    elif kind in _NO_DOTS:
        yield from _matching("metadata.name", name, _LABEL, _MUST_LABEL, _LABEL_LENGTH)
    else:
        yield from _matching("metadata.name", name, _SUBDOMAIN, _MUST_SUBDOMAIN, _SUBDOMAIN_LENGTH)


def _matching(field: str, text: str, pattern: str, must: str, length: int) -> Iterator[Cause]:
    if len(text) > length:
        yield _invalid(field, text, f"must be no more than {length} bytes")
    if not re.fullmatch(pattern, text):
        yield _invalid(field, text, must)


def _label_causes(labels: RawObject) -> Iterator[Cause]:
    for name, value in labels.items():
        yield from _qualified("metadata.labels", name, name)
        yield from _label_value(value)


@_REMEMBERED
def _label_value(value: str) -> tuple[Cause, ...]:
    causes = []
    if len(value) > _LABEL_LENGTH:
        causes.append(_invalid("metadata.labels", value, f"must be no more than {_LABEL_LENGTH} bytes"))
    if not re.fullmatch(_VALUE, value):
        causes.append(_invalid("metadata.labels", value, _MUST_VALUE))
    return tuple(causes)


@_REMEMBERED
def _qualified(field: str, name: str, checked: str) -> tuple[Cause, ...]:
    """Check a name that may have a DNS prefix, such as ``example.com/app``."""
    prefix, slash, rest = checked.rpartition("/")
    causes = []
    if slash and not prefix:
        causes.append(_invalid(field, name, "prefix part must be non-empty"))
    elif slash and not re.fullmatch(_SUBDOMAIN, prefix):
        causes.append(_invalid(field, name, f"prefix part {_MUST_SUBDOMAIN}"))
    if not rest:
        causes.append(_invalid(field, name, "name part must be non-empty"))
    elif len(rest) > _LABEL_LENGTH:
        causes.append(_invalid(field, name, f"name part must be no more than {_LABEL_LENGTH} bytes"))
    if not re.fullmatch(_QUALIFIED, rest):
        causes.append(_invalid(field, name, _MUST_QUALIFIED))
    return tuple(causes)


def _owner_causes(references: list[RawObject]) -> Iterator[Cause]:
    for index, reference in enumerate(references):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(name):
                field = f"metadata.ownerReferences[{index}].{name}"
                yield Cause("FieldValueRequired", "Required value: must not be empty", field)
    controllers = [f"{each.get('kind')}/{each.get('name')}" for each in references if each.get("controller")]
    if len(controllers) > 1:
        why = f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]} '
        yield _invalid("metadata.ownerReferences", references, f"{why}and {controllers[1]}")


def _finalizer_causes(finalizers: list[str]) -> Iterator[Cause]:
    for name in finalizers:
        yield from _qualified("metadata.finalizers", name, name)
    for index, name in enumerate(finalizers):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield _invalid(f"metadata.finalizers[{index}]", name, why)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        yield _invalid("metadata.finalizers", finalizers, why)
