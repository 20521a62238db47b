"""Serves what CustomResourceDefinitions define, and cleans up when they are deleted.

Rules. A definition whose names are free is served from the moment it is stored, and its conditions say so immediately;
on a real server that takes a second. A definition whose kind is taken is stored, but not served. When a definition is
deleted, its objects are deleted too. It waits for their finalizers; then every watch ends, and the resource is unknown.

Source. ``apiextensions-apiserver/pkg/controller`` at 1.37 (status, establish, finalizer).
"""

from collections.abc import Callable

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._write.crds import completed, manifest_causes, resource_types, update_causes
from kubeinformer.testing._write.deleting import CLEANUP, CRDS, Deleting, Deletion

__all__ = ["CrdRegistry"]


class CrdRegistry:
    """The definitions of one server, and the resources that they define.

    Args:
        storage: The storage of both.
        deleting: Deletes the objects of a deleted definition.
    """

    def __init__(self, storage: Storage, deleting: Deleting) -> None:
        self._storage, self._deleting = storage, deleting
        self._served: dict[str, list[Resource]] = {}
        self._deleted: dict[str, None] = {}  # in order

    def complete(self, obj: RawObject, old: RawObject | None) -> RawObject:
        """Complete a definition and its status.

        Raises:
            FakeApiError: 422: the definition is wrong.
        """
        obj, name = completed(obj), obj["metadata"]["name"]
        causes = manifest_causes(obj) + (update_causes(old, obj) if old is not None else [])
        if causes:
            raise _status.invalid("CustomResourceDefinition", CRDS.group, name, causes)
        return obj | {"status": self._status(obj, old)}

    def _status(self, obj: RawObject, old: RawObject | None) -> RawObject:
        spec, before = obj["spec"], (old or {}).get("status") or {}
        stored = [version["name"] for version in spec["versions"] if version.get("storage")]
        stored = list(dict.fromkeys([*before.get("storedVersions", []), *stored]))
        taken, time = self._taken_name(obj), self._storage.now
        if taken:
            accepted = ("False", *taken)
            established = ("False", "NotAccepted", "not all names are accepted")
        else:
            accepted = ("True", "NoConflicts", "no conflicts found")
            established = ("True", "InitialNamesAccepted", "the initial names have been accepted")
        conditions = [
            {"type": type_, "status": status, "lastTransitionTime": time, "reason": reason, "message": message}
            for type_, (status, reason, message) in (("NamesAccepted", accepted), ("Established", established))
        ]
        known = {condition["type"]: condition for condition in before.get("conditions", [])}
        kept = [_unless_same(condition, known.get(condition["type"])) for condition in conditions]
        others = [condition for type_, condition in known.items() if type_ not in {"NamesAccepted", "Established"}]
        names = {"plural": spec["names"]["plural"], "kind": ""} if taken else spec["names"]
        return {"conditions": kept + others, "acceptedNames": names, "storedVersions": stored}

    def _taken_name(self, obj: RawObject) -> tuple[str, str] | None:
        """Find another definition of the same group with the same kind. Returns the reason and the message about it."""
        names = obj["spec"]["names"]
        for collection in self._storage.collections.values():
            type_ = collection.type
            is_other = type_.custom and type_.resource.plural != names["plural"]
            if is_other and (type_.resource.group, type_.kind) == (obj["spec"]["group"], names["kind"]):
                return "ListKindConflict", f'"{names["listKind"]}" is already in use'
        return None

    def stored(self, obj: RawObject) -> None:
        """Serve what a definition defines now."""
        name = obj["metadata"]["name"]
        if "deletionTimestamp" in obj["metadata"] or obj["status"]["conditions"][0]["status"] != "True":
            return
        types = resource_types(obj)
        if name not in self._served:
            self._storage.register(*types)
        else:
            self._storage.reregister(self._served[name], types)
        self._served[name] = [type_.resource for type_ in types]

    def note(self, collection: Collection, key: str, obj: RawObject, is_removed: bool) -> None:  # noqa: FBT001 - a hook
        """Remember a deleted definition, for which cleaning up is necessary."""
        resource = collection.type.resource
        if resource == CRDS and "deletionTimestamp" in obj["metadata"] and not is_removed:
            self._deleted[key] = None

    def settle(self) -> None:
        """Clean up after deleted definitions, as far as finalizers allow it."""
        for name in list(self._deleted):
            served = self._served.get(name, [])
            if served and not self._emptied(served[0]):
                continue
            if served:
                self._storage.unregister(served[0])
            self._served.pop(name, None)
            self._deleted.pop(name, None)
            self._finish(name)

    def _emptied(self, resource: Resource) -> bool:
        collection = self._storage.collection(resource)
        for key in list(collection.keys):
            if key in collection.entries:
                self._deleting.delete(resource, key, Deletion(grace=0))
        return not collection.keys

    def _finish(self, name: str) -> None:
        collection = self._storage.collection(CRDS)
        if name not in collection.entries:
            return
        obj = self._storage.get(CRDS, name)
        left = [finalizer for finalizer in obj["metadata"].get("finalizers", []) if finalizer != CLEANUP]
        if left:
            self._storage.put(collection, name, obj | {"metadata": obj["metadata"] | {"finalizers": left}})
        else:
            self._storage.remove(collection, name)

    def forget(self, resource: Resource, remove: Callable[[Resource, str], object]) -> None:
        """Delete the definition of a resource that a test has unregistered, if there is one."""
        for name, served in list(self._served.items()):
            if resource in served:
                del self._served[name]
                remove(CRDS, name)


def _unless_same(new: RawObject, old: RawObject | None) -> RawObject:
    """Keep the old condition, with its time, if the new one says the same."""
    return old if old is not None and old["status"] == new["status"] else new
