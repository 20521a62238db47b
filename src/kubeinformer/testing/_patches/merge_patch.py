"""JSON merge patch: null deletes a key, an object is merged into the object there, anything else replaces the value.

Rules. Pure: the arguments are not changed.

Source. RFC 7386.
"""

__all__ = ["merge_patch"]


def merge_patch(target: object, patch: object) -> object:
    """Apply a JSON merge patch. The target is not changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
