"""Sets of fields: what a manager owns, and what differs between two versions of an object.

Rules. Pure. A field is a path of parts in the spelling of ``fieldsV1``: ``f:name`` for a key, ``k:{"name":"c"}`` for
the item of a list with these keys, ``v:"x"`` for an item of a set. What identifies an object or belongs to the server
(name, uid, versions, kind) is owned by nobody, and is never part of a set.

Theory. An object is flattened: every leaf has its value, and every map and merged list has a mark. So two versions are
compared as two dicts. A map or list is a field too: whoever made it owns it, in addition to its contents.

Source. structured-merge-diff v6 (``fieldpath``, ``typed``) for the format; which maps an update owns was seen on a real
kube-apiserver 1.37.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._types.shapes import Shape

__all__ = ["Difference", "FieldError", "FieldPath", "compare", "from_json", "item_part", "owned", "readable", "to_json"]

FieldPath: TypeAlias = tuple[str, ...]

_NODE = object()
_SYSTEM = frozenset(
    {
        *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
        *("managedFields", "deletionTimestamp", "deletionGracePeriodSeconds"),
    }
)
_STRUCTS = frozenset({"f:metadata", "f:spec", "f:status", "f:template", "f:containers"})


class FieldError(Exception):
    """A list cannot be merged by its keys: an item has no keys, or two items have the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The fields that are in only one of two versions, or have different values in them."""

    added: frozenset[FieldPath]
    modified: frozenset[FieldPath]
    removed: frozenset[FieldPath]

    @property
    def set_fields(self) -> frozenset[FieldPath]:
        """The fields to which the newer version gave a value."""
        return self.added | self.modified


def compare(old: RawObject, new: RawObject, shape: Shape, *, structs: bool) -> Difference:
    """Compare two versions of an object.

    Args:
        old: The earlier version.
        new: The later version.
        shape: How the object is merged.
        structs: Whether its parts are Go structs, which exist even if they are empty.
    """
    before, after = dict(_flat(old, shape)), dict(_flat(new, shape))
    added = after.keys() - before.keys() - {("f:metadata",)}  # every object has metadata
    if structs:
        added = {path for path in added if after[path] is not _NODE or path[-1] not in _STRUCTS}
    return Difference(
        frozenset(added),
        frozenset(path for path in after.keys() & before.keys() if after[path] != before[path]),
        frozenset(before.keys() - after.keys()),
    )


def owned(obj: RawObject, shape: Shape) -> frozenset[FieldPath]:
    """The fields that a manager owns if it applies this object: leaves, items of lists, and empty values."""
    flat = dict(_flat(obj, shape))
    parents = {path[:-1] for path in flat}
    return frozenset(
        path for path, value in flat.items() if value is not _NODE or path not in parents or path[-1][0] == "k"
    )


def _flat(obj: RawObject, shape: Shape) -> Iterator[tuple[FieldPath, object]]:
    for name, value in obj.items():
        if name == "metadata" and isinstance(value, dict):
            kept = {key: part for key, part in value.items() if key not in _SYSTEM}
            if kept:
                yield from _walk(kept, shape.field(name), ("f:metadata",))
        elif name not in {"kind", "apiVersion"}:
            yield from _walk(value, shape.field(name), (f"f:{name}",))


def _walk(value: object, shape: Shape, path: FieldPath) -> Iterator[tuple[FieldPath, object]]:
    if isinstance(value, dict) and not shape.is_atomic:
        yield path, _NODE
        for name, part in value.items():
            yield from _walk(part, shape.field(name), (*path, f"f:{name}"))
    elif isinstance(value, list) and shape.list_keys is not None:
        yield path, _NODE
        seen: set[str] = set()
        for index, item in enumerate(value):
            part = item_part(item, shape, path, index)
            if part in seen:
                raise FieldError(f"{readable(path)}: duplicate entries for key {readable((part,))}")
            seen.add(part)
            yield from _walk(item, shape.item(), (*path, part))
    else:
        yield path, value


def item_part(item: object, shape: Shape, path: FieldPath = (), index: int = 0) -> str:
    """The part of a path for an item of a merged list.

    Raises:
        FieldError: The item has no value for one of the keys of the list.
    """
    keys = shape.list_keys
    if not keys:
        return "v:" + _json(item)
    found = {}
    for key in sorted(keys):
        if isinstance(item, dict) and key in item:
            found[key] = item[key]
        elif key in shape.key_defaults:
            found[key] = shape.key_defaults[key]
        else:
            raise FieldError(
                f"{readable(path)}: element {index}: associative list with keys has an element that omits key field "
                f'"{key}" (and doesn\'t have default value)'
            )
    return "k:" + _json(found)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def to_json(fields: Iterable[FieldPath]) -> RawObject:
    """Convert a set to ``fieldsV1``."""
    root: RawObject = {}
    members: set[int] = set()
    for path in sorted(fields):
        node = root
        for part in path:
            if id(node) in members:  # a member that contains other members is marked with a dot
                node.setdefault(".", {})
            node = node.setdefault(part, {})
        members.add(id(node))
    return root


def from_json(fields: Mapping[str, object]) -> frozenset[FieldPath]:
    """Parse ``fieldsV1``. Malformed parts are dropped."""
    return frozenset(_members(fields, ()))


def _members(node: Mapping[str, object], path: FieldPath) -> Iterator[FieldPath]:
    for part, below in node.items():
        if part == ".":
            yield path
        elif isinstance(below, dict) and below:
            yield from _members(below, (*path, part))
        else:
            yield (*path, part)


def readable(path: FieldPath) -> str:
    """The field as it is written in messages: ``.spec.containers[name="c"].image``."""
    return "".join(map(_readable_part, path))


def _readable_part(part: str) -> str:
    kind, _, text = part.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    keys: dict[str, object] = msgspec.json.decode(text)
    return f"[{','.join(f'{name}={_json(value)}' for name, value in keys.items())}]"
