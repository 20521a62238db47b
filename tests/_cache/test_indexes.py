"""Which keys have which values, through every update."""

import traceback
from collections.abc import Iterable
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer import IndexerError
from kubeinformer._cache.indexes import Indexes

Raw: TypeAlias = dict[str, Any]

_VALUES = st.lists(st.sampled_from("xyz"), max_size=4)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.none() | st.fixed_dictionaries({"one": _VALUES, "two": _VALUES})),
    max_size=20,
)


def new_indexes() -> Indexes[Raw]:
    return Indexes("v1/pods", {"one": lambda item: item["one"], "two": lambda item: iter(item["two"])})


def found(indexes: Indexes[Any], name: str, value: str) -> list[str]:
    return sorted(indexes.keys(name, value))


@given(_STEPS)
def test_equal_to_looking_at_every_object(steps: list[tuple[str, Raw | None]]) -> None:
    indexes, items = new_indexes(), dict[str, Raw]()
    for key, item in steps:
        if item is None:
            indexes.discard(key)
            items.pop(key, None)
        else:
            indexes.put(key, item)
            items[key] = item
        for name in ("one", "two"):
            for value in "xyz":
                assert found(indexes, name, value) == sorted(key for key in items if value in items[key][name])


@given(_STEPS)
def test_nothing_is_left_of_what_was_discarded(steps: list[tuple[str, Raw | None]]) -> None:
    indexes = new_indexes()
    for key, item in steps:
        if item is not None:
            indexes.put(key, item)
    for key in ("a", "b", "c"):
        indexes.discard(key)
    assert not any(indexes._filed.values())
    assert not any(indexes._keys.values())


def test_keys_are_as_they_were_when_asked_for() -> None:
    indexes = new_indexes()
    for key in ("a", "b"):
        indexes.put(key, {"one": ["x"], "two": []})
    keys = indexes.keys("one", "x")
    assert next(keys) == "a"
    indexes.discard("b")
    indexes.put("c", {"one": ["x"], "two": []})
    assert list(keys) == ["b"]
    assert found(indexes, "one", "x") == ["a", "c"]


def test_a_value_that_comes_twice_counts_once() -> None:
    indexes = new_indexes()
    indexes.put("a", {"one": ["x", "y", "x"], "two": []})
    assert list(indexes.keys("one", "x")) == ["a"]
    indexes.put("a", {"one": ["y"], "two": []})
    assert list(indexes.keys("one", "x")) == []


def test_an_index_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="no index 'three' on v1/pods; indexers= gave: 'one', 'two'"):
        new_indexes().keys("three", "x")
    with pytest.raises(KeyError, match="indexers= gave: none"):
        Indexes("v1/pods", {}).keys("one", "x")


def test_true_where_there_is_one() -> None:
    assert new_indexes()
    assert not Indexes("v1/pods", {})


def _raises(item: Raw) -> list[str]:
    raise RuntimeError(item)


def _breaks_off(item: Raw) -> Iterable[str]:
    yield "y"
    raise RuntimeError(item)


@pytest.mark.parametrize(
    ("indexer", "problem"),
    [
        (_raises, "it raised RuntimeError"),
        (_breaks_off, "it raised RuntimeError"),
        (lambda _: None, "it raised TypeError"),
        (lambda _: 7, "it raised TypeError"),
        (lambda _: ["y", 7], "it raised TypeError"),
        (lambda _: [None], "it raised TypeError"),
        (lambda _: [["y"]], "it raised TypeError"),
        (lambda _: "xy", "it returned a str"),
        (lambda _: "", "it returned a str"),
    ],
)
class TestAFunctionThatFails:
    def test_becomes_one_error_that_says_which(self, indexer: Any, problem: str) -> None:
        indexes: Indexes[Raw] = Indexes("v1/pods", {"bad": indexer})
        with pytest.raises(IndexerError, match=problem) as caught:
            indexes.put("default/a", {"secret": "hunter2"})
        error = caught.value
        assert (error.resource, error.index, error.key) == ("v1/pods", "bad", "default/a")
        assert "hunter2" not in str(error)
        assert (error.__cause__ is not None) == ("raised" in problem)
        frames = traceback.extract_tb(error.__cause__.__traceback__) if error.__cause__ else []
        assert "_values" not in [frame.name for frame in frames]  # it has the object among its variables

    def test_leaves_all_indexes_as_they_were(self, indexer: Any, problem: str) -> None:
        def sometimes(item: Raw) -> Any:
            return indexer(item) if item["bad"] else ["y"]

        indexes: Indexes[Raw] = Indexes("v1/pods", {"one": lambda item: [item["one"]], "two": sometimes})
        indexes.put("a", {"one": "x", "bad": False})
        with pytest.raises(IndexerError, match=problem):
            indexes.put("a", {"one": "z", "bad": True})
        assert [found(indexes, "one", "x"), found(indexes, "one", "z"), found(indexes, "two", "y")] == [
            ["a"],
            [],
            ["a"],
        ]
