"""What a reader of ``Informer.events()`` sees: Added, Updated, Deleted, Synced.

Theory. An event holds the compressed bytes of the cache, and decodes them when ``object`` (or ``old``) is read for the
first time. So a reader that only uses keys, as a controller does, causes no decoding, and one that uses ``metadata``
causes only the decoding of that. Each decoded object is a private copy: changing it changes nothing else.
``retain="objects"`` is the one exception, and its documentation says so.

Applying all events of a reader in order always gives the state of the store. If the reader is slower than the server,
intermediate states of a key may be left out.
"""

from typing import Any, ClassVar, Generic, Protocol, Self, TypeAlias, cast, final

import msgspec
from typing_extensions import TypeVar

from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject

__all__ = ["Added", "Deleted", "Event", "Synced", "Updated"]

T = TypeVar("T", default=RawObject)
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


class _Source(Protocol[V_co]):
    """What is kept of an object, not decoded yet."""

    def load(self) -> V_co: ...

    def metadata(self) -> RawObject: ...


class _Lazy(Generic[T]):
    """A value, or the source from which it will be decoded once."""

    __slots__ = ("_is_loaded", "_metadata", "_source", "_value")

    def __init__(self, value: T | None = None, source: _Source[T] | None = None) -> None:
        self._value = value
        self._source = source
        self._is_loaded = source is None
        self._metadata: RawObject | None = None

    def get(self) -> T:
        if not self._is_loaded:
            assert self._source is not None
            self._value, self._is_loaded = self._source.load(), True
        return self._value  # type: ignore[return-value]  # set by the constructor or by the load above

    def metadata(self) -> RawObject:
        if self._metadata is None:
            self._metadata = self._given() if self._source is None else self._source.metadata()
        return self._metadata

    def _given(self) -> RawObject:
        item = msgspec.to_builtins(self._value) if isinstance(self._value, msgspec.Struct) else self._value
        if not isinstance(item, dict):
            raise UsageError(
                f"an event made by hand has metadata if its object is a dict or a Struct, not {type(item).__name__}"
            )
        return cast("RawObject", item).get("metadata") or {}


class _ObjectEvent(Generic[T]):
    """The base of the three events about one object: a key, an object, equality by value."""

    __slots__ = ("_object", "key")

    key: str

    def __init__(self, key: str, object: T) -> None:  # noqa: A002 - the usual term, fixed by the design
        self.key = key
        self._object = _Lazy(object)

    def _load_later(self, key: str, source: _Source[T]) -> Self:
        """What ``__init__`` does, for an object that is not decoded yet."""
        self.key = key
        self._object = _Lazy(source=source)
        return self

    @property
    def object(self) -> T:
        """The object, decoded on first use. A private copy."""
        return self._object.get()

    @property
    def metadata(self) -> RawObject:
        """The object's metadata as a dict, as the server sent it, without model and transform.

        It is decoded on first use. This is cheaper than `object`, because only the metadata is decoded.

        Raises:
            UsageError: The event was made by hand, with an object that is neither a dict nor a `msgspec.Struct`.
            CorruptEntry: The stored object was damaged in memory.
        """
        return self._object.metadata()

    def _facts(self) -> tuple[Any, ...]:
        return (self.key, self.object)

    def __eq__(self, other: Any) -> bool:  # noqa: PYI032 - `object` is a property in this class
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._facts() == other._facts())

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # objects are mutable dicts

    def __repr__(self) -> str:
        # Without the object, which may be a Secret.
        return f"{type(self).__name__}(key={self.key!r})"


@final
class Added(_ObjectEvent[T]):
    """The object is new to this reader.

    Attributes:
        key: ``namespace/name``, or ``name`` for cluster-scoped resources.
        object: The object as it is now.
    """

    __slots__ = ()
    __match_args__ = ("key", "object")

    @staticmethod
    def _lazily(key: str, source: _Source[V]) -> "Added[V]":
        event = cast("Added[V]", Added.__new__(Added))
        return event._load_later(key, source)  # noqa: SLF001 - a constructor of this class


@final
class Updated(_ObjectEvent[T]):
    """The object has changed since this reader's last event about its key.

    Attributes:
        key: As in `Added`.
        old: The object as this reader last saw it.
        object: The object as it is now.
    """

    __slots__ = ("_old",)
    __match_args__ = ("key", "old", "object")

    def __init__(self, key: str, old: T, object: T) -> None:  # noqa: A002 - see _ObjectEvent
        super().__init__(key, object)
        self._old = _Lazy(old)

    @staticmethod
    def _lazily(key: str, old: _Source[V], source: _Source[V]) -> "Updated[V]":
        event = cast("Updated[V]", Updated.__new__(Updated))
        event._old = _Lazy(source=old)  # noqa: SLF001 - a constructor of this class
        return event._load_later(key, source)  # noqa: SLF001 - a constructor of this class

    @property
    def old(self) -> T:
        """The object as this reader last saw it, decoded on first use. A private copy."""
        return self._old.get()

    @property
    def old_metadata(self) -> RawObject:
        """The metadata of `old`. Otherwise as `metadata`."""
        return self._old.metadata()

    def _facts(self) -> tuple[Any, ...]:
        return (self.key, self.old, self.object)


@final
class Deleted(_ObjectEvent[T]):
    """The object is gone, or no longer matches the informer's selectors.

    Attributes:
        key: As in `Added`.
        object: Its last known state.
        final_state_known: True if the server sent the deletion, with the object's final state. False if the deletion
            was found by comparing snapshots: then changes before it may have been missed.
    """

    __slots__ = ("final_state_known",)
    __match_args__ = ("key", "object", "final_state_known")

    final_state_known: bool

    def __init__(self, key: str, object: T, *, final_state_known: bool = True) -> None:  # noqa: A002 - as above
        super().__init__(key, object)
        self.final_state_known = final_state_known

    @staticmethod
    def _lazily(key: str, source: _Source[V], *, final_state_known: bool) -> "Deleted[V]":
        event = cast("Deleted[V]", Deleted.__new__(Deleted))
        event.final_state_known = final_state_known
        return event._load_later(key, source)  # noqa: SLF001 - a constructor of this class

    def _facts(self) -> tuple[Any, ...]:
        return (self.key, self.object, self.final_state_known)


@final
class Synced:
    """All objects of the first snapshot have been delivered to this reader. Each reader gets this once."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Synced)

    def __hash__(self) -> int:
        return hash(Synced)

    def __repr__(self) -> str:
        return "Synced()"


Event: TypeAlias = Added[T] | Updated[T] | Deleted[T] | Synced
"""What iterating over ``Informer.events()`` yields: one of the four events."""
