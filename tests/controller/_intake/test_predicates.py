"""Predicates: what they let through, by events made by hand."""

import operator
import re
from typing import Any

import pytest

from kubeinformer import Added, Deleted, RawObject, Updated, UsageError
from kubeinformer.controller import (
    ObjectEvent,
    Predicate,
    annotations_changed,
    generation_changed,
    labels_changed,
    resource_version_changed,
)


def updated(old: RawObject, new: RawObject) -> Updated[RawObject]:
    return Updated("a", {"metadata": old}, {"metadata": new})


ALL = [generation_changed, resource_version_changed, labels_changed, annotations_changed]


@pytest.mark.parametrize("predicate", ALL)
def test_additions_and_deletions_always_pass(predicate: Predicate[Any]) -> None:
    assert predicate(Added("a", {"metadata": {}}))
    assert predicate(Deleted("a", {"metadata": {}}))


@pytest.mark.parametrize(
    ("predicate", "old", "new", "passes"),
    [
        (generation_changed, {"generation": 1}, {"generation": 2}, True),
        (generation_changed, {"generation": 1}, {"generation": 1, "labels": {"a": "b"}}, False),
        (generation_changed, {}, {}, True),  # a ConfigMap: nothing tells
        (resource_version_changed, {"resourceVersion": "1"}, {"resourceVersion": "2"}, True),
        (resource_version_changed, {"resourceVersion": "1"}, {"resourceVersion": "1"}, False),
        (labels_changed, {"labels": {"a": "b"}}, {"labels": {"a": "c"}}, True),
        (labels_changed, {"labels": {"a": "b"}}, {"labels": {"a": "b"}, "generation": 2}, False),
        (labels_changed, {"labels": None}, {}, False),
        (annotations_changed, {}, {"annotations": {"a": "b"}}, True),
        (annotations_changed, {"annotations": {"a": "b"}}, {"annotations": {"a": "b"}}, False),
    ],
)
def test_updates_pass_if_that_has_changed(
    predicate: Predicate[Any], old: RawObject, new: RawObject, *, passes: bool
) -> None:
    assert predicate(updated(old, new)) is passes


def is_a(event: ObjectEvent) -> bool:
    return event.key == "a"


def test_predicates_combine_with_each_other_and_with_functions() -> None:
    same = updated({"generation": 1, "labels": {}}, {"generation": 1, "labels": {"a": "b"}})
    assert (generation_changed | labels_changed)(same)
    assert not (generation_changed & labels_changed)(same)
    assert (~generation_changed)(same)
    assert (labels_changed & is_a)(same)
    assert not (labels_changed & ~Predicate(is_a))(same)
    assert (generation_changed | is_a)(same)
    assert not (is_a & generation_changed)(same)
    assert (is_a | generation_changed)(same)
    assert repr(is_a & labels_changed) == "<Predicate (is_a & labels_changed)>"


def test_what_would_combine_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"generation_changed was taken for true or false: .* &, \| and ~"):
        _ = bool(generation_changed)  # as in `generation_changed and labels_changed`
    with pytest.raises(UsageError, match="was taken for true or false"):
        operator.not_(generation_changed)


def test_the_second_one_is_asked_only_if_it_decides() -> None:
    def never(event: ObjectEvent) -> bool:
        raise AssertionError(event)

    same = updated({"generation": 1}, {"generation": 1})
    assert not (generation_changed & never)(same)
    assert (~generation_changed | never)(same)


def test_combinations_say_what_they_are() -> None:
    assert repr(Predicate(is_a) & ~labels_changed) == "<Predicate (is_a & ~labels_changed)>"
    assert repr(labels_changed | is_a) == "<Predicate (labels_changed | is_a)>"


async def is_async(event: ObjectEvent) -> bool:
    return event.key == "a"


def test_an_async_predicate_would_always_pass_and_is_refused() -> None:
    message = re.escape("predicate is_async is async: make it a plain function")
    with pytest.raises(UsageError, match=message):
        Predicate(is_async)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(UsageError, match=message):
        labels_changed & is_async  # type: ignore[operator]  # the mistake
