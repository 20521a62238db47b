"""Collections of any size that are served without being stored: object number i is made when somebody reads it.

Rules. Object i is a pure function of i and of its resourceVersion. So all readers see the same object, and a paged list
is consistent. Only the keys are stored, about 150 bytes per object. When an object is changed or deleted later, an
ordinary record takes its place.

Theory. A template is encoded once, with a placeholder wherever something varies, and cut at the placeholders. To make
an object is then one join, which takes some microseconds for 6.5 KB. The varying parts (uids, hashes, addresses, times)
come from a hash of the index. If objects differed only in counters, they would compress far better than real ones, and
every measurement would look too good.

The versions of a collection are spread over it by a step that is coprime to its size. So each object has its own
version, and the order of the keys is not the order of the versions, as in a cluster with a history.
"""

import datetime as dt
import functools
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable
from math import gcd
from operator import itemgetter
from typing import Protocol

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["Lazy", "MadeObjects", "Seed", "SyntheticObjects", "Template", "Varying"]

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When the fake's world began: timestamps count from here, so that two runs give equal objects."""

_UIDS = uuid.UUID("5f0c4b8e-6b1d-4d0a-9a2e-1b3c5d7e9f00")


def timestamp(seconds: int) -> str:
    """Return a time some seconds after `EPOCH`, in the format of Kubernetes."""
    days, rest = divmod(seconds, 86_400)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day(days)}T{hour:02d}:{minute:02d}:{second:02d}Z"


@functools.cache  # otherwise formatting the date would be a third of the time that a synthetic pod takes
def _day(days: int) -> str:
    return (EPOCH + dt.timedelta(days=days)).strftime("%Y-%m-%d")


def uid(number: int) -> str:
    """Return the uid of the object with this number. Equal numbers give equal uids in every run."""
    return str(uuid.uuid5(_UIDS, str(number)))


class SyntheticObjects(Protocol):
    """Objects that are made on demand. Implement it to seed your own objects at full speed."""

    def __len__(self) -> int:
        """The number of objects."""
        ...

    def key(self, index: int) -> str:
        """The key of object number ``index``: ``namespace/name``, or ``name`` for cluster-scoped resources. Unique."""
        ...

    def body(self, index: int, resource_version: int) -> bytes:
        """Object number ``index`` as JSON with this ``resource_version``, without ``kind`` and ``apiVersion``."""
        ...


class MadeObjects:
    """`SyntheticObjects` from a function that makes a dict: easy to write, about ten times slower than a template."""

    def __init__(self, type_: ResourceType, count: int, make: Callable[[int], RawObject]) -> None:
        self._type, self._count, self._make = type_, count, make

    def __len__(self) -> int:
        return self._count

    def key(self, index: int) -> str:
        """Make the object and read its name. A namespaced object without a namespace is in ``default``."""
        return self._type.key(self._complete(index, 0))

    def body(self, index: int, resource_version: int) -> bytes:
        """Make the object and encode it."""
        obj = self._complete(index, resource_version)
        return msgspec.json.encode({name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}})

    def _complete(self, index: int, resource_version: int) -> RawObject:
        obj = self._make(index)
        defaults = {"namespace": "default"} if self._type.namespaced else {}
        defaults |= {"uid": uid(index), "creationTimestamp": timestamp(index)}
        return obj | {"metadata": defaults | obj["metadata"] | {"resourceVersion": str(resource_version)}}


class Seed:
    """Synthetic objects in a collection, with versions from ``first_version`` on."""

    def __init__(self, type_: ResourceType, objects: SyntheticObjects, first_version: int) -> None:
        self._type, self._objects, self._first_version = type_, objects, first_version
        self._step = _coprime_step(max(1, len(objects)))

    def entries(self) -> Iterable[tuple[str, "Lazy"]]:
        """Yield every key with its object."""
        return ((self._objects.key(index), Lazy(self, index)) for index in range(len(self._objects)))

    def version(self, index: int) -> int:
        """The version of one object, from ``first_version`` to ``first_version + len - 1``."""
        return self._first_version + index * self._step % len(self._objects)

    def body(self, index: int) -> bytes:
        """One object, in the form in which it is stored."""
        return self._type.complete(self._objects.body(index, self.version(index)))


class Lazy(msgspec.Struct, frozen=True, gc=False):
    """An object that is made when it is read. gc=False is safe, because a `Seed` has no references to a `Lazy`."""

    seed: Seed
    index: int

    @property
    def rv(self) -> int:
        """The object's version."""
        return self.seed.version(self.index)

    @property
    def body(self) -> bytes:
        """The object in the form in which it is stored, made again each time."""
        return self.seed.body(self.index)


def _coprime_step(count: int) -> int:
    step = max(2, int(count * 0.618))  # the golden ratio spreads neighbours the most
    while gcd(step, count) != 1:
        step += 1
    return step


class Varying:
    """What differs between the objects of a template. All of it comes from a hash of the index.

    Attributes:
        hex: 192 hexadecimal digits.
        number: An integer of 64 bits.
    """

    __slots__ = ("hex", "number")

    def __init__(self, index: int, salt: bytes) -> None:
        first = hashlib.blake2b(index.to_bytes(8, "big"), key=salt).digest()
        self.number = int.from_bytes(first[:8], "big")
        self.hex = first.hex() + hashlib.blake2b(first, digest_size=32).hexdigest()

    def uid(self) -> str:
        """A uid in the usual form (without the mark of a UUID version)."""
        text = self.hex
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


class Template:
    """An object in which only some strings vary.

    Args:
        obj: The object, with placeholders such as ``«uid»`` in its strings. If a whole string is ``«#name»``, it is
            replaced by a number, without quotes.
        names: The names of the placeholders, in the order in which `render` gets their values.
    """

    def __init__(self, obj: RawObject, names: tuple[str, ...]) -> None:
        text = msgspec.json.encode(obj).decode()
        pieces = re.split(r'"«#(\w+)»"|«(\w+)»', text)
        order = [number or mark for number, mark in zip(pieces[1::3], pieces[2::3], strict=True)]
        # Literal, value, literal, ..., literal. To join such a list is five times faster than str.format or "%".
        self._pieces = [""] * (2 * len(order) + 1)
        self._pieces[::2] = pieces[::3]
        self._values = itemgetter(*(names.index(name) for name in order))

    def render(self, values: tuple[str, ...]) -> bytes:
        """Fill in the placeholders. The values are contents of JSON strings, escaped where needed."""
        pieces = self._pieces.copy()
        pieces[1::2] = self._values(values)
        return "".join(pieces).encode()
