import importlib.util
import json
import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ijson
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, chunk_sizes, cut, lists, texts, values

from kubeinformer._protocol.list_scanner import IS_USABLE, ListScanner
from kubeinformer.errors import MalformedData, ObjectTooLarge, ProtocolError, WrongKind

LIMIT = 100_000


def scanned(chunks: Iterable[bytes], limit: int = LIMIT) -> Iterator[tuple[str, int, bytes]]:
    scanner = ListScanner(RESOURCE, size_limit=limit)
    for chunk in chunks:
        yield from scanner.feed(chunk)
    yield from scanner.finish()


def items(text: str | bytes, limit: int = LIMIT) -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return [raw for name, _, raw in scanned([data], limit) if name == "items"]


def failure(text: str | bytes, limit: int = LIMIT) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        items(text, limit)
    return caught.value


def _with_another_msgspec(monkeypatch: pytest.MonkeyPatch, worded: Callable[[str, bytes], str]) -> bool:
    """Whether the scanner would be usable with a msgspec that words its complaints so."""

    class Decoder:
        def __init__(self, of: type) -> None:
            self._decode: Callable[[bytes], object] = original(of).decode

        def decode(self, data: bytes) -> object:
            try:
                return self._decode(data)
            except msgspec.DecodeError as error:
                raise msgspec.DecodeError(worded(str(error), bytes(data))) from None

    original = msgspec.json.Decoder
    monkeypatch.setattr(msgspec.json, "Decoder", Decoder)
    spec = importlib.util.find_spec(ListScanner.__module__)
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    return bool(anew.IS_USABLE)


def _moved(text: str, by: int) -> str:
    return re.sub(r"\d+", lambda number: str(int(number[0]) + by), text)


@pytest.mark.parametrize(
    ("worded", "is_usable"),
    [
        pytest.param(lambda text, _: text, True, id="as it does"),
        pytest.param(lambda text, _: _moved(text, -1), True, id="pointing at the very byte"),
        pytest.param(lambda text, _: _moved(text, -2), False, id="pointing before it"),
        pytest.param(lambda text, _: text.replace("trailing characters", "extra data"), False, id="in other words"),
        pytest.param(lambda text, data: "extra data" if b" ," in data else text, False, id="sometimes in other words"),
        pytest.param(lambda text, _: text.partition(" (byte")[0], False, id="without the place"),
    ],
)
def test_another_msgspec_may_be_of_no_use(
    monkeypatch: pytest.MonkeyPatch,
    worded: Callable[[str, bytes], str],
    is_usable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert _with_another_msgspec(monkeypatch, worded) is is_usable


def test_msgspec_says_where_a_value_ends() -> None:
    """The scanner stands on this wording. Should it change: ``_complaint`` and ``_TRAILING`` must follow."""
    with pytest.raises(msgspec.DecodeError, match=r"^JSON is malformed: trailing characters \(byte \d+\)$"):
        msgspec.json.Decoder(msgspec.Raw).decode(b'{"a":1},{"b":2}')
    assert IS_USABLE


@given(data=st.data(), elements=st.lists(values, max_size=5), sizes=chunk_sizes)
def test_any_list_in_any_chunks_gives_its_very_bytes(
    data: st.DataObject, elements: list[str], sizes: list[int]
) -> None:
    body = data.draw(lists(elements)).encode()
    found = list(scanned(cut(body, sizes)))
    assert [raw.decode() for name, _, raw in found if name == "items"] == elements
    assert all(body[position : position + len(raw)] == raw for _, position, raw in found)
    assert {name: raw.decode() for name, _, raw in found if name in {"kind", "apiVersion", "metadata"}} == {
        "kind": '"PodList"',
        "apiVersion": '"v1"',
        "metadata": '{"resourceVersion":"7"}',
    }


# Python refuses longer integers, and so does ijson: one reason why it is not the parser here.
_FOR_JUDGES = values.filter(lambda text: "9" * 4_301 not in text)


@given(data=st.data(), elements=st.lists(_FOR_JUDGES, max_size=4))
def test_the_judges_read_the_same(data: st.DataObject, elements: list[str]) -> None:
    body = data.draw(lists(elements)).encode()
    if b"9" * 4_301 in body:
        return
    mine = [json.loads(raw) for raw in items(body)]
    assert mine == json.loads(body)["items"]
    assert len(mine) == len(list(ijson.items(body, "items.item")))


@given(key=texts(), value=values, members=st.permutations(["key", "items", "kind"]))
def test_members_may_have_any_name_and_order(key: str, value: str, members: list[str]) -> None:
    parts = {"key": f"{key}:{value}", "items": '"items":[1,2]', "kind": '"kind":"X"'}
    found = [
        (name, raw.decode()) for name, _, raw in scanned([("{" + ",".join(parts[m] for m in members) + "}").encode()])
    ]
    expected = {"key": [(json.loads(key), value)], "items": [("items", "1"), ("items", "2")], "kind": [("kind", '"X"')]}
    assert found == [pair for member in members for pair in expected[member]]


def test_spaces_around_values_are_no_part_of_them() -> None:
    found = list(scanned([b' { "kind" : "x" , "items" : [ 1 , [ ] ] } ']))
    assert found == [("kind", 12, b'"x"'), ("items", 30, b"1"), ("items", 34, b"[ ]")]


@pytest.mark.parametrize(
    ("text", "has_items"),
    [("{}", False), (" { } ", False), ('{"items":null}', True), ('{"items":[ ]}', True), ('{"kind":"x"}', False)],
)
def test_whether_there_are_items(text: str, has_items: bool) -> None:  # noqa: FBT001 - a parameter of the test
    scanner = ListScanner(RESOURCE, size_limit=LIMIT)
    assert [name for name, _, _ in [*scanner.feed(text.encode()), *scanner.finish()] if name == "items"] == []
    assert scanner.has_items is has_items


@given(data=st.data(), elements=st.lists(values, max_size=3), sizes=chunk_sizes)
def test_a_cut_list_is_never_complete(data: st.DataObject, elements: list[str], sizes: list[int]) -> None:
    body = data.draw(lists(elements)).encode().rstrip()
    length = data.draw(st.integers(0, len(body) - 1))
    found: list[bytes] = []
    values_found = scanned(cut(body[:length], sizes))
    with pytest.raises(MalformedData):
        found.extend(raw for name, _, raw in values_found if name == "items")
    assert [raw.decode() for raw in found] == elements[: len(found)]


@pytest.mark.parametrize(
    ("text", "problem", "position"),
    [
        ("", "empty answer", 0),
        (" \r\n\t", "empty answer", 4),
        ("<html>", "HTML page", 0),
        ("\n <!DOCTYPE html>", "HTML page", 2),
        ("[]", "no JSON object", 0),
        ("X{}", "no JSON object", 0),
        ("upstream connect error", "no JSON object", 0),
        ("\ufeff{}", "no JSON object", 0),
        ("{", "cut in the middle", 1),
        ("{,}", "a key should be here", 1),
        ("{1:2}", "a key should be here", 1),
        ('{"a":1,}', "a key should be here", 7),
        ('{"a" 1}', "':' should be here", 5),
        ('{"a":1 "b":2}', "',}' should be here", 7),
        ('{"a":1]', "',}' should be here", 6),
        ('{"a":}', "not JSON: invalid character", 5),
        ('{"a":01,"b":"padding padding"}', "not JSON: invalid number", 5),
        ('{"items":[1,]}', "not JSON", 12),
        ('{"items":[,1]}', "not JSON", 10),
        ('{"items":[1 2]}', "',]' should be here", 12),
        ('{"items":[1}', "',]' should be here", 11),
        ('{"items":[1],"items":[2]}', "second list of items", 21),
        ("{}}", "after the end of the list", 2),
        ('{"items":[1]}{}', "after the end of the list", 13),
        ('{"items":[1]}X', "after the end of the list", 13),
        ('{"items":[1]} \0', "after the end of the list", 14),
        ('{"items":[tru', "cut in the middle", 13),
        ('{"items":[1', "cut in the middle", 11),
        ('{"items":["\\ud800', "cut in the middle", 17),
    ],
)
@pytest.mark.parametrize("sizes", [[], [1]])
def test_what_is_malformed_is_told_with_its_place(sizes: list[int], text: str, problem: str, position: int) -> None:
    with pytest.raises(MalformedData) as caught:
        list(scanned(cut(text.encode(), sizes)))
    assert problem in caught.value.problem
    assert (caught.value.resource, caught.value.position) == (RESOURCE, position)


def test_only_spaces_may_come_after_the_end() -> None:
    body = [b'{"items":[1]}', b" ", b"\n"]
    assert list(scanned(body)) == [("items", 10, b"1")]
    with pytest.raises(MalformedData, match="at byte 15: text after the end of the list"):
        list(scanned([*body, b"{}"]))


@pytest.mark.parametrize("value", ["{}", "0", '"null"', "false"])
def test_items_that_are_no_array_are_of_the_wrong_kind(value: str) -> None:
    found = failure(f'{{"items":{value}}}')
    assert isinstance(found, WrongKind)
    assert str(found).startswith(f"bad answer for {RESOURCE} at byte 9: items that are no array")


def test_what_stands_beside_the_items_is_utf8_too() -> None:
    for text, problem in (
        (b'{"x":"\xff"}', "v1/pods at byte 5: bytes that are not UTF-8"),
        (b'{"\xff":1}', "v1/pods at byte 1: a key with a string that is not UTF-8"),
    ):
        assert problem in str(failure(text))


def test_deep_nesting_is_refused_by_name() -> None:
    depth = 40_000
    error = str(failure('{"items":[' + "[" * depth + "]" * depth + "]}"))
    assert "nested more deeply than this Python can decode (byte 0 of it)" in error


@pytest.mark.parametrize("sizes", [[], [1], [7]])
def test_the_limit_itself_is_allowed(sizes: list[int]) -> None:
    body = b'{"items":["12345678","12345678"]}'
    assert len([raw for name, _, raw in scanned(cut(body, sizes), 10)]) == 2


@pytest.mark.parametrize("sizes", [[], [1], [7]])
@pytest.mark.parametrize("rest", [b'"]}', b""])
def test_a_value_over_the_limit_is_refused(sizes: list[int], rest: bytes) -> None:
    found: list[Any] = []
    values_found = scanned(cut(b'{"items":["12345678","1234567890' + rest, sizes), 10)
    with pytest.raises(ObjectTooLarge, match="v1/pods at byte 21: an object of more than 10 bytes"):
        found.extend(values_found)
    assert len(found) == 1


def test_a_chunk_may_end_anywhere() -> None:
    body = r'{"kind":"x","items":["\ud83d\ude00\u00e9\n",true,null,-1.5e+10,{"a":"é","b":[false,"\\"]}]}'.encode()
    whole = list(scanned([body]))
    for length in range(len(body)):
        assert list(scanned([body[:length], body[length:]])) == whole


def test_an_error_is_told_where_it_is_and_not_at_the_end() -> None:
    scanner = ListScanner(RESOURCE, size_limit=1_000_000)
    with pytest.raises(MalformedData, match="at byte 10: a value that is not JSON"):
        list(scanner.feed(b'{"items":[oops' + b" " * 100_000))


def test_a_value_over_the_limit_is_refused_before_it_is_complete() -> None:
    scanner = ListScanner(RESOURCE, size_limit=1_000)
    chunks = scanner.feed(b'{"items":["' + b"x" * 1_000)
    with pytest.raises(ObjectTooLarge):
        list(chunks)


def test_a_large_value_in_small_chunks_takes_linear_time() -> None:
    """Asking msgspec at each of these chunks would mean reading 80 GB."""
    large = b'"' + b"x" * 4_000_000 + b'"'
    found = list(scanned(cut(b'{"items":[' + large + b"]}", [100]), 8_000_000))
    assert found == [("items", 10, large)]


def test_memory_is_that_of_one_value() -> None:
    item = b'{"x":"' + b"y" * 500_000 + b'"}'
    body = b'{"items":[' + b",".join([item] * 20) + b"]}"
    chunks = list(cut(body, [65_536]))
    tracemalloc.start()
    try:
        count = sum(1 for _ in scanned(chunks, 1_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20
    assert peak < 2_500_000  # buffer (an item, a quarter and what bytearrays reserve), the item, and its copy
