"""The RFC's own examples, its laws, and the four places where the real server is more generous."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer.testing._patches.json_patch import JsonPatchError, json_patch
from kubeinformer.testing._patches.merge_patch import merge_patch

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~01", max_size=2), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text("ab/~01", max_size=2), documents, max_size=4)


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **more}


@pytest.mark.parametrize(
    ("before", "operations", "after"),
    [
        # RFC 6902, appendix A, in its order.
        ({"foo": "bar"}, [op("add", "/baz", value="qux")], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", value="qux")], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [op("replace", "/baz", value="boo")], {"baz": "boo", "foo": "bar"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [op("move", "/qux/thud", **{"from": "/foo/waldo"})],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [op("move", "/foo/3", **{"from": "/foo/1"})],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [op("test", "/baz", value="qux"), op("test", "/foo/1", value=2)],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        ({"foo": "bar"}, [op("add", "/child", value={"grandchild": {}})], {"foo": "bar", "child": {"grandchild": {}}}),
        ({"foo": "bar"}, [op("add", "/baz", value="qux", xyz=123)], {"foo": "bar", "baz": "qux"}),
        ({"/": 9, "~1": 10}, [op("test", "/~01", value=10)], {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, [op("add", "/foo/-", value=["abc", "def"])], {"foo": ["bar", ["abc", "def"]]}),
        # Where the real server goes further.
        ({}, [op("replace", "/a", value=1)], {"a": 1}),
        ({}, [op("copy", "/a", **{"from": "/b"})], {"a": None}),
        ({}, [op("add", "/a")], {"a": None}),
        ({}, [op("test", "/a", value=None)], {}),
        ({"a": [1, 2]}, [op("remove", "/a/-1")], {"a": [1]}),
        ({"a": [1, 2]}, [op("remove", "/a/01")], {"a": [1]}),
        ({"a": 1}, [op("replace", "", value={"b": 2})], {"b": 2}),
    ],
)
def test_examples(before: Any, operations: list[Any], after: Any) -> None:
    kept = copy.deepcopy(before)
    assert json_patch(before, operations) == after
    assert before == kept


@pytest.mark.parametrize(
    ("before", "operation", "why"),
    [
        ({"baz": "qux"}, op("test", "/baz", value="bar"), "operation 0: test failed at /baz"),
        ({"foo": "bar"}, op("add", "/baz/bat", value="qux"), "nothing to hold 'bat'"),
        ({"/": 9, "~1": 10}, op("test", "/~01", value="10"), "test failed"),
        ({"a": True}, op("test", "/a", value=1), "test failed"),
        ({}, op("remove", "/a"), "there is no 'a'"),
        ({}, op("move", "/b", **{"from": "/a"}), "there is no 'a'"),
        ({"a": {}}, op("move", "/a/b", **{"from": "/a"}), "into itself"),
        ({"a": []}, op("add", "/a/1", value=1), "no index 1"),
        ({"a": []}, op("add", "/a/x", value=1), "not an index"),
        ({}, op("frob", "/a"), "unknown operation 'frob'"),
        ({}, op("add", "a", value=1), "no JSON pointer"),
        ({}, {"op": "add", "value": 1}, "no JSON pointer"),
        ({}, 1, "not an object"),
    ],
)
def test_what_cannot_be_done(before: Any, operation: Any, why: str) -> None:
    with pytest.raises(JsonPatchError, match=why):
        json_patch(before, [operation])


@given(before=objects, key=st.text("ab/~01", max_size=2), value=documents)
def test_an_added_value_is_there_and_can_be_removed(before: dict[str, Any], key: str, value: Any) -> None:
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    added = json_patch(before, [op("add", path, value=value), op("test", path, value=value)])
    assert added == before | {key: value}
    assert json_patch(added, [op("remove", path)]) == {name: each for name, each in before.items() if name != key}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        # RFC 7386, appendix A, in its order.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples(before: Any, patch: Any, after: Any) -> None:
    kept = copy.deepcopy(before)
    assert merge_patch(before, patch) == after
    assert before == kept


@given(before=documents, patch=documents)
def test_a_merge_patch_is_idempotent(before: Any, patch: Any) -> None:
    once = merge_patch(before, patch)
    assert merge_patch(once, patch) == once
