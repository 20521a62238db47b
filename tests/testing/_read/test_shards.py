import re

import pytest

from kubeinformer.testing import FakeApiError
from kubeinformer.testing._read.shards import ShardSelector, _hash

LOW = "shardRange(object.metadata.uid, '0x0000000000000000', '0x8000000000000000')"


@pytest.mark.parametrize(
    ("text", "value"),
    # The vectors of the algorithm's authors: http://www.isthe.com/chongo/src/fnv/test_fnv.c
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)],
)
def test_the_hash_is_fnv1a(text: str, value: int) -> None:
    assert _hash(text) == value


def test_a_selector_is_written_in_one_way() -> None:
    other = '  shardRange( object.metadata.uid,"0x0000000000000000", "0x8000000000000000" )||' + LOW
    assert str(ShardSelector.parse(other)) == f"{LOW} || {LOW}"


def test_the_start_is_in_and_the_end_is_not() -> None:
    at = _hash("foobar")
    for start, end, selected in ((at, at + 1, True), (at - 1, at, False), (at + 1, at + 2, False)):
        selector = ShardSelector.parse(f"shardRange(object.metadata.uid, '{start:#018x}', '{end:#018x}')")
        assert selector.matches("foobar", "elsewhere") is selected
        by_namespace = ShardSelector.parse(f"shardRange(object.metadata.namespace, '{start:#018x}', '{end:#018x}')")
        assert by_namespace.matches("elsewhere", "foobar") is selected


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ("", "expected shardRange() call"),
        ("shardRange()", "requires exactly 3 arguments, got 0"),
        (LOW.replace("uid", "name"), 'unsupported field path "object.metadata.name"'),
        (LOW.replace("'0x8000000000000000'", "5"), "hexEnd must be a string literal"),
        (LOW.replace("0x8", "8"), "hexEnd must have '0x' prefix"),
        (LOW.replace("0x8", "0xG"), 'hexEnd: invalid hex character "G"'),
        (LOW.replace("0x8", "0x80"), "must be a 0x-prefixed 16-digit hex value"),
        (LOW.replace("0x8", "0x0"), "must be less than end"),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_reason(selector: str, why: str) -> None:
    with pytest.raises(FakeApiError, match=re.escape(why)) as caught:
        ShardSelector.parse(selector)
    assert (caught.value.code, caught.value.reason) == (500, "")
    assert "without a reason" in str(caught.value)
