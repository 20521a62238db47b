"""JSON patch: a list of operations. Either all of them are applied, or none.

Rules. Pure: the arguments are not changed. An operation that cannot be done is a `JsonPatchError`, and so is an unknown
operation.

Theory. The real server is more generous than the RFC in four places. What works there has to work here, so this follows
the server. ``replace`` of an absent key adds it. ``copy`` of an absent key gives null. An absent ``value`` is null (for
``test`` as well: an absent key equals null). An index may be negative or begin with a zero.

Source. RFC 6902 and 6901; the four exceptions were seen on a real kube-apiserver 1.37.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["JsonPatchError", "json_patch"]

_Container: TypeAlias = dict[str, Any] | list[Any]
_ABSENT = object()


class JsonPatchError(Exception):
    """An operation that cannot be done. The text says which one, and why."""


def json_patch(target: object, operations: Sequence[object]) -> object:
    """Apply all operations.

    Raises:
        JsonPatchError: One of them cannot be done.
    """
    document: list[Any] = [
        copy.deepcopy(target)
    ]  # a parent for the root, so that the root can be replaced like any other value
    for number, operation in enumerate(operations):
        try:
            _operate(document, operation)
        except JsonPatchError as error:
            raise JsonPatchError(f"operation {number}: {error}") from None
    return document[0]


def _operate(document: list[Any], operation: object) -> None:
    if not isinstance(operation, Mapping):
        raise JsonPatchError("not an object")
    path, value = _pointer(operation, "path"), operation.get("value")
    match operation.get("op"):
        case "add":
            _add(document, path, copy.deepcopy(value))
        case "remove":
            _remove(document, path)
        case "replace":
            _replace(document, path, copy.deepcopy(value))
        case "test":
            found = _get(document, path)
            if not _equal(None if found is _ABSENT else found, value):
                raise JsonPatchError(f"test failed at {operation['path']}")
        case "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and path != source:
                raise JsonPatchError("a value cannot be moved into itself")
            _add(document, path, _remove(document, source))
        case "copy":
            found = _get(document, _pointer(operation, "from"))
            _add(document, path, None if found is _ABSENT else copy.deepcopy(found))
        case other:
            raise JsonPatchError(f"unknown operation {other!r}")


def _pointer(operation: Mapping[str, object], name: str) -> list[str]:
    text = operation.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise JsonPatchError(f"{name} is no JSON pointer: {text!r}")
    parts = text.split("/")[1:]
    # "~1" first, because otherwise "~01" would become "/" instead of "~1".
    return ["0", *(part.replace("~1", "/").replace("~0", "~") for part in parts)]


def _parent(document: list[Any], path: list[str]) -> _Container:
    """Find the map or list that contains the value at a path."""
    current: object = document
    for part in path[:-1]:
        current = _child(current, part)
    if not isinstance(current, dict | list):
        raise JsonPatchError(f"there is nothing to hold {path[-1]!r}")
    return current


def _get(document: list[Any], path: list[str]) -> object:
    return _child(_parent(document, path), path[-1])


def _child(container: object, part: str) -> object:
    if isinstance(container, dict):
        return container.get(part, _ABSENT)
    if isinstance(container, list):
        return container[_index(part, len(container) - 1)]
    return _ABSENT


def _index(part: str, last: int) -> int:
    digits = part.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise JsonPatchError(f"not an index: {part!r}")
    index = int(part)
    if index < 0:
        index += last + 1
    if not 0 <= index <= last:
        raise JsonPatchError(f"no index {part}")
    return index


def _add(document: list[Any], path: list[str], value: object) -> None:
    if len(path) == 1:
        document[0] = value
        return
    parent, part = _parent(document, path), path[-1]
    if isinstance(parent, dict):
        parent[part] = value
    else:
        parent.insert(len(parent) if part == "-" else _index(part, len(parent)), value)


def _replace(document: list[Any], path: list[str], value: object) -> None:
    parent, part = _parent(document, path), path[-1]
    if isinstance(parent, dict):
        parent[part] = value
    else:
        parent[_index(part, len(parent) - 1)] = value


def _remove(document: list[Any], path: list[str]) -> object:
    parent, part = _parent(document, path), path[-1]
    if isinstance(parent, list):
        return parent.pop(_index(part, len(parent) - 1))
    if part not in parent:
        raise JsonPatchError(f"there is no {part!r}")
    return parent.pop(part)


def _equal(left: object, right: object) -> bool:
    """Compare as JSON: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return left == right
