"""Owner references: they say which object owns another one, so that it is deleted with its owner and found from it.

Rules. The rules are those of the garbage collector. They are checked before anything is sent, because the server
accepts what breaks them and then deletes the object. A namespaced owner can own objects in its namespace only; a
cluster-scoped owner can own any object. At most one of an object's owners is its *controller*; a `Controller` maps the
object to that one.
"""

from typing import Any

from kubeinformer import RawObject
from kubeinformer.errors import AlreadyOwned

__all__ = ["owner_reference", "set_controller_reference"]


def owner_reference(owner: RawObject, *, controller: bool = True, block_owner_deletion: bool = True) -> RawObject:
    """Make one entry of ``metadata.ownerReferences``.

    Args:
        owner: The owner as the server returned it, with ``apiVersion``, ``kind``, name and uid.
        controller: Whether the owner is the object's controller.
        block_owner_deletion: Whether a foreground deletion of the owner waits for the object. Where the admission
            plugin OwnerReferencesPermissionEnforcement runs, this needs the right to ``update`` the owner's
            ``finalizers``.

    Raises:
        ValueError: The owner lacks one of these fields.
    """
    metadata = owner.get("metadata") or {}
    facts = {
        "apiVersion": owner.get("apiVersion"),
        "kind": owner.get("kind"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
    }
    if missing := [name for name, value in facts.items() if not value]:
        raise ValueError(
            f"{_described(owner)} cannot be an owner without {', '.join(missing)}: give it as the server answered it"
        )
    return facts | {"controller": controller, "blockOwnerDeletion": block_owner_deletion}


def set_controller_reference(owner: RawObject, obj: RawObject, *, block_owner_deletion: bool = True) -> None:
    """Make ``owner`` the controller of ``obj``. Changes ``obj`` in place; its other owners stay.

    Args:
        owner: The owner as the server returned it.
        obj: The object that it owns, with its namespace if it has one. It need not exist yet.
        block_owner_deletion: As for `owner_reference`.

    Example:
        >>> from kubeinformer.controller import set_controller_reference
        >>> widget = {
        ...     "apiVersion": "example.com/v1", "kind": "Widget",
        ...     "metadata": {"name": "w", "namespace": "shop", "uid": "c0ffee"},
        ... }
        >>> page = {"metadata": {"name": "w-page", "namespace": "shop"}}
        >>> set_controller_reference(widget, page)
        >>> page["metadata"]["ownerReferences"][0]["name"]
        'w'

    Raises:
        AlreadyOwned: Another object is the controller of ``obj``.
        ValueError: The owner lacks a field that a reference needs, or is in another namespace.
    """
    reference = owner_reference(owner, block_owner_deletion=block_owner_deletion)
    metadata: RawObject = obj.setdefault("metadata", {})
    home, place = owner["metadata"].get("namespace"), metadata.get("namespace")
    if home and home != place:
        where = f"in namespace {place!r}" if place else "in no namespace (set metadata.namespace)"
        raise ValueError(
            f"{_described(owner)} cannot own {_described(obj)}, which is {where}: "
            "the garbage collector would not find the owner, and delete the object"
        )
    owners: list[RawObject] = metadata.get("ownerReferences") or []
    for other in owners:
        if other.get("controller") and other.get("uid") != reference["uid"]:
            raise AlreadyOwned(_described(obj), f"{other.get('kind')} {other.get('name')}")
    kept = [other for other in owners if other.get("uid") != reference["uid"]]
    metadata["ownerReferences"] = [*kept, reference]


def _described(obj: RawObject) -> str:
    metadata: dict[str, Any] = obj.get("metadata") or {}
    name = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
    return f"{obj.get('kind') or 'an object of no kind'} {name or 'without a name'}"
