"""A part of a collection, by the hash of its objects' uids: what the server is asked for, and what is kept.

Rules. Whatever the server does with ``shardSelector``, the same objects are kept: each is hashed here as well. Servers
without the feature ignore the parameter, and nothing in a stream says whether it was obeyed; of lists only those of
built-in kinds say so. Obeyed, it saves the server's and the network's work; the result does not depend on it.

Theory. The server hashes the text of the uid with FNV-1a, 64 bits, and selects half-open ranges. A uid is an object's
for life, so an object never changes its shard; one that is deleted and created anew may. In Python the hash takes 3 µs,
which is paid by sharded informers only.

Source. The gate ShardedListAndWatch of 1.36 (alpha); hash, bounds and spelling were seen on a real 1.37, and
``tests/conformance/test_sharding.py`` keeps seeing them.
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
        index: Which one, from 0.
        count: Of how many.
    """

    index: int
    count: int

    @property
    def start(self) -> int:
        """The first hash that is in it."""
        return _HASHES * self.index // self.count

    @property
    def end(self) -> int:
        """The first one after it that is not."""
        return _HASHES * (self.index + 1) // self.count

    @property
    def selector(self) -> str:
        """What the server is asked for."""
        return f"shardRange(object.metadata.uid, '{self.start:#018x}', '{self.end:#018x}')"

    def holds(self, uid: str) -> bool:
        """Whether the object of this uid belongs to it."""
        value = _OFFSET
        for byte in uid.encode():
            value = (value ^ byte) * _PRIME & _MASK
        return self.start <= value < self.end


def checked_shard(given: tuple[int, int] | None) -> Shard | None:
    """What a user asked for; None for the whole.

    Args:
        given: Index and count.

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
    """Whether a server knows the parameter and does not take what is asked: it may read it otherwise, being alpha."""
    return 400 <= status.code <= 500 and "shard" in status.message.lower()  # noqa: PLR2004 - HTTP's codes
