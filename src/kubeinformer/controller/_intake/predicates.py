"""Which events need a reconcile.

Theory. One reconcile too many costs a little; a missing one breaks correctness. So an event passes whenever a predicate
cannot decide, and also if a predicate raises. The predicates in this module read only metadata, as the server sent it.
So they work with any ``model=``, and decode nothing but the metadata.

The predicates in this module decide about updates; additions and deletions always pass them. Resyncs by
``resync_period=`` are not events, so no predicate is asked about them.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, NoReturn, TypeAlias, cast, final

from typing_extensions import TypeVar

from kubeinformer import Added, Deleted, Informer, RawObject, Updated, UsageError
from kubeinformer.controller.naming import name_of

__all__ = [
    "Filtered",
    "ObjectEvent",
    "Predicate",
    "annotations_changed",
    "checked",
    "checked_all",
    "generation_changed",
    "labels_changed",
    "resource_version_changed",
]

T = TypeVar("T", default=RawObject)

ObjectEvent: TypeAlias = Added[T] | Updated[T] | Deleted[T]
"""An event about one object: any event except `Synced`."""


@final
class Predicate(Generic[T]):
    """A function that decides whether an event passes, with operators: ``a & b``, ``a | b``, ``~a``.

    Any callable that takes an event is a predicate by itself. Use this class to combine predicates:
    ``Predicate(is_mine) & ~labels_changed``.

    Args:
        function: Takes an `Added`, `Updated` or `Deleted`. It must not be async, and must be quick, because it runs for
            every event.
        name: The name for error messages; None for the function's own name.

    Attributes:
        needs_metadata: Whether the predicate looks at more than ``retain="keys"`` keeps. With that form, it would take
            every object for unchanged.

    Raises:
        UsageError: The function is not callable, or it is async: what an async function returns would always count as
            true. Also raised if the predicate itself is used as a bool, as ``and`` and ``not`` do.
    """

    def __init__(self, function: Callable[[ObjectEvent[T]], bool], *, name: str | None = None) -> None:
        self._function = checked(function)
        self.__qualname__ = name or name_of(function)
        self.needs_metadata: bool = isinstance(function, Predicate) and function.needs_metadata

    def __call__(self, event: ObjectEvent[T]) -> bool:
        """Return whether the event passes."""
        return bool(self._function(event))

    def __and__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        second = Predicate(other)

        def both(event: ObjectEvent[T]) -> bool:
            return self(event) and second(event)

        return _combined(both, f"({self.__qualname__} & {second.__qualname__})", self, second)

    def __or__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        second = Predicate(other)

        def either(event: ObjectEvent[T]) -> bool:
            return self(event) or second(event)

        return _combined(either, f"({self.__qualname__} | {second.__qualname__})", self, second)

    def __rand__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        return Predicate(other) & self

    def __ror__(self, other: Callable[[ObjectEvent[T]], bool]) -> "Predicate[T]":
        return Predicate(other) | self

    def __bool__(self) -> NoReturn:
        # `a and b` would be b, and `not a` would be False: a filter that filters wrongly, unnoticed.
        raise UsageError(f"predicate {self.__qualname__} was taken for true or false: combine them with &, | and ~")

    def __invert__(self) -> "Predicate[T]":
        def inverse(event: ObjectEvent[T]) -> bool:
            return not self(event)

        return _combined(inverse, f"~{self.__qualname__}", self)

    def __repr__(self) -> str:
        return f"<Predicate {self.__qualname__}>"


class Filtered(Generic[T]):
    """An informer of which only some events count. A `Controller` takes it in place of an informer in ``owns=`` and
    ``watches=``.

    ``Controller(..., owns=[Filtered(deployments, generation_changed)])``

    Args:
        informer: Where the events come from.
        predicates: An event counts if it passes all of them.

    Raises:
        UsageError: A predicate is not callable or is async, or it looks at something that this informer does not keep.
    """

    def __init__(self, informer: Informer[T], *predicates: Callable[[ObjectEvent[T]], bool]) -> None:
        self.informer: Informer[T] = informer
        self.predicates: tuple[Callable[[ObjectEvent[T]], bool], ...] = tuple(checked_all(predicates, informer))

    def __repr__(self) -> str:
        return f"<Filtered {self.informer.resource}: {', '.join(map(name_of, self.predicates))}>"


def checked_all(
    predicates: Sequence[Callable[[ObjectEvent[T]], bool]], informer: Informer[T]
) -> list[Callable[[ObjectEvent[T]], bool]]:
    """Check each predicate of a list, as ``checked`` does.

    Raises:
        UsageError: The argument is not a list, or one of them cannot be a predicate of this informer's events.
    """
    if not isinstance(cast("object", predicates), list | tuple):
        raise UsageError(f"predicates= is of type {type(predicates).__name__}: give a list")
    return [checked(predicate, informer) for predicate in predicates]


def checked(
    predicate: Callable[[ObjectEvent[T]], bool], informer: Informer[T] | None = None
) -> Callable[[ObjectEvent[T]], bool]:
    """Return the predicate, if it can be one for the events of this informer.

    Raises:
        UsageError: It is not callable or is async, or it looks at something that the informer does not keep.
    """
    if not callable(cast("object", predicate)):
        raise UsageError(f"a predicate is of type {type(predicate).__name__}: give functions of an event")
    if inspect.iscoroutinefunction(predicate):
        raise UsageError(f"predicate {name_of(predicate)} is async: make it a plain function that returns a bool")
    if isinstance(predicate, Predicate) and predicate.needs_metadata and informer and not informer.keeps_metadata:
        raise UsageError(
            f"predicate {name_of(predicate)} would see no change in {informer.resource}: "
            'retain="keys" keeps neither labels nor annotations; take "metadata"'
        )
    return predicate


def _combined(function: Callable[[ObjectEvent[T]], bool], name: str, *parts: Predicate[T]) -> Predicate[T]:
    predicate = Predicate(function, name=name)
    predicate.needs_metadata = any(part.needs_metadata for part in parts)
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


generation_changed: Predicate[Any] = Predicate(_generation, name="generation_changed")
"""An update passes if it changed ``metadata.generation``. Changes of the spec do that; changes of status, labels or
annotations do not. Updates of objects without a generation, such as ConfigMaps, always pass, and so do additions and
deletions."""

resource_version_changed: Predicate[Any] = Predicate(_resource_version, name="resource_version_changed")
"""An update passes if it changed anything, or if the object was deleted and created again. Additions and deletions
always pass."""

labels_changed: Predicate[Any] = Predicate(_labels, name="labels_changed")
"""An update passes if it changed ``metadata.labels``. Additions and deletions always pass."""

annotations_changed: Predicate[Any] = Predicate(_annotations, name="annotations_changed")
"""An update passes if it changed ``metadata.annotations``. Additions and deletions always pass."""

labels_changed.needs_metadata = annotations_changed.needs_metadata = True
