"""Server-side apply as algebra: idempotent, commutative where it can be, and nothing of others is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeinformer.resources import RawObject
from kubeinformer.testing._patches.apply import Managers, Writer, applied, conflicts, merge, updated
from kubeinformer.testing._patches.ownership import FieldError, compare, from_json, owned, readable, to_json
from kubeinformer.testing._types.shapes import BuiltInShape, SchemaShape

POD = BuiltInShape("Pod")
FEW = settings(max_examples=40)  # each example is a whole pod
names = st.sampled_from("abcd")
values = st.sampled_from(["1", "2"])
maps = st.dictionaries(names, values, max_size=3)
env = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, names, values),
    max_size=3,
    unique_by=lambda e: e["name"],
)


def _container(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": name} | fields


containers = st.lists(
    st.builds(
        _container,
        names,
        st.fixed_dictionaries({}, optional={"image": values, "env": env, "args": st.lists(values, max_size=2)}),
    ),
    max_size=3,
    unique_by=lambda container: str(container["name"]),
)
configs = st.builds(
    lambda labels, finalizers, found, spec: {
        "metadata": {"name": "x", "labels": labels, "finalizers": finalizers},
        "spec": {"containers": found, "nodeSelector": spec},
    },
    maps,
    st.lists(names, max_size=3, unique=True),
    containers,
    maps,
)


def writer(name: str, operation: str = "Apply") -> Writer:
    return Writer(name=name, operation=operation, api_version="v1")


def apply(live: RawObject | None, config: RawObject, managers: Managers, name: str) -> tuple[RawObject, Managers]:
    return applied(live, config, managers, writer(name), POD, "now")


@FEW
@given(first=configs, second=configs)
def test_applying_twice_changes_nothing(first: RawObject, second: RawObject) -> None:
    live, managers = apply(None, first, (), "one")
    live, managers = apply(live, second, managers, "two")
    again, owners = apply(live, second, managers, "two")
    assert (again, owners) == (live, managers)
    assert conflicts(live, second, managers, writer("two"), POD) == []


@FEW
@given(first=configs, second=configs)
def test_an_apply_gets_all_that_it_says(first: RawObject, second: RawObject) -> None:
    live, managers = apply(None, first, (), "one")
    live, managers = apply(live, second, managers, "two")
    assert compare(second, live, POD, structs=False).removed == frozenset()
    assert compare(second, live, POD, structs=False).modified == frozenset()
    assert next(each.fields for each in managers if each.writer.name == "two") == owned(second, POD) or not owned(
        second, POD
    )


@given(first=maps, second=maps, base=maps)
def test_managers_of_different_fields_commute(
    first: dict[str, str], second: dict[str, str], base: dict[str, str]
) -> None:
    def config(side: str, labels: dict[str, str]) -> RawObject:
        sided = [{"name": f"{side}{name}", "image": value} for name, value in labels.items()]
        return {
            "metadata": {"labels": {f"{side}{name}": each for name, each in labels.items()}},
            "spec": {"containers": sided},
        }

    start, owners = apply(None, config("base", base), (), "base")
    one, two = config("one", first), config("two", second)
    results = []
    for order in ((("one", one), ("two", two)), (("two", two), ("one", one))):
        live, managers = start, owners
        for name, each in order:
            live, managers = apply(live, each, managers, name)
        results.append((dict(_flattened(live)), {each.writer: each.fields for each in managers}))
    assert results[0] == results[1]


def _flattened(obj: RawObject) -> Any:
    yield "labels", obj["metadata"].get("labels", {})
    yield "containers", sorted((each["name"], each["image"]) for each in obj["spec"].get("containers", []))


@FEW
@given(first=configs, second=configs)
def test_what_a_manager_gives_up_goes_and_what_others_own_stays(first: RawObject, second: RawObject) -> None:
    live, managers = apply(None, first, (), "one")
    live, managers = apply(live, second, managers, "two")
    nothing: RawObject = {"metadata": {"name": "x"}}
    live, managers = apply(live, nothing, managers, "one")
    assert owned(live, POD) == owned(second, POD)
    live, managers = apply(live, nothing, managers, "two")
    assert owned(live, POD) - {("f:spec",), ("f:metadata",)} == frozenset()
    assert managers == ()


@FEW
@given(old=configs, new=configs)
def test_an_update_owns_what_it_set_and_takes_it_from_others(old: RawObject, new: RawObject) -> None:
    live, managers = apply(None, old, (), "one")
    after = updated(live, new, managers, writer("two", "Update"), POD, "now", structs=False)
    difference = compare(live, new, POD, structs=False)
    fields = {each.writer.name: each.fields for each in after}
    assert fields.get("two", frozenset()) == difference.set_fields
    assert fields.get("one", frozenset()) == owned(old, POD) - difference.set_fields - difference.removed


@FEW
@given(config=configs)
def test_fields_survive_their_json(config: RawObject) -> None:
    fields = owned(config, POD)
    assert from_json(to_json(fields)) == fields
    assert compare({}, config, POD, structs=False).added >= fields


def test_fields_are_spelled_as_the_api_does() -> None:
    config = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["x.y/z"], "name": "left out"},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
    }
    assert to_json(owned(config, POD)) == {
        "f:metadata": {"f:finalizers": {'v:"x.y/z"': {}}, "f:labels": {"f:a": {}}},
        "f:spec": {
            "f:containers": {
                'k:{"name":"c"}': {
                    ".": {},
                    "f:name": {},
                    "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                }
            }
        },
    }
    path = ("f:spec", "f:containers", 'k:{"name":"c"}', "f:image")
    assert readable(path) == '.spec.containers[name="c"].image'
    assert readable(("f:metadata", "f:finalizers", 'v:"a"')) == '.metadata.finalizers[="a"]'


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        ("c", "sc", "sc"),
        ("abc", "ca", "bca"),
        ("xa", "na", "xna"),
        ("abcd", "db", "acdb"),
        ("ab", "", "ab"),
        ("", "ab", "ab"),
    ],
)
def test_the_order_of_merged_lists(live: str, config: str, merged: str) -> None:
    shape = POD.field("spec").field("containers")
    result = merge([{"name": name} for name in live], [{"name": name} for name in config], shape)
    assert "".join(item["name"] for item in result) == merged


def test_lists_that_cannot_be_merged() -> None:
    with pytest.raises(FieldError, match=r'\.spec\.containers: duplicate entries for key \[name="c"\]'):
        owned({"spec": {"containers": [{"name": "c"}, {"name": "c"}]}}, POD)
    with pytest.raises(FieldError, match='omits key field "name"'):
        owned({"spec": {"containers": [{}]}}, POD)


def test_what_is_one_value() -> None:
    config = {"spec": {"tolerations": [{"key": "a"}], "nodeSelector": {"a": "b"}}}
    assert to_json(owned(config, POD)) == {"f:spec": {"f:tolerations": {}, "f:nodeSelector": {}}}


def test_a_schema_says_how_lists_merge() -> None:
    items = {"type": "object", "properties": {"k": {"type": "string"}, "p": {"type": "string", "default": "x"}}}
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "p"], "items": items}
    schema = {
        "properties": {
            "keyed": keyed,
            "set": {"x-kubernetes-list-type": "set"},
            "whole": {"items": items},
            "atomic": {"x-kubernetes-map-type": "atomic"},
            "open": {"additionalProperties": {"properties": {"keyed": keyed}}},
        }
    }
    config = {
        "metadata": {"finalizers": ["a.b/c"]},
        "keyed": [{"k": "1"}],
        "set": ["a"],
        "whole": [{"k": "1"}],
        "atomic": {"a": 1},
        "open": {"any": {"keyed": []}},
    }
    assert to_json(owned(config, SchemaShape(schema, is_root=True))) == {
        "f:metadata": {"f:finalizers": {'v:"a.b/c"': {}}},
        "f:keyed": {'k:{"k":"1","p":"x"}': {".": {}, "f:k": {}}},
        "f:set": {'v:"a"': {}},
        "f:whole": {},
        "f:atomic": {},
        "f:open": {"f:any": {"f:keyed": {}}},
    }
