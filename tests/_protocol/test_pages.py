import importlib.util
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import ijson
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, chunk_sizes, cut, lists, objects, values

from kubeinformer._protocol import pages
from kubeinformer._protocol.identity import Identity, identify_item
from kubeinformer._protocol.ijson_scanner import IjsonScanner
from kubeinformer._protocol.list_scanner import ListScanner
from kubeinformer._protocol.page_size import TARGET_PAGE_BYTES
from kubeinformer._protocol.pages import PAGE_BUDGET, ListItem, PageMeta, PageParser
from kubeinformer.errors import MalformedData, ObjectTooLarge, ProtocolError, WrongKind

LIMIT = 100_000
WHOLE, STREAMED = 2**20, 0  # page budgets that make all these bodies go one way

Outcome = tuple[list[ListItem], PageMeta] | tuple[type[ProtocolError], str]


def parse(chunks: Iterable[bytes], budget: int, **options: Any) -> tuple[list[ListItem], PageMeta]:
    parser = PageParser(RESOURCE, **{"object_size_limit": LIMIT, "page_budget": budget, **options})
    found = [item for chunk in chunks for item in parser.feed(chunk)]
    found += parser.finish()
    return found, parser.meta


def outcome(chunks: Iterable[bytes], budget: int, **options: Any) -> Outcome:
    try:
        return parse(chunks, budget, **options)
    except ProtocolError as error:
        return type(error), str(error)


def both_ways(text: str | bytes, **options: Any) -> tuple[list[ListItem], PageMeta]:
    """Parse whole and streamed, and see to it that both do the same: errors included."""
    body = text.encode() if isinstance(text, str) else text
    assert outcome([body], WHOLE, **options) == outcome([body], STREAMED, **options)
    return parse([body], WHOLE, **options)


def page(*items: str, kind: str = "PodList", api_version: str = "v1", metadata: str = '{"resourceVersion":"7"}') -> str:
    head = f'"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata}'
    return f'{{{head},"items":[{",".join(items)}]}}\n'


def pod(name: str = "a", extra: str = "") -> str:
    return f'{{"metadata":{{"name":"{name}","namespace":"n","uid":"u","resourceVersion":"5"}}{extra}}}'


@given(data=st.data(), elements=st.lists(objects(), max_size=4), sizes=chunk_sizes, budget=st.integers(0, 2_000))
def test_any_list_any_way_in_any_chunks(
    data: st.DataObject, elements: list[str], sizes: list[int], budget: int
) -> None:
    body = data.draw(lists(elements)).encode()
    found, meta = parse(cut(body, sizes), budget)
    assert [item.body.decode() for item in found] == [
        '{"kind":"Pod","apiVersion":"v1",' + text[1:] for text in elements
    ]
    assert meta == PageMeta("7", "", "Pod", "v1", None, None)


@given(data=st.data(), elements=st.lists(objects(), max_size=3))
def test_the_judges_read_the_same(data: st.DataObject, elements: list[str]) -> None:
    """json and ijson agree with both ways."""
    text = data.draw(lists(elements))
    found, _ = both_ways(text)
    kinds = {"kind": "Pod", "apiVersion": "v1"}
    judge = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers stay text: Python's have limits
    assert [judge.decode(item.body.decode()) for item in found] == [
        {**kinds, **item} for item in judge.decode(text.strip())["items"]
    ]
    if "9" * 4_301 not in text:  # ijson builds integers, and Python refuses to build that one
        assert len(found) == len(list(ijson.items(text.encode(), "items.item")))


@given(data=st.data(), elements=st.lists(objects(), max_size=3), sizes=chunk_sizes)
@pytest.mark.parametrize("budget", [WHOLE, STREAMED])
def test_a_cut_page_is_never_complete(budget: int, data: st.DataObject, elements: list[str], sizes: list[int]) -> None:
    body = data.draw(lists(elements)).encode().rstrip()
    length = data.draw(st.integers(0, len(body) - 1))
    assert outcome(cut(body[:length], sizes), budget)[0] is MalformedData
    assert outcome([body[:length]], WHOLE) == outcome([body[:length]], STREAMED)


def test_a_page_that_is_cut_at_any_byte() -> None:
    body = page(pod("a", ',"x":"\u2028\\ud83d\\ude00"'), pod("b", ',"x":[1e400,-0,{}]')).encode().rstrip()
    for length in range(len(body)):
        whole, streamed = outcome([body[:length]], WHOLE), outcome([body[:length]], STREAMED)
        assert whole == streamed
        assert whole[0] is MalformedData


@given(body=st.one_of(st.binary(max_size=40), values.map(str.encode)), sizes=chunk_sizes)
@pytest.mark.parametrize("budget", [WHOLE, STREAMED])
def test_anything_else_gives_a_typed_error(budget: int, body: bytes, sizes: list[int]) -> None:
    assert outcome(cut(body, sizes), budget)[0] in {MalformedData, WrongKind}


@given(data=st.data(), elements=st.lists(objects(), min_size=1, max_size=3), byte=st.binary(min_size=1, max_size=1))
def test_one_wrong_byte_is_the_same_to_both_ways(data: st.DataObject, elements: list[str], byte: bytes) -> None:
    body = data.draw(lists(elements)).encode()
    place = data.draw(st.integers(0, len(body) - 1))
    body = body[:place] + byte + body[place + 1 :]
    assert outcome([body], WHOLE) == outcome([body], STREAMED)


def test_what_a_page_says_about_the_list() -> None:
    metadata = (
        '{"resourceVersion":"7","continue":"next","remainingItemCount":3,"shardInfo":{"selector":"shardRange(x)"},'
        '"selfLink":""}'
    )
    _, meta = both_ways(page(pod(), metadata=metadata))
    assert meta == PageMeta("7", "next", "Pod", "v1", 3, "shardRange(x)")


@pytest.mark.parametrize("rest", ["", ',"continue":null,"remainingItemCount":null,"shardInfo":null', ',"shardInfo":{}'])
def test_null_metadata_is_as_good_as_missing(rest: str) -> None:
    metadata = f'{{"resourceVersion":"7"{rest}}}'
    assert both_ways(page(metadata=metadata)) == ([], PageMeta("7", "", "Pod", "v1", None, None))


@pytest.mark.parametrize("version", ["", '"apiVersion":null,'])
def test_a_list_may_have_no_version_of_its_own(version: str) -> None:
    own = pod(extra=',"kind":"Pod","apiVersion":"v1"')
    body = f'{{"kind":"PodList",{version}"metadata":{{"resourceVersion":"7"}},"items":[{own}]}}'
    [item], meta = both_ways(body)
    assert item.body.decode() == own
    assert meta == PageMeta("7", "", "Pod", "", None, None)


def test_items_get_the_kind_that_they_lack() -> None:
    [item], _ = both_ways(page(pod(), kind="DeploymentList", api_version="apps/v1"))
    assert item.identity == Identity("a", "n", "u", "5", "Deployment", "apps/v1")
    assert item.body.decode() == '{"kind":"Deployment","apiVersion":"apps/v1",' + pod()[1:]


@pytest.mark.parametrize(
    ("own", "added"),
    [
        (',"kind":"Own","apiVersion":"x/v1"', ""),
        (',"kind":"Own"', '"apiVersion":"v1",'),
        (',"apiVersion":"x/v1"', '"kind":"Pod",'),
    ],
)
def test_items_keep_the_kind_that_they_have(own: str, added: str) -> None:
    [item], _ = both_ways(page(pod(extra=own)))
    assert item.body.decode() == "{" + added + pod(extra=own)[1:]
    assert json.loads(item.body)["kind"] == item.identity.kind
    assert json.loads(item.body)["apiVersion"] == item.identity.api_version


@pytest.mark.parametrize("nothing", ["null", '""'])
@pytest.mark.parametrize("own", [',"kind":@', ',"kind":@,"apiVersion":@', ',"kind":"Own","apiVersion":@'])
def test_a_kind_that_is_given_empty_is_as_good_as_missing_for_whoever_reads_the_item(own: str, nothing: str) -> None:
    """Of two keys the last one counts: put in front, what the list says would lose to what the item does not say."""
    [item], _ = both_ways(page(pod(extra=own.replace("@", nothing))))
    read = json.loads(item.body)
    assert (read["kind"], read["apiVersion"]) == (item.identity.kind, item.identity.api_version)
    assert item.identity.api_version == "v1"


def test_a_list_of_custom_resources_names_its_kind_last() -> None:
    """The API server sorts the keys of what it holds as a map; the items carry their kind themselves."""
    own = ',"kind":"Widget","apiVersion":"example.com/v1"'
    body = '{"apiVersion":"example.com/v1","items":[%s],"kind":"WidgetList","metadata":{"resourceVersion":"7"}}'
    [item], meta = both_ways(body % pod(extra=own))
    assert item.body.decode() == pod(extra=own)
    assert (meta.kind, meta.api_version) == ("Widget", "example.com/v1")


def test_a_list_kind_without_the_usual_ending() -> None:
    own = ',"kind":"Widget","apiVersion":"example.com/v1"'
    [item], meta = both_ways(page(pod(extra=own), kind="Widgets", api_version="example.com/v1"))
    assert item.identity.kind == "Widget"
    assert (meta.kind, meta.api_version) == ("", "example.com/v1")
    with pytest.raises(WrongKind, match="an item without a kind"):
        both_ways(page(pod(), kind="Widgets"))


@pytest.mark.parametrize("kind", ["List", "Widgets"])
def test_a_hint_helps_where_the_list_says_nothing(kind: str) -> None:
    [item], meta = both_ways(page(pod(), kind=kind), item_kind=("Widget", "example.com/v1"))
    assert (item.identity.kind, item.identity.api_version) == ("Widget", "example.com/v1")
    assert (meta.kind, meta.api_version) == ("Widget", "example.com/v1")


def test_a_hint_helps_to_say_what_is_wrong() -> None:
    with pytest.raises(WrongKind, match=r"object without metadata\.name"):
        both_ways(page(pod(), pod(""), kind="List"), item_kind=("Widget", "example.com/v1"))


def test_a_hint_helps_where_the_list_says_it_too_late() -> None:
    body = f'{{"items":[{pod()}],"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"7"}}}}'
    assert both_ways(body, item_kind=("Pod", "v1"))[0][0].identity.kind == "Pod"


def test_what_the_list_says_counts_more_than_the_hint() -> None:
    assert both_ways(page(pod()), item_kind=("Other", "x/v1"))[0][0].identity.kind == "Pod"


@pytest.mark.parametrize("items", ["null", "[]", "[ ]"])
def test_an_empty_list(items: str) -> None:
    found, meta = both_ways(
        f'{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"7"}},"items":{items}}}'
    )
    assert found == []
    assert meta.resource_version == "7"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            '{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},"rows":[]}',
            "v1/pods at byte 29: kind Table",
        ),
        ('{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":500}', "kind Status"),
        (pod(extra=',"kind":"Pod","apiVersion":"v1"'), "kind 'Pod' came, without items, where a list of v1/pods was"),
        ("{}", "v1/pods at byte 0: an object without a kind came, without items"),
        (f'{{"kind":"{"K" * 70}"}}', f"kind '{'K' * 60}' came"),
        ('{"items":[],"metadata":{"resourceVersion":"7"}}', "an object without a kind came, where a list"),
        ('{"kind":null,"items":[],"metadata":{"resourceVersion":"7"}}', "an object without a kind came, where a list"),
        ('{"kind":"PodList","apiVersion":null,"items":[]}', "list without metadata.resourceVersion"),
        ('{"kind":"PodList","apiVersion":"v1","items":null,"metadata":null}', "list without metadata.resourceVersion"),
        (page(metadata="{}"), "v1/pods at byte 0: list without metadata.resourceVersion"),
        (page(metadata='{"resourceVersion":""}'), "list without metadata.resourceVersion"),
        (page(metadata='{"resourceVersion":7}'), "a list's metadata should be here"),
        (page(metadata="[]"), "v1/pods at byte 47: a list's metadata should be here"),
        ('{"kind":["PodList"]}', "v1/pods at byte 8: a kind should be here"),
        ('{"apiVersion":1}', "v1/pods at byte 14: an apiVersion should be here"),
        ('{"kind":"Table","apiVersion":null}', "v1/pods at byte 0: kind 'Table' came, without items"),
        (f'{{"kind":null,"items":[{pod()}]}}', "v1/pods at byte 22: an item without a kind"),
        (page(pod(extra=',"kind":"Pod"'), api_version=""), "an item without a kind"),
        (page(pod(extra=',"apiVersion":"v1"'), kind="Widgets"), "an item without a kind"),
        ('{"items":{}}', "items that are no array"),
        (page("{}"), "object without metadata.name"),
        (page("null"), "an object should be here"),
        (page(pod(), pod("")), "object without metadata.name"),
    ],
)
def test_what_is_no_list_is_of_the_wrong_kind(body: str, problem: str) -> None:
    with pytest.raises(WrongKind) as caught:
        both_ways(body)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("body", "problem", "position"),
    [
        (b"", "empty answer", 0),
        (b"\n", "empty answer", 1),
        (b"<!DOCTYPE html><title>hunter2", "HTML page", 0),
        (b"hunter2", "no JSON object", 0),
        (b"[]", "no JSON object", 0),
        (page().encode() + b"hunter2", "after the end", len(page())),
        (page().encode()[:-3], "cut in the middle", len(page()) - 3),
        (page(pod()).encode().replace(b'"n"', b'"\xff"'), "not UTF-8", page(pod()).index(pod())),
        (page(pod(), pod("b", ',"x":01')).encode(), "not JSON", page(pod(), pod("b")).index(pod("b"))),
        (b'{"kind":"PodList","x":"\xff"}', "not UTF-8", 22),
        (page(pod()).encode()[:-2] + b',"x":"\xff"}', "not UTF-8", len(page(pod())) + 3),
    ],
)
def test_what_is_malformed_is_told_with_its_place(body: bytes, problem: str, position: int) -> None:
    with pytest.raises(MalformedData) as caught:
        both_ways(body)
    assert problem in caught.value.problem
    assert (caught.value.resource, caught.value.position) == (RESOURCE, position)
    assert "hunter2" not in repr(caught.value)


def test_where_the_scanner_finds_nothing_msgspec_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an object whose nesting is just too deep inside a list, and not by itself."""
    monkeypatch.setattr(pages, "_LIST", msgspec.json.Decoder(int))
    with pytest.raises(WrongKind, match="a list should be here, but Expected `int`"):
        parse([page(pod()).encode()], WHOLE)


def test_where_the_scanner_finds_nothing_the_first_look_at_an_item_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def once(*_: object) -> tuple[Identity, bool]:
        monkeypatch.setattr(pages, "identify_item", identify_item)
        raise MalformedData(RESOURCE, "too deep just there")

    monkeypatch.setattr(pages, "identify_item", once)
    with pytest.raises(MalformedData, match="too deep just there"):
        parse([page(pod()).encode()], WHOLE)


def test_an_item_over_the_limit_is_refused_both_ways() -> None:
    item = pod()
    assert len(both_ways(page(item, item), object_size_limit=len(item))[0]) == 2
    with pytest.raises(ObjectTooLarge, match=f"an object of more than {len(item)} bytes"):
        both_ways(page(item, pod("ab")), object_size_limit=len(item))


@pytest.mark.parametrize(("budget", "expected"), [(WHOLE, []), (STREAMED, ["a", "b"])])
def test_a_cut_page_within_the_budget_gives_no_item_at_all(budget: int, expected: list[str]) -> None:
    parser = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=budget)
    found = [*parser.feed(page(pod("a"), pod("b"), pod("c")).encode()[:-40])]
    rest = parser.finish()
    with pytest.raises(MalformedData):
        found.extend(rest)
    assert [item.identity.name for item in found] == expected


def test_the_budget_is_two_pages_as_they_should_be() -> None:
    assert PAGE_BUDGET == 2 * TARGET_PAGE_BYTES


def test_ijson_stands_in_for_a_scanner_that_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeinformer._protocol.list_scanner.IS_USABLE", False)
    spec = importlib.util.find_spec(pages.__name__)
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    assert anew._SCANNER is IjsonScanner
    assert pages._SCANNER is ListScanner


def test_the_budget_decides_between_the_ways() -> None:
    body = page(pod()).encode()
    within = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=len(body))
    beyond = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=len(body) - 1)
    assert [len(list(parser.feed(body))) for parser in (within, beyond)] == [0, 1]
    assert [len(list(parser.finish())) for parser in (within, beyond)] == [1, 0]


def test_items_come_while_the_body_arrives() -> None:
    parser = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=1_000)
    body = page(*(pod(f"p{index}", f',"x":"{"y" * 1_000}"') for index in range(500))).encode()
    counts = [len(list(parser.feed(chunk))) for chunk in cut(body, [100_000])]
    assert all(counts)
    assert sum(counts) + len(list(parser.finish())) == 500


@pytest.mark.parametrize(("budget", "before"), [(WHOLE, 0), (STREAMED, 2)])
def test_a_page_that_is_not_accepted_gives_no_item_if_that_can_be_known(budget: int, before: int) -> None:
    seen: list[PageMeta] = []

    def refuse(page_meta: PageMeta) -> None:
        seen.append(page_meta)
        raise ProtocolError(RESOURCE, "not this one")

    parser = PageParser(RESOURCE, object_size_limit=LIMIT, page_budget=budget, accept=refuse)
    found = [*parser.feed(page(pod("a"), pod("b")).encode())]
    rest = parser.finish()
    with pytest.raises(ProtocolError, match="not this one"):
        found.extend(rest)
    assert len(found) == before
    assert seen == [PageMeta("7", "", "Pod", "v1", None, None)]


def test_what_the_page_says_is_not_there_before_its_end() -> None:
    parser = PageParser(RESOURCE, object_size_limit=LIMIT)
    list(parser.feed(page().encode()))
    with pytest.raises(AssertionError):
        _ = parser.meta
    list(parser.finish())
    assert parser.meta.resource_version == "7"


def test_a_second_list_of_items_is_refused_when_streamed() -> None:
    """The only difference between the ways: msgspec lets the last one count, as JSON parsers do."""
    body = page(pod()).rstrip()[:-1] + ',"items":[]}'
    with pytest.raises(MalformedData, match="a second list of items"):
        parse([body.encode()], STREAMED)
    assert parse([body.encode()], WHOLE)[0] == []


def _chunks(count: int, filler: str) -> Iterator[bytes]:
    yield page().encode()[:-3]
    for index in range(count):
        yield (b"," if index else b"") + pod(f"p{index}", filler).encode()
    yield b"]}"


@pytest.mark.parametrize(
    ("count", "size"),
    [
        (40, 1_000_000),
        (4_000, 5_000),
    ],
)
def test_memory_is_the_budget_however_long_the_list(count: int, size: int) -> None:
    budget = 2**20
    filler = ',"x":"' + "y" * size + '"'
    parser = PageParser(RESOURCE, object_size_limit=2_000_000, page_budget=budget)
    tracemalloc.start()
    try:
        seen = sum(1 for chunk in _chunks(count, filler) for _ in parser.feed(chunk))
        seen += sum(1 for _ in parser.finish())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen == count
    assert peak < 8 * budget  # 40 and 20 MB go through; an item of 1 MB is in some hands at once
