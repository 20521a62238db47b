"""Stores the objects: every collection of one server, the version that they share, and the owners of their fields.

Rules. Everything is synchronous and in memory, so each write is atomic for every reader. The whole server has one
counter of resource versions, as in etcd. Uids and timestamps are counted, not random, so two runs of a test see equal
objects.

Theory. A custom resource with several versions is one `Collection` per version. All of them are written together, with
the same keys and resource versions. So lists and watches never convert anything, and the objects of a version are
pruned and defaulted by its own schema. A namespace is an object like any other. The namespaces that every cluster has
exist from the start, and are older than everything else.

Not here. What a write means (``_write.writing``, ``_write.deleting``), history (``_store.collection``).
"""

from collections.abc import Callable, Sequence

from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._made.fleet import synthetic_objects, synthetic_pods
from kubeinformer.testing._made.synthetic import MadeObjects, Seed, SyntheticObjects, timestamp, uid
from kubeinformer.testing._patches.apply import Managers
from kubeinformer.testing._store.collection import Collection, Record
from kubeinformer.testing._types.builtin import BUILT_IN, GROUPS
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.schema import defaulted, pruned

__all__ = ["NAMESPACES", "Storage", "new_namespace", "unserved", "with_version"]


def unserved(group: str) -> _status.FakeApiError:
    """The 404 for what a group does not have. Its text depends on whether the group is built into the server."""
    return _status.unknown_resource() if group in GROUPS else _status.page_not_found()


NAMESPACES = Resource("", "v1", "namespaces")
_FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def with_version(type_: ResourceType, body: bytes, version: int) -> bytes:
    """Replace the resourceVersion of an object in the form in which it is stored."""
    obj = type_.decode(body)
    obj["metadata"]["resourceVersion"] = str(version)
    return type_.encode(obj)


def new_namespace(name: str) -> RawObject:
    """Make a Namespace, as the server completes it."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


class Storage:
    """Every collection of one server, and the version they share.

    Args:
        version: The resourceVersion to start with.
        history_limit: The maximum number of changes in the history of each collection.
        history_bytes: The approximate maximum size of the objects in the history of each collection, in bytes.
        shows_managers: Whether objects contain their managedFields.
    """

    def __init__(self, version: int, history_limit: int, history_bytes: int, *, shows_managers: bool = False) -> None:
        self.version: int = version
        self.collections: dict[Resource, Collection] = {}
        self.token_epoch: int = 0  # continue tokens of an earlier epoch are expired
        self.on_change: Callable[[Collection, str, RawObject, bool], None] | None = None
        self.shows_managers = shows_managers
        self.refuses_unseen = False  # whether a watch from a future version is a 504; real servers accept it silently
        self._families: dict[Resource, tuple[Collection, ...]] = {}
        self._managers: dict[tuple[str, str, str], Managers] = {}
        self._implied_namespaces: set[str] = set()
        self._created = 0
        self._history_limit, self._history_bytes = history_limit, history_bytes
        for type_ in BUILT_IN:
            self.register(type_)
        self._load_namespaces()

    # Collections

    def register(self, *versions: ResourceType) -> None:
        """Serve a resource from now on, in one or more versions."""
        for type_ in versions:
            if type_.resource in self.collections:
                raise UsageError(f"{type_.resource} is served already")
        family = tuple(Collection(type_, self.version, self._history_limit, self._history_bytes) for type_ in versions)
        for collection in family:
            self.collections[collection.type.resource] = collection
            self._families[collection.type.resource] = family

    def reregister(self, old: Sequence[Resource], versions: Sequence[ResourceType]) -> None:
        """Serve a resource in other versions, or with other schemas. Its objects stay."""
        before = self.collections[old[0]]
        family = []
        for type_ in versions:
            collection = self.collections.pop(type_.resource, None)
            if collection is None:
                collection = Collection(type_, self.version, self._history_limit, self._history_bytes)
                collection.load(
                    {
                        key: self._convert(collection, before.type.decode(each.body))
                        for key, each in before.entries.items()
                    },
                    self.version,
                )
            collection.type = type_
            family.append(collection)
        for resource in old:
            if (gone := self.collections.pop(resource, None)) is not None:
                gone.close()
            self._families.pop(resource, None)
        for collection in family:
            self.collections[collection.type.resource] = collection
            self._families[collection.type.resource] = tuple(family)

    def unregister(self, resource: Resource) -> None:
        """Delete all objects of a resource, end its watches, and stop serving it in all versions."""
        collection = self.collection(resource)
        for key in list(collection.keys):
            self.remove(collection, key)
        for each in self._families[resource]:
            del self.collections[each.type.resource], self._families[each.type.resource]
            each.close()

    def versions(self, resource: Resource) -> list[Resource]:
        """All versions of a resource."""
        return [collection.type.resource for collection in self._families[resource]]

    def collection(self, resource: Resource) -> Collection:
        """Find a collection; 404 if the resource is not served."""
        try:
            return self.collections[resource]
        except KeyError:
            raise unserved(resource.group) from None

    def find_kind(self, api_version: str, kind: str) -> Collection | None:
        """Find the collection that holds objects of this kind."""
        kinds = (each for each in self.collections.values() if each.type.kind == kind)
        return next((each for each in kinds if each.type.resource.api_version == api_version), None)

    def compact(self) -> None:
        """Expire every version that is older than the current one, and every continue token."""
        for collection in self.collections.values():
            collection.expire(self.version)
        self.token_epoch += 1

    def seed(
        self, resource: Resource, objects: SyntheticObjects | int, make: Callable[[int], RawObject] | None
    ) -> None:
        """Load synthetic objects. Older versions of the resource expire."""
        collection = self.collection(resource)
        type_ = collection.type
        if not isinstance(objects, int):
            source = objects
        elif make is not None:
            source = MadeObjects(type_, objects, make)
        elif type_.kind == "Pod":
            source = synthetic_pods(objects)
        else:
            source = synthetic_objects(objects, namespaces=20 if type_.namespaced else 0)
        family = self._families[resource]
        seeded = [dict(Seed(each.type, source, self.version + 1).entries()) for each in family]
        keys = seeded[0].keys()
        if len(keys) != len(source) or not keys.isdisjoint(collection.entries):
            raise UsageError(f"cannot seed {resource}: two objects would have the same key")
        for each, entries in zip(family, seeded, strict=True):
            each.load(dict(entries), self.version + len(source))
        self.version += len(source)
        if type_.namespaced:
            self._implied_namespaces |= {key.partition("/")[0] for key in keys}

    # Objects

    def get(self, resource: Resource, key: str) -> RawObject:
        """Return one object; 404 if there is none."""
        collection = self.collection(resource)
        stored = collection.entries.get(key)
        if stored is None:
            raise _status.not_found(resource, key.rpartition("/")[2])
        return collection.type.decode(stored.body)

    def put(self, collection: Collection, key: str, obj: RawObject) -> RawObject:
        """Create or replace an object, under a new version. Returns it as stored."""
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.show_managers(collection, key, obj)
        for each in self._families[collection.type.resource]:
            each.put(key, self._convert(each, obj))
        stored = collection.type.decode(collection.entries[key].body)
        if self.on_change is not None:
            self.on_change(collection, key, stored, False)  # noqa: FBT003 - the hook's fourth fact
        return stored

    def remove(self, collection: Collection, key: str) -> RawObject:
        """Delete an object, under a new version. Returns its last state."""
        self.version += 1
        for each in self._families[collection.type.resource]:
            each.remove(key, Record(self.version, with_version(each.type, each.entries[key].body, self.version)))
        last = collection.type.decode(collection.change_at(collection.end - 1).after.body)
        self._managers.pop(_place(collection, key), None)
        if self.on_change is not None:
            self.on_change(collection, key, last, True)  # noqa: FBT003 - the hook's fourth fact
        return last

    def _convert(self, collection: Collection, obj: RawObject) -> Record:
        type_ = collection.type
        if type_.schema is not None:
            obj = defaulted(pruned(obj, type_.schema, is_root=True), type_.schema)
        return Record(int(obj["metadata"]["resourceVersion"]), type_.encode(obj))

    def next_identity(self) -> tuple[int, str, str]:
        """Return a number that no other object has, with the uid and creationTimestamp for it."""
        self._created += 1
        return self._created, uid(self._created), timestamp(self._created)

    @property
    def now(self) -> str:
        """The time of the last creation. The clock of the fake advances with each new object."""
        return timestamp(self._created)

    def after_now(self, seconds: int) -> str:
        """The time some seconds later."""
        return timestamp(self._created + seconds)

    # Owners of fields

    def managers(self, collection: Collection, key: str) -> Managers:
        """The owners of the fields of an object; empty if no write has named a manager."""
        return self._managers.get(_place(collection, key), ())

    def set_managers(self, collection: Collection, key: str, managers: Managers) -> None:
        """Store the owners of the fields of an object."""
        if managers:
            self._managers[_place(collection, key)] = managers
        else:
            self._managers.pop(_place(collection, key), None)

    def show_managers(self, collection: Collection, key: str, obj: RawObject) -> None:
        """Put managedFields into the metadata of an object, or remove them."""
        managers = self.managers(collection, key) if self.shows_managers else ()
        if managers:
            obj["metadata"]["managedFields"] = [manager.as_json() for manager in managers]
        else:
            obj["metadata"].pop("managedFields", None)

    # Namespaces

    def has_namespace(self, name: str) -> bool:
        """Whether there is a Namespace with this name, or seeded objects that must have had one."""
        return name in self.collections[NAMESPACES].entries or name in self._implied_namespaces

    def is_terminating(self, name: str) -> bool:
        """Whether a Namespace is being deleted."""
        stored = self.collections[NAMESPACES].entries.get(name)
        return stored is not None and b'"deletionTimestamp"' in stored.body

    def _load_namespaces(self) -> None:
        collection = self.collections[NAMESPACES]
        entries: dict[str, Record] = {}
        for number, name in enumerate(_FIRST_NAMESPACES):
            obj = new_namespace(name)
            version = max(1, self.version - len(_FIRST_NAMESPACES) + 1 + number)
            obj["metadata"] |= {"uid": uid(-1 - number), "resourceVersion": str(version)}
            obj["metadata"]["creationTimestamp"] = timestamp(0)
            entries[name] = Record(version, collection.type.encode(obj))
        collection.load(dict(entries), self.version)


def _place(collection: Collection, key: str) -> tuple[str, str, str]:
    resource = collection.type.resource
    return resource.group, resource.plural, key
