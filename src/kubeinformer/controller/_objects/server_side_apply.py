"""Server-side apply: you send the fields that you want, and the server merges them with what others want.

Rules. What the caller gave is sent, without ``managedFields``, which the server would refuse. If a field manager leaves
out a field that it sent in an earlier apply, the field is removed from the object. So a status that is applied must be
complete each time.
"""

from kubeinformer import Cluster, RawObject, Resource

__all__ = ["apply", "apply_status"]

_APPLY = "application/apply-patch+yaml"  # JSON is YAML, and all servers know this one
_MANAGER_LIMIT = 128  # characters, as the server has it


async def apply(
    cluster: Cluster, resource: str | Resource, obj: RawObject, *, field_manager: str, force: bool = True
) -> RawObject:
    """Create or change an object by server-side apply, and return the object as it is then.

    Args:
        cluster: The cluster to write to.
        resource: The resource, such as ``apps/v1/deployments``.
        obj: The fields that you want to own, with ``apiVersion``, ``kind``, ``metadata.name`` and, if the object has
            one, ``metadata.namespace``. If you give a ``resourceVersion``, the object must still have that version.
        field_manager: The name under which you own the fields. Use one name for each controller.
        force: Take over fields that another manager has set; controllers should do that. Without it, such a field is a
            `Conflict`.

    Raises:
        ValueError: The object lacks one of these fields or is of another API version, or the field manager is not a
            valid name.
        Conflict: Another manager owns a field (without ``force``), or the given version is not the newest.
        Invalid: The server rejected the object; ``causes`` says why.
        KubeInformerError: Any other error of `Cluster.request`.
    """
    return await _apply(cluster, resource, obj, "", field_manager=field_manager, force=force)


async def apply_status(
    cluster: Cluster, resource: str | Resource, obj: RawObject, *, field_manager: str, force: bool = True
) -> RawObject:
    """Apply the ``status`` of an object, and nothing else of it. The object must exist.

    Args:
        cluster: The cluster to write to.
        resource: The resource, such as ``example.com/v1/widgets``. It must have the subresource ``status``.
        obj: An object with ``apiVersion``, ``kind``, ``metadata.name``, the namespace if it has one, and ``status``.
            Nothing else of it is sent, so it may be the object that was reconciled.
        field_manager: As for `apply`. One manager may apply both; the server keeps the two apart.
        force: As for `apply`.

    Raises:
        NotFound: There is no such object, or no such subresource.
        ValueError, Conflict, Invalid, KubeInformerError: As for `apply`.
    """
    if "status" not in obj:
        raise ValueError("apply_status() needs an object with a status")
    metadata = obj.get("metadata") or {}
    kept = {name: metadata[name] for name in ("name", "namespace") if metadata.get(name)}
    reduced = {name: obj.get(name) for name in ("apiVersion", "kind", "status")} | {"metadata": kept}
    return await _apply(cluster, resource, reduced, "status", field_manager=field_manager, force=force)


async def _apply(
    cluster: Cluster, resource: str | Resource, obj: RawObject, subresource: str, *, field_manager: str, force: bool
) -> RawObject:
    resource = Resource.parse(resource) if isinstance(resource, str) else resource
    if not field_manager or len(field_manager) > _MANAGER_LIMIT or not field_manager.isprintable():
        raise ValueError(f"field_manager={field_manager!r} must be 1 to {_MANAGER_LIMIT} printable characters")
    metadata = obj.get("metadata") or {}
    if missing := [name for name, value in _identity(obj).items() if not value]:
        raise ValueError(f"an object to apply as {resource} needs {', '.join(missing)}")
    if obj["apiVersion"] != resource.api_version:
        raise ValueError(f"an object of apiVersion {obj['apiVersion']!r} cannot be applied as {resource}")
    body = obj | {"metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}
    return await cluster.request(
        "PATCH",
        resource.path(metadata.get("namespace"), metadata["name"], subresource or None),
        body,
        query={"fieldManager": field_manager, "force": "true" if force else "false"},
        content_type=_APPLY,
    )


def _identity(obj: RawObject) -> dict[str, object]:
    metadata = obj.get("metadata") or {}
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata.name": metadata.get("name")}
