"""Creates and changes objects: by whole object, by patch, by apply.

Rules. A write that changes nothing makes no version. A write whose resourceVersion or uid is not the current one is a
409. An object that waits for its finalizers is gone when the last of them is removed. A dry run is answered like a real
write, and stores nothing.

Theory. Every write except a creation has one form: the current object, a function that returns the desired object, and
the rules (``rules``) that decide what of that counts. Owners of fields are tracked only for objects for which a manager
was named. The reason: it costs as much as encoding the object, and most tests never look at owners.

Not here. Deleting (``deleting``), HTTP (``objects``), what the server does with a new CRD (``crd_registry``).
"""

from collections.abc import Callable
from typing import Protocol

from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._patches.apply import Managers, Writer, applied, conflicts, updated
from kubeinformer.testing._patches.ownership import FieldError
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import NAMESPACES, Storage, new_namespace
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.schema import undeclared
from kubeinformer.testing._types.traits import has_status, shape_of
from kubeinformer.testing._write import refusals
from kubeinformer.testing._write.rules import WriteOptions, changed_object, check_version, metadata_of, new_object, same

__all__ = ["Special", "Writing", "key_of"]

_TRUSTED = "kubeinformer.testing"
_NOT_APPLIED = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields")


class Special(Protocol):
    """What the server itself does with the objects of a special resource."""

    def complete(self, obj: RawObject, old: RawObject | None) -> RawObject:
        """Complete what is about to be stored, or refuse it with a `FakeApiError`. ``old`` is None for a new object."""
        ...

    def stored(self, obj: RawObject) -> None:
        """React to what was stored."""
        ...


class Writing:
    """Creations and changes in one storage.

    Args:
        storage: The storage of the objects.
        settle: Called after each write. It does what the controllers of a cluster would do.
    """

    def __init__(self, storage: Storage, settle: Callable[[], None]) -> None:
        self._storage, self._settle = storage, settle
        self.specials: dict[Resource, Special] = {NAMESPACES: _Namespaces()}

    def create(
        self, resource: Resource, obj: RawObject, namespace: str | None = None, options: WriteOptions | None = None
    ) -> RawObject:
        """Create an object. A ``generateName`` gets a counted suffix.

        Raises:
            FakeApiError: 400, 403, 404, 409 or 422.
        """
        return self._create(self._storage.collection(resource), obj, namespace, options or WriteOptions(), None)

    def _create(
        self,
        collection: Collection,
        obj: RawObject,
        namespace: str | None,
        options: WriteOptions,
        managers: Managers | None,
    ) -> RawObject:
        storage, type_ = self._storage, collection.type
        metadata = metadata_of(type_, obj, namespace)
        if metadata.get("resourceVersion"):
            raise refusals.version_on_create()
        for name in (*_NOT_APPLIED, "deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(name, None)
        number, uid, time = storage.next_identity()
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName'][:58]}{number:05d}"
        if type_.namespaced:
            self._need_namespace(type_, metadata, options)
        metadata |= {"uid": uid, "creationTimestamp": time}
        new = new_object(type_, obj, metadata, options)
        if special := self.specials.get(type_.resource):
            new = special.complete(new, None)
        key = type_.key(new)
        if key in collection.entries:
            raise _status.already_exists(type_.resource, metadata["name"])
        if managers is None:
            managers = self._owners({}, new, (), collection, options)
        if options.dry_run:
            return new
        storage.set_managers(collection, key, managers)
        return self._keep(collection, key, new)

    def change(
        self, resource: Resource, key: str, make: Callable[[RawObject], RawObject], options: WriteOptions | None = None
    ) -> RawObject:
        """Replace an object by what a function makes of it. The function must not change its argument.

        Raises:
            FakeApiError: 400, 404, 409 or 422, or what the function raises.
        """
        collection, options = self._storage.collection(resource), options or WriteOptions()
        old = self._storage.get(resource, key)
        before = old["metadata"]
        new = _named(collection.type, make(old), before["name"], before.get("namespace"))
        if new["metadata"].get("resourceVersion", before["resourceVersion"]) != before["resourceVersion"]:
            raise _status.stale(resource, before["name"])
        return self._change(collection, key, old, new, options, None)

    def update(self, resource: Resource, key: str, obj: RawObject, options: WriteOptions | None = None) -> RawObject:
        """Replace an object.

        Raises:
            FakeApiError: 400, 404, 409 or 422.
        """
        collection, options = self._storage.collection(resource), options or WriteOptions()
        namespace, _, name = key.rpartition("/")
        new = _named(collection.type, obj, name, namespace or None)
        old = self._storage.get(resource, key)
        check_version(collection.type, old, new, options)
        return self._change(collection, key, old, new, options, None)

    def apply(self, resource: Resource, key: str, config: RawObject, options: WriteOptions) -> tuple[RawObject, bool]:
        """Apply a configuration. The second value is whether that created the object.

        Raises:
            FakeApiError: 400, 404, 409, 422 or 500.
        """
        storage, collection = self._storage, self._storage.collection(resource)
        type_ = collection.type
        shape, writer = shape_of(type_), _writer(type_, "Apply", options)
        live = storage.get(resource, key) if key in collection.entries else None
        namespace, _, name = key.rpartition("/")
        metadata = metadata_of(type_, config, namespace or None)
        if live is None and not metadata.get("name"):
            raise refusals.name_missing(name)
        if metadata.setdefault("name", name) != name:
            raise refusals.name_mismatch(metadata["name"], name)
        claims = _claims(type_, config, metadata, options)
        if type_.schema is not None and (field := undeclared(claims, type_.schema, is_root=True)):
            raise refusals.not_typed(type_, key, f"{field}: field not declared in schema")
        try:
            if live is None:
                if options.subresource:
                    raise _status.not_found(resource, name)
                if "uid" in metadata:
                    given = f"the provided object specified uid {metadata['uid']}"
                    why = f"uid mismatch: {given}, and no existing object was found"
                    raise _status.conflict(resource, name, why)
                new, managers = applied(None, claims, (), writer, shape, storage.now)
                return self._create(collection, new, namespace or None, options, managers), True
            if (
                metadata.get("resourceVersion", live["metadata"]["resourceVersion"])
                != (live["metadata"]["resourceVersion"])
            ):
                raise _status.stale(resource, name)
            before = storage.managers(collection, key)
            if not options.force and (found := conflicts(live, claims, before, writer, shape)):
                raise refusals.apply_conflict(found)
            new, managers = applied(live, claims, before, writer, shape, storage.now)
        except FieldError as error:
            raise refusals.not_typed(type_, key, str(error)) from None
        new["metadata"] = {name: value for name, value in new["metadata"].items() if name != "managedFields"}
        return self._change(collection, key, live, new, options, managers), False

    def _change(
        self,
        collection: Collection,
        key: str,
        old: RawObject,
        new: RawObject,
        options: WriteOptions,
        managers: Managers | None,
    ) -> RawObject:
        storage, type_ = self._storage, collection.type
        given = new["metadata"].pop("managedFields", None)
        plain = old | {"metadata": {name: value for name, value in old["metadata"].items() if name != "managedFields"}}
        new = changed_object(type_, plain, new, options)
        if special := self.specials.get(type_.resource):
            new = special.complete(new, plain)
        before = storage.managers(collection, key)
        if managers is None:
            # With an empty list, or with one empty entry, a client makes the server forget the owners.
            managers = () if given in ([], [{}]) else self._owners(plain, new, before, collection, options)
        if same(new, plain) and managers == before:
            return old
        if options.dry_run:
            return new
        storage.set_managers(collection, key, managers)
        metadata = new["metadata"]
        is_last = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        if is_last and not metadata.get("deletionGracePeriodSeconds") and not _is_held(type_, new):
            storage.remove(collection, key)
            self._settle()
            return new
        return self._keep(collection, key, new)

    def _keep(self, collection: Collection, key: str, new: RawObject) -> RawObject:
        stored = self._storage.put(collection, key, new)
        if special := self.specials.get(collection.type.resource):
            special.stored(stored)
        self._settle()
        return stored

    def _owners(
        self, old: RawObject, new: RawObject, managers: Managers, collection: Collection, options: WriteOptions
    ) -> Managers:
        if not (options.manager or managers or self._storage.shows_managers):
            return ()
        writer = _writer(collection.type, "Update", options)
        shape, structs = shape_of(collection.type), not collection.type.custom
        try:
            return updated(old, new, managers, writer, shape, self._storage.now, structs=structs)
        except FieldError:
            return managers  # as on a real server: if a list cannot be merged, only an apply is refused

    def _need_namespace(self, type_: ResourceType, metadata: RawObject, options: WriteOptions) -> None:
        name = metadata["namespace"]
        if not self._storage.has_namespace(name):
            if not options.is_trusted:
                raise _status.not_found(NAMESPACES, name)
            self.create(NAMESPACES, {"metadata": {"name": name}}, None, options)
        elif self._storage.is_terminating(name):
            raise refusals.namespace_terminating(type_.resource, metadata.get("name", ""), name)


def _named(type_: ResourceType, obj: RawObject, name: str, namespace: str | None) -> RawObject:
    """Complete the metadata of the new object; 400 if it names a different object."""
    metadata = metadata_of(type_, obj, namespace)
    if not metadata.get("name"):
        raise refusals.name_missing(name)
    if metadata["name"] != name:
        raise refusals.name_mismatch(metadata["name"], name)
    return obj | {"metadata": metadata}


class _Namespaces:
    """A namespace has its name in a label, and waits for its contents when it is deleted."""

    def complete(self, obj: RawObject, old: RawObject | None) -> RawObject:
        if old is not None:
            return obj
        made = new_namespace(obj["metadata"]["name"])
        labels = obj["metadata"].get("labels", {}) | made["metadata"]["labels"]
        return {**obj, "metadata": obj["metadata"] | {"labels": labels}, "spec": made["spec"], "status": made["status"]}

    def stored(self, obj: RawObject) -> None:
        """Do nothing more."""


def key_of(type_: ResourceType, obj: RawObject, namespace: str | None = None) -> str:
    """The key at which an object is to be stored."""
    return type_.key({"metadata": metadata_of(type_, obj, namespace)})


def _is_held(type_: ResourceType, obj: RawObject) -> bool:
    """Whether a namespace still waits for its contents."""
    return type_.resource == NAMESPACES and bool((obj.get("spec") or {}).get("finalizers"))


def _writer(type_: ResourceType, operation: str, options: WriteOptions) -> Writer:
    return Writer(
        name=options.manager or _TRUSTED,
        operation=operation,
        api_version=type_.resource.api_version,
        subresource=options.subresource,
    )


def _claims(type_: ResourceType, config: RawObject, metadata: RawObject, options: WriteOptions) -> RawObject:
    """The part of a configuration that its manager can own: everything that a request to this path can change."""
    kept = {name: value for name, value in metadata.items() if name not in _NOT_APPLIED}
    if options.subresource == "status":
        kept = {name: value for name, value in kept.items() if name in {"name", "namespace"}}
        claims = {name: value for name, value in config.items() if name in {"apiVersion", "kind", "status"}}
    else:
        drops_status = has_status(type_) and not options.is_trusted
        claims = {name: value for name, value in config.items() if not (drops_status and name == "status")}
    return {"apiVersion": type_.resource.api_version, "kind": type_.kind, **claims, "metadata": kept}
