"""Which parts of a write count: what a request may change, what the server fills in, and what it refuses.

Rules. Pure: objects in, a new object or a refusal out. If there is a ``/status``, a write to the main resource does not
change the status, and a write to ``/status`` changes nothing else. What belongs to the server (uid, creationTimestamp,
generation, deletionTimestamp) stays as it is, whatever the client sends. An attempt to change it is refused if the real
server refuses it.

Theory. A test that writes in process plays all parts of a cluster, including the kubelet and the controllers. So its
writes are trusted: they set spec and status in one write, and need no resourceVersion. Everything else holds for them
as well.

Source. ``apiserver/pkg/registry/rest`` (create.go, update.go) and the strategies in ``pkg/registry`` at 1.37; every
refusal was seen on a real kube-apiserver.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._status import Cause
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._types.schema import defaulted, pruned, violations
from kubeinformer.testing._types.traits import counts_generations, has_status, resets_status
from kubeinformer.testing._write.metadata import immutable, metadata_causes, new_finalizers

__all__ = ["WriteOptions", "changed_object", "check_version", "metadata_of", "new_object", "same"]

_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "selfLink")
_OMITTED_IF_EMPTY = ("labels", "annotations", "ownerReferences", "finalizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """The options of a write.

    Attributes:
        manager: The field manager; empty if none is named.
        subresource: ``status``, or empty for the main resource.
        dry_run: Whether nothing is stored.
        force: Whether an apply takes over fields that others own.
        is_trusted: Whether the test itself writes, not a client.
    """

    manager: str = ""
    subresource: str = ""
    dry_run: bool = False
    force: bool = False
    is_trusted: bool = False


class _Metadata(msgspec.Struct):
    """The types of the fields that the fake reads in metadata."""

    name: str | None = None
    generateName: str | None = None  # noqa: N815 - the API's name
    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None  # noqa: N815 - as above
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    ownerReferences: list[dict[str, str | bool | None]] | None = None  # noqa: N815 - as above


def metadata_of(type_: ResourceType, obj: RawObject, namespace: str | None) -> RawObject:
    """Copy an object's metadata, with its namespace, without empty values; 400 if the URL has another namespace."""
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = {}
    try:
        msgspec.convert(metadata, _Metadata)
    except msgspec.ValidationError as error:
        what = f'{type_.kind} in version "{type_.resource.version}" cannot be handled as a {type_.kind}'
        raise _status.bad_request(f"{what}: metadata: {error}") from None
    metadata = {
        name: value
        for name, value in metadata.items()
        if value is not None and (value or name not in _OMITTED_IF_EMPTY)
    }
    if not type_.namespaced:
        metadata.pop("namespace", None)
        return metadata
    given = metadata.setdefault("namespace", namespace or "default")
    if namespace is not None and given != namespace:
        raise _status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return metadata


def new_object(type_: ResourceType, obj: RawObject, metadata: RawObject, options: WriteOptions) -> RawObject:
    """Return the object that a creation stores. Its metadata has a name, and the fields of the server.

    Raises:
        FakeApiError: 422.
    """
    if counts_generations(type_):
        metadata["generation"] = 1
    content = {name: value for name, value in obj.items() if type_.custom or value is not None}
    result = content | {"metadata": metadata}
    if resets_status(type_) and not options.is_trusted:
        result.pop("status", None)
        if type_.kind == "Pod":
            result["status"] = {"phase": "Pending"}
    return _checked(type_, result, [])


def changed_object(type_: ResourceType, old: RawObject, new: RawObject, options: WriteOptions) -> RawObject:
    """Return the object that a write to an existing one stores. ``new`` has its name and namespace.

    Raises:
        FakeApiError: 422.
    """
    before, metadata = old["metadata"], dict(new["metadata"])
    causes = _immutable_causes(before, metadata)
    for name in _SERVERS_OWN:
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]
    if "deletionGracePeriodSeconds" in before:
        metadata["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]
    content = {name: value for name, value in new.items() if type_.custom or value is not None}
    if options.subresource == "status":
        result = {name: value for name, value in old.items() if name != "status"}
        result |= {"status": new["status"]} if new.get("status") is not None else {}
        # The /status of a built-in resource accepts new metadata, too; that of a custom resource does not.
        result["metadata"] = dict(before) if type_.custom else metadata
        if type_.kind == "Deployment":
            result["metadata"] = _with(metadata, labels=before.get("labels"))
    else:
        result = content | {"metadata": metadata}
        if has_status(type_) and not options.is_trusted:
            result = _with(result, status=old.get("status"))
    result = _checked(type_, result, causes)
    if counts_generations(type_) and not same(_content(type_, result), _content(type_, old)):
        result["metadata"]["generation"] = before.get("generation", 0) + 1
    return result


def check_version(type_: ResourceType, old: RawObject, new: RawObject, options: WriteOptions) -> None:
    """Refuse a PUT that would replace a different object or state than intended.

    Raises:
        FakeApiError: 409; 422 if a PUT must have a version and has none.
    """
    before, metadata, resource = old["metadata"], new["metadata"], type_.resource
    version = metadata.get("resourceVersion") or ""
    if not version and type_.requires_version and not options.is_trusted:
        raise _status.version_required(resource, before["name"])
    if metadata.get("uid", before.get("uid")) != before.get("uid"):
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {before.get('uid')}"
        raise _status.conflict(resource, before["name"], why)
    if version and version != before["resourceVersion"]:
        raise _status.stale(resource, before["name"])


def same(left: RawObject, right: RawObject) -> bool:
    """Whether two objects are equal, except for the spelling of kind and version."""
    return {**left, "kind": "", "apiVersion": ""} == {**right, "kind": "", "apiVersion": ""}


def _with(obj: RawObject, **fields: object) -> RawObject:
    """Replace values of an object; None removes a field."""
    kept = {name: value for name, value in obj.items() if name not in fields}
    return kept | {name: value for name, value in fields.items() if value is not None}


def _content(type_: ResourceType, obj: RawObject) -> RawObject:
    """The part of an object whose changes make a new generation."""
    if not type_.custom:
        return {"spec": obj.get("spec")} if type_.kind != "EndpointSlice" else _with(obj, metadata=None)
    return _with(obj, metadata=None, **({"status": None} if has_status(type_) else {}))


def _immutable_causes(before: RawObject, metadata: RawObject) -> list[Cause]:
    causes = []
    if metadata.get("uid", before.get("uid")) != before.get("uid"):
        causes.append(immutable("uid", metadata["uid"]))
    if "deletionTimestamp" not in before and "deletionTimestamp" in metadata:
        causes.append(immutable("deletionTimestamp", metadata["deletionTimestamp"]))
    grace = before.get("deletionGracePeriodSeconds")
    if metadata.get("deletionGracePeriodSeconds", grace) != grace:
        causes.append(immutable("deletionGracePeriodSeconds", metadata["deletionGracePeriodSeconds"]))
    if "deletionTimestamp" in before:
        added = [name for name in metadata.get("finalizers", []) if name not in before.get("finalizers", [])]
        causes += [new_finalizers(sorted(set(added)))] if added else []
    return causes


def _checked(type_: ResourceType, obj: RawObject, causes: Sequence[Cause]) -> RawObject:
    """Prune, fill in defaults, and refuse what violates the schema."""
    if type_.schema is not None:
        obj = defaulted(pruned(obj, type_.schema, is_root=True), type_.schema)
    found = [*causes, *metadata_causes(type_.kind, obj["metadata"])]
    if type_.schema is not None:
        found += violations(obj, type_.schema)
    if found:
        raise _status.invalid(type_.kind, type_.resource.group, obj["metadata"].get("name", ""), found)
    return obj
