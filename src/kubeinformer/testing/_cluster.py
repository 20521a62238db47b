"""The objects of one server, together with everything that changes them.

Rules. Everything that changes an object goes through this class or one of its parts: creations and changes, deletions,
definitions of resources, the garbage collector. After each write, the controllers run until there is nothing left to
do; only then does the write return.
"""

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._write.crd_registry import CrdRegistry
from kubeinformer.testing._write.deleting import CRDS, Deleting
from kubeinformer.testing._write.garbage import Garbage
from kubeinformer.testing._write.writing import Writing

__all__ = ["Cluster"]


class Cluster:
    """Everything behind the HTTP of one server.

    Args:
        storage: The storage of the objects.
        garbage_collection: Whether dependents are deleted with their owners, and contents with their namespaces.
    """

    def __init__(self, storage: Storage, *, garbage_collection: bool) -> None:
        self.storage = storage
        self.writing: Writing = Writing(storage, self._settle)
        self.deleting: Deleting = Deleting(storage, self._settle)
        self.crds: CrdRegistry = CrdRegistry(storage, self.deleting)
        self.writing.specials[CRDS] = self.crds
        self._garbage = Garbage(storage, self.writing, self.deleting) if garbage_collection else None
        self._is_settling = False
        storage.on_change = self._note

    def unregister(self, resource: Resource) -> None:
        """Stop serving a resource, and delete its definition if it has one.

        Raises:
            FakeApiError: 404.
        """
        self.storage.unregister(resource)
        self.crds.forget(resource, lambda crds, name: self.storage.remove(self.storage.collection(crds), name))
        self._settle()

    def _note(self, collection: Collection, key: str, obj: RawObject, is_removed: bool) -> None:  # noqa: FBT001 - a hook
        self.crds.note(collection, key, obj, is_removed)
        if self._garbage is not None:
            self._garbage.note(collection, key, obj, is_removed)

    def _settle(self) -> None:
        if self._is_settling:  # a controller's own write: the loop below handles its consequences
            return
        self._is_settling = True
        try:
            before = -1
            while before != self.storage.version:
                before = self.storage.version
                self.crds.settle()
                if self._garbage is not None:
                    self._garbage.settle()
        finally:
            self._is_settling = False
