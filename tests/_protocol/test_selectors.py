import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeinformer._protocol.selectors import FieldRequirement, FieldSelector, LabelRequirement, LabelSelector


@pytest.mark.parametrize(
    ("text", "matching", "others"),
    [
        ("", [{}, {"a": "b"}], []),
        ("  ", [{}], []),
        ("\ta = b\r\n", [{"a": "b"}], [{}]),
        ("a=b", [{"a": "b"}, {"a": "b", "c": "d"}], [{}, {"a": "c"}, {"b": "b"}]),
        ("  a=b,c", [{"a": "b", "c": ""}], [{"a": "b"}]),
        ("a==b", [{"a": "b"}], [{}, {"a": "c"}]),
        ("a=", [{"a": ""}], [{}, {"a": "c"}]),
        ("a!=b", [{"a": "c"}, {}], [{"a": "b"}]),
        ("a in (x,y)", [{"a": "x"}, {"a": "y"}], [{}, {"a": "z"}]),
        ("a in ( x , y ),b", [{"a": "y", "b": ""}], [{"a": "y"}, {"b": ""}]),
        ("a in()", [{"a": ""}], [{}, {"a": "x"}]),
        ("a notin (x,y)", [{"a": "z"}, {}], [{"a": "x"}, {"a": "y"}]),
        ("a", [{"a": "x"}, {"a": ""}], [{}, {"b": "a"}]),
        ("!a", [{}, {"b": "a"}], [{"a": "x"}, {"a": ""}]),
        ("! a , b", [{"b": "1"}], [{"a": "x", "b": "1"}, {}]),
        ("in in (in)", [{"in": "in"}], [{}]),
        ("n>5", [{"n": "6"}, {"n": "10"}], [{"n": "5"}, {"n": "x"}, {}]),
        ("n < -1", [{"n": "-2"}], [{"n": "-1"}, {"n": "0"}, {}]),
        ("example.com/app = web", [{"example.com/app": "web"}], [{"app": "web"}]),
    ],
)
def test_label_selectors_mean_what_the_api_reference_says(
    text: str, matching: list[dict[str, str]], others: list[dict[str, str]]
) -> None:
    selector = LabelSelector.parse(text)
    assert [labels for labels in matching if not selector.matches(labels)] == []
    assert [labels for labels in others if selector.matches(labels)] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a=b,", "nothing stands after the last comma"),
        (" a=b, ", "nothing stands after the last comma"),
        (",a=b", "cannot read ',a=b'"),
        ("a in x", "cannot read"),
        ("a in (x", "cannot read"),
        ("a b", "cannot read"),
        ("=b", "cannot read"),
        ("a=b=c", "cannot read"),
        ("-a=b", "'-a' is no label key"),
        ("Upper.Case/a", "is no label key"),
        ("a" * 64, "is no label key"),
        ("a=-b", "'-b' is no label value"),
        ("a in (x,y z)", "'y z' is no label value"),
        ("a notin (x,-y)", "'-y' is no label value"),
        ("a=b\u00a0", r"'b\xa0' is no label value"),
        ("a in (b\u00a0)", r"'b\xa0' is no label value"),
        ("a\u00a0", r"'a\xa0' is no label key"),
        ("a=b,\u00a0", r"'\xa0' is no label key"),
        ("a=b\u00a0,", "nothing stands after the last comma"),
        ("a>b", "'>' needs an integer"),
        ("a>", "'>' needs an integer"),
    ],
)
def test_what_is_no_label_selector_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="not a label selector") as caught:
        LabelSelector.parse(text)
    assert complaint in str(caught.value)
    assert repr(text) in str(caught.value)


def test_only_a_selector_with_requirements_is_true() -> None:
    assert not LabelSelector.parse("")
    assert LabelSelector.parse("a")
    assert not FieldSelector.parse("")
    assert FieldSelector.parse("metadata.name=x")


def test_a_selector_without_requirements_selects_everything() -> None:
    assert LabelSelector().matches({})
    assert FieldSelector().matches({})


POD = {
    "metadata": {"name": "web-0"},
    "spec": {"nodeName": "node-1", "hostNetwork": True, "hostPID": False, "priority": 3, "a": [1]},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("metadata.name=web-0", True),
        ("metadata.name==web-0,", True),
        ("metadata.name=web-1", False),
        ("metadata.name!=web-1,spec.nodeName=node-1", True),
        ("metadata.name!=web-1,spec.nodeName!=node-1", False),
        ("spec.hostNetwork=true", True),
        ("spec.hostPID=false", True),
        ("spec.priority=3", True),
        ("spec.missing=", True),
        ("spec.missing.deeper!=x", True),
        ("spec.nodeName.deeper=", True),
        ("spec.a=[1]", False),
        ("spec=", True),
        (r"metadata.name!=a\,b\=c", True),
    ],
)
def test_field_selectors_compare_the_text_at_a_path(text: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert FieldSelector.parse(text).matches(POD) is expected


def test_a_backslash_takes_the_meaning_away() -> None:
    assert FieldSelector.parse(r"a=x\,y\=z\\,b=1").requirements == (
        FieldRequirement(("a",), r"x,y=z" + "\\"),
        FieldRequirement(("b",), "1"),
    )


def test_spaces_around_a_path_are_no_part_of_it() -> None:
    paths = [requirement.path for requirement in FieldSelector.parse(" a.b\t=x,\r\nX\u00a0=x").requirements]
    assert paths == [("a", "b"), ("X\u00a0",)]


@pytest.mark.parametrize(
    "text", ["metadata.name", "=x", "a..b=x", "a=b=c", "a>1", "!a", "a=\\", "a=\\x", "a=\\\n", "a=\\\\\\"]
)
def test_what_is_no_field_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a field selector"):
        FieldSelector.parse(text)


_names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8)
_labels = st.dictionaries(_names, _names | st.just(""), max_size=4)


@st.composite
def _requirements(draw: st.DrawFn) -> tuple[str, LabelRequirement]:
    key, values = draw(_names), draw(st.lists(_names, min_size=1, max_size=3))
    space = draw(st.sampled_from(["", " "]))
    one, many = frozenset(values[:1]), frozenset(values)
    return draw(
        st.sampled_from(
            [
                (f"{key}{space}={space}{values[0]}", LabelRequirement(key, "in", one)),
                (f"{key}{space}=={space}{values[0]}", LabelRequirement(key, "in", one)),
                (f"{key}{space}!={space}{values[0]}", LabelRequirement(key, "notin", one)),
                (f"{key} in{space}({','.join(values)}{space})", LabelRequirement(key, "in", many)),
                (f"{key} notin{space}({space}{', '.join(values)})", LabelRequirement(key, "notin", many)),
                (f"{space}{key}", LabelRequirement(key, "exists")),
                (f"!{space}{key}", LabelRequirement(key, "!exists")),
            ]
        )
    )


@given(parts=st.lists(_requirements(), max_size=5), labels=_labels)
def test_a_selector_is_the_conjunction_of_its_parts(
    parts: list[tuple[str, LabelRequirement]], labels: dict[str, str]
) -> None:
    selector = LabelSelector.parse(",".join(text for text, _ in parts))
    assert selector.requirements == tuple(requirement for _, requirement in parts)
    assert selector.matches(labels) == all(requirement.matches(labels) for _, requirement in parts)


@given(key=_names, values=st.lists(_names, min_size=1), labels=_labels)
def test_negative_requirements_are_the_exact_opposite(key: str, values: list[str], labels: dict[str, str]) -> None:
    members = ",".join(values)
    for positive, negative in [
        (f"{key} in ({members})", f"{key} notin ({members})"),
        (f"{key}={values[0]}", f"{key}!={values[0]}"),
        (key, f"!{key}"),
    ]:
        assert LabelSelector.parse(positive).matches(labels) is not LabelSelector.parse(negative).matches(labels)


@given(text=st.text("ab=!,()<> in\\.", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for selector in (LabelSelector, FieldSelector):
        try:
            selector.parse(text)
        except ValueError as error:
            assert repr(text) in str(error)  # noqa: PT017 - the property is about either outcome
