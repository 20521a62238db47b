"""Indexes: which keys have which values, updated with every change.

An index remembers the values under which it filed each key. So an update or a deletion never has to decode the old
object.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeAlias

from typing_extensions import TypeVar

from kubeinformer._cache.user_code import keep_their_frames
from kubeinformer.errors import IndexerError
from kubeinformer.resources import RawObject

__all__ = ["Indexer", "Indexes"]

T = TypeVar("T", default=RawObject)

Indexer: TypeAlias = Callable[[T], Iterable[str]]
"""Returns the values under which to file an object. Must not keep or change the object."""


class Indexes(Generic[T]):
    """All indexes of one collection.

    Args:
        resource: Names the collection in errors.
        indexers: The index functions, by the name of the index.
    """

    def __init__(self, resource: str, indexers: Mapping[str, Indexer[T]]) -> None:
        self._resource = resource
        self._indexers = dict(indexers)
        self._keys: dict[str, dict[str, dict[str, None]]] = {name: {} for name in self._indexers}
        self._filed: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in self._indexers}

    def __bool__(self) -> bool:
        return bool(self._indexers)

    def put(self, key: str, item: T) -> None:
        """File an object that is new or has changed.

        Raises:
            IndexerError: A function raised an exception, or returned something else than strings.
        """
        # All functions run before anything is filed, so that a failure does not leave half an update behind.
        values = {name: self._values(name, indexer, key, item) for name, indexer in self._indexers.items()}
        for name, new in values.items():
            filed = self._filed[name]
            old = filed.get(key, ())
            if old != new:
                self._unfile(name, key, old)
                by_value = self._keys[name]
                for value in new:
                    by_value.setdefault(value, {})[key] = None
                filed[key] = new

    def discard(self, key: str) -> None:
        """Remove a key from all indexes."""
        for name, filed in self._filed.items():
            self._unfile(name, key, filed.pop(key, ()))

    def keys(self, name: str, value: str) -> Iterator[str]:
        """The keys that are filed under a value now. Later changes do not affect the iteration.

        Raises:
            KeyError: There is no index of that name.
        """
        if name not in self._keys:
            known = ", ".join(map(repr, self._keys)) or "none"
            raise KeyError(f"no index {name!r} on {self._resource}; indexers= gave: {known}")
        return iter(tuple(self._keys[name].get(value, ())))

    def _values(self, name: str, indexer: Indexer[T], key: str, item: T) -> tuple[str, ...]:
        try:
            values = indexer(item)
            # Interned, because thousands of objects share a few values, and each index would hold a copy for each.
            unique = tuple(dict.fromkeys(map(sys.intern, values)))
        except Exception as error:  # the user's function may raise anything, which becomes one typed error
            problem = f"it raised {type(error).__name__}"
            keep_their_frames(error)
            raise IndexerError(self._resource, name, key, problem) from error
        if isinstance(values, str):
            problem = "it returned a str, whose letters would become the values; return a list of one"
            raise IndexerError(self._resource, name, key, problem)
        return unique

    def _unfile(self, name: str, key: str, values: tuple[str, ...]) -> None:
        by_value = self._keys[name]
        for value in values:
            keys = by_value[value]
            del keys[key]
            if not keys:
                del by_value[value]
