"""A sorted state whose store has gone on meanwhile: every change is told once, whatever was told of it already."""

from decimal import Decimal
from typing import Any, cast

from kubeinformer import Added, Deleted, RawObject, Store, Updated
from kubeinformer.cli._sort import SortedState, SortKey


def obj(name: str, version: int) -> RawObject:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def state(first: dict[str, int], now: dict[str, int]) -> SortedState:
    """Collected when the versions were those in ``first``; the store has those in ``now``."""
    store = {name: obj(name, version) for name, version in now.items()}
    made = SortedState(SortKey("name"), cast("Store[RawObject]", store))
    for name, version in first.items():
        made.collect(Added(name, obj(name, version)))
    return made


def test_what_did_not_change_is_told_in_order() -> None:
    rows = list(state({"b": 1, "a": 2}, {"b": 1, "a": 2}).rows())
    assert rows == [Added("a", obj("a", 2)), Added("b", obj("b", 1))]


def test_a_change_that_the_row_had_already_is_not_told_again() -> None:
    made = state({"a": 1}, {"a": 3})
    assert list(made.rows()) == [Added("a", obj("a", 3))]
    assert not made.tells(Updated("a", obj("a", 1), obj("a", 3)))
    assert made.tells(Updated("a", obj("a", 3), obj("a", 4)))


def test_a_change_beyond_the_row_is_told() -> None:
    made = state({"a": 1}, {"a": 3})
    list(made.rows())
    assert made.tells(Updated("a", obj("a", 1), obj("a", 4)))


def test_what_went_before_its_row_is_told_by_nothing() -> None:
    made = state({"a": 1}, {})
    assert list(made.rows()) == []
    assert not made.tells(Deleted("a", obj("a", 1)))
    assert made.tells(Added("a", obj("a", 5)))


def test_what_went_after_its_row_is_told() -> None:
    made = state({"a": 1, "b": 1}, {"a": 2, "b": 1})
    list(made.rows())
    assert made.tells(Deleted("a", obj("a", 2)))
    assert made.tells(Deleted("b", obj("b", 1)))
    assert made.tells(Added("c", obj("c", 1)))


def test_values_of_any_kind_have_an_order() -> None:
    values: list[Any] = [None, [], "a", "", 10**30, 2.5, Decimal("1E+400"), False, {"x": 1}, "10", -1]
    order = SortKey(".value")
    places = sorted(order.place(str(number), {"value": value}) for number, value in enumerate(values))
    assert [values[int(key)] for _, _, key in places] == [
        *(-1, False, 2.5, 10**30, Decimal("1E+400")),
        *("", "10", "a"),
        *([], {"x": 1}),
        None,
    ]
