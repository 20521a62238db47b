"""What writes mean: versions, uids, generations, conflicts, finalizers, across all resources.

Rules. All of it is synchronous and in memory, so each write is atomic for every reader. One resourceVersion counts
for the whole server, as in etcd. Uids and timestamps are counted, not random: two runs of a test see equal objects.

What real servers do and tests rely on, kept here: a write that changes nothing makes no new version; a deleted
object's last event carries a version of its own; an object with finalizers is marked with a deletionTimestamp and goes
away with its last finalizer; a change of ``spec`` moves ``metadata.generation``.

Not here. Defaulting, validation of contents, admission, managed fields, status subresources.
"""

from collections.abc import Callable

from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._builtin import BUILT_IN, GROUPS
from kubeinformer.testing._collection import Collection, Record
from kubeinformer.testing._fleet import synthetic_objects, synthetic_pods
from kubeinformer.testing._kinds import ResourceType
from kubeinformer.testing._synthetic import MadeObjects, Seed, SyntheticObjects, timestamp, uid

__all__ = ["Storage", "merge_patch", "unserved", "with_version"]


def unserved(group: str) -> _status.FakeApiError:
    """The 404 for what a group does not have: its words depend on whether the group comes with the server."""
    return _status.unknown_resource() if group in GROUPS else _status.page_not_found()


def merge_patch(target: object, patch: object) -> object:
    """Apply a JSON merge patch (RFC 7386) without touching the target."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def with_version(type_: ResourceType, body: bytes, version: int) -> bytes:
    """Give an object at rest another resourceVersion."""
    obj = type_.decode(body)
    obj["metadata"]["resourceVersion"] = str(version)
    return type_.encode(obj)


class Storage:
    """Every collection of one server, and the version they share.

    Args:
        version: The resourceVersion to start at.
        history_limit: Changes that each collection's history holds at most.
        history_bytes: Bytes of objects that each collection's history holds at most, about.
    """

    def __init__(self, version: int, history_limit: int, history_bytes: int) -> None:
        self.version = version
        self.collections: dict[Resource, Collection] = {}
        self.token_epoch = 0  # continue tokens of an earlier epoch are expired
        self._created = 0
        self._history_limit, self._history_bytes = history_limit, history_bytes
        for type_ in BUILT_IN:
            self.register(type_)

    def register(self, type_: ResourceType) -> None:
        """Serve a resource from now on."""
        if type_.resource in self.collections:
            raise UsageError(f"{type_.resource} is served already")
        collection = Collection(type_, self.version, self._history_limit, self._history_bytes)
        self.collections[type_.resource] = collection

    def unregister(self, resource: Resource) -> None:
        """Delete all objects of a resource, end its watches, serve it no more."""
        collection = self.collection(resource)
        for key in list(collection.keys):
            self._remove(collection, key)
        del self.collections[resource]
        collection.close()

    def collection(self, resource: Resource) -> Collection:
        """Find a collection; 404 if the resource is not served."""
        try:
            return self.collections[resource]
        except KeyError:
            raise unserved(resource.group) from None

    def compact(self) -> None:
        """Let every version older than the current one, and every continue token, expire for good."""
        for collection in self.collections.values():
            collection.expire(self.version)
        self.token_epoch += 1

    def seed(
        self, resource: Resource, objects: SyntheticObjects | int, make: Callable[[int], RawObject] | None
    ) -> None:
        """Load synthetic objects; older versions of the resource expire."""
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
        seed = Seed(type_, source, self.version + 1)
        entries = dict(seed.entries())
        if len(entries) != len(source) or not entries.keys().isdisjoint(collection.entries):
            raise UsageError(f"cannot seed {resource}: two objects would have the same key")
        self.version += len(source)
        collection.load(dict(entries), self.version)

    def get(self, resource: Resource, key: str) -> RawObject:
        """Read one object; 404 if there is none."""
        collection = self.collection(resource)
        stored = collection.entries.get(key)
        if stored is None:
            raise _status.not_found(resource, key.rpartition("/")[2])
        return collection.type.decode(stored.body)

    def create(self, resource: Resource, obj: RawObject, namespace: str | None = None) -> RawObject:
        """Add an object; the namespace defaults to ``default``, a ``generateName`` gets a counted suffix."""
        collection = self.collection(resource)
        metadata = _metadata(collection.type, obj, namespace)
        self._created += 1
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                cause = _status.Cause("FieldValueRequired", "Required value: name or generateName is required")
                cause = _status.Cause(cause.reason, cause.message, "metadata.name")
                raise _status.invalid(collection.type.kind, resource.group, "", [cause])
            metadata["name"] = f"{metadata['generateName']}{self._created:05d}"
        metadata |= {"uid": uid(self._created), "creationTimestamp": timestamp(self._created)}
        if "spec" in obj:
            metadata["generation"] = 1
        key = collection.type.key({"metadata": metadata})
        if key in collection.entries:
            raise _status.already_exists(resource, metadata["name"])
        return self._put(collection, key, obj | {"metadata": metadata})

    def update(self, resource: Resource, obj: RawObject, namespace: str | None = None) -> RawObject:
        """Replace an object; 409 if it carries a resourceVersion other than the current one."""
        collection = self.collection(resource)
        metadata = _metadata(collection.type, obj, namespace)
        key = collection.type.key({"metadata": metadata})
        old = self.get(resource, key)
        return self._replace(collection, key, old, obj | {"metadata": metadata})

    def patch(self, resource: Resource, key: str, patch: RawObject) -> RawObject:
        """Apply a merge patch; 409 if the patch names a resourceVersion other than the current one."""
        collection = self.collection(resource)
        old = self.get(resource, key)
        new = merge_patch(old, patch)
        if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
            raise _status.bad_request("the patch leaves no object with metadata")
        identity = {name: old["metadata"][name] for name in ("name", "namespace") if name in old["metadata"]}
        new["metadata"] = new["metadata"] | identity  # a new dict: the patch may have left the old one in place
        return self._replace(collection, key, old, new)

    def delete(self, resource: Resource, key: str, preconditions: RawObject | None = None) -> RawObject:
        """Delete an object, or mark it if it has finalizers. Returns its last state."""
        collection = self.collection(resource)
        old = self.get(resource, key)
        metadata = old["metadata"]
        for name, wanted in (preconditions or {}).items():
            if metadata.get(name) != wanted:
                why = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {metadata[name]}"
                raise _status.conflict(resource, metadata["name"], why)
        if not metadata.get("finalizers"):
            return self._remove(collection, key)
        if "deletionTimestamp" in metadata:
            return old
        marks = {"deletionTimestamp": timestamp(self._created), "deletionGracePeriodSeconds": 0}
        return self._put(collection, key, old | {"metadata": metadata | marks})

    def _replace(self, collection: Collection, key: str, old: RawObject, new: RawObject) -> RawObject:
        before, metadata = old["metadata"], new["metadata"]
        resource, name = collection.type.resource, before["name"]
        if metadata.get("resourceVersion", before["resourceVersion"]) != before["resourceVersion"]:
            raise _status.stale(resource, name)
        if metadata.get("uid", before["uid"]) != before["uid"]:
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {before['uid']}"
            raise _status.conflict(resource, name, why)
        fixed = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp")
        for field in fixed:
            metadata.pop(field, None)
        metadata |= {field: before[field] for field in fixed if field in before}
        if new.get("spec") != old.get("spec"):
            metadata["generation"] = before.get("generation", 0) + 1
        if {**new, "kind": "", "apiVersion": ""} == {**old, "kind": "", "apiVersion": ""}:
            return old
        if "deletionTimestamp" in before and not metadata.get("finalizers"):
            return self._remove(collection, key)
        return self._put(collection, key, new)

    def _put(self, collection: Collection, key: str, obj: RawObject) -> RawObject:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        body = collection.type.encode(obj)
        collection.put(key, Record(self.version, body))
        return collection.type.decode(body)

    def _remove(self, collection: Collection, key: str) -> RawObject:
        self.version += 1
        body = with_version(collection.type, collection.entries[key].body, self.version)
        collection.remove(key, Record(self.version, body))
        return collection.type.decode(body)


def _metadata(type_: ResourceType, obj: RawObject, namespace: str | None) -> RawObject:
    """Copy an object's metadata, with its namespace filled in; 400 when that of the URL is another."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise _status.bad_request("the object provided has no metadata")
    metadata = dict(metadata)
    if not type_.namespaced:
        metadata.pop("namespace", None)
        return metadata
    given = metadata.setdefault("namespace", namespace or "default")
    if namespace is not None and given != namespace:
        raise _status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return metadata
