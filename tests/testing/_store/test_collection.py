import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer.resources import Resource
from kubeinformer.testing._store.collection import Collection, HistoryLost, Record, View
from kubeinformer.testing._types.kinds import ResourceType

PODS = ResourceType(Resource.parse("v1/pods"), "Pod", namespaced=True)
KEYS = ["a/x", "a/y", "a-b/x", "b/x", "b/y"]
EVERYTHING = ("", "\U0010ffff")

State = dict[str, int]
"""The version of each object."""


def apply(collection: Collection, actions: list[tuple[str, bool]]) -> dict[int, State]:
    """Write or delete key after key, and give the state at every version."""
    state: State = {}
    states = {0: state}
    for version, (key, is_deletion) in enumerate(actions, start=1):
        if is_deletion and key in state:
            state = {name: at for name, at in state.items() if name != key}
            collection.remove(key, Record(version, b"{}"))
        else:
            state = state | {key: version}
            collection.put(key, Record(version, b"{}"))
        states[version] = state
    return states


def content(view: View, start: str = "", end: str = EVERYTHING[1], limit: int | None = None) -> State:
    items = view.items(start, end, limit)
    assert [key for key, _ in items] == sorted(key for key, _ in items)
    return {key: stored.rv for key, stored in items}


actions = st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=30)


@given(actions=actions, limit=st.integers(1, 20), data=st.data())
def test_a_view_is_the_state_at_its_version_or_lost_for_good(
    actions: list[tuple[str, bool]], limit: int, data: st.DataObject
) -> None:
    collection = Collection(PODS, 0, limit, 10**9)
    states = apply(collection, actions)
    for version, state in states.items():
        if version < collection.floor:
            with pytest.raises(HistoryLost):
                View(collection, version)
            continue
        view = View(collection, version)
        assert content(view) == state
        assert view.count(*EVERYTHING) == len(state)
        start, end = sorted((data.draw(st.sampled_from(KEYS)), data.draw(st.sampled_from(KEYS))))
        inside = {key: at for key, at in state.items() if start <= key < end}
        assert content(view, start, end) == inside
        assert view.count(start, end) == len(inside)
        assert content(view, limit=2) == dict(sorted(state.items())[:2])
    assert collection.floor <= max(0, len(actions) - min(limit, len(actions)) + limit // 8), (
        "no more than needed is lost"
    )


@given(actions=actions)
def test_changes_replayed_from_any_version_give_the_newest_state(actions: list[tuple[str, bool]]) -> None:
    collection = Collection(PODS, 0, 100, 10**9)
    states = apply(collection, actions)
    for version, start in states.items():
        state = dict(start)
        for position in range(collection.position_after(version), collection.end):
            change = collection.change_at(position)
            assert (change.before.rv if change.before else None) == state.get(change.key)
            if change.is_deletion:
                del state[change.key]
            else:
                state[change.key] = change.rv
        assert state == states[len(actions)]


def test_the_history_is_bounded_in_bytes_but_keeps_the_newest_change() -> None:
    collection = Collection(PODS, 0, 1000, 10_000)
    for version in range(1, 101):
        collection.put(f"a/{version}", Record(version, b"x" * 1000))
    assert len(collection.changes_since(collection.floor)) <= 10
    assert collection.floor >= 90
    collection.put("a/large", Record(101, b"x" * 100_000))
    assert [change.rv for change in collection.changes_since(100)] == [101]


def test_an_expired_version_stays_expired() -> None:
    collection = Collection(PODS, 0, 100, 10**9)
    apply(collection, [("a/x", False), ("a/y", False)])
    collection.expire(2)
    collection.expire(1)
    collection.put("a/x", Record(3, b"{}"))
    with pytest.raises(HistoryLost) as caught:
        collection.position_after(1)
    assert caught.value.oldest == 2
    assert collection.change_at(collection.position_after(2)).rv == 3
