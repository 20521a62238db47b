"""Structural schemas: the laws that hold for any of them; what each keyword refuses is in the conformance rows."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeinformer.testing._types.schema import defaulted, pruned, undeclared, violations

names = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text("xy", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"default": st.integers(0, 3), "minimum": st.just(0)}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"default": st.just("x"), "nullable": st.booleans()}),
    st.fixed_dictionaries({"type": st.sampled_from(["boolean", "number"])}),
    st.just({"x-kubernetes-int-or-string": True}),
    st.just({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda fields: {"type": "object", "properties": fields}, st.dictionaries(names, inner, max_size=3)),
        st.builds(lambda further: {"type": "object", "additionalProperties": further}, inner),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
    ),
    max_leaves=5,
)
FEW = settings(max_examples=60)


@FEW
@given(value=values, schema=schemas)
def test_pruning_and_defaults_are_done_after_once(value: Any, schema: dict[str, Any]) -> None:
    kept = copy.deepcopy((value, schema))
    once = pruned(value, schema)
    assert pruned(once, schema) == once
    filled = defaulted(once, schema)
    assert defaulted(filled, schema) == filled
    assert pruned(filled, schema) == filled
    assert (value, schema) == kept


@FEW
@given(value=values, schema=schemas)
def test_what_is_undeclared_is_what_pruning_drops(value: Any, schema: dict[str, Any]) -> None:
    assert (undeclared(value, schema) is None) == (pruned(value, schema) == value)


@FEW
@given(value=values, schema=schemas)
def test_a_violation_names_a_place_in_the_object(value: Any, schema: dict[str, Any]) -> None:
    for cause in violations(value, schema, "spec"):
        assert cause.field.startswith("spec")
        assert cause.message


def test_defaults_are_nobody_elses() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "default": {"b": []}, "properties": {}}}}
    first = defaulted({}, schema)
    first["a"]["c"] = 1
    assert "c" not in defaulted({}, schema)["a"]


def test_metadata_is_not_the_schemas() -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    obj = {"apiVersion": "v1", "kind": "Widget", "metadata": {"name": "w", "labels": {"a": "b"}}, "spec": {"x": 1}}
    assert pruned(obj, schema, is_root=True) == obj | {"spec": {}}
    assert list(violations(obj, schema)) == []


@pytest.mark.parametrize(
    ("value", "schema", "reason"),
    [
        ({"a": 1}, {"maxProperties": 0}, "FieldValueTooMany"),
        ({}, {"minProperties": 1}, "FieldValueInvalid"),
        (7, {"multipleOf": 2}, "FieldValueInvalid"),
        (3, {"maximum": 3, "exclusiveMaximum": True}, "FieldValueInvalid"),
        (3, {"anyOf": [{"minimum": 4}, {"maximum": 2}]}, "FieldValueInvalid"),
        (3, {"oneOf": [{"minimum": 1}, {"minimum": 2}]}, "FieldValueInvalid"),
        (3, {"allOf": [{"minimum": 1}, {"minimum": 4}]}, "FieldValueInvalid"),
        (3, {"not": {"minimum": 1}}, "FieldValueInvalid"),
        ([1, 1], {"uniqueItems": True}, "FieldValueDuplicate"),
        (None, {"type": "string"}, "FieldValueTypeInvalid"),
    ],
)
def test_rarer_keywords(value: Any, schema: dict[str, Any], reason: str) -> None:
    assert [cause.reason for cause in violations(value, schema, "spec")] == [reason]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("a", {"pattern": "^[[:upper:]]$"}),  # Go's syntax is not Python's: what cannot be read refuses nothing
        ("2026-01-02T03:04:05Z", {"format": "date-time"}),
        ("any", {"format": "duration"}),
        (3, {"anyOf": [{"minimum": 4}, {"maximum": 3}]}),
        (3, {"oneOf": [{"minimum": 1}, {"minimum": 4}]}),
        (None, {"type": "string", "nullable": True}),
        (1, {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
    ],
)
def test_what_is_let_pass(value: Any, schema: dict[str, Any]) -> None:
    assert list(violations(value, schema, "spec")) == []
