"""Which events are worth a reconcile.

Theory. A reconcile that is one too many costs a little, one that is missing costs correctness: so whatever cannot be
told passes, and an event whose predicate raises passes too. The predicates here look at metadata alone, as the server
sent it: any ``model=`` will do, and no more than the metadata is decoded.

Additions and deletions always pass them; they are about updates. Resyncs by ``resync_period=`` are no events and ask no
predicate.
"""

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, final

from typing_extensions import TypeVar

from kubeinformer import Added, Deleted, Informer, RawObject, Updated, UsageError
from kubeinformer.controller.naming import name_of

__all__ = [
    "Filtered",
    "ObjectEvent",
    "Predicate",
    "annotations_changed",
    "generation_changed",
    "labels_changed",
    "resource_version_changed",
]

T = TypeVar("T", default=RawObject)

ObjectEvent: TypeAlias = Added[T] | Updated[T] | Deleted[T]
"""An event about one object: all but `Synced`."""


@final
class Predicate(Generic[T]):
    """A function from an event to whether it passes, with operators: ``a & b``, ``a | b``, ``~a``.

    Any callable is a predicate as it is; this class is for combining: ``Predicate(is_mine) & ~labels_changed``.

    Args:
        function: Takes an `Added`, `Updated` or `Deleted`. Not async, and quick: it runs for every event.

    Raises:
        UsageError: The function is async; what it returned would always count as true.
    """

    def __init__(self, function: Callable[[ObjectEvent[T]], bool]) -> None:
        self._function = checked(function)

    def __call__(self, event: ObjectEvent[T]) -> bool:
        return bool(self._function(event))

    def __and__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        return Predicate(_Both(self, checked(other)))

    def __or__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        return Predicate(_Either(self, checked(other)))

    def __invert__(self) -> "Predicate[T]":
        return Predicate(_Not(self))

    def __repr__(self) -> str:
        return f"Predicate({name_of(self._function)})"


class Filtered(Generic[T]):
    """An informer of which only some events count, wherever a `Controller` takes one in ``owns=`` or ``watches=``.

    ``Controller(..., owns=[Filtered(deployments, generation_changed)])``

    Args:
        informer: Where the events come from.
        predicates: An event counts if it passes all of them.
    """

    def __init__(self, informer: Informer[T], *predicates: Callable[[ObjectEvent[T]], bool]) -> None:
        self.informer = informer
        self.predicates = tuple(checked(predicate) for predicate in predicates)


def checked(predicate: Callable[[ObjectEvent[T]], bool]) -> Callable[[ObjectEvent[T]], bool]:
    """The predicate, if it can be one.

    Raises:
        UsageError: It is async.
    """
    if inspect.iscoroutinefunction(predicate):
        raise UsageError(f"predicate {name_of(predicate)} is async: make it a plain function that returns a bool")
    return predicate


def _generation(event: ObjectEvent[Any]) -> bool:
    if not isinstance(event, Updated):
        return True
    old, new = event.old_metadata.get("generation"), event.metadata.get("generation")
    return old != new or new is None


def _resource_version(event: ObjectEvent[Any]) -> bool:
    if not isinstance(event, Updated):
        return True
    return bool(event.old_metadata.get("resourceVersion") != event.metadata.get("resourceVersion"))


def _labels(event: ObjectEvent[Any]) -> bool:
    return _map_changed("labels", event)


def _annotations(event: ObjectEvent[Any]) -> bool:
    return _map_changed("annotations", event)


def _map_changed(name: str, event: ObjectEvent[Any]) -> bool:
    if not isinstance(event, Updated):
        return True
    return (event.old_metadata.get(name) or {}) != (event.metadata.get(name) or {})


class _Both:
    def __init__(self, first: Callable[[Any], bool], second: Callable[[Any], bool]) -> None:
        self._first, self._second = first, second
        self.__qualname__ = f"{name_of(first)} & {name_of(second)}"

    def __call__(self, event: ObjectEvent[Any]) -> bool:
        return self._first(event) and self._second(event)


class _Either:
    def __init__(self, first: Callable[[Any], bool], second: Callable[[Any], bool]) -> None:
        self._first, self._second = first, second
        self.__qualname__ = f"{name_of(first)} | {name_of(second)}"

    def __call__(self, event: ObjectEvent[Any]) -> bool:
        return self._first(event) or self._second(event)


class _Not:
    def __init__(self, inner: Callable[[Any], bool]) -> None:
        self._inner = inner
        self.__qualname__ = f"~{name_of(inner)}"

    def __call__(self, event: ObjectEvent[Any]) -> bool:
        return not self._inner(event)


generation_changed: Predicate[Any] = Predicate(_generation)
"""Updates that changed ``metadata.generation``: of the spec, but not of status, labels or annotations. Objects that have
no generation, as ConfigMaps, always pass."""

resource_version_changed: Predicate[Any] = Predicate(_resource_version)
"""Updates that changed anything; what differs may be an object that was deleted and made again."""

labels_changed: Predicate[Any] = Predicate(_labels)
"""Updates that changed ``metadata.labels``."""

annotations_changed: Predicate[Any] = Predicate(_annotations)
"""Updates that changed ``metadata.annotations``."""
