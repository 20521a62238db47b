"""From an event of one informer to the keys that a controller reconciles.

Rules. After an update, both the new and the old state are mapped. The object may have lost an owner, or may no longer
refer to something, and what it has left has to be reconciled, too. After a deletion, the last state is mapped.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias, cast, final

from typing_extensions import TypeVar

from kubeinformer import RawObject, Updated, UsageError
from kubeinformer.controller._intake.kinds import Kind
from kubeinformer.controller._intake.predicates import ObjectEvent
from kubeinformer.controller.naming import name_of

__all__ = ["Mapper", "Mapping", "OwnerMapping", "UserMapping"]

T = TypeVar("T", default=RawObject)

Mapper: TypeAlias = Callable[[T], Iterable[str]]
"""Maps an object of a watched informer to the keys to reconcile. Not async: what it needs, it looks up in stores."""


class Mapping(Protocol):
    """What gives the keys for one state of an event's object."""

    def keys(self, event: ObjectEvent[Any], *, old: bool) -> Iterable[str]:
        """The keys for the object as it is, or as it was before an `Updated`."""
        ...


@final
class OwnerMapping:
    """Gives the key of the owner that controls an object, if the owner is of the primary's kind.

    Group and kind are compared, but not the version: a reference may name any version that is served.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def keys(self, event: ObjectEvent[Any], *, old: bool) -> Iterable[str]:
        """No key or one."""
        metadata = event.old_metadata if old and isinstance(event, Updated) else event.metadata
        for owner in metadata.get("ownerReferences") or ():
            group, _, _ = owner["apiVersion"].rpartition("/")
            if owner.get("controller") and owner["kind"] == self._kind.kind and group == self._kind.group:
                return self._key(event.key, owner["name"])
        return ()

    def _key(self, owned: str, name: str) -> tuple[str, ...]:
        if not self._kind.is_namespaced:
            return (name,)
        # A namespaced owner is in the namespace of its dependents; a cluster-scoped object cannot have such an owner.
        namespace, _, _ = owned.rpartition("/")
        return (f"{namespace}/{name}",) if namespace else ()


@final
class UserMapping:
    """Gives the keys that a function of the user returns.

    Raises:
        UsageError: It is not callable, or it is async.
    """

    def __init__(self, mapper: Mapper[Any]) -> None:
        if not callable(cast("object", mapper)):
            raise UsageError(
                f"a mapper is of type {type(mapper).__name__}: give a function from an object to keys, as in "
                "watches=[(informer, mapper)]"
            )
        if inspect.iscoroutinefunction(mapper):
            raise UsageError(
                f"mapper {name_of(mapper)} is async: make it a plain function that returns keys, and let the reconcile "
                "do what has to be awaited"
            )
        self._mapper = mapper

    def keys(self, event: ObjectEvent[Any], *, old: bool) -> Iterable[str]:
        """As the function says."""
        found = self._mapper(event.old if old and isinstance(event, Updated) else event.object)
        # A single string would be taken for keys of one letter each.
        keys = None if isinstance(found, str) else _tuple(found)
        if keys is None or not all(isinstance(key, str) and key for key in cast("tuple[object, ...]", keys)):
            raise UsageError(
                f"mapper {name_of(self._mapper)} returned {type(found).__name__}: it must return keys, as ['shop/web']"
            )
        return keys


def _tuple(found: Iterable[str]) -> tuple[str, ...] | None:
    return tuple(found) if isinstance(cast("object", found), Iterable) else None
