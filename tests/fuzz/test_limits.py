"""Input made to hurt: bombs, endless lines, deep nesting, tiny chunks."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests._protocol.strategies import RESOURCE, cut
from tests.fuzz.memory import growth

from kubeinformer._protocol import list_scanner, pages
from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.gzip import GzipDecoder
from kubeinformer._protocol.ijson_scanner import IjsonScanner
from kubeinformer._protocol.list_scanner import ListScanner
from kubeinformer._protocol.pages import PageParser
from kubeinformer._protocol.watch_events import Bookmark, ObjectEvent, decode_watch_event
from kubeinformer.errors import MalformedData, ObjectTooLarge, ProtocolError, WrongKind

MB: Final = 10**6
POD: Final = '"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}'
HEAD: Final = '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"}'
WHOLE, STREAMED = 2**30, 0

on_linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")


def parsed(body: bytes, budget: int, sizes: list[int] | None = None) -> list[bytes]:
    parser = PageParser(RESOURCE, object_size_limit=10**6, page_budget=budget)
    found = [item.body for chunk in cut(body, sizes or []) for item in parser.feed(chunk)]
    return [*found, *(item.body for item in parser.finish())]


# Bombs.


def nested_bomb() -> bytes:
    data = bytes(20 * MB)
    for _ in range(3):
        data = gzip.compress(data, 9, mtime=0)
    return data


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        pytest.param(gzip.compress(bytes(50 * MB), 9, mtime=0), 50 * MB, id="a thousand to one"),
        pytest.param(gzip.compress(bytes(10_000), mtime=0) * 5_000, 50 * MB, id="thousands of members"),
        pytest.param(gzip.compress(b"", mtime=0) * 20_000, 0, id="thousands of empty members"),
        pytest.param((gzip.compress(b"", mtime=0) + bytes(100)) * 5_000, 0, id="empty members and padding"),
        pytest.param(nested_bomb(), len(gzip.decompress(nested_bomb())), id="nested members: the outer one is enough"),
    ],
)
@pytest.mark.parametrize("chunk", [100, 10**9])
def test_a_bomb_comes_in_small_pieces(stream: bytes, size: int, chunk: int) -> None:
    decoder = GzipDecoder(RESOURCE)
    seen = largest = 0
    for part in cut(stream, [chunk]):
        for piece in decoder.feed(part):
            seen, largest = seen + len(piece), max(largest, len(piece))
    decoder.finish()
    assert seen == size
    assert largest <= 262_144


_SETUP: Final = """
import gzip
from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.gzip import GzipDecoder
from kubeinformer._protocol.pages import PageParser
from kubeinformer.errors import ObjectTooLarge
LIMIT = 4_000_000
bomb = gzip.compress(bytes(60_000_000)) * 3 if {bomb} else b""
for piece in GzipDecoder("r").feed(gzip.compress(b"x" * 600_000)):
    pass
def refused(values):
    try:
        for _ in values:
            pass
    except ObjectTooLarge:
        return True
    return False
"""


@on_linux
def test_a_bomb_costs_time_and_no_memory() -> None:
    grown = growth(_SETUP.format(bomb=True), "for piece in GzipDecoder('r').feed(bomb): pass")
    assert grown < 4 * MB  # 180 MB went through


@on_linux
def test_a_line_of_100_mb_is_refused_at_the_limit() -> None:
    code = """
framer = LineFramer("r", size_limit=LIMIT)
chunk = b"x" * 65_536
sent = 0
while sent < 100_000_000 and not refused(framer.feed(chunk)):
    sent += len(chunk)
assert LIMIT - 65_536 <= sent <= LIMIT, sent
"""
    assert growth(_SETUP.format(bomb=False), code) < 3 * 4 * MB


@on_linux
@pytest.mark.parametrize("place", ["an item", "a member before the items", "a member after the items"])
def test_a_list_with_a_value_of_100_mb_is_refused_at_the_limit(place: str) -> None:
    before = {
        "an item": '{"kind":"PodList","items":[{"x":"',
        "a member before the items": '{"x":"',
        "a member after the items": '{"items":[],"x":"',
    }[place]
    code = f"""
parser = PageParser("r", object_size_limit=LIMIT, page_budget=1_000_000)
chunk = b"x" * 65_536
assert not refused(parser.feed({before.encode()!r}))
sent = 0
while sent < 100_000_000 and not refused(parser.feed(chunk)):
    sent += len(chunk)
assert sent <= LIMIT + 65_536, sent
"""
    assert growth(_SETUP.format(bomb=False), code) < 4 * 4 * MB


@on_linux
def test_a_line_of_100_mb_that_is_allowed_takes_no_more_than_three_times_its_size() -> None:
    code = """
framer = LineFramer("r", size_limit=200_000_000)
chunk = b"x" * 65_536
for _ in range(1_600):
    assert not list(framer.feed(chunk))
[(position, line)] = framer.feed(b"\\n")
assert len(line) == 1_600 * 65_536
"""
    assert growth(_SETUP.format(bomb=False), code) < 320 * MB


# Nesting.

_DEPTH: Final = 10_000


def _nested(kind: str) -> str:
    return {"arrays": "[" * _DEPTH + "]" * _DEPTH, "objects": '{"a":' * _DEPTH + "1" + "}" * _DEPTH}[kind]


@pytest.mark.parametrize("kind", ["arrays", "objects"])
@pytest.mark.parametrize(
    "line",
    [
        f'{{"type":"ADDED","object":{{{POD},"x":@}}}}',
        '{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"5","x":@}}}',
        '{"type":"ADDED","object":@}',
        f'{{"type":"ADDED","x":@,"object":{{{POD}}}}}',
        '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":{"x":"","y":@}}}}',
    ],
)
def test_a_deep_event_is_refused_or_kept_whole(line: str, kind: str) -> None:
    text = line.replace("@", _nested(kind)).encode()
    try:
        found = decode_watch_event(RESOURCE, text, 0)
    except (MalformedData, WrongKind):
        return
    assert isinstance(found, Bookmark) or (isinstance(found, ObjectEvent) and found.body in text)


@pytest.mark.parametrize("kind", ["arrays", "objects"])
def test_a_deep_status_becomes_a_message(kind: str) -> None:
    line = '{"type":"ERROR","object":{"kind":"Status","code":410,"details":@}}'.replace("@", _nested(kind))
    try:
        decode_watch_event(RESOURCE, line.encode(), 0)
    except MalformedData:
        return


@pytest.mark.parametrize("kind", ["arrays", "objects"])
@pytest.mark.parametrize("budget", [WHOLE, STREAMED])
@pytest.mark.parametrize(
    "body",
    [
        f'{HEAD},"items":[{{{POD},"x":@}}]}}',
        HEAD + ',"items":[{"metadata":{"name":"a","resourceVersion":"1","x":@}}]}',
        HEAD + ',"items":[@]}',
        '{"x":@,' + HEAD[1:] + ',"items":[]}',
        HEAD[:-1] + ',"x":@},"items":[]}',
        HEAD + ',"items":@}',
        "@",
    ],
)
def test_a_deep_list_is_refused_or_kept_whole(body: str, kind: str, budget: int) -> None:
    text = body.replace("@", _nested(kind)).encode()
    try:
        items = parsed(text, budget)
    except ProtocolError:
        return
    assert len(items) == body.count("[{")


@pytest.mark.parametrize("kind", ["arrays", "objects"])
def test_a_deep_list_is_refused_by_the_stand_in_too(kind: str) -> None:
    scanner = IjsonScanner(RESOURCE, size_limit=10**6)
    body = (HEAD + ',"items":[{"x":@}]}').replace("@", _nested(kind)).encode()
    try:
        found = [raw for name, _, raw in [*scanner.feed(body), *scanner.finish()] if name == "items"]
    except ProtocolError:
        return
    assert len(found) == 1


# One byte at a time: the work must not grow with the square. Counted, because time depends on the machine.


def _counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, size_of: Callable[..., int]) -> list[int]:
    looked_at: list[int] = []
    real = getattr(owner, name)

    def look(*arguments: Any) -> Any:
        looked_at.append(size_of(*arguments))
        return real(*arguments)

    monkeypatch.setattr(owner, name, look)
    return looked_at


def _one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[place : place + 1] for place in range(len(data)))


@pytest.mark.parametrize("size", [50_000, 200_000])
def test_the_list_scanner_looks_at_each_byte_a_few_times_however_small_the_chunks(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    looked_at = _counted(monkeypatch, list_scanner, "_complaint", len)
    scanner = ListScanner(RESOURCE, size_limit=10**6)
    body = f'{HEAD},"items":[{{{POD},"x":"{"y" * size}"}}]}}'.encode()
    found = [raw for chunk in _one_by_one(body) for _, _, raw in scanner.feed(chunk)]
    found += [raw for _, _, raw in scanner.finish()]
    assert len(found) == 4
    assert sum(looked_at) < 6 * len(body) + 10 * 65_536


def test_the_framer_searches_and_copies_each_byte_once() -> None:
    """What it holds is a bytearray that only grows: a new one for each chunk would be a copy of all before it."""
    framer = LineFramer(RESOURCE, size_limit=10**6)
    assert not list(framer.feed(b"x"))
    partial = framer._partial
    for chunk in _one_by_one(b"x" * 10_000):
        assert not list(framer.feed(chunk))
        assert framer._partial is partial
    [(_, line)] = framer.feed(b"\n")
    assert len(line) == 10_001


def test_gzip_in_single_bytes_gives_as_many_pieces_as_it_must() -> None:
    content = bytes(range(256)) * 400
    decoder = GzipDecoder(RESOURCE)
    pieces = [piece for chunk in _one_by_one(gzip.compress(content, mtime=0)) for piece in decoder.feed(chunk)]
    decoder.finish()
    assert b"".join(pieces) == content


def test_a_page_is_decoded_once_however_small_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = _counted(monkeypatch, pages, "decode", lambda _, data, *__: len(bytes(data)))
    body = f'{HEAD},"items":[{{{POD},"x":"{"y" * 20_000}"}}]}}'.encode()
    assert len(parsed(body, WHOLE, [1])) == 1
    assert sum(decoded) < 2 * len(body)


def test_an_object_over_the_limit_is_refused_in_single_bytes_too() -> None:
    scanner = ListScanner(RESOURCE, size_limit=1_000)
    body = f'{HEAD},"items":[{{{POD},"x":"{"y" * 2_000}"}}]}}'.encode()
    values = (raw for chunk in _one_by_one(body) for _, _, raw in scanner.feed(chunk))
    with pytest.raises(ObjectTooLarge):
        list(values)
