"""The order of ``watch --sort``: by name, by age, or by the value at a path such as ``.status.phase``.

Rules. Numbers come first, then text, then all other values; objects without such a value come last. Objects with equal
values are in the order of their keys. The informer keeps only what the order needs: keys to sort by name, metadata if
the path is in the metadata.

Theory. Only a state can be sorted; changes come when they come. If changes follow the state, the state is read from the
subscription until `Synced`. Only the place of each object is remembered, not the object; the rows are made from the
store. By then, the store may be ahead of the subscription, so a row may be newer than a change that is still to come.
Such changes are left out (`SortedState.tells`).
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from kubeinformer import Added, Deleted, RawObject, Retain, Store
from kubeinformer.cli._ending import CommandError
from kubeinformer.cli._views import ObjectEvent

__all__ = ["SortKey", "SortedState"]

_Place: TypeAlias = tuple[int, Any, str]  # the kind of value, the value, the key

_STEP = re.compile(r"\.((?:[^.\[\]\\]|\\.)+)|\[([0-9]{1,9})\]")
_AGE = ".metadata.creationTimestamp"
_NUMBER, _TEXT, _OTHER, _NONE = range(4)


class SortKey:
    r"""The value of ``--sort``.

    Args:
        text: ``name``; ``age``, oldest first; or a path: ``.status.phase``, ``.spec.containers[0].image``,
            ``.metadata.labels.app\.kubernetes\.io/name``.

    Attributes:
        needs: The least that an informer has to keep for this order.

    Raises:
        CommandError: The text is none of these.
    """

    def __init__(self, text: str) -> None:
        self._path: tuple[str | int, ...] = () if text == "name" else tuple(_steps(_AGE if text == "age" else text))
        self.needs: Retain = "compressed"
        if not self._path:
            self.needs = "keys"
        elif self._path[0] == "metadata":
            self.needs = "metadata"

    def keys(self, store: Store[RawObject]) -> list[str]:
        """The keys of a store in order. The store must not change any more."""
        return [place[-1] for place in sorted(self._place_in(store, key) for key in store.keys())]  # noqa: SIM118 - says that no object is decoded here

    def place(self, key: str, obj: RawObject | None) -> _Place:
        """The place of an object; places can be compared. The object is only read if its key is not enough."""
        if not self._path:
            return _TEXT, key.rpartition("/")[2], key
        value: Any = obj
        for step in self._path:
            match value, step:
                case dict(), str():
                    value = value.get(step)
                case list(), int() if step < len(value):
                    value = value[step]
                case _:
                    value = None
        match value:
            case None:
                return _NONE, "", key
            case int() | float() | Decimal():
                return _NUMBER, value, key
            case str():
                return _TEXT, value, key
            case _:
                return _OTHER, "", key

    def _place_in(self, store: Store[RawObject], key: str) -> _Place:
        match self.needs:
            case "keys":
                return self.place(key, None)
            case "metadata":
                return self.place(key, {"metadata": store.metadata(key)})
            case _:
                return self.place(key, store.get(key))


def _steps(path: str) -> Iterator[str | int]:
    position = 0
    while match := _STEP.match(path, position):
        name, index = match.groups()
        yield int(index) if name is None else re.sub(r"\\(.)", r"\1", name)
        position = match.end()
    if not path.startswith(".") or position < len(path):
        raise CommandError(
            f"not an order: --sort {path!r}; accepted are 'name', 'age' (oldest first) and paths such as "
            r"'.status.phase', '.spec.containers[0].image' or '.metadata.labels.app\.kubernetes\.io/name'"
        )


class SortedState:
    """The state that a subscription begins with, in order.

    Args:
        order: The order.
        store: The store with the objects.
    """

    def __init__(self, order: SortKey, store: Store[RawObject]) -> None:
        self._order, self._store = order, store
        self._places: list[tuple[_Place, str]] = []
        self._ahead: dict[str, str | None] = {}  # the version that the rows have shown, None if the object was gone

    def collect(self, event: Added[RawObject]) -> None:
        """Take an event from before `Synced`."""
        self._places.append((self._order.place(event.key, event.object), _version(event.object)))

    def rows(self) -> Iterator[Added[RawObject]]:
        """The state in order. Each object is read from the store when it is its turn."""
        self._places.sort()
        for (_, _, key), version in self._places:
            obj = self._store.get(key)
            found = None if obj is None else _version(obj)
            if found != version:
                self._ahead[key] = found
            if obj is not None:
                yield Added(key, obj)
        self._places.clear()

    def tells(self, event: ObjectEvent) -> bool:
        """Whether a later event tells anything that the rows have not shown."""
        if event.key not in self._ahead:
            return True
        told = self._ahead.pop(event.key)
        if isinstance(event, Deleted):
            # It was gone, so it never had a row. An object that took its place gets a row by its Added event.
            return told is not None
        return _version(event.object) != told


def _version(obj: RawObject) -> str:
    return str(obj["metadata"]["resourceVersion"])  # every object in an informer has one
