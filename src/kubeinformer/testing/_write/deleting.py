"""Deleting: preconditions, finalizers, grace periods, and the finalizers that the server itself sets.

Rules. An object without finalizers is gone immediately. An object with finalizers gets a deletionTimestamp and stays;
deleting it again changes nothing. The propagation policies ``Foreground`` and ``Orphan`` are finalizers that the server
adds for the garbage collector. A pod that is bound to a node waits for its kubelet: it gets a deletionTimestamp in the
future, and is gone when somebody deletes it with a grace period of 0.

Source. ``apiserver/pkg/registry/generic/registry/store.go`` and ``rest/delete.go`` at 1.37; every answer was seen on a
real kube-apiserver.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import NAMESPACES, Storage
from kubeinformer.testing._write import refusals

__all__ = ["CLEANUP", "CRDS", "Deleting", "Deletion"]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_UNDELETABLE = frozenset({"default", "kube-public", "kube-system"})
_DEFAULT_GRACE = 30  # seconds; the default of spec.terminationGracePeriodSeconds of a pod
_FINALIZERS = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}
_OVER = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The options of a deletion.

    Attributes:
        policy: ``Background``, ``Foreground``, ``Orphan``, or empty.
        grace: Seconds that a pod may take; None for the pod's own value.
        preconditions: The ``uid`` and ``resourceVersion`` that the object must have.
        dry_run: Whether nothing is changed.
        is_from_client: Whether a client deletes. It gets the answer of a real server.
    """

    policy: str = ""
    grace: int | None = None
    preconditions: RawObject = field(default_factory=dict)
    dry_run: bool = False
    is_from_client: bool = False


class Deleting:
    """Deletions in one storage.

    Args:
        storage: The storage of the objects.
        settle: Called after each deletion. It does what the controllers of a cluster would do.
    """

    def __init__(self, storage: Storage, settle: Callable[[], None]) -> None:
        self._storage, self._settle = storage, settle

    def delete(self, resource: Resource, key: str, options: Deletion | None = None) -> tuple[RawObject, bool]:
        """Delete an object, or mark it as deleted. Returns its last state, and whether it is gone.

        Raises:
            FakeApiError: 403, 404 or 409.
        """
        options, collection = options or Deletion(), self._storage.collection(resource)
        old = self._storage.get(resource, key)
        self._check(collection, old, options)
        metadata = old["metadata"]
        finalizers = _finalizers(metadata.get("finalizers", []), options.policy)
        if resource == CRDS and CLEANUP not in finalizers:
            finalizers = [*finalizers, CLEANUP]
        grace = _grace(collection, old, options)
        is_held = resource == NAMESPACES and bool((old.get("spec") or {}).get("finalizers"))
        if not finalizers and not grace and not is_held:
            return self._remove(collection, key, old, options), True
        new = self._marked(collection, old, finalizers, grace)
        if new == old or options.dry_run:
            return new, False
        stored = self._storage.put(collection, key, new)
        self._settle()
        return stored, False

    def _remove(self, collection: Collection, key: str, old: RawObject, options: Deletion) -> RawObject:
        marked = old
        if options.is_from_client and collection.type.kind == "Pod":
            # On a real server, the answer about a pod has fields that its DELETED event does not have.
            marked = self._marked(collection, old, [], 0)
        if options.dry_run:
            return marked
        last = self._storage.remove(collection, key)
        self._settle()
        return marked | {"metadata": marked["metadata"] | {"resourceVersion": last["metadata"]["resourceVersion"]}}

    def _check(self, collection: Collection, old: RawObject, options: Deletion) -> None:
        resource, metadata = collection.type.resource, old["metadata"]
        if resource == NAMESPACES and metadata["name"] in _UNDELETABLE:
            raise refusals.undeletable(resource, metadata["name"])
        wanted = options.preconditions.get("uid")
        if wanted is not None and wanted != metadata.get("uid"):
            why = (
                f"the UID in the precondition ({wanted}) does not match the UID in record ({metadata.get('uid')}). "
                "The object might have been deleted and then recreated"
            )
            raise refusals.precondition(resource, collection.type.kind, metadata["name"], why)
        wanted = options.preconditions.get("resourceVersion")
        if wanted is not None and wanted != metadata["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record "
                f"({metadata['resourceVersion']}). The object might have been modified"
            )
            raise refusals.precondition(resource, collection.type.kind, metadata["name"], why)

    def _marked(self, collection: Collection, old: RawObject, finalizers: list[str], grace: int) -> RawObject:
        """Return the object, marked as waiting for its finalizers or its kubelet."""
        metadata = dict(old["metadata"])
        metadata.pop("finalizers", None)
        left = metadata.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in metadata or (left is not None and grace < left):
            if "generation" in metadata and "deletionTimestamp" not in metadata:
                metadata["generation"] += 1
            metadata["deletionTimestamp"] = self._storage.after_now(grace)
            if collection.type.resource not in {NAMESPACES, CRDS}:
                metadata["deletionGracePeriodSeconds"] = grace
        if finalizers:
            metadata["finalizers"] = finalizers
        new = old | {"metadata": metadata}
        if collection.type.resource == NAMESPACES:
            new["status"] = (old.get("status") or {}) | {"phase": "Terminating"}
        return new


def _finalizers(finalizers: list[str], policy: str) -> list[str]:
    """The finalizers, with those that a policy adds or removes. Without a policy they stay as they are."""
    if not policy:
        return finalizers
    wanted = _FINALIZERS.get(policy)
    kept = [name for name in finalizers if name == wanted or name not in _FINALIZERS.values()]
    return [*kept, wanted] if wanted is not None and wanted not in kept else kept


def _grace(collection: Collection, old: RawObject, options: Deletion) -> int:
    """The grace period of a pod in seconds; 0 for everything else, and for a pod that no kubelet runs."""
    spec = old.get("spec") or {}
    is_over = (old.get("status") or {}).get("phase") in _OVER
    if collection.type.kind != "Pod" or collection.type.custom or not spec.get("nodeName") or is_over:
        return 0
    own = spec.get("terminationGracePeriodSeconds")
    grace = options.grace if options.grace is not None else _DEFAULT_GRACE if own is None else int(own)
    left = old["metadata"].get("deletionGracePeriodSeconds")
    return grace if left is None else min(grace, left)
