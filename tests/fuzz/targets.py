"""What is fuzzed, as functions of some bytes: each parses them and holds the outcome to the contract.

The contract: an error of `kubeinformer.errors` or a result; a result that a slow and obvious reference (`json`, `gzip`,
`bytes.split`) finds too; no piece larger than its bound. Anything else is an AssertionError, or what was raised.

Used twice: `test_fuzz` draws bytes with hypothesis in every run of the suite; `guided` lets atheris look for hours.
The first bytes of an input choose sizes, so that both can vary them.
"""

import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests._protocol.strategies import RESOURCE, cut

from kubeinformer._cache.codecs import decode_object
from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.gzip import GzipDecoder
from kubeinformer._protocol.ijson_scanner import IjsonScanner
from kubeinformer._protocol.list_scanner import ListScanner
from kubeinformer._protocol.pages import PageParser
from kubeinformer._protocol.status import decode_status, retry_after_seconds
from kubeinformer._protocol.watch_events import Bookmark, ErrorEvent, decode_watch_event
from kubeinformer.connection.kubeconfig import kubeconfig_connection, read_kubeconfig
from kubeinformer.errors import ConfigError, MalformedData, ObjectTooLarge, ProtocolError, WrongKind

Target: TypeAlias = Callable[[bytes], None]
_LIMIT: Final = 4_000  # bytes of a line or an item
_STREAMED: Final = 0  # a page budget that no body keeps to
_WHOLE: Final = 2**20
_DEEP: Final = 300  # brackets beyond which the references' own limits come near


def _sizes(data: bytes) -> tuple[list[int], bytes]:
    """The sizes of chunks, from the first two bytes; and the rest."""
    return [1 + byte for byte in data[:2] if byte], data[2:]


class NotJson(ValueError):
    """The reference refuses it."""


def _refuse(constant: str) -> Any:
    raise NotJson(constant)


def reference(data: bytes) -> Any:
    """What strict JSON in UTF-8 means; numbers stay text. Raises `NotJson`, or RecursionError."""
    try:
        found = json.loads(data.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()  # where a lone surrogate shows
    except ValueError as error:
        raise NotJson from error
    return found


def _is_deep(data: bytes) -> bool:
    return data.count(b"[") + data.count(b"{") > _DEEP


def _check_error(error: ProtocolError) -> None:
    assert error.resource == RESOURCE
    assert len(str(error)) < 500
    assert error.position is None or error.position >= 0


def frames(data: bytes) -> None:
    """Lines, in any chunks, are what stands between newlines."""
    sizes, data = _sizes(data)
    limit = 1 + len(data) % 97
    framer = LineFramer(RESOURCE, size_limit=limit)
    found: list[tuple[int, bytes]] = []
    failure: type[ProtocolError] | None = None
    try:
        for chunk in cut(data, sizes):
            found.extend(framer.feed(chunk))
            assert framer.pending <= limit
        framer.finish()
    except ProtocolError as error:
        _check_error(error)
        failure = type(error)
    expected: list[tuple[int, bytes]] = []
    expected_failure: type[ProtocolError] | None = None
    position = 0
    *lines, rest = data.split(b"\n")
    for line in [*lines, rest]:
        if len(line) > limit:
            expected_failure = ObjectTooLarge
            break
        if line not in {b"", b"\r"}:
            expected.append((position, line))
        position += len(line) + 1
    else:
        if rest not in {b"", b"\r"}:
            expected.pop()
            expected_failure = MalformedData
    assert (found, failure) == (expected, expected_failure)


def watch_event(data: bytes) -> None:
    """A line is what `json` reads, or an error; never malformed where `json` reads it."""
    try:
        event = decode_watch_event(RESOURCE, data, 0)
    except ProtocolError as error:
        _check_error(error)
        if not _is_deep(data) and isinstance(error, MalformedData):  # of a wrong shape is what breaks off, too
            assert not _is_reference(data)
        return
    if _is_deep(data):
        return
    line = reference(data)
    assert type(line) is dict
    if isinstance(event, Bookmark):
        assert line["type"] == "BOOKMARK"
        assert event.resource_version == line["object"]["metadata"]["resourceVersion"]
        annotations = line["object"]["metadata"].get("annotations") or {}
        assert event.ends_initial == (annotations.get("k8s.io/initial-events-end") == "true")
    elif isinstance(event, ErrorEvent):
        assert line["type"] == "ERROR"
    else:
        assert event.type.value == line["type"]
        assert reference(event.body) == line["object"]
        _check_object(event.body, event.identity.key)


def _is_reference(data: bytes) -> bool:
    try:
        reference(data)
    except NotJson:
        return False
    return True


def _check_object(body: bytes, key: str) -> None:
    """What was accepted can be read, and says what its identity says."""
    metadata = decode_object(body)["metadata"]
    namespace, name = metadata.get("namespace"), metadata["name"]
    assert key == (f"{namespace}/{name}" if namespace else name)


def _has_twins(data: bytes) -> bool:
    """Whether two members of the outermost object have one name."""
    try:
        names = json.loads(data, object_pairs_hook=lambda pairs: [name for name, _ in pairs], parse_int=str)
    except (ValueError, RecursionError):
        return False
    return isinstance(names, list) and len(names) != len(set(map(str, names)))


def page(data: bytes) -> None:
    """A list is the same whole and as it streams, in any chunks, by either scanner."""
    sizes, data = _sizes(data)
    whole, streamed = _page(data, [], _WHOLE), _page(data, sizes, _STREAMED)
    if "second list of items" in getattr(streamed[0], "problem", "") or (whole[0] is None and _has_twins(data)):
        return  # the first of three differences, which pages' head names
    if whole[0] is None and isinstance(streamed[0], ObjectTooLarge):
        return  # the second one: whole, no item was too large
    if isinstance(streamed[0], WrongKind) and "an item without a kind" in streamed[0].problem:
        return  # the third one: whole, the list may still say it, or something else may be wrong behind
    assert _said(whole) == _said(streamed)
    if whole[0] is None:
        assert whole[1] == streamed[1]
        if not _is_deep(data):
            items = reference(data)["items"] or []
            assert [_own(reference(body), item) for (body, _), item in zip(whole[1], items, strict=True)] == items
            for body, key in whole[1]:
                _check_object(body, key)


def _own(item: dict[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """An item without what the list put in front."""
    return {name: value for name, value in item.items() if name in sent or name not in {"kind", "apiVersion"}}


def _page(data: bytes, sizes: list[int], budget: int) -> tuple[ProtocolError | None, list[tuple[bytes, str]]]:
    parser = PageParser(RESOURCE, object_size_limit=_LIMIT, page_budget=budget)
    found: list[tuple[bytes, str]] = []
    try:
        for chunk in cut(data, sizes):
            found.extend((item.body, item.identity.key) for item in parser.feed(chunk))
        found.extend((item.body, item.identity.key) for item in parser.finish())
    except ProtocolError as error:
        _check_error(error)
        return error, found
    assert parser.meta.resource_version
    return None, found


def _said(outcome: tuple[ProtocolError | None, Any]) -> tuple[type[Any], int | None, str]:
    error = outcome[0]
    return (type(error), error.position, error.problem) if error else (type(None), None, "")


def scanners(data: bytes) -> None:
    """The scanner and its stand-in: typed errors, and equal values where both find some."""
    sizes, data = _sizes(data)
    mine, error = _scanned(ListScanner(RESOURCE, size_limit=_LIMIT), data, sizes)
    other, other_error = _scanned(IjsonScanner(RESOURCE, size_limit=_LIMIT), data, sizes)
    if error is None and other_error is None and not _is_deep(data):
        assert [(name, _number_free(raw)) for name, raw in mine] == [(name, _number_free(raw)) for name, raw in other]
    if error is None and not _is_deep(data) and _is_utf8(data):  # of items that is checked with their identity
        assert _is_reference(data)


def _scanned(
    scanner: ListScanner | IjsonScanner, data: bytes, sizes: list[int]
) -> tuple[list[tuple[str, bytes]], ProtocolError | None]:
    found: list[tuple[str, bytes]] = []
    try:
        for values in _fed(scanner, data, sizes):
            found.extend((name, raw) for name, _, raw in values)
            assert all(len(raw) <= _LIMIT for _, raw in found)
    except ProtocolError as error:
        _check_error(error)
        return found, error
    return found, None


def _fed(
    scanner: ListScanner | IjsonScanner, data: bytes, sizes: list[int]
) -> Iterator[Iterator[tuple[str, int, bytes]]]:
    for chunk in cut(data, sizes):
        yield scanner.feed(chunk)
    yield scanner.finish()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _number_free(raw: bytes) -> Any:
    """Numbers may be written in several ways; that there is one counts."""
    return json.loads(raw, parse_int=lambda _: 0, parse_float=lambda _: 0)


def gzip_members(data: bytes) -> None:
    """Any members decode to what `gzip` makes of them, in pieces of bounded size."""
    sizes, data = _sizes(data)
    bound = 1 + len(data) % 999
    decoder = GzipDecoder(RESOURCE, max_output=bound)
    found = bytearray()
    failure: MalformedData | None = None
    try:
        for chunk in cut(data, sizes):
            for piece in decoder.feed(chunk):
                assert 0 < len(piece) <= bound
                found += piece
        decoder.finish()
    except MalformedData as error:
        _check_error(error)
        failure = error
    try:
        expected = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        assert failure is not None or not data.strip(b"\0")
        return
    # zlib checks what the module skips: the header's own checksum, and flags that nobody defined.
    assert (failure is None and bytes(found) == expected) or "header" in str(failure)


def status(data: bytes) -> None:
    """Whatever came becomes a Status that can be shown."""
    found = decode_status(data, 503)
    assert 400 <= found.code <= 599
    assert len(found.message) <= 1_000
    assert len(found.reason) <= 200
    texts = [found.message, found.reason, *(text for cause in found.causes for text in (cause.reason, cause.message))]
    assert all(text.isprintable() for text in texts)
    header = data[:32].decode("latin-1")
    seconds = retry_after_seconds({"retry-after": header}, found)
    assert seconds is None or 0 < seconds < 10**9


def kubeconfig(data: bytes) -> None:
    """A file is a configuration, or a `ConfigError` that names it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config")
        file.write_bytes(data)
        try:
            kubeconfig_connection(read_kubeconfig([file]), None, {})
        except ConfigError as error:
            assert str(error)  # noqa: PT017 - the other outcome is fine too


TARGETS: Final[Mapping[str, Target]] = {
    "frames": frames,
    "watch_event": watch_event,
    "page": page,
    "scanners": scanners,
    "gzip_members": gzip_members,
    "status": status,
    "kubeconfig": kubeconfig,
}
