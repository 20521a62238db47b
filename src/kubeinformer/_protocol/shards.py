"""A part of a collection, by the hash of the objects' uids: what is requested from the server, and what is kept.

Rules. The same objects are kept whatever the server does with ``shardSelector``, because each object is hashed here as
well. Servers without the feature ignore the parameter, and nothing in a stream says whether a server followed it; of
lists, only those of built-in kinds say so. A server that follows it saves work and network traffic, but the result does
not depend on it.

Theory. The server hashes the text of the uid with FNV-1a, 64 bits, and selects half-open ranges. An object has the same
uid for its whole life, so it never changes its shard. If it is deleted and created again, it may be in another one. In
Python a hash takes 3 µs, and only sharded informers compute it.

Source. The gate ShardedListAndWatch of 1.36 (alpha). Hash, bounds and spelling were seen on a real 1.37, and
``tests/conformance/test_sharding.py`` checks them.
"""

from dataclasses import dataclass

from kubeinformer._protocol.status import Status

__all__ = ["Shard", "checked_shard", "refuses_shard"]

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF  # FNV-1a, 64 bits
_HASHES = 1 << 64


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal ranges of hashes.

    Attributes:
        index: The number of this range, counted from 0.
        count: How many ranges there are.
    """

    index: int
    count: int

    @property
    def start(self) -> int:
        """The first hash in this range."""
        return _HASHES * self.index // self.count

    @property
    def end(self) -> int:
        """The first hash after this range."""
        return _HASHES * (self.index + 1) // self.count

    @property
    def selector(self) -> str:
        """The value of the ``shardSelector`` parameter."""
        return f"shardRange(object.metadata.uid, '{self.start:#018x}', '{self.end:#018x}')"

    def holds(self, uid: str) -> bool:
        """Whether the object with this uid belongs to this shard."""
        value = _OFFSET
        for byte in uid.encode():
            value = (value ^ byte) * _PRIME & _MASK
        return self.start <= value < self.end


def checked_shard(given: tuple[int, int] | None) -> Shard | None:
    """The shard that a user asked for; None for the whole collection.

    Args:
        given: The index and the count.

    Raises:
        ValueError: There is no such shard.
    """
    if given is None:
        return None
    match given:
        case (int(index), int(count)) if 0 <= index < count <= _HASHES:
            return Shard(index, count) if count > 1 else None
        case _:
            raise ValueError(
                f"shard={given!r} must be (INDEX, COUNT), such as (0, 3): which one, from 0, and of how many"
            )


def refuses_shard(status: Status) -> bool:
    """Whether a server knows the parameter, but refuses its value. The feature is alpha, so its format may change."""
    return 400 <= status.code <= 500 and "shard" in status.message.lower()  # noqa: PLR2004 - HTTP's codes
