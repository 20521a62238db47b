"""Combines the changes of one key that a reader has not taken yet into one.

Theory. A reader that applies all its events must arrive at the state of the store, however slow it is. And the memory
for pending changes must not grow with their number. So what is pending for a key is kept as the difference between two
states: the one that the reader saw last (``seen``), and the current one. This difference has four forms, and each
further change leads from one form to another:

===================  ========  ========  =========  ======================================
form                 ``seen``  ``gone``  ``new``    events it becomes
===================  ========  ========  =========  ======================================
new to the reader    no        no        yes        Added(new)
changed              yes       no        yes        Updated(seen, new)
deleted              yes       yes       no         Deleted(gone)
replaced             yes       yes       yes        Deleted(gone), Added(new)
===================  ========  ========  =========  ======================================

If an object was added and deleted before the reader saw it, nothing is pending. If an object disappeared and came back
with the same uid, it has only changed. This happens if it stops matching a selector and then matches it again, or if a
resync corrects itself.
"""

import msgspec

from kubeinformer._cache.entries import Change, Entry

__all__ = ["Pending", "fold"]


class Pending(msgspec.Struct, frozen=True, gc=False):
    """The difference between the state of a key that a reader saw last and the current one."""

    seen: Entry | None
    gone: Entry | None
    new: Entry | None
    final_state_known: bool = True


def fold(pending: Pending | None, change: Change) -> Pending | None:
    """Add one more change to what is pending for its key. None if nothing is pending then."""
    if pending is None:
        return _first(change)
    seen, new = pending.seen, change.new
    if new is None:
        if seen is None:
            return None
        if pending.gone is not None:  # replaced, and the replacement is gone again, unseen
            return Pending(seen, pending.gone, None, pending.final_state_known)
        return _deletion(seen, change)
    if seen is not None and seen.uid == new.uid:
        return None if seen.resource_version == new.resource_version else Pending(seen, None, new)
    return Pending(seen, pending.gone, new, pending.final_state_known)


def _first(change: Change) -> Pending:
    if change.new is None:
        return _deletion(change.old, change)
    return Pending(change.old, None, change.new)


def _deletion(seen: Entry | None, change: Change) -> Pending:
    return Pending(seen, change.final or change.old, None, change.final is not None)
