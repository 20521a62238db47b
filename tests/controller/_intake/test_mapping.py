import re
from collections.abc import Iterator
from typing import Any

import pytest

from kubeinformer import Added, RawObject, UsageError
from kubeinformer.controller._intake.kinds import Kind
from kubeinformer.controller._intake.mapping import OwnerMapping, UserMapping


def owner(name: str, *, kind: str = "Widget", controller: bool | None = True) -> RawObject:
    reference = {"apiVersion": "example.com/v1", "kind": kind, "name": name}
    return reference if controller is None else reference | {"controller": controller}


def added(key: str, *owners: RawObject) -> Added[RawObject]:
    return Added(key, {"metadata": {"ownerReferences": list(owners)}})


def test_the_controlling_owner_of_the_kind_is_the_key() -> None:
    mapping = OwnerMapping(Kind("example.com", "Widget", is_namespaced=True))
    others = owner("a", controller=None), owner("b", controller=False), owner("c", kind="Gadget")
    assert list(mapping.keys(added("shop/pod", *others, owner("w")), old=False)) == ["shop/w"]
    assert list(mapping.keys(added("shop/pod", *others), old=False)) == []
    assert list(mapping.keys(Added("shop/pod", {"metadata": {"ownerReferences": None}}), old=False)) == []


def test_what_has_no_namespace_has_no_owner_with_one() -> None:
    event = added("node-1", owner("w"))
    assert list(OwnerMapping(Kind("example.com", "Widget", is_namespaced=True)).keys(event, old=False)) == []
    assert list(OwnerMapping(Kind("example.com", "Widget", is_namespaced=False)).keys(event, old=False)) == ["w"]


@pytest.mark.parametrize("keys", [["a", "b"], ("a", "b"), {"a": 1, "b": 2}, (key for key in "ab")])
def test_a_mapper_gives_keys_in_any_iterable(keys: Any) -> None:
    assert list(UserMapping(lambda _: keys).keys(added("x"), old=False)) == ["a", "b"]


def test_a_mapper_may_give_none() -> None:
    assert list(UserMapping(lambda _: []).keys(added("x"), old=False)) == []


def test_a_generator_that_raises_midway_gives_its_error_and_no_key() -> None:
    def mapper(_: object) -> Iterator[str]:
        yield "a"
        raise KeyError("labels")

    with pytest.raises(KeyError, match="labels"):
        UserMapping(mapper).keys(added("x"), old=False)


@pytest.mark.parametrize("found", ["default/a", None, 3, [3], [""], [["a"]]])
def test_a_mapper_that_gives_anything_else_is_told(found: Any) -> None:
    def mapper(_: object) -> Any:
        return found

    message = re.escape("mapper test_a_mapper_that_gives_anything_else_is_told.<locals>.mapper returned ")
    with pytest.raises(UsageError, match=message + type(found).__name__):
        UserMapping(mapper).keys(added("x"), old=False)
