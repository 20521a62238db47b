"""What the garbage collector and the namespace controller of a cluster do, but immediately and in the same thread.

Rules. When an owner is gone, its dependents are deleted. If a dependent has another owner left, only the reference is
removed. An owner that is deleted with ``foregroundDeletion`` waits for the dependents that block it. With ``orphan``,
the dependents lose their references instead. When a namespace is deleted, everything in it is deleted. All of this
happens before the call that caused it returns, so a test never waits. The events are those of a real cluster, in an
order that is possible there.

Theory. Dependents are found by the uid of their owner, in an index that is updated at every write. Only an owner that
is deleted here counts as gone. A real collector would also act on a reference to something that never existed, but
tests and synthetic objects are full of such references. Seeded objects are in the index from their first change on.
There is no kubelet either, so a pod that is collected is gone without a grace period.

Source. ``pkg/controller/garbagecollector`` and ``pkg/controller/namespace`` at 1.37.
"""

from collections import defaultdict, deque
from typing import TypeAlias

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import NAMESPACES, Storage
from kubeinformer.testing._write.deleting import Deleting, Deletion
from kubeinformer.testing._write.rules import WriteOptions
from kubeinformer.testing._write.writing import Writing

__all__ = ["Garbage"]

_Place: TypeAlias = tuple[Resource, str]
_TRUSTED = WriteOptions(is_trusted=True)
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"


class Garbage:
    """The garbage collector of one server.

    Args:
        storage: The storage of the objects.
        writing: Removes references and finalizers.
        deleting: Deletes dependents.
    """

    def __init__(self, storage: Storage, writing: Writing, deleting: Deleting) -> None:
        self._storage, self._writing, self._deleting = storage, writing, deleting
        self._dependents: defaultdict[str, dict[_Place, None]] = defaultdict(dict)  # by the uid of the owner
        self._owners: dict[_Place, tuple[str, ...]] = {}
        self._waiting: dict[str, _Place] = {}  # owners that wait for their dependents, by uid
        self._terminating: set[str] = set()
        self._news: deque[tuple[_Place, RawObject, bool]] = deque()

    def note(self, collection: Collection, key: str, obj: RawObject, is_removed: bool) -> None:  # noqa: FBT001 - a hook
        """Update the index after a write."""
        place = self._storage.versions(collection.type.resource)[0], key
        metadata = obj["metadata"]
        owners = () if is_removed else tuple(each.get("uid", "") for each in metadata.get("ownerReferences", ()))
        before = self._owners.get(place, ())
        if owners != before:
            for uid in before:
                self._dependents.get(uid, {}).pop(place, None)
            for uid in owners:
                self._dependents[uid][place] = None
            self._owners[place] = owners
        if is_removed:
            self._owners.pop(place, None)
        if is_removed or "deletionTimestamp" in metadata:
            self._news.append((place, obj, is_removed))

    def settle(self) -> None:
        """Do everything that follows from the writes until now."""
        while self._news:
            (resource, key), obj, is_removed = self._news.popleft()
            uid, metadata = obj["metadata"].get("uid", ""), obj["metadata"]
            if is_removed:
                self._after_removal(uid, metadata)
            elif self._read((resource, key)) is not None:
                self._after_mark((resource, key), uid, metadata)

    def _after_removal(self, uid: str, metadata: RawObject) -> None:
        self._waiting.pop(uid, None)
        for place in list(self._dependents.pop(uid, ())):
            self._attempt(place, uid)
        for reference in metadata.get("ownerReferences", ()):
            if (owner := self._waiting.get(reference.get("uid", ""))) is not None:
                self._foreground(owner, reference["uid"])
        namespace = metadata.get("namespace")
        if namespace in self._terminating:
            self._empty_namespace(namespace)

    def _after_mark(self, place: _Place, uid: str, metadata: RawObject) -> None:
        finalizers = metadata.get("finalizers", ())
        if place[0] == NAMESPACES:
            self._terminating.add(metadata["name"])
            self._empty_namespace(metadata["name"])
        if _ORPHAN in finalizers:
            for dependent in list(self._dependents.get(uid, ())):
                self._drop_references(dependent, {uid})
            self._drop_finalizer(place, _ORPHAN)
        elif _FOREGROUND in finalizers:
            self._waiting[uid] = place
            self._foreground(place, uid)

    def _foreground(self, place: _Place, uid: str) -> None:
        """Delete the dependents of an owner, and release it when none is left that blocks it."""
        for dependent in list(self._dependents.get(uid, ())):
            self._attempt(dependent, uid)
        if not any(self._blocks(dependent, uid) for dependent in self._dependents.get(uid, ())):
            self._waiting.pop(uid, None)
            self._drop_finalizer(place, _FOREGROUND)

    def _attempt(self, place: _Place, gone: str) -> None:
        """Delete a dependent; or only its references, if it still has another owner."""
        obj = self._read(place)
        if obj is None:
            return
        references = obj["metadata"].get("ownerReferences", [])
        left = [each for each in references if each["uid"] != gone and self._is_there(each, obj)]
        if any(each["uid"] not in self._waiting for each in left):
            self._drop_references(place, {each["uid"] for each in references} - {each["uid"] for each in left})
        elif "deletionTimestamp" not in obj["metadata"]:
            has_dependents = bool(self._dependents.get(obj["metadata"]["uid"]))
            policy = "Foreground" if gone in self._waiting and has_dependents else ""
            self._deleting.delete(*place, Deletion(policy=policy, grace=0))

    def _is_there(self, reference: RawObject, dependent: RawObject) -> bool:
        """Whether an owner exists. If its kind is not served, that is unknown."""
        collection = self._storage.find_kind(reference["apiVersion"], reference["kind"])
        if collection is None:
            return True
        namespace = dependent["metadata"].get("namespace", "")
        key = f"{namespace}/{reference['name']}" if collection.type.namespaced else str(reference["name"])
        owner = self._read((collection.type.resource, key))
        return owner is not None and owner["metadata"].get("uid") == reference["uid"]

    def _blocks(self, place: _Place, uid: str) -> bool:
        obj = self._read(place)
        references = obj["metadata"].get("ownerReferences", []) if obj is not None else []
        return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)

    def _read(self, place: _Place) -> RawObject | None:
        resource, key = place
        collection = self._storage.collections.get(resource)
        return self._storage.get(resource, key) if collection is not None and key in collection.entries else None

    def _drop_references(self, place: _Place, uids: set[str]) -> None:
        def dropped(obj: RawObject) -> RawObject:
            left = [each for each in obj["metadata"].get("ownerReferences", []) if each["uid"] not in uids]
            return obj | {"metadata": obj["metadata"] | {"ownerReferences": left}}

        if self._read(place) is not None:
            self._writing.change(*place, dropped, _TRUSTED)

    def _drop_finalizer(self, place: _Place, name: str) -> None:
        def dropped(obj: RawObject) -> RawObject:
            left = [each for each in obj["metadata"].get("finalizers", []) if each != name]
            return obj | {"metadata": obj["metadata"] | {"finalizers": left}}

        if self._read(place) is not None:
            self._writing.change(*place, dropped, _TRUSTED)

    def _empty_namespace(self, name: str) -> None:
        """Delete what is in a namespace, and the namespace itself if nothing is left."""
        is_empty = True
        for collection in list(self._storage.collections.values()):
            if not collection.type.namespaced:
                continue
            for key in [key for key in collection.keys if key.startswith(f"{name}/")]:
                if key in collection.entries and self._deleting.delete(collection.type.resource, key, _AT_ONCE)[1]:
                    continue
                is_empty = is_empty and key not in collection.entries
        if is_empty and self._read((NAMESPACES, name)) is not None:
            self._terminating.discard(name)
            self._storage.remove(self._storage.collection(NAMESPACES), name)


_AT_ONCE = Deletion(grace=0)
