"""What a reconcile gets, and what it returns.

Theory. A reconcile gets a key, and not the reason why. Several changes since the last call may have become one call. So
a reconcile compares the actual state with the desired state, from the store, each time.
"""

import math
from dataclasses import dataclass
from typing import Final, Generic, cast, final

from typing_extensions import TypeVar

from kubeinformer import Cluster, Informer, RawObject, Store

__all__ = ["Request", "Result", "is_seconds"]

T = TypeVar("T", default=RawObject)

_NOT_READ: Final = object()


def is_seconds(given: object) -> bool:
    """Whether the value is a finite number, and not a string or a timedelta."""
    return isinstance(given, int | float) and math.isfinite(given)


@final
class Request(Generic[T]):
    """One key to reconcile. `Controller` makes it; to test a reconcile, make one yourself.

    Args:
        key: ``namespace/name``, or ``name`` for cluster-scoped resources.
        informer: The primary informer of the controller.
        attempt: The value of the attribute below.

    Attributes:
        key: As given. If the object has been deleted, `object` is None.
        store: The objects of the primary informer.
        cluster: The cluster, for writes.
        attempt: 1, plus the number of times that the reconcile of this key has failed since it last succeeded.
    """

    __slots__ = ("_informer", "_object", "attempt", "cluster", "key", "store")

    def __init__(self, key: str, informer: Informer[T], *, attempt: int = 1) -> None:
        self.key: str = key
        self.store: Store[T] = informer.store
        self.cluster: Cluster = informer.cluster
        self.attempt: int = attempt
        self._informer = informer
        self._object: object = _NOT_READ

    def __repr__(self) -> str:
        return f"Request(key={self.key!r}, attempt={self.attempt})"

    @property
    def namespace(self) -> str | None:
        """The object's namespace, None for cluster-scoped resources."""
        return self.key.rpartition("/")[0] or None

    @property
    def name(self) -> str:
        """The object's name."""
        return self.key.rpartition("/")[2]

    @property
    def object(self) -> T | None:
        """The object, or None if it has been deleted. A private copy, read from the store on the first access.

        For a newer state, call ``store.get(key)`` again.

        Raises:
            ModelMismatch, TransformError, CorruptEntry: As ``Store.get``.
        """
        if self._object is _NOT_READ:
            self._object = self.store.get(self.key)
        return cast("T | None", self._object)

    async def wait_for(self, resource_version: str, *, timeout: float | None = 10.0) -> None:  # noqa: ASYNC109 - as Informer.wait_for
        """Wait until the store has your own write to the primary resource.

        Args:
            resource_version: ``metadata.resourceVersion`` of what the write returned.
            timeout: Seconds; None waits forever.

        Raises:
            WaitTimeout: The time is up.
            ValueError: The given version is not a resource version.
            InformerClosed: The informer was closed.
        """
        await self._informer.wait_for(resource_version, timeout=timeout)


@final
@dataclass(frozen=True, slots=True)
class Result:
    """What a reconcile may return; None means the same as ``Result()``.

    Attributes:
        requeue_after: Seconds after which the key is reconciled again, even if nothing has changed; None for never.

    Raises:
        ValueError: ``requeue_after`` is not a number of seconds.
    """

    requeue_after: float | None = None

    def __post_init__(self) -> None:
        seconds = self.requeue_after
        if seconds is not None and not (is_seconds(seconds) and seconds >= 0):
            raise ValueError(f"requeue_after={seconds!r} must be seconds, 0 or more, or None for never")
