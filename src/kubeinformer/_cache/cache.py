"""The write side: applies what the list-watch machine decided to the entries, and reports what has changed.

Rules. There is one writer. If uid and resource version of an object did not change, its entry stays: nothing is decoded
or compressed, no reader is notified, and only its generation is updated. What a completed generation did not see is
deleted. So a resync of N objects needs memory only for what differs, not for N objects.

Theory. ``_unseen`` counts the entries of older generations. In the usual resync nothing was deleted, so it reaches
zero, and the sweep does not have to look at any entry.
"""

from collections.abc import Iterator, Mapping
from typing import Generic, cast

from typing_extensions import TypeVar

from kubeinformer._cache.codecs import Codec
from kubeinformer._cache.compression import Damaged
from kubeinformer._cache.entries import Body, Change, Entry
from kubeinformer._cache.indexes import Indexer, Indexes
from kubeinformer._cache.reader import Reader
from kubeinformer._protocol.identity import Identity
from kubeinformer.resources import RawObject

__all__ = ["Cache"]

T = TypeVar("T", default=RawObject)

_SWEEP_STRIDE = 2_000  # entries looked at between two pauses: a tenth of a millisecond
_RECODE_STRIDE = 64  # bodies recoded between two pauses: about a millisecond


class Cache(Generic[T]):
    """All stored objects of one collection.

    Args:
        resource: Names the collection in errors.
        codec: Encodes the bodies for storage.
        reader: Decodes an entry to what indexers and users see.
        indexers: The index functions, by name.
    """

    def __init__(
        self, resource: str, codec: Codec, reader: Reader[T], indexers: Mapping[str, Indexer[T]] | None = None
    ) -> None:
        self.codec = codec
        self.reader = reader
        self.entries: dict[str, Entry] = {}
        self.indexes: Indexes[T] = Indexes(resource, indexers or {})
        self.resource_version: str | None = None
        self.stored_bytes: int = 0
        self._generation = 0
        self._unseen = 0

    @property
    def has_enough_samples(self) -> bool:
        """Whether a dictionary should be trained now."""
        compression = self.codec.compression
        return compression is not None and compression.has_enough_samples

    def begin_sweep(self) -> None:
        """Start a new generation: everything is unseen."""
        self._generation += 1
        self._unseen = len(self.entries)

    def upsert(self, identity: Identity, body: bytes) -> tuple[Change, ...]:
        """The object exists in this state. Returns no change if the store already had this state."""
        key = identity.key
        old = self.entries.get(key)
        if old is not None and old.generation != self._generation:
            self._unseen -= 1
            old.generation = self._generation
        if old is not None and old.uid == identity.uid and old.resource_version == identity.resource_version:
            return ()
        new = self._entry(identity, body)
        if self.indexes:
            self.indexes.put(key, self.reader.decode(key, new, body))
        self.entries[key] = new
        self.stored_bytes += _size(new.body) - (_size(old.body) if old is not None else 0)
        if old is not None and old.uid != identity.uid:
            # The deletion happened between two connections, so only the last known state is available.
            return (Change(key, old, None), Change(key, None, new))
        return (Change(key, old, new),)

    def remove(self, identity: Identity, body: bytes) -> Change | None:
        """The object is gone; ``body`` is its final state. Returns no change if the store did not have it."""
        old = self.entries.get(identity.key)
        if old is None:
            return None
        self._drop(identity.key, old)
        if old.uid != identity.uid:
            # Another object with the name of the stored one was deleted. So both are gone, and the final state of the
            # stored one is unknown.
            return Change(identity.key, old, None)
        return Change(identity.key, old, None, final=self._entry(identity, body))

    def sweep(self) -> Iterator[Change | None]:
        """Delete the entries that the current generation did not see, one by one.

        Yields a change for each of them. Also yields None at intervals, so that the caller can let other tasks run.
        """
        if not self._unseen:
            return
        for count, key in enumerate(list(self.entries)):
            entry = self.entries[key]  # it is still there: the only writer is busy here
            if entry.generation != self._generation:
                self._drop(key, entry)
                yield Change(key, entry, None)
            if count % _SWEEP_STRIDE == _SWEEP_STRIDE - 1:
                yield None

    def recode(self) -> Iterator[None]:
        """Encode all bodies again with the current dictionary. Yields at intervals, so that other tasks can run."""
        compression = self.codec.compression
        if compression is None:
            return
        for count, key in enumerate(list(self.entries)):
            entry = self.entries.get(key)  # it may have been deleted while other tasks ran
            if entry is not None and entry.encoding != compression.current:
                try:
                    encoding, body = compression.recode(entry.encoding, cast("bytes", entry.body))
                except Damaged:
                    self.reader.on_damage(key, entry)
                else:
                    self._put_body(entry, encoding, body)
            if count % _RECODE_STRIDE == _RECODE_STRIDE - 1:
                yield None

    def mend(self, entry: Entry, identity: Identity, body: bytes) -> None:
        """Replace the body of an entry. It is the same state of the same object, so no reader is notified."""
        self._put_body(entry, *self.codec.encode(identity, body))

    def _put_body(self, entry: Entry, encoding: int, body: Body) -> None:
        self.stored_bytes += _size(body) - _size(entry.body)
        entry.encoding, entry.body = encoding, body

    def _entry(self, identity: Identity, body: bytes) -> Entry:
        try:
            encoding, kept = self.codec.encode(identity, body)
        except RecursionError:
            raise self.reader.too_deep() from None
        return Entry(identity.uid, identity.resource_version, self._generation, encoding, kept)

    def _drop(self, key: str, entry: Entry) -> None:
        del self.entries[key]
        self.indexes.discard(key)
        self.stored_bytes -= _size(entry.body)
        if entry.generation != self._generation:
            self._unseen -= 1


def _size(body: Body) -> int:
    return len(body) if isinstance(body, bytes) else 0
