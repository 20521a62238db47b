"""Finalizers: a name in ``metadata.finalizers`` keeps an object there until its controller has cleaned up.

Rules. A merge patch replaces a list as a whole. So every patch carries the ``resourceVersion`` of the list that it was
made from; then it can never remove somebody else's finalizer. After a conflict, the object is read again and the change
is tried again, a few times. An object of the same name with another uid is another object, and is left alone.

Theory. A stale copy from a store does no harm: writing from it is a conflict, and what is read afterwards decides.
"""

from collections.abc import Awaitable, Callable

from kubeinformer import Cluster, Conflict, NotFound, RawObject, Resource

__all__ = ["ensure_finalizer", "finalized", "remove_finalizer"]

_MERGE = "application/merge-patch+json"
# As client-go's DefaultRetry. Each try is a read and a write; after five lost races, a retry by the queue is better.
_TRIES = 5


async def finalized(
    cluster: Cluster,
    resource: str | Resource,
    obj: RawObject,
    finalizer: str,
    cleanup: Callable[[RawObject], Awaitable[object]],
) -> RawObject | None:
    """Begin a reconcile with this: it adds the finalizer; or, if the object is being deleted, cleans up and removes it.

    Example::

        async def reconcile(request: Request[RawObject]) -> None:
            widget = request.object
            if widget is not None:
                widget = await finalized(request.cluster, WIDGETS, widget, "example.com/disks", remove_disks)
            if widget is None:
                return  # it is gone, or being deleted
            ...  # from here on nothing that is made can be left behind

    Args:
        cluster: The cluster to write to.
        resource: The resource of the object.
        obj: The object. It may come from a store and be stale.
        finalizer: A name with a domain, such as ``example.com/disks``. Use one for each controller.
        cleanup: Called with the object when it is being deleted. After a crash or an error, it may be called again for
            the same object, so it must accept that things are already gone. If it raises, the finalizer stays, and this
            function raises the same error.

    Returns:
        The object with the finalizer, to be reconciled; None if it is gone, or is being deleted and has been cleaned
        up.

    Raises:
        ValueError: The finalizer has no domain, or the object has no name.
        Conflict: Others kept writing to the object, or it was replaced by another object of the same name.
        KubeInformerError: Any other error of `Cluster.request`.
    """
    if not _is_deleted(obj):
        try:
            obj = await ensure_finalizer(cluster, resource, obj, finalizer)
        except NotFound:
            return None
        if not _is_deleted(obj):
            return obj
    if finalizer in _finalizers(obj):
        await cleanup(obj)
        await remove_finalizer(cluster, resource, obj, finalizer)
    return None


async def ensure_finalizer(cluster: Cluster, resource: str | Resource, obj: RawObject, finalizer: str) -> RawObject:
    """Add a finalizer, unless it is there already or the object is being deleted: then the server accepts no new ones.

    Arguments and errors as for `finalized`.

    Returns:
        The object as it is now.

    Raises:
        NotFound: The object is gone.
    """
    changed = await _change(cluster, resource, obj, finalizer, lambda names: [*names, finalizer], wanted=True)
    assert changed is not None
    return changed


async def remove_finalizer(
    cluster: Cluster, resource: str | Resource, obj: RawObject, finalizer: str
) -> RawObject | None:
    """Remove a finalizer, if it is there. An object that is being deleted disappears with its last finalizer.

    Arguments and errors as for `finalized`.

    Returns:
        The object as it is now, or as it was when its last finalizer was removed; None if it was gone before.
    """
    try:
        return await _change(
            cluster, resource, obj, finalizer, lambda names: [name for name in names if name != finalizer], wanted=False
        )
    except NotFound:
        return None


async def _change(
    cluster: Cluster,
    resource: str | Resource,
    obj: RawObject,
    finalizer: str,
    change: Callable[[list[str]], list[str]],
    *,
    wanted: bool,
) -> RawObject | None:
    path = _path(resource, obj)
    _check(finalizer)
    uid = obj["metadata"].get("uid")
    for tries_left in reversed(range(_TRIES)):
        if _is_settled(obj, finalizer, wanted=wanted):
            return obj
        metadata = obj["metadata"]
        patch = {"resourceVersion": metadata.get("resourceVersion"), "finalizers": change(_finalizers(obj))}
        try:
            return await cluster.request("PATCH", path, {"metadata": patch}, content_type=_MERGE)
        except Conflict:
            if not tries_left:
                raise
            obj = await cluster.request("GET", path)
            if obj["metadata"].get("uid") != uid:
                if wanted:
                    raise
                return None
    raise AssertionError  # pragma: no cover - the last try returns or raises


def _is_settled(obj: RawObject, finalizer: str, *, wanted: bool) -> bool:
    return (finalizer in _finalizers(obj)) is wanted or (wanted and _is_deleted(obj))


def _is_deleted(obj: RawObject) -> bool:
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))


def _finalizers(obj: RawObject) -> list[str]:
    return list(obj["metadata"].get("finalizers") or [])


def _path(resource: str | Resource, obj: RawObject) -> str:
    resource = Resource.parse(resource) if isinstance(resource, str) else resource
    metadata = obj.get("metadata") or {}
    if not metadata.get("name") or not metadata.get("resourceVersion"):
        raise ValueError(f"an object of {resource} without name or resourceVersion: give it as the server answered it")
    return resource.path(metadata.get("namespace"), metadata["name"])


def _check(finalizer: str) -> None:
    domain, slash, name = finalizer.partition("/")
    if not (domain and slash and name):
        raise ValueError(f"not a finalizer: {finalizer!r}; it is a domain and a name, such as 'example.com/disks'")
