"""Requests about one object, from the verb to the answer.

Rules. The request is parsed and checked first, then carried out, then answered. Nothing here decides what a write
means. A DELETE that took effect is answered with a Status, or with the object if the real server does so. A DELETE that
only marked the object is always answered with the object.

Not here. Collections (``_api.handlers``), meaning (``writing``, ``deleting``), patches (``patching``).
"""

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._api.routes import Target
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.traits import has_status, returns_deleted
from kubeinformer.testing._wire.http import HttpRequest
from kubeinformer.testing._write import refusals
from kubeinformer.testing._write.patching import APPLY, check_patch_type, patcher, read_configuration, read_patch
from kubeinformer.testing._write.payload import read_object
from kubeinformer.testing._write.write_query import read_deletion, read_write_options

__all__ = ["require_subresource", "write_object"]


def require_subresource(type_: ResourceType, target: Target, verb: str) -> None:
    """Refuse a subresource that does not exist, or a verb that it does not support.

    Raises:
        FakeApiError: 404 or 405.
    """
    if not target.subresource:
        return
    if target.subresource != "status" or not has_status(type_):
        raise _status.not_found(target.resource, target.name) if type_.custom else _status.unknown_resource()
    if verb not in {"get", "update", "patch"}:
        raise _status.method_not_allowed()


def write_object(cluster: Cluster, request: HttpRequest, target: Target, verb: str) -> tuple[int, RawObject]:
    """Carry out a request. Returns the HTTP status and the object of the answer.

    Raises:
        FakeApiError: The request is refused, and nothing was changed.
    """
    type_, writing = cluster.storage.collection(target.resource).type, cluster.writing
    content_type = request.headers.get("content-type", "")
    match verb:
        case "create":
            options = read_write_options(request, "CreateOptions")
            obj = read_object(type_, content_type, request.body)
            return 201, writing.create(target.resource, obj, target.namespace or None, options)
        case "update":
            options = read_write_options(request, "UpdateOptions", subresource=target.subresource)
            obj = read_object(type_, content_type, request.body)
            return 200, writing.update(target.resource, target.key, obj, options)
        case "patch":
            return _patch(cluster, request, target, type_)
        case _:
            return _delete(cluster, request, target, type_)


def _patch(cluster: Cluster, request: HttpRequest, target: Target, type_: ResourceType) -> tuple[int, RawObject]:
    patch_type = check_patch_type(type_, request.headers.get("content-type", ""))
    is_apply = patch_type == APPLY
    options = read_write_options(request, "PatchOptions", subresource=target.subresource, is_apply=is_apply)
    if is_apply:
        config = read_configuration(type_, request.body)
        obj, is_new = cluster.writing.apply(target.resource, target.key, config, options)
        return 201 if is_new else 200, obj
    make = patcher(type_, patch_type, read_patch(patch_type, request.body))
    return 200, cluster.writing.change(target.resource, target.key, make, options)


def _delete(cluster: Cluster, request: HttpRequest, target: Target, type_: ResourceType) -> tuple[int, RawObject]:
    obj, is_gone = cluster.deleting.delete(target.resource, target.key, read_deletion(request))
    if is_gone and not returns_deleted(type_):
        return 200, refusals.deleted(target.resource, obj["metadata"]["name"], obj["metadata"].get("uid", ""))
    return 200, obj
