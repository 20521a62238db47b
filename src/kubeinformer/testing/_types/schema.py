"""Structural schemas: what they remove from a custom resource, what they add to it, and what they refuse.

Rules. Pure: objects in, new objects or causes out. First `pruned`, then `defaulted`, then `violations`, as on a real
server. What is not implemented here is not checked: CEL rules, formats other than ``date-time``.

Theory. Pruning walks through schema and object together, and drops what the schema does not name. Below
``x-kubernetes-preserve-unknown-fields`` it keeps everything, but still prunes inside the fields that the schema names.
If a null is not allowed, it is replaced by the default, or dropped.

Source. ``apiextensions-apiserver/pkg/apiserver/schema`` at 1.37; messages and the reason of each cause were seen on a
real kube-apiserver.
"""

import copy
import datetime as dt
import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._status import Cause

__all__ = ["defaulted", "pruned", "undeclared", "violations"]

_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
_EMBEDDED = "x-kubernetes-embedded-resource"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"


def pruned(value: Any, schema: RawObject, *, is_root: bool = False) -> Any:
    """Drop the fields that a schema does not know."""
    keeps_unknown = bool(schema.get(_PRESERVE))
    if isinstance(value, list):
        items = schema.get("items", {_PRESERVE: True} if keeps_unknown else {})
        return [pruned(item, items) for item in value]
    if not isinstance(value, dict):
        return value
    if not schema and not is_root:
        return {}
    kept = {}
    own = _ROOT_FIELDS if is_root or schema.get(_EMBEDDED) else frozenset[str]()
    properties, further = schema.get("properties", {}), schema.get("additionalProperties")
    for name, part in value.items():
        if name in own:
            kept[name] = part
        elif name in properties:
            kept[name] = pruned(part, properties[name])
        elif isinstance(further, dict):
            kept[name] = pruned(part, further)
        elif further or keeps_unknown:
            kept[name] = part
    return kept


def undeclared(value: Any, schema: RawObject, *, is_root: bool = False) -> str | None:
    """Find a field that `pruned` would drop, such as ``.spec.size``; None if there is none."""
    if isinstance(value, list):
        items = schema.get("items", {_PRESERVE: True} if schema.get(_PRESERVE) else {})
        below = ((f"[{index}]", item, items) for index, item in enumerate(value))
    elif isinstance(value, dict):
        kept = pruned(value, schema, is_root=is_root)
        if lost := next((name for name in value if name not in kept), None):
            return f".{lost}"
        properties, further = schema.get("properties", {}), schema.get("additionalProperties")
        inner = {name: properties.get(name, further if isinstance(further, dict) else None) for name in value}
        below = ((f".{name}", value[name], schema) for name, schema in inner.items() if schema is not None)
    else:
        return None
    found = ((part, undeclared(item, inner)) for part, item, inner in below)
    return next((part + path for part, path in found if path is not None), None)


def defaulted(value: Any, schema: RawObject) -> Any:
    """Fill in defaults, and remove nulls that are not allowed."""
    if isinstance(value, list):
        return [defaulted(item, schema.get("items", {})) for item in value]
    if isinstance(value, float) and schema.get("type") == "integer" and value.is_integer():
        return int(value)
    if not isinstance(value, dict):
        return value
    properties, further = schema.get("properties", {}), schema.get("additionalProperties")
    result = {}
    for name, part in value.items():
        below = properties.get(name, further if isinstance(further, dict) else {})
        if part is None and below and not below.get("nullable") and not below.get(_PRESERVE):
            continue
        result[name] = defaulted(part, below)
    for name, below in properties.items():
        if name not in result and "default" in below:
            result[name] = defaulted(copy.deepcopy(below["default"]), below)
    return result


def violations(value: object, schema: RawObject, path: str = "") -> Iterator[Cause]:
    """Find everything that a schema forbids."""
    if value is None and (schema.get("nullable") or not schema):
        return
    if mistake := _wrong_type(value, schema, path):
        yield mistake
        return
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(_json(choice) for choice in schema["enum"])
        text = f"Unsupported value: {_json(value)}: supported values: {choices}"
        yield Cause("FieldValueNotSupported", text, path)
    if isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _list(value, schema, path)
    elif isinstance(value, dict):
        yield from _map(value, schema, path)
    yield from _logic(value, schema, path)


def _wrong_type(value: object, schema: RawObject, path: str) -> Cause | None:
    if schema.get(_INT_OR_STRING):
        if (isinstance(value, int) and not isinstance(value, bool)) or isinstance(value, str):
            return None
        wanted = "integer,string"
    else:
        wanted = schema.get("type", "")
        if not wanted or _TYPES.get(wanted, _anything)(value):
            return None
    found = _type_name(value)
    return Cause(
        "FieldValueTypeInvalid", f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"', path
    )


def _anything(_: object) -> bool:
    return True


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: _is_integer(value) or isinstance(value, float),
}


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    return next((name for name, matches in _TYPES.items() if matches(value)), "null")


def _string(value: str, schema: RawObject, path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxLength", len(value)):
        text = f"Too long: may not be more than {schema['maxLength']} bytes"
        yield Cause("FieldValueTooLong", text, path)
    if len(value) < schema.get("minLength", 0):
        yield _invalid(value, path, f"should be at least {schema['minLength']} chars long")
    if (pattern := schema.get("pattern")) and not _search(pattern, value):
        yield _invalid(value, path, f"should match '{pattern}'")
    if schema.get("format") == "date-time" and not _is_moment(value):
        text = f'Invalid value: {_json(value)}: {path} in body must be of type date-time: "{value}"'
        yield Cause("FieldValueTypeInvalid", text, path)


def _search(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern; None if only Go has this syntax, or if it means something else in Go."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # such as [[:alpha:]], which Python reads differently
        try:
            return re.compile(pattern)
        except (re.error, FutureWarning):
            return None


def _is_moment(value: str) -> bool:
    try:
        return dt.datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _number(value: float, schema: RawObject, path: str) -> Iterator[Cause]:
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
        than = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield _invalid(value, path, f"should be {than} {_json(low)}")
    if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
        than = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield _invalid(value, path, f"should be {than} {_json(high)}")
    if step and value % step:
        yield _invalid(value, path, f"should be a multiple of {_json(step)}")


def _list(value: Sequence[object], schema: RawObject, path: str) -> Iterator[Cause]:
    count = len(value)
    if count > schema.get("maxItems", count):
        text = f"Too many: {count}: must have at most {schema['maxItems']} items"
        yield Cause("FieldValueTooMany", text, path)
    if count < schema.get("minItems", 0):
        yield _invalid(count, path, f"should have at least {schema['minItems']} items")
    for index, item in enumerate(value):
        yield from violations(item, schema.get("items", {}), f"{path}[{index}]")
    seen = set()
    for index, item in enumerate(value):
        identity = _identity(item, schema)
        if identity in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {identity}", f"{path}[{index}]")
        seen.add(identity or object())


def _identity(item: object, schema: RawObject) -> str:
    """What has to be unique among the items of a list; empty if nothing has to be."""
    if schema.get("x-kubernetes-list-type") == "set" or schema.get("uniqueItems"):
        return _json(item)
    if schema.get("x-kubernetes-list-type") == "map" and isinstance(item, dict):
        return _json({key: item.get(key) for key in schema.get("x-kubernetes-list-map-keys", ())})
    return ""


def _map(value: Mapping[str, object], schema: RawObject, path: str) -> Iterator[Cause]:
    prefix = f"{path}." if path else ""
    count = len(value)
    for name in sorted(schema.get("required", ())):
        if name not in value:
            yield Cause("FieldValueRequired", "Required value", f"{prefix}{name}")
    if count > schema.get("maxProperties", count):
        text = f"Too many: {count}: must have at most {schema['maxProperties']} items"
        yield Cause("FieldValueTooMany", text, path)
    if count < schema.get("minProperties", 0):
        yield _invalid(count, path, f"should have at least {schema['minProperties']} properties")
    properties, further = schema.get("properties", {}), schema.get("additionalProperties")
    for name in sorted(value):
        below = properties.get(name, further if isinstance(further, dict) else {})
        if path or name not in _ROOT_FIELDS:
            yield from violations(value[name], below, f"{prefix}{name}")


def _logic(value: object, schema: RawObject, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf", ()):
        yield from violations(value, part, path)
    matching = {
        name: sum(not any(True for _ in violations(value, part, path)) for part in schema[name])
        for name in ("anyOf", "oneOf")
        if name in schema and not schema.get(_INT_OR_STRING)
    }
    if matching.get("anyOf") == 0:
        yield _invalid(value, path, "must validate at least one schema (anyOf)")
    if matching.get("oneOf", 1) != 1:
        yield _invalid(value, path, "must validate one and only one schema (oneOf)")
    if "not" in schema and not any(True for _ in violations(value, schema["not"], path)):
        yield _invalid(value, path, "must not validate the schema (not)")


def _invalid(value: object, path: str, text: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {_json(value)}: {path} in body {text}", path)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
