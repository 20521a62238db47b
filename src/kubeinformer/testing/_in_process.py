"""What a test can do to the server without HTTP: by the same rules as clients, but with the rights of a whole cluster.

Rules. Every method takes effect immediately, and what it returns is a copy. A test plays all parts of a cluster. So it
may set status and spec in one write, and needs no resourceVersion. A pod that it deletes is gone immediately, because
the test is its kubelet, too. All other rules are the same as for clients.
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

_Objects: TypeAlias = list[RawObject]  # because inside the class, `list` is its method
_TRUSTED = WriteOptions(is_trusted=True)
_PATCH_TYPES = {"merge": MERGE_PATCH, "json": JSON_PATCH, "strategic": STRATEGIC}


class _InProcess:
    """The part of `FakeApiServer` that is about single objects and resources.

    Args:
        cluster: The objects and rules of the server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._storage = cluster, cluster.storage

    # Objects

    def create(self, resource: str, obj: RawObject) -> RawObject:
        """Create an object, and return a copy of it as it is stored. The default namespace is ``default``.

        If the namespace does not exist, it is created too, so a test does not have to do that; a client would get a
        404. The status is kept, so a running pod takes one call; if the resource has a ``/status``, that of a client
        would be dropped.

        Args:
            resource: Such as ``v1/pods``.
            obj: The object. Kind and apiVersion are optional.

        Raises:
            FakeApiError: 400, 404, 409 AlreadyExists or 422, as over HTTP.
        """
        return self._cluster.writing.create(Resource.parse(resource), obj, options=_TRUSTED)

    def update(self, resource: str, obj: RawObject) -> RawObject:
        """Replace an object. Without a ``metadata.resourceVersion``, any version of it is replaced.

        Args:
            resource: Such as ``v1/pods``.
            obj: The whole object, with its name.

        Raises:
            FakeApiError: 404, 409 Conflict or 422.
        """
        parsed, key = self._place(resource, obj)
        return self._cluster.writing.update(parsed, key, obj, _TRUSTED)

    def update_status(self, resource: str, obj: RawObject) -> RawObject:
        """Replace only the status of an object, as a PUT to ``/status`` does.

        Args:
            resource: Such as ``v1/pods``.
            obj: The object, with its name. Everything except its status is ignored.

        Raises:
            FakeApiError: 404, also if the resource has no ``/status``; 409 Conflict or 422.
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
        """Patch an object.

        Args:
            resource: Such as ``v1/pods``.
            key: ``namespace/name``, or ``name``.
            patch: An object; for a JSON patch, the list of its operations.
            type: JSON merge patch (RFC 7386), JSON patch (RFC 6902), or strategic merge patch, which custom
                resources do not support.

        Raises:
            FakeApiError: 404, 409 Conflict, 415 or 422.
        """
        parsed = Resource.parse(resource)
        type_ = self._storage.collection(parsed).type
        patch_type = check_patch_type(type_, _PATCH_TYPES[type])
        return self._cluster.writing.change(parsed, key, patcher(type_, patch_type, patch), _TRUSTED)

    def apply(self, resource: str, obj: RawObject, *, field_manager: str, force: bool = False) -> RawObject:
        """Server-side apply: create an object, or merge it into the existing one, as this field manager.

        Fields that this manager applied earlier and that are missing now are removed, unless somebody else owns them.

        Args:
            resource: Such as ``v1/pods``.
            obj: The fields that the manager wants. Kind and apiVersion are optional.
            field_manager: The name of the field manager.
            force: Whether to change fields that other managers own, and become their owner.

        Raises:
            FakeApiError: 409 Conflict, with a cause FieldManagerConflict for each field that another manager owns with
                another value; 404 or 422.
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
        """Delete an object, or set its deletionTimestamp if it has finalizers. Returns its last state.

        Args:
            resource: Such as ``v1/pods``.
            key: ``namespace/name``, or ``name``.
            propagation_policy: What happens to its dependents; None means ``Background``.

        Raises:
            FakeApiError: 404.
        """
        options = Deletion(policy=propagation_policy or "", grace=0)
        return self._cluster.deleting.delete(Resource.parse(resource), key, options)[0]

    def get(self, resource: str, key: str) -> RawObject:
        """Return a copy of an object.

        Args:
            resource: Such as ``v1/pods``.
            key: ``namespace/name``, or ``name``.

        Raises:
            FakeApiError: 404.
        """
        return self._storage.get(Resource.parse(resource), key)

    def list(
        self, resource: str, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> _Objects:
        """Return copies of all objects that match, in the order of their keys.

        Args:
            resource: Such as ``v1/pods``.
            namespace: One namespace; None for all.
            label_selector: As in kubectl: ``app=web,tier in (a,b)``.
            field_selector: As in kubectl: ``spec.nodeName=node-7``.

        Raises:
            FakeApiError: 404; 400 if the resource does not support a field of the selector.
            ValueError: A selector is malformed.
        """
        collection = self._storage.collection(Resource.parse(resource))
        labels = LabelSelector.parse(label_selector)
        fields = collection.type.select_fields(FieldSelector.parse(field_selector))
        selection = Selection(collection.type, namespace or "", labels, fields)
        entries = ((key, collection.entries[key]) for key in collection.keys)
        return [collection.type.decode(stored.body) for key, stored in entries if selection.matches(key, stored)]

    # Resources

    def register(self, resource: str, *, kind: str, namespaced: bool = True, status_subresource: bool = False) -> None:
        """Serve a custom resource without a schema: its objects may have any contents.

        Args:
            resource: Such as ``example.com/v1/widgets``.
            kind: Such as ``Widget``.
            namespaced: Whether its objects are in namespaces.
            status_subresource: Whether clients can only write its status through ``/status``.

        Raises:
            UsageError: It is already served.
        """
        subresources = ("status",) if status_subresource else ()
        type_ = ResourceType(Resource.parse(resource), kind, namespaced, custom=True, subresources=subresources)
        self._storage.register(type_)

    def register_crd(self, manifest: RawObject | str | os.PathLike[str]) -> RawObject:
        """Create a CustomResourceDefinition, and serve its resource from now on. Returns it as it is stored.

        Args:
            manifest: The definition, or the path of a YAML or JSON file that contains only the definition.

        Raises:
            FakeApiError: 409 if it exists; 422 if a real server would refuse the manifest.
            OSError: The file cannot be read.
            ValueError: The file does not contain an object.
        """
        loaded = manifest if isinstance(manifest, dict) else _load(Path(manifest))
        return self._cluster.writing.create(CRDS, loaded, options=_TRUSTED)

    def unregister(self, resource: str) -> None:
        """Remove a resource, as if its CRD was deleted: every object is DELETED, every watch ends, then there are 404s.

        Args:
            resource: Such as ``example.com/v1/widgets``.

        Raises:
            FakeApiError: 404 if it is not served.
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
