"""Strategic merge patch: a merge patch that knows which lists are merged by a key, and that may contain directives.

Rules. Pure: the arguments are not changed. Directives are the keys that begin with ``$``; the result contains none of
them. ``$patch: delete`` and ``$patch: replace`` are in a map, or in an item of a merged list. ``$retainKeys`` removes
all keys that it does not name. ``$setElementOrder/LIST`` and ``$deleteFromPrimitiveList/LIST`` are next to their list.

Theory. After a list was merged, the items that the patch mentions are in the order of the patch. The other items are
put between them by their order in the old list. Items that cannot be compared come after those of the patch. That is
why an added finalizer comes first.

Source. ``apimachinery/pkg/util/strategicpatch/patch.go`` at 1.37 for the order; the results were seen on a real server.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._types.shapes import Shape

__all__ = ["StrategicPatchError", "strategic_merge_patch"]

_PATCH, _RETAIN_KEYS = "$patch", "$retainKeys"
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


class StrategicPatchError(Exception):
    """The patch does not fit its lists: an item has no merge key."""


def strategic_merge_patch(target: RawObject, patch: RawObject, shape: Shape) -> RawObject:
    """Apply a patch.

    Raises:
        StrategicPatchError: An item of a merged list has no merge key.
    """
    directive = patch.get(_PATCH)
    if directive == "delete":
        return {}
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != _PATCH}
    result = dict(target)
    if _RETAIN_KEYS in patch:
        result = {name: value for name, value in result.items() if name in patch[_RETAIN_KEYS]}
    for name in _fields(patch):
        part = shape.field(name)
        if name in patch and patch[name] is None:
            result.pop(name, None)
        elif part.merge_key is not None and isinstance(patch.get(name, []), list):
            result[name] = _merge_list(result.get(name), patch, name, part)
        elif name in patch:
            result[name] = _merge(result.get(name), patch[name], part)
    return result


def _fields(patch: RawObject) -> list[str]:
    """The fields that a patch is about, including those that only a directive names."""
    about = [name.removeprefix(_ORDER).removeprefix(_DELETE) for name in patch if name not in {_PATCH, _RETAIN_KEYS}]
    return list(dict.fromkeys(about))


def _merge(target: object, patch: object, shape: Shape) -> object:
    if isinstance(patch, dict):
        return strategic_merge_patch(target if isinstance(target, dict) else {}, patch, shape)
    return patch


def _merge_list(target: object, patch: RawObject, name: str, shape: Shape) -> list[Any]:
    old: list[Any] = target if isinstance(target, list) else []
    given: list[Any] = patch.get(name, [])
    key = shape.merge_key or ""
    identify = _identify(key)
    deleted = {identify(item) for item in patch.get(_DELETE + name, [])}
    kept = [item for item in old if identify(item) not in deleted]
    if key:
        if any(_directive(item) == "replace" for item in given):
            return [item for item in given if not _directive(item)]
        kept, changed = _merge_items(kept, given, key, shape.item())
    else:
        changed = list(dict.fromkeys(given))
    order = [identify(item) for item in patch.get(_ORDER + name, changed)]
    merged = {identify(item): item for item in (*kept, *changed)}
    spoken_of = [merged[each] for each in dict.fromkeys(order) if each in merged]
    others = [item for item in merged.values() if identify(item) not in set(order)]
    return _interleave(others, spoken_of, [identify(item) for item in old], identify)


def _merge_items(old: list[Any], given: list[Any], key: str, shape: Shape) -> tuple[list[Any], list[Any]]:
    """Return the old items that are kept, and the merged items that the patch changes or adds."""
    identify = _identify(key)
    before = {identify(item): item for item in old}
    changed = []
    for item in given:
        identity = identify(item)
        if _directive(item) == "delete":
            before.pop(identity, None)
        else:
            changed.append(strategic_merge_patch(before.get(identity, {}), item, shape))
    return list(before.values()), changed


def _directive(item: object) -> str:
    return str(item.get(_PATCH, "")) if isinstance(item, dict) else ""


def _identify(key: str) -> Callable[[Any], Hashable]:
    def identify(item: object) -> Hashable:
        if not key:
            return msgspec.json.encode(item)
        if _directive(item) == "replace":
            return None
        if not isinstance(item, dict) or key not in item:
            raise StrategicPatchError(f"map: {item} does not contain declared merge key: {key}")
        return msgspec.json.encode(item[key])

    return identify


def _interleave(
    others: Sequence[Any], spoken_of: Sequence[Any], before: Sequence[Hashable], identify: Callable[[Any], Hashable]
) -> list[Any]:
    """Put the items that the patch does not mention between those that it does, by the old order."""
    place = {identity: index for index, identity in enumerate(before)}
    waiting, result = list(others), []
    for item in spoken_of:
        here = place.get(identify(item))
        while waiting and here is not None and (there := place.get(identify(waiting[0]))) is not None and there < here:
            result.append(waiting.pop(0))
        result.append(item)
    return [*result, *waiting]
