"""A reader that folds what it is given ends where the store is, however seldom it looks."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._cache.entries import Change, Entry
from kubeinformer._cache.folding import Pending, fold

State: TypeAlias = tuple[str, int] | None  # uid and version; None where there is no object

# A step: the object is in this state now, and whether the server told of its end; and whether the reader looks then.
_STEPS = st.lists(
    st.tuples(st.none() | st.tuples(st.sampled_from("pq"), st.integers(1, 3)), st.booleans(), st.booleans()),
    max_size=15,
)


def entry(state: tuple[str, int], note: str = "") -> Entry:
    uid, version = state
    return Entry(uid, str(version), 0, 0, f"{uid}{version}{note}".encode())


def changes(old: Entry | None, state: State, *, told: bool) -> Iterator[Change]:
    """What a store tells when a key comes to this state."""
    if state is None:
        if old is not None:
            yield Change("a", old, None, final=entry((old.uid, 9), "final") if told else None)
        return
    new = entry(state)
    if old is not None and old.uid != new.uid:
        yield Change("a", old, None)
        yield Change("a", None, new)
    elif old is None or old.resource_version != new.resource_version:
        yield Change("a", old, new)


class Reader:
    """What somebody knows who takes pending changes now and then."""

    def __init__(self) -> None:
        self.state: Entry | None = None
        self.events: list[str] = []

    def take(self, pending: Pending | None) -> None:
        match pending:
            case None:
                pass
            case Pending(seen=None, gone=None, new=Entry() as new):
                assert self.state is None
                self._knows("added", new)
            case Pending(seen=Entry() as seen, gone=None, new=Entry() as new):
                assert seen == self.state
                assert seen.uid == new.uid
                assert seen.resource_version != new.resource_version
                self._knows("updated", new)
            case Pending(seen=Entry() as seen, gone=Entry() as gone, new=new):
                assert seen == self.state
                assert gone.uid == seen.uid
                assert (gone.body.endswith(b"final")) == pending.final_state_known  # type: ignore[union-attr] # bytes here
                self._knows("deleted", None)
                if new is not None:
                    assert new.uid != gone.uid
                    self._knows("added", new)
            case _:
                pytest.fail(f"none of the four forms: {pending}")

    def _knows(self, event: str, state: Entry | None) -> None:
        self.events.append(event)
        self.state = state


@given(_STEPS)
def test_folding_any_history_ends_at_the_stores_state(steps: Sequence[tuple[State, bool, bool]]) -> None:
    held: Entry | None = None
    pending: Pending | None = None
    reader = Reader()
    for state, told, looks in steps:
        for change in changes(held, state, told=told):
            pending = fold(pending, change)
            held = change.new
        if looks:
            reader.take(pending)
            pending = None
            assert reader.state == held
    reader.take(pending)
    assert reader.state == held


@given(_STEPS)
def test_who_looks_at_once_misses_nothing(steps: Sequence[tuple[State, bool, bool]]) -> None:
    held: Entry | None = None
    reader = Reader()
    told_of = 0
    for state, told, _ in steps:
        for change in changes(held, state, told=told):
            reader.take(fold(None, change))
            held = change.new
            told_of += 1
    assert len(reader.events) == told_of


P1, P2, P3, Q1, Q2 = (entry((uid, version)) for uid, version in [("p", 1), ("p", 2), ("p", 3), ("q", 1), ("q", 2)])
FINAL = entry(("p", 4), "final")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([Change("a", None, P1)], Pending(None, None, P1)),
        ([Change("a", None, P1), Change("a", P1, P2)], Pending(None, None, P2)),
        ([Change("a", None, P1), Change("a", P1, None)], None),
        ([Change("a", None, P1), Change("a", P1, None, FINAL), Change("a", None, Q1)], Pending(None, None, Q1)),
        ([Change("a", P1, P2)], Pending(P1, None, P2)),
        ([Change("a", P1, P2), Change("a", P2, P3)], Pending(P1, None, P3)),
        ([Change("a", P1, P2), Change("a", P2, P1)], None),
        ([Change("a", P1, None)], Pending(P1, P1, None, final_state_known=False)),
        ([Change("a", P1, None, FINAL)], Pending(P1, FINAL, None)),
        ([Change("a", P1, P2), Change("a", P2, None)], Pending(P1, P2, None, final_state_known=False)),
        ([Change("a", P1, P2), Change("a", P2, None, FINAL)], Pending(P1, FINAL, None)),
        ([Change("a", P1, None, FINAL), Change("a", None, Q1)], Pending(P1, FINAL, Q1)),
        ([Change("a", P1, None), Change("a", None, Q1)], Pending(P1, P1, Q1, final_state_known=False)),
        ([Change("a", P1, None, FINAL), Change("a", None, Q1), Change("a", Q1, Q2)], Pending(P1, FINAL, Q2)),
        ([Change("a", P1, None, FINAL), Change("a", None, Q1), Change("a", Q1, None)], Pending(P1, FINAL, None)),
        ([Change("a", P1, None), Change("a", None, P1)], None),
        ([Change("a", P1, None), Change("a", None, P2)], Pending(P1, None, P2)),
        ([Change("a", P1, None, FINAL), Change("a", None, Q1), Change("a", Q1, None), Change("a", None, P1)], None),
    ],
)
def test_what_is_left_to_tell(history: Sequence[Change], expected: Pending | None) -> None:
    pending: Pending | None = None
    for change in history:
        pending = fold(pending, change)
    assert pending == expected
