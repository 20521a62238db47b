"""One object at rest, and one change of it.

Theory. A cache of a hundred thousand dicts makes every garbage collection walk millions of containers; that tripled
the time to sync. So an entry is a struct of bytes, str and int that the collector never sees, and a body is compressed
JSON that is decoded when somebody reads it. Identity and version stand outside the body, because sweeps and folds need
them for every object and must not decode.
"""

from typing import Any, TypeAlias

import msgspec

from kubeinformer.resources import RawObject

__all__ = ["Body", "Change", "Entry"]

Body: TypeAlias = bytes | RawObject
"""What a codec keeps: bytes, or the decoded object with ``retain="objects"``."""


class Entry(msgspec.Struct, gc=False):
    """One object at rest. gc=False is safe: no field can lead back to an Entry.

    Held by the write side alone, which moves ``generation`` and may encode ``body`` anew; other content of the
    object is a new Entry, so that who holds one holds one state of the object.

    Attributes:
        uid: Another uid under the same key is a delete and an add.
        resource_version: The version of this state.
        generation: The sweep that saw it last.
        encoding: The codec's number for how ``body`` is encoded.
        body: What the codec made of the JSON.
        checked: The consistency check that found it on the server last, 0 for none. Costs no memory: allocators round
            the struct up to this size anyway.
    """

    uid: str
    resource_version: str
    generation: int
    encoding: int
    body: Body
    checked: int = 0

    def __repr__(self) -> str:
        # Never the body: it may be a Secret's.
        return f"Entry(uid={self.uid!r}, resource_version={self.resource_version!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("uid", self.uid), ("resource_version", self.resource_version)]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One step of one key. Adding has no ``old``, deleting has no ``new``.

    Attributes:
        key: ``namespace/name`` or ``name``.
        old: The state before: what readers were told last.
        new: The state after.
        final: For a deletion that the server sent: the state it ended with. None when it was found by comparing.
    """

    key: str
    old: Entry | None
    new: Entry | None
    final: Entry | None = None
