"""How the changes of one key that a reader has not taken yet become one.

Theory. A reader that folds the events it gets must end with the store's state, however slow it is; and what it holds
back must not grow with the number of changes. So what is pending for a key is kept as a difference between two states:
what the reader saw last (``seen``) and what is true now. That has four forms, and each further change leads from one
to another:

===================  ========  ========  =========  ======================================
form                 ``seen``  ``gone``  ``new``    events it becomes
===================  ========  ========  =========  ======================================
new to the reader    no        no        yes        Added(new)
changed              yes       no        yes        Updated(seen, new)
deleted              yes       yes       no         Deleted(gone)
replaced             yes       yes       yes        Deleted(gone), Added(new)
===================  ========  ========  =========  ======================================

An object that came and went unseen leaves nothing. One that went and came back with the same uid (it left a selector
and entered it again, or a resync corrected itself) has merely changed.
"""

import msgspec

from kubeinformer._cache.entries import Change, Entry

__all__ = ["Pending", "fold"]


class Pending(msgspec.Struct, frozen=True, gc=False):
    """The difference between what a reader saw last of a key and what is true now."""

    seen: Entry | None
    gone: Entry | None
    new: Entry | None
    final_state_known: bool = True


def fold(pending: Pending | None, change: Change) -> Pending | None:
    """Fold one more change into what is pending for its key; None when nothing is left to tell."""
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
