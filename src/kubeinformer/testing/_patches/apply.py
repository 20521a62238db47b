"""Server-side apply: who owns which field, what a conflict is, and what is removed with its last owner.

Rules. Pure: objects and managers in, objects and managers out. An apply contains everything that its manager wants.
What the manager applied before and does not apply now is removed, unless somebody else owns it. If an apply would
change the value of a field that another manager owns, that is a conflict; with ``force``, the field gets the new value
and the new owner. If two managers apply the same value, both own the field. An update (any write that is not an apply)
takes over the fields that it changes, and never conflicts.

Theory. Ownership is stored separately from the object, and only if it is needed. An object has no owners until a write
names a manager. Its first apply then finds all fields owned by ``before-first-apply``, as on a real server.

Source. structured-merge-diff v6 (``merge/update.go``, ``typed/merge.go`` for the order of lists),
``apimachinery/pkg/util/managedfields`` at 1.37; every message was seen on a real server.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from kubeinformer.resources import RawObject
from kubeinformer.testing._patches.ownership import FieldPath, compare, item_part, owned, to_json
from kubeinformer.testing._types.shapes import Shape

__all__ = ["Manager", "Managers", "Writer", "applied", "conflicts", "merge", "updated"]

_BEFORE = "before-first-apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, and how. This identifies an entry of managedFields."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Manager:
    """One entry of managedFields."""

    writer: Writer
    fields: frozenset[FieldPath]
    time: str

    def as_json(self) -> RawObject:
        """The entry in the form of ``metadata.managedFields``."""
        writer = self.writer
        return {
            "manager": writer.name,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_json(self.fields),
        } | ({"subresource": writer.subresource} if writer.subresource else {})


Managers = tuple[Manager, ...]


def updated(
    old: RawObject, new: RawObject, managers: Managers, writer: Writer, shape: Shape, time: str, *, structs: bool
) -> Managers:
    """Return the owners after a write that is not an apply."""
    difference = compare(old, new, shape, structs=structs)
    before = _fields_of(writer, managers)
    fields = (before | difference.set_fields) - difference.removed
    others = _without(managers, writer, difference.set_fields | difference.removed)
    return _with(others, managers, writer, fields, time)


def applied(
    live: RawObject | None, config: RawObject, managers: Managers, writer: Writer, shape: Shape, time: str
) -> tuple[RawObject, Managers]:
    """Return the object and its owners after an apply. Conflicts are not checked here.

    Args:
        live: The existing object, None if there is none.
        config: The object that is applied.
        managers: The owners until now.
        writer: The manager that applies.
        shape: How the object is merged.
        time: The time of the apply.

    Raises:
        FieldError: A list cannot be merged.
    """
    fields = owned(config, shape)
    if live is None:
        return config, _with((), (), writer, fields, time)
    managers = _with_first(live, managers, shape, time)
    lost = _fields_of(writer, managers) - fields
    kept = {path[:end] for path in _owned_by_any(managers, writer, fields) for end in range(1, len(path) + 1)}
    result = _without_fields(merge(live, config, shape), lost - kept, kept, shape, ())
    difference = compare(live, result, shape, structs=False)
    others = _without(managers, writer, difference.set_fields | difference.removed)
    return result, _with(others, managers, writer, fields, time)


def conflicts(
    live: RawObject, config: RawObject, managers: Managers, writer: Writer, shape: Shape
) -> list[tuple[Writer, FieldPath]]:
    """Return the fields that an apply would take from others, with their owners, in the order of the messages.

    Raises:
        FieldError: A list cannot be merged.
    """
    changed = compare(live, merge(live, config, shape), shape, structs=False).set_fields
    return [
        (manager.writer, path)
        for manager in sorted(_with_first(live, managers, shape, ""), key=lambda each: each.writer.name)
        if manager.writer != writer
        for path in sorted(manager.fields & changed)
    ]


def _with_first(live: RawObject, managers: Managers, shape: Shape, time: str) -> Managers:
    if managers:
        return managers
    writer = Writer(name=_BEFORE, operation="Update", api_version=str(live.get("apiVersion", "")))
    return (Manager(writer, compare({}, live, shape, structs=False).added, time),)


def _fields_of(writer: Writer, managers: Managers) -> frozenset[FieldPath]:
    return next((manager.fields for manager in managers if manager.writer == writer), frozenset())


def _without(managers: Managers, writer: Writer, fields: frozenset[FieldPath]) -> Managers:
    others = (manager for manager in managers if manager.writer != writer)
    left = (replace(manager, fields=manager.fields - fields) for manager in others)
    return tuple(manager for manager in left if manager.fields)


def _with(others: Managers, before: Managers, writer: Writer, fields: frozenset[FieldPath], time: str) -> Managers:
    """Add the writer's entry. Its time changes only if its fields do."""
    if not fields:
        return others
    last = next((manager for manager in before if manager.writer == writer), None)
    mine = last if last is not None and last.fields == fields else Manager(writer, fields, time)
    return tuple(sorted((*others, mine), key=lambda each: (each.writer.operation, each.time, each.writer.name)))


def merge(live: object, config: object, shape: Shape) -> Any:
    """Merge what is applied into what exists."""
    if isinstance(live, dict) and isinstance(config, dict) and not shape.is_atomic:
        return live | {name: merge(live.get(name), value, shape.field(name)) for name, value in config.items()}
    if isinstance(live, list) and isinstance(config, list) and shape.list_keys is not None:
        return _merge_list(live, config, shape)
    return config


def _merge_list(live: Sequence[object], config: Sequence[object], shape: Shape) -> list[object]:
    """Merge by key. Applied items keep their order. Each other item stays in front of the item that followed it."""
    old = {item_part(item, shape): item for item in live}
    new = {item_part(item, shape): item for item in config}
    shared = [part for part in new if part in old]
    waiting = list(old)
    merged: list[object] = []
    for part, item in new.items():
        following = shared[0] if shared else None
        while waiting and (waiting[0] not in new or waiting[0] != following):
            first = waiting.pop(0)
            if first not in new:
                merged.append(old[first])
        if part == following:
            del shared[0], waiting[:1]
        merged.append(merge(old.get(part), item, shape.item()))
    return merged + [old[part] for part in waiting if part not in new]


def _owned_by_any(managers: Managers, writer: Writer, fields: frozenset[FieldPath]) -> frozenset[FieldPath]:
    """All owned fields, if this writer owns these ones."""
    return fields.union(*(manager.fields for manager in managers if manager.writer != writer))


def _without_fields(
    value: Any, fields: frozenset[FieldPath], kept: AbstractSet[FieldPath], shape: Shape, path: FieldPath
) -> Any:
    """Remove fields, and then the maps and lists that are empty and have no owner."""
    if not fields or not _is_node(value, shape):
        return value
    if isinstance(value, list):
        items = [(item, (*path, item_part(item, shape))) for item in value]
        return [_without_fields(item, fields, kept, shape.item(), part) for item, part in items if part not in fields]
    result = {}
    for name, part in value.items():
        below, here = shape.field(name), (*path, f"f:{name}")
        has_parts = bool(part) and _is_node(part, below)
        if here in fields and not has_parts:
            continue
        left = _without_fields(part, fields, kept, below, here)
        if left or not has_parts or here in kept:
            result[name] = left
    return result


def _is_node(value: object, shape: Shape) -> bool:
    """Whether a value is merged, so that different managers may own parts of it."""
    if isinstance(value, dict):
        return not shape.is_atomic
    return isinstance(value, list) and shape.list_keys is not None
