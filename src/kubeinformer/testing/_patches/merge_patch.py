"""JSON merge patch: null deletes, an object goes deeper, anything else replaces.

Rules. Pure: nothing that is handed in is changed.

Source. RFC 7386.
"""

__all__ = ["merge_patch"]


def merge_patch(target: object, patch: object) -> object:
    """Apply a JSON merge patch without touching the target."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
