"""What a test does to the server without HTTP: the same rules, and the rights of a whole cluster.

Rules. Every method takes effect at once, and what it gives is a copy. A test plays every part: it sets status and spec
in one go, needs no resourceVersion, and a pod that it deletes goes at once because the test is its kubelet, too. All
other rules are those of a client.
"""

import os
from pathlib import Path
from typing import Literal, TypeAlias

from kubeinformer._protocol.selectors import FieldSelector, LabelSelector
from kubeinformer.resources import RawObject, Resource
from kubeinformer.testing import _status
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._read.options import Selection
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.traits import has_status
from kubeinformer.testing._write.deleting import CRDS, Deletion
from kubeinformer.testing._write.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC, check_patch_type, patcher
from kubeinformer.testing._write.payload import read_body
from kubeinformer.testing._write.rules import WriteOptions
from kubeinformer.testing._write.writing import key_of

__all__ = ["_InProcess"]

_Objects: TypeAlias = list[RawObject]  # inside the class, `list` is its method
_TRUSTED = WriteOptions(is_trusted=True)
_PATCH_TYPES = {"merge": MERGE_PATCH, "json": JSON_PATCH, "strategic": STRATEGIC}


class _InProcess:
    """The part of `FakeApiServer` that is about single objects and resources.

    Args:
        cluster: What it acts on.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._storage = cluster, cluster.storage

    # Objects

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """Create an object; ``metadata.namespace`` defaults to ``default``. Returns it as stored, a copy.

        A namespace that does not exist is created with it, so that a test need not; a client gets a 404 instead.
        The status is kept, so that a running pod is one call; a client's is dropped where there is a ``/status``.

        Args:
            resource: Such as ``v1/pods``.
            obj: The object; kind and apiVersion may be left out.

        Raises:
            FakeApiError: 400, 404, 409 AlreadyExists or 422, as over HTTP.
        """
        return self._cluster.writing.create(Resource.parse(resource), obj, options=_TRUSTED)

    def update(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object. Without a ``metadata.resourceVersion`` it replaces whatever is there.

        Args:
            resource: Where it is.
            obj: The whole object, with its name.

        Raises:
            FakeApiError: 404, 409 Conflict or 422.
        """
        parsed, key = self._place(resource, obj)
        return self._cluster.writing.update(parsed, key, obj, _TRUSTED)

    def update_status(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object's status and nothing else, as a PUT to ``/status`` does.

        Args:
            resource: Where it is.
            obj: The object, with its name; all but its status is ignored.

        Raises:
            FakeApiError: 404, also when the resource has no ``/status``; 409 Conflict or 422.
        """
        parsed, key = self._place(resource, obj)
        if not has_status(self._storage.collection(parsed).type):
            raise _status.unknown_resource()
        return self._cluster.writing.update(parsed, key, obj, WriteOptions(is_trusted=True, subresource="status"))

    def patch(
        self,
        resource: str,
        key: str,
        patch: RawObject | _Objects,
        *,
        type: Literal["merge", "json", "strategic"] = "merge",  # noqa: A002 - what the API calls it
    ) -> RawObject:
        """Patch the object with this key, ``namespace/name`` or ``name``.

        Args:
            resource: Where it is.
            key: Which one.
            patch: An object, or for a JSON patch the list of its operations.
            type: JSON merge patch (RFC 7386), JSON patch (RFC 6902), or strategic merge patch, which custom
                resources do not have.

        Raises:
            FakeApiError: 404, 409 Conflict, 415 or 422.
        """
        parsed = Resource.parse(resource)
        type_ = self._storage.collection(parsed).type
        patch_type = check_patch_type(type_, _PATCH_TYPES[type])
        return self._cluster.writing.change(parsed, key, patcher(type_, patch_type, patch), _TRUSTED)

    def apply(self, resource: str, obj: RawObject, *, field_manager: str, force: bool = False) -> RawObject:
        """Apply an object server-side: create it, or merge it into what is there, as this manager.

        What the manager applied earlier and now does not is removed, unless somebody else owns it.

        Args:
            resource: Where it is.
            obj: What the manager wants; kind and apiVersion may be left out.
            field_manager: Who wants it.
            force: Whether to take fields that others own and that get another value.

        Raises:
            FakeApiError: 409 Conflict with a cause FieldManagerConflict for each such field; 404 or 422.
        """
        parsed, key = self._place(resource, obj)
        options = WriteOptions(is_trusted=True, manager=field_manager, force=force)
        return self._cluster.writing.apply(parsed, key, obj, options)[0]

    def delete(
        self,
        resource: str,
        key: str,
        *,
        propagation_policy: Literal["Background", "Foreground", "Orphan"] | None = None,
    ) -> RawObject:
        """Delete an object, or mark it with a deletionTimestamp if it has finalizers. Returns its last state.

        Args:
            resource: Where it is.
            key: Which one.
            propagation_policy: What becomes of its dependents; as ``Background`` by default.

        Raises:
            FakeApiError: 404.
        """
        options = Deletion(policy=propagation_policy or "", grace=0)
        return self._cluster.deleting.delete(Resource.parse(resource), key, options)[0]

    def get(self, resource: str, key: str) -> RawObject:
        """Read an object; a copy.

        Args:
            resource: Where it is.
            key: ``namespace/name``, or ``name``.

        Raises:
            FakeApiError: 404.
        """
        return self._storage.get(Resource.parse(resource), key)

    def list(
        self, resource: str, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> _Objects:
        """Read all objects that are selected, in key order; copies.

        Args:
            resource: Such as ``v1/pods``.
            namespace: One namespace; None for all.
            label_selector: As in kubectl: ``app=web,tier in (a,b)``.
            field_selector: As in kubectl: ``spec.nodeName=node-7``.

        Raises:
            FakeApiError: 404; 400, the resource cannot be selected by a field.
            ValueError: A selector cannot be read.
        """
        collection = self._storage.collection(Resource.parse(resource))
        labels = LabelSelector.parse(label_selector)
        fields = collection.type.select_fields(FieldSelector.parse(field_selector))
        selection = Selection(collection.type, namespace or "", labels, fields)
        entries = ((key, collection.entries[key]) for key in collection.keys)
        return [collection.type.decode(stored.body) for key, stored in entries if selection.matches(key, stored)]

    # Resources

    def register(self, resource: str, *, kind: str, namespaced: bool = True, status_subresource: bool = False) -> None:
        """Serve a custom resource whose objects may hold anything.

        Args:
            resource: Such as ``example.com/v1/widgets``.
            kind: Such as ``Widget``.
            namespaced: Whether its objects live in namespaces.
            status_subresource: Whether clients write its status through ``/status`` only.

        Raises:
            UsageError: It is served already.
        """
        subresources = ("status",) if status_subresource else ()
        type_ = ResourceType(Resource.parse(resource), kind, namespaced, custom=True, subresources=subresources)
        self._storage.register(type_)

    def register_crd(self, manifest: RawObject | str | os.PathLike[str]) -> RawObject:
        """Create a CustomResourceDefinition, and serve what it defines from now on. Returns it as stored.

        Args:
            manifest: The definition, or the path of a YAML or JSON file with it and nothing else.

        Raises:
            FakeApiError: 409, it exists; 422, the manifest is one that a real server refuses.
            OSError: The file cannot be read.
            ValueError: It holds no object.
        """
        loaded = manifest if isinstance(manifest, dict) else _load(Path(manifest))
        return self._cluster.writing.create(CRDS, loaded, options=_TRUSTED)

    def unregister(self, resource: str) -> None:
        """Delete a resource as if its CRD was: DELETED for every object, the end of every watch, then 404.

        Args:
            resource: Such as ``example.com/v1/widgets``.

        Raises:
            FakeApiError: 404, it is not served.
        """
        self._cluster.unregister(Resource.parse(resource))

    def _place(self, resource: str, obj: RawObject) -> tuple[Resource, str]:
        parsed = Resource.parse(resource)
        return parsed, key_of(self._storage.collection(parsed).type, obj)


def _load(path: Path) -> RawObject:
    try:
        return read_body("application/yaml", path.read_bytes())
    except FakeApiError as error:
        raise ValueError(f"{path} holds no manifest: {error.status['message']}") from None
