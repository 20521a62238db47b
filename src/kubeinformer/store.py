"""The read side: a live, local copy of a collection.

Every read is answered from memory, immediately. It does not contain changes that are still on their way from the
server: to read your own write, ``await informer.wait_for(version)`` first. A read decodes the object. Nothing that it
returns is shared with the store or with another reader, except with ``retain="objects"``, which gives this up for
speed.

Iterations look up each key when they reach it. Objects that are added meanwhile are left out, and those that are
deleted meanwhile are skipped. So an iteration needs memory for one list of keys only, whatever the size of the objects.
Every method that decodes may raise what `Store.get` raises.
"""

from collections.abc import Iterator
from typing import Generic, final

import msgspec
from typing_extensions import TypeVar

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.entries import Entry
from kubeinformer._protocol.selectors import LabelSelector
from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject

__all__ = ["Store"]

T = TypeVar("T", default=RawObject)


class _Labels(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Labels | None = None


@final
class Store(Generic[T]):
    """The objects of an informer by key: ``namespace/name``, or ``name`` for cluster-scoped resources.

    Not made by users: it is ``Informer.store``. Reads never wait for the server. They return private copies, except
    with ``retain="objects"``.
    """

    def __init__(self, cache: Cache[T]) -> None:
        self._cache = cache
        self._labels = msgspec.json.Decoder(_Labelled).decode

    @property
    def resource_version(self) -> str | None:
        """The version of the server's state that this store equals; None before the first snapshot is complete."""
        return self._cache.resource_version

    def __len__(self) -> int:
        return len(self._cache.entries)

    def __contains__(self, key: object) -> bool:
        return key in self._cache.entries

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def get(self, key: str) -> T | None:
        """The object with this ``key``, or None. A private copy.

        Raises:
            ModelMismatch: The object does not fit the ``model=``.
            TransformError: The ``transform=`` failed on it.
            CorruptEntry: Its entry was damaged in memory; it is being fetched again.
        """
        entry = self._cache.entries.get(key)
        return None if entry is None else self._cache.reader.load(key, entry)

    def raw(self, key: str) -> bytes | None:
        """The object with this ``key`` as JSON, or None.

        It is what the server sent, byte for byte, unless ``retain=`` keeps less. ``transform=`` is not applied, except
        with ``retain="objects"``.
        """
        entry = self._cache.entries.get(key)
        return None if entry is None else self._cache.reader.raw(key, entry)

    def metadata(self, key: str) -> RawObject | None:
        """The metadata of the object with this ``key``, or None. Cheaper than `get`: nothing else is decoded."""
        entry = self._cache.entries.get(key)
        return None if entry is None else self._cache.reader.metadata(key, entry)

    def keys(self) -> Iterator[str]:
        """All keys as they are now."""
        return iter(tuple(self._cache.entries))

    def values(self) -> Iterator[T]:
        """All objects, each decoded when the iterator reaches it."""
        return (item for _, item in self.items())

    def items(self) -> Iterator[tuple[str, T]]:
        """All keys with their objects, each decoded when the iterator reaches it."""
        return self._load(self.keys())

    def list(self, namespace: str | None = None, label_selector: str | None = None) -> Iterator[T]:
        """The objects in a namespace, or with certain labels, or both, each decoded when the iterator reaches it.

        Of objects that do not match, at most the labels are decoded.

        Args:
            namespace: One namespace; None for all.
            label_selector: As in kubectl: ``app=web,tier in (a,b)``.

        Raises:
            ValueError: The label selector cannot be parsed.
            UsageError: Labels are not kept: ``retain="keys"``.
        """
        keys = self.keys()
        if namespace is not None:
            prefix = f"{namespace}/"
            keys = (key for key in keys if key.startswith(prefix))
        if label_selector:
            selector = LabelSelector.parse(label_selector)
            if not self._cache.codec.keeps_labels:
                raise UsageError(
                    'store.list(label_selector=...) needs labels, and retain="keys" keeps none; take "metadata", '
                    "or give the label_selector to the informer"
                )
            keys = (key for key in keys if selector.matches(self._labels_of(key)))
        return (item for _, item in self._load(keys))

    def by_index(self, name: str, value: str) -> Iterator[T]:
        """The objects for which the indexer ``name`` returned ``value``, each decoded when the iterator reaches it.

        The iterator uses the keys as they are now; objects that are deleted before it reaches them are left out.

        Raises:
            KeyError: There is no indexer of that name; the message lists the names.
        """
        return (item for _, item in self._load(self._cache.indexes.keys(name, value)))

    def index_keys(self, name: str, value: str) -> Iterator[str]:
        """Like `by_index` with ``name`` and ``value``, but returns the keys: nothing is decoded."""
        return self._cache.indexes.keys(name, value)

    def _labels_of(self, key: str) -> dict[str, str]:
        body = self.raw(key)
        try:
            metadata = None if body is None else self._labels(body).metadata
        except msgspec.ValidationError:
            return {}  # a transform has replaced them by something that is not labels
        return (metadata and metadata.labels) or {}

    def _load(self, keys: Iterator[str]) -> Iterator[tuple[str, T]]:
        for key in keys:
            entry: Entry | None = self._cache.entries.get(key)
            if entry is not None:
                yield key, self._cache.reader.load(key, entry)
