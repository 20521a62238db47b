"""Sets of fields: what a manager owns, and what differs between two versions of an object.

Rules. Pure. A field is a path of parts as ``fieldsV1`` spells them: ``f:name`` for a key, ``k:{"name":"c"}`` for the
item of a list with these keys, ``v:"x"`` for an item of a set. What identifies an object or is the server's own
(name, uid, versions, kind) is nobody's field and never part of a set.

Theory. An object is laid out flat: every leaf with its value, every map and merged list with a mark. So two versions
compare as two dicts. A map or list is a field of its own: whoever made it owns it, beside what is in it.

Source. structured-merge-diff v6 (``fieldpath``, ``typed``) for the format; which maps an update owns was seen on a
real kube-apiserver 1.37.
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
    """A list that should be merged by its keys cannot be: an item without them, or two with the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one version has and the other has not, or has otherwise."""

    added: frozenset[FieldPath]
    modified: frozenset[FieldPath]
    removed: frozenset[FieldPath]

    @property
    def set_fields(self) -> frozenset[FieldPath]:
        """What the newer version gave a value."""
        return self.added | self.modified


def compare(old: RawObject, new: RawObject, shape: Shape, *, structs: bool) -> Difference:
    """Tell two versions of an object apart.

    Args:
        old: The earlier version.
        new: The later one.
        shape: How they merge.
        structs: Whether their parts are Go structs, which are there even when nothing is in them.
    """
    before, after = dict(_flat(old, shape)), dict(_flat(new, shape))
    added = after.keys() - before.keys() - {("f:metadata",)}  # every object has some
    if structs:
        added = {path for path in added if after[path] is not _NODE or path[-1] not in _STRUCTS}
    return Difference(
        frozenset(added),
        frozenset(path for path in after.keys() & before.keys() if after[path] != before[path]),
        frozenset(before.keys() - after.keys()),
    )


def owned(obj: RawObject, shape: Shape) -> frozenset[FieldPath]:
    """What a manager that applies this object owns: leaves, items of lists, and what is empty."""
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
    """The part that stands for an item of a merged list.

    Raises:
        FieldError: It has no value for one of the list's keys.
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
    """Write a set as ``fieldsV1``."""
    root: RawObject = {}
    members: set[int] = set()
    for path in sorted(fields):
        node = root
        for part in path:
            if id(node) in members:  # a member that turns out to hold more is marked with a dot
                node.setdefault(".", {})
            node = node.setdefault(part, {})
        members.add(id(node))
    return root


def from_json(fields: Mapping[str, object]) -> frozenset[FieldPath]:
    """Read ``fieldsV1``; what is malformed in it is dropped."""
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
    """Write a field as messages do: ``.spec.containers[name="c"].image``."""
    return "".join(map(_readable_part, path))


def _readable_part(part: str) -> str:
    kind, _, text = part.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    keys: dict[str, object] = msgspec.json.decode(text)
    return f"[{','.join(f'{name}={_json(value)}' for name, value in keys.items())}]"
