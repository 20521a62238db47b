"""One stored object, and one change of it.

Theory. With a cache of a hundred thousand dicts, each garbage collection has to visit millions of containers; this
tripled the time of a sync. So an entry is a struct of bytes, str and int, which the collector never sees. The body is
compressed JSON that is decoded when somebody reads it. Identity and version are stored outside of the body, because
sweeps and folds need them for every object and must not decode anything.
"""

from typing import Any, TypeAlias

import msgspec

from kubeinformer.resources import RawObject

__all__ = ["Body", "Change", "Entry"]

Body: TypeAlias = bytes | RawObject
"""What a codec keeps: bytes, or the decoded object with ``retain="objects"``."""


class Entry(msgspec.Struct, gc=False):
    """One stored object. gc=False is safe: no field can lead back to an Entry.

    Only the write side changes an entry: it updates ``generation``, and may encode ``body`` again. If the content of
    the object changes, a new Entry replaces this one. So whoever holds an Entry holds one state of the object.

    Attributes:
        uid: The object's uid. If a key gets another uid, that is a deletion and an addition.
        resource_version: The version of this state.
        generation: The last generation of sweeps in which it was seen.
        encoding: The codec's number for how ``body`` is encoded.
        body: The JSON as the codec encoded it.
        checked: The number of the last consistency check that found it on the server, 0 for none. It costs no memory,
            because allocators round the struct up to this size anyway.
    """

    uid: str
    resource_version: str
    generation: int
    encoding: int
    body: Body
    checked: int = 0

    def __repr__(self) -> str:
        # Without the body, which may be a Secret's.
        return f"Entry(uid={self.uid!r}, resource_version={self.resource_version!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("uid", self.uid), ("resource_version", self.resource_version)]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change of one key. An addition has no ``old``, a deletion has no ``new``.

    Attributes:
        key: ``namespace/name`` or ``name``.
        old: The state before, about which readers were notified last.
        new: The state after.
        final: For a deletion that the server sent: the object's final state. None if a sweep found the deletion.
    """

    key: str
    old: Entry | None
    new: Entry | None
    final: Entry | None = None
