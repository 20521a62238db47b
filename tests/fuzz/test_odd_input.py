"""Input that JSON allows and nobody writes: keys given twice, text that is none, numbers that no machine has."""

import json
from typing import Any, Final

import pytest
from tests._protocol.strategies import RESOURCE, cut

from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.pages import PageParser
from kubeinformer._protocol.watch_events import ObjectEvent, decode_watch_event
from kubeinformer.errors import MalformedData

POD: Final = '"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}'
HEAD: Final = '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"}'
WHOLE, STREAMED = 2**30, 0


def event(extra: str = "", kind: str = "ADDED") -> Any:
    return decode_watch_event(RESOURCE, f'{{"type":"{kind}","object":{{{POD}{extra}}}}}'.encode(), 0)


def parsed(body: bytes, budget: int, sizes: list[int] | None = None) -> list[bytes]:
    parser = PageParser(RESOURCE, object_size_limit=10**6, page_budget=budget)
    found = [item.body for chunk in cut(body, sizes or []) for item in parser.feed(chunk)]
    return [*found, *(item.body for item in parser.finish())]


# Keys given twice: the last one counts, in what is known of an object as in what is kept of it.


def test_the_last_of_two_keys_counts_everywhere() -> None:
    found = event(',"metadata":{"name":"b","resourceVersion":"6"}')
    assert (found.identity.key, found.identity.resource_version) == ("b", "6")
    assert json.loads(found.body)["metadata"]["name"] == "b"
    twice = event().body.replace(b'"name":"a"', b'"name":"a","name":"c"')
    found = decode_watch_event(RESOURCE, b'{"type":"ADDED","object":' + twice + b"}", 0)
    assert isinstance(found, ObjectEvent)
    assert found.identity.name == json.loads(found.body)["metadata"]["name"] == "c"


@pytest.mark.parametrize("budget", [WHOLE, STREAMED])
def test_the_last_of_two_keys_counts_in_lists(budget: int) -> None:
    head = '{"kind":"Bad","kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},'
    item = '{"metadata":{"name":"a","resourceVersion":"1"},"metadata":{"name":"b","resourceVersion":"2"}}'
    body = head + f'"items":[{item}],"metadata":{{"resourceVersion":"9","resourceVersion":"8"}}}}'
    parser = PageParser(RESOURCE, object_size_limit=10**6, page_budget=budget)
    [item_found] = [*parser.feed(body.encode()), *parser.finish()]
    assert parser.meta.resource_version == json.loads(body)["metadata"]["resourceVersion"] == "8"
    assert item_found.identity.name == json.loads(item_found.body)["metadata"]["name"] == "b"
    assert item_found.identity.kind == "Pod"


def test_a_kind_that_an_item_gives_twice_or_as_null_is_the_one_it_is_read_with() -> None:
    for own in ('"kind":null,"apiVersion":null', '"kind":"A","kind":"B","apiVersion":"x/v1"'):
        for budget in (WHOLE, STREAMED):
            parser = PageParser(RESOURCE, object_size_limit=10**6, page_budget=budget)
            body = f'{HEAD},"items":[{{{POD},{own}}}]}}'.encode()
            [item] = [*parser.feed(body), *parser.finish()]
            assert json.loads(item.body)["kind"] == item.identity.kind


# Text that is none, and numbers that no machine has.


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"\xff", id="never UTF-8"),
        pytest.param(b"\xc3", id="half a character"),
        pytest.param(b"\xed\xa0\x80", id="an encoded surrogate"),
        pytest.param(b"\xc0\x80", id="an overlong NUL"),
        pytest.param(b"\\ud800", id="a lone surrogate"),
        pytest.param(b"\\udc00\\ud800", id="surrogates the wrong way round"),
        pytest.param(b"\0", id="a bare NUL"),
        pytest.param(b"\x1f", id="a control character"),
    ],
)
@pytest.mark.parametrize("sizes", [[], [1], [3]])
def test_text_that_is_none_is_refused_wherever_chunks_end(bad: bytes, sizes: list[int]) -> None:
    item = b"{" + POD.encode() + b',"x":"' + bad + b'"}'
    framer = LineFramer(RESOURCE, size_limit=1_000)
    [(position, line)] = [
        found for chunk in cut(b'{"type":"ADDED","object":' + item + b"}\n", sizes) for found in framer.feed(chunk)
    ]
    with pytest.raises(MalformedData):
        decode_watch_event(RESOURCE, line, position)
    for budget in (WHOLE, STREAMED):
        with pytest.raises(MalformedData):
            parsed(HEAD.encode() + b',"items":[' + item + b"]}", budget, sizes)


@pytest.mark.parametrize("sizes", [[], [1], [3]])
@pytest.mark.parametrize(
    "good", ["\u2028\u2029\u0085\x7f", "\ufeff", "\U0001f600\U0010ffff", "\\u0000", "\\ud83d\\ude00"]
)
def test_text_that_looks_bad_is_kept_to_the_byte_wherever_chunks_end(good: str, sizes: list[int]) -> None:
    item = f'{{{POD},"kind":"Pod","apiVersion":"v1","x":"{good}"}}'.encode()
    framer = LineFramer(RESOURCE, size_limit=1_000)
    lines = [b'{"type":"ADDED","object":' + item + b"}"] * 2
    found = [line for chunk in cut(b"\n".join(lines) + b"\n", sizes) for line in framer.feed(chunk)]
    decoded = [decode_watch_event(RESOURCE, line, position) for position, line in found]
    assert [each.body for each in decoded if isinstance(each, ObjectEvent)] == [item, item]
    for budget in (WHOLE, STREAMED):
        assert parsed(HEAD.encode() + b',"items":[' + item + b"]}", budget, sizes) == [item]


@pytest.mark.parametrize("budget", [WHOLE, STREAMED])
def test_a_byte_order_mark_is_no_json(budget: int) -> None:
    with pytest.raises(MalformedData):
        parsed(b"\xef\xbb\xbf" + HEAD.encode() + b',"items":[]}', budget)
    with pytest.raises(MalformedData):
        decode_watch_event(RESOURCE, b'\xef\xbb\xbf{"type":"ADDED","object":{}}', 0)


@pytest.mark.parametrize("number", ["1" * 100_000, "1e400", "-1e-400", "0." + "1" * 10_000, "-0", "1E+9999999999"])
def test_numbers_of_any_size_stay_what_the_server_wrote(number: str) -> None:
    assert event(f',"x":{number}').body == f'{{{POD},"x":{number}}}'.encode()
    item = f'{{{POD},"kind":"Pod","apiVersion":"v1","x":{number}}}'
    for budget in (WHOLE, STREAMED):
        assert parsed(f'{HEAD},"items":[{item}]}}'.encode(), budget) == [item.encode()]
