"""The facts about msgspec that this package stands on, and how its errors look from outside."""

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, values

from kubeinformer._protocol.decoding import check_utf8, decode
from kubeinformer.errors import MalformedData, ProtocolError, WrongKind


class Sample(msgspec.Struct):
    name: str = ""
    rest: msgspec.Raw = msgspec.Raw(b"null")


SAMPLE = msgspec.json.Decoder(Sample)
SECRET = b"hunter2"


def decoded(text: bytes) -> Sample:
    return decode(SAMPLE, text, RESOURCE, 7, "a sample")


def failure(text: bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decoded(text)
    assert (caught.value.resource, caught.value.position) == (RESOURCE, 7)
    return caught.value


@given(value=values)
@pytest.mark.parametrize("key", ["rest", "skipped"])
def test_any_json_may_be_skipped_or_kept(key: str, value: str) -> None:
    assert decoded(f'{{"name":"a","{key}": {value} }}'.encode()).name == "a"


@pytest.mark.parametrize("key", ["rest", "skipped"])
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[1,]",
        b'{"a":1,}',
        b"{a:1}",
        b"'a'",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"-",
        b"1e",
        b"0x1",
        b"nul",
        b"truex",
        b"NaN",
        b"Infinity",
        b"1 2",
        b"[1 2]",
        b"[}",
        b'"a\nb"',
        b'"a\0b"',
        rb'"\x"',
        rb'"\u12g4"',
        rb'"\ud800 and more"',
        rb'"\udc00 and more"',
        b'"',
        b"/**/1",
    ],
)
def test_what_is_skipped_or_kept_is_strict_json(key: str, value: bytes) -> None:
    error = failure(b'{"name":"a","' + key.encode() + b'":' + value + b"}")
    assert isinstance(error, MalformedData)
    assert "a sample that is not JSON" in str(error)


@pytest.mark.parametrize("text", [b"", b"{", b"{} x", b"{}\0", b"\xef\xbb\xbf{}", b"<html>"])
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    assert isinstance(failure(text), MalformedData)


def test_what_is_malformed_is_told_in_msgspecs_words() -> None:
    assert failure(b"{} x").problem == "a sample that is not JSON: trailing characters (byte 4)"


@pytest.mark.parametrize("text", [b"[]", b"null", b'"x"', b'{"name":5}', b'{"name":{"x":"hunter2"}}'])
def test_json_of_another_shape_is_of_the_wrong_kind(text: bytes) -> None:
    error = failure(text)
    assert isinstance(error, WrongKind)
    assert "a sample should be here, but Expected" in str(error)


@pytest.mark.parametrize("text", [b'{"name":"hunter2\xff"}', b'{"name":"\xed\xa0\x80hunter2"}'])
def test_strings_that_are_decoded_must_be_utf8(text: bytes) -> None:
    error = failure(text)
    assert isinstance(error, MalformedData)
    assert "not UTF-8" in str(error)


@pytest.mark.parametrize(
    "text", [b'{"name":"\xff","a":"hunter2"}', b'{"a":"hunter2"', b'["hunter2"]', b'{"name":["hunter2"]}']
)
def test_no_error_holds_the_data(text: bytes) -> None:
    """Not in its text, and not in the exceptions behind it, which loggers print too."""
    error: BaseException | None = failure(text)
    while error is not None:
        assert SECRET.decode() not in repr(error) + str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("pair", [b"[]", b'{"":}'])
@pytest.mark.parametrize("key", [b"rest", b"skipped"])
def test_deep_nesting_is_refused_by_name(pair: bytes, key: bytes) -> None:
    depth = 1_000_000
    error = failure(b'{"' + key + b'":' + pair[:-1] * depth + b"1" + pair[-1:] * depth + b"}")
    assert isinstance(error, MalformedData)
    assert "nested more deeply than this Python can decode" in str(error)


def test_nesting_that_people_write_is_accepted() -> None:
    depth = min(500, sys.getrecursionlimit() // 2)
    decoded(b'{"rest":' + b"[" * depth + b"]" * depth + b"}")


def test_msgspec_does_not_check_utf8_in_what_it_skips_or_keeps() -> None:
    """The reason for check_utf8(). When this fails, msgspec has become stricter, and the check may go."""
    assert SAMPLE.decode(b'{"name":"a","rest":"\xff","skipped":"\xff"}').name == "a"


def test_the_last_of_duplicate_keys_counts() -> None:
    assert decoded(b'{"name":"a","name":"b"}').name == "b"


@given(data=st.binary(max_size=40), padding=st.sampled_from([0, 65_530, 65_536, 131_070]))
@pytest.mark.parametrize("view", [bytes, bytearray, memoryview, msgspec.Raw])
def test_utf8_is_what_python_decodes(view: Any, data: bytes, padding: int) -> None:
    data = b"x" * padding + data
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(MalformedData, match="not UTF-8") as caught:
            check_utf8(view(data), RESOURCE, 3)
        assert (caught.value.resource, caught.value.position) == (RESOURCE, 3)
    else:
        check_utf8(view(data), RESOURCE, 3)


@given(text=st.text(max_size=8), start=st.integers(65_530, 65_537))
def test_characters_across_slices_are_whole(text: str, start: int) -> None:
    check_utf8(b"x" * start + text.encode() + json.dumps(text).encode(), RESOURCE, None)


def test_a_character_that_the_end_cuts_is_no_utf8() -> None:
    with pytest.raises(MalformedData, match="not UTF-8"):
        check_utf8("ab\u2028".encode()[:-1], RESOURCE, None)
