import json
import tracemalloc
from collections.abc import Iterable, Iterator

import ijson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, chunk_sizes, cut, lists, values

from kubeinformer._protocol import ijson_scanner, pages
from kubeinformer._protocol.ijson_scanner import IjsonScanner
from kubeinformer._protocol.list_scanner import IS_USABLE, ListScanner
from kubeinformer._protocol.pages import PageParser
from kubeinformer.errors import MalformedData, ObjectTooLarge, ProtocolError, WrongKind

LIMIT = 100_000

# Python, and so ijson, builds no longer integers.
_VALUES = values.filter(lambda text: "9" * 4_301 not in text)


@pytest.fixture(params=["chunk by chunk", "together"], autouse=True)
def _coalesced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each chunk by itself, or what came together: bodies of tests are shorter than a piece."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "chunk by chunk":
            patch.setattr(ijson_scanner, "_COALESCE", 1)
        yield


def scanned(chunks: Iterable[bytes], limit: int = LIMIT) -> Iterator[tuple[str, int, bytes]]:
    scanner = IjsonScanner(RESOURCE, size_limit=limit)
    for chunk in chunks:
        yield from scanner.feed(chunk)
    yield from scanner.finish()


def test_it_only_stands_in() -> None:
    assert IS_USABLE, "this msgspec does not tell where a value ends: mend list_scanner._complaint"
    assert pages._SCANNER is ListScanner


@given(data=st.data(), elements=st.lists(_VALUES, max_size=5), sizes=chunk_sizes)
def test_any_list_in_any_chunks_gives_its_values(data: st.DataObject, elements: list[str], sizes: list[int]) -> None:
    text = data.draw(lists(elements).filter(lambda text: "9" * 4_301 not in text))
    found = list(scanned(cut(text.encode(), sizes)))
    assert [json.loads(raw) for name, _, raw in found if name == "items"] == [json.loads(one) for one in elements]
    others = {name: json.loads(raw) for name, _, raw in found if name != "items"}
    assert others == {name: value for name, value in json.loads(text).items() if name != "items"}


@given(data=st.data(), elements=st.lists(_VALUES, max_size=3), sizes=chunk_sizes)
def test_a_cut_list_is_never_complete(data: st.DataObject, elements: list[str], sizes: list[int]) -> None:
    body = data.draw(lists(elements).filter(lambda text: "9" * 4_301 not in text)).encode().rstrip()
    length = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(MalformedData):
        list(scanned(cut(body[:length], sizes)))


@given(body=st.binary(max_size=40), sizes=chunk_sizes)
def test_anything_else_gives_a_typed_error(body: bytes, sizes: list[int]) -> None:
    try:
        is_object = isinstance(json.loads(body), dict)
    except ValueError:
        is_object = False
    if is_object:
        list(scanned(cut(body, sizes)))
    else:
        with pytest.raises((MalformedData, WrongKind)):
            list(scanned(cut(body, sizes)))


@pytest.mark.parametrize(
    ("text", "error", "problem"),
    [
        ("", MalformedData, "cut in the middle"),
        ("<html>hunter2", MalformedData, "not JSON"),
        ("[]", MalformedData, "no JSON object"),
        ("0", MalformedData, "no JSON object"),
        ("9" * 5_000, MalformedData, "more than Python can hold"),
        ('{"items":[1 2]}', MalformedData, "not JSON"),
        ('{"items":["premature EOF" oops]}', MalformedData, "not JSON"),
        ('{"items":[01]}', MalformedData, "not JSON"),
        ('{"items":[1]}{}', MalformedData, "not JSON"),
        ('{"items":[1],"items":[2]}', MalformedData, "second list of items"),
        ('{"items":{}}', WrongKind, "no array"),
        ('{"items":"hunter2"}', WrongKind, "no array"),
        (f'{{"items":[{"9" * 5_000}]}}', MalformedData, "more than Python can hold"),
        (f'{{"items":[{"[" * 50_000}{"]" * 50_000}]}}', MalformedData, "more than Python can hold"),
        ('{"items":["%s"]}' % ("x" * LIMIT), ObjectTooLarge, f"more than {LIMIT} bytes"),
    ],
)
def test_what_is_wrong_is_told_and_never_quoted(text: str, error: type[ProtocolError], problem: str) -> None:
    with pytest.raises(error) as caught:
        list(scanned([text.encode()]))
    assert problem in caught.value.problem
    assert caught.value.resource == RESOURCE
    assert caught.value.position == (0 if "no JSON object" in problem else len(text))
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "has_items"), [("{}", False), ('{"items":null}', True), ('{"items":[]}', True), ('{"kind":[]}', False)]
)
def test_whether_there_are_items(text: str, has_items: bool) -> None:  # noqa: FBT001 - a parameter of the test
    scanner = IjsonScanner(RESOURCE, size_limit=LIMIT)
    assert [name for name, _, _ in [*scanner.feed(text.encode()), *scanner.finish()] if name == "items"] == []
    assert scanner.has_items is has_items


def test_items_before_the_error_are_handed_out() -> None:
    found: list[bytes] = []
    values_found = scanned([b'{"items":[1,{"a":2},oops'])
    with pytest.raises(MalformedData):
        found.extend(raw for _, _, raw in values_found)
    assert found == [b"1", b'{"a":2}']


def test_the_limit_itself_is_allowed() -> None:
    assert list(scanned([b'{"items":["12345678"]}'], limit=10)) == [("items", 22, b'"12345678"')]


def test_an_error_is_told_where_it_is_and_not_at_the_end() -> None:
    scanner = IjsonScanner(RESOURCE, size_limit=LIMIT)
    with pytest.raises(MalformedData, match="not JSON"):
        list(scanner.feed(b'{"items":[oops' + b" " * 70_000))


def test_an_item_without_an_end_is_refused_early() -> None:
    begun = b'{"items":[{},"'
    chunks = iter([begun, *[b"x" * 1_000] * 1_000])
    endless = scanned(chunks, limit=1_000)
    with pytest.raises(ObjectTooLarge, match="an object of more than 1000 bytes") as caught:
        list(endless)
    coalesced, position = ijson_scanner._COALESCE, caught.value.position
    assert caught.value.resource == RESOURCE
    assert position is not None
    assert position == len(begun) if coalesced == 1 else coalesced < position < 67_000
    read = 1_000 * (1_000 - len(list(chunks)))
    assert 1_000 < read - position < 3_000 + 2 * coalesced


def test_memory_is_that_of_a_few_values() -> None:
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
    assert peak < 3_000_000


def test_a_slow_backend_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ijson, "backend", "python")
    with pytest.warns(RuntimeWarning, match="runs on its python backend.*reinstall ijson from a wheel") as caught:
        IjsonScanner(RESOURCE, size_limit=LIMIT)
    assert caught[0].filename == __file__


def test_pages_come_through_it_as_through_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = '{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}'
    head = '"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"c"}'
    body = f'{{{head},"items":[{{"metadata":{metadata},"x":[1e400,-0,{{}}]}}]}}'.encode()
    outcomes = []
    for scanner in (ListScanner, IjsonScanner):
        monkeypatch.setattr(pages, "_SCANNER", scanner)
        parser = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=0)
        found = [*parser.feed(body), *parser.finish()]
        outcomes.append(([(item.identity, json.loads(item.body)) for item in found], parser.meta))
    assert outcomes[0] == outcomes[1]
