"""How writes are refused, and how deletions are answered, in the words of the real server.

Not here. What reading and writing have in common (``_status``).

Source. As ``_status``; each message was seen on a real kube-apiserver 1.37.
"""

from collections.abc import Sequence

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._patches.apply import Writer
from kubeinformer.testing._patches.ownership import FieldPath, readable
from kubeinformer.testing._status import Cause, FakeApiError
from kubeinformer.testing._types.kinds import ResourceType

__all__ = [
    "apply_conflict",
    "deleted",
    "name_mismatch",
    "name_missing",
    "namespace_terminating",
    "not_typed",
    "patch_failed",
    "patch_without_key",
    "precondition",
    "undeletable",
    "unknown_patch_type",
    "version_on_create",
    "wrong_kind",
]


def name_mismatch(given: str, asked: str) -> FakeApiError:
    """400 to a write whose object has another name than the URL."""
    return _status.bad_request(f"the name of the object ({given}) does not match the name on the URL ({asked})")


def name_missing(asked: str) -> FakeApiError:
    """400 to a write whose object has no name."""
    return _status.bad_request(
        f"the name of the object ({asked} based on URL) was undeterminable: name must be provided"
    )


def version_on_create() -> FakeApiError:
    """500 to a POST with a resourceVersion. The real server has no better code for it, and gives no reason."""
    return _status.failure(500, "", "resourceVersion should not be set on objects to be created")


def patch_failed() -> FakeApiError:
    """422 to a JSON patch that cannot be applied. The real server does not say why."""
    message = "the server rejected our request due to an error in our request"
    return _status.failure(422, "Invalid", message, details={})


def patch_without_key(why: str) -> FakeApiError:
    """500 to a strategic merge patch in which an item has no merge key."""
    return _status.failure(500, "", why)


def apply_conflict(conflicts: Sequence[tuple[Writer, FieldPath]]) -> FakeApiError:
    """409 to an apply that would take fields from others."""
    texts = [(_manager(writer), readable(path)) for writer, path in conflicts]
    causes = [Cause("FieldManagerConflict", f"conflict with {manager}", field) for manager, field in texts]
    if len(texts) == 1:
        message = f"Apply failed with 1 conflict: conflict with {texts[0][0]}: {texts[0][1]}"
    else:
        lines = []
        for manager in dict.fromkeys(manager for manager, _ in texts):
            lines += [f"conflicts with {manager}:", *(f"- {field}" for name, field in texts if name == manager)]
        message = f"Apply failed with {len(texts)} conflicts: " + "\n".join(lines)
    return _status.failure(409, "Conflict", message, details={"causes": [cause.as_json() for cause in causes]})


def _manager(writer: Writer) -> str:
    part = f' with subresource "{writer.subresource}"' if writer.subresource else ""
    using = f" using {writer.api_version}" if writer.operation == "Update" else ""
    return f'"{writer.name}"{part}{using}'


def not_typed(type_: ResourceType, key: str, why: str) -> FakeApiError:
    """500 to an apply with lists that cannot be merged by their keys."""
    namespace, _, name = key.rpartition("/")
    subject = f"{namespace}/{name}; {type_.resource.api_version}, Kind={type_.kind}"
    return _status.failure(500, "", f"failed to create typed patch object ({subject}): {why}")


def namespace_terminating(resource: Resource, name: str, namespace: str) -> FakeApiError:
    """403 to a POST into a namespace that is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
    details = _status.about(resource, name) | {"causes": [cause.as_json()]}
    return _status.failure(
        403, "Forbidden", f'{_status.qualified(resource)} "{name}" is forbidden: {why}', details=details
    )


def deleted(resource: Resource, name: str, uid: str) -> RawObject:
    """The Status of a deletion that took effect."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": _status.about(resource, name) | {"uid": uid},
    }


def unknown_patch_type() -> FakeApiError:
    """415 to a PATCH whose content type is not a patch."""
    return _status.failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})


def wrong_kind(type_: ResourceType, obj: RawObject) -> FakeApiError:
    """422 to a write that would change the kind or version of an object."""
    kind, name = str(obj.get("kind") or ""), str((obj.get("metadata") or {}).get("name") or "")
    if not type_.custom:
        given = f"{obj.get('apiVersion')}, Kind={kind}"
        return _status.invalid(
            "", "", "", [Cause("FieldValueInvalid", f'Invalid value: "{given}": wrong kind', "patch")]
        )
    if kind != type_.kind:
        text = f'Invalid value: "{kind}": must be {type_.kind}'
        return _status.invalid(kind, type_.resource.group, name, [Cause("FieldValueInvalid", text, "kind")])
    text = f'Invalid value: "{obj.get("apiVersion")}": must be {type_.resource.api_version}'
    return _status.invalid(kind, type_.resource.group, name, [Cause("FieldValueInvalid", text, "apiVersion")])


def undeletable(resource: Resource, name: str) -> FakeApiError:
    """403 to the deletion of a namespace that every cluster needs."""
    message = f'{_status.qualified(resource)} "{name}" is forbidden: this namespace may not be deleted'
    return _status.failure(403, "Forbidden", message, details=_status.about(resource, name))


def precondition(resource: Resource, kind: str, name: str, why: str) -> FakeApiError:
    """409 to a DELETE of another object, or another state, than was meant."""
    subject = f"{kind}.{resource.group}" if resource.group else kind
    message = f'Operation cannot be fulfilled on {subject} "{name}": {why}'
    group = {"group": resource.group} if resource.group else {}
    return _status.failure(409, "Conflict", message, details={"name": name, **group, "kind": kind})
