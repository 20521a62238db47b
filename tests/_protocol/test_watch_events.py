import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import RESOURCE, objects, values

from kubeinformer._protocol import watch_events
from kubeinformer._protocol.watch_events import Bookmark, ErrorEvent, EventType, ObjectEvent, decode_watch_event
from kubeinformer.errors import MalformedData, ProtocolError, WrongKind

POD = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"}}'
END = {"k8s.io/initial-events-end": "true"}


def decoded(line: str | bytes) -> Any:
    return decode_watch_event(RESOURCE, line.encode() if isinstance(line, str) else line, 9)


def bookmark(**metadata: Any) -> Any:
    return decoded(
        json.dumps({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}})
    )


@given(kind=st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), text=objects(), space=st.sampled_from(["", " ", "\t\r"]))
def test_the_body_is_what_the_server_sent(kind: str, text: str, space: str) -> None:
    event = decoded(f'{space}{{{space}"type"{space}:{space}"{kind}",{space}"object":{space}{text}{space}}}{space}')
    assert isinstance(event, ObjectEvent)
    assert event.type is EventType[kind]
    assert type(event.body) is bytes
    assert event.body.decode() == text
    assert event.identity.name == json.loads(text, parse_int=str)["metadata"]["name"]


def test_the_usual_form_is_scanned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(watch_events, "_LINE")  # the second way takes twice the time
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        event = decoded(f'{{"type":"{kind}","object":{POD}}}')
        assert (event.type.value, event.body.decode()) == (kind, POD)


def test_what_only_begins_as_usual_is_read_to_its_end() -> None:
    line = f'{{"type":"ADDED","object":{POD}'
    for end in ("x", "]", ",", " ", '"', "{}", "}}"):
        with pytest.raises(MalformedData):
            decoded(line + end)
    assert decoded(line + " }").body.decode() == POD


def test_members_may_come_in_any_order_and_number() -> None:
    event = decoded(f'{{"x":1,"object":{POD},"y":[{{}}],"type":"MODIFIED"}}')
    assert (event.type, event.body.decode(), event.identity.key) == (EventType.MODIFIED, POD, "n/a")


@pytest.mark.parametrize("end", ['"object":%s', '"x":1', '"type":"DELETED"', '"x":{}', '"object":{}', "%s"])
def test_what_follows_the_object_is_read_too(end: str) -> None:
    """The usual form is told by its two ends; what looks like it must still be JSON, whose last member counts."""
    other = POD.replace('"a"', '"b"')
    line = f'{{"type":"ADDED","object":{POD},{end.replace("%s", other)}}}'
    try:
        expected = json.loads(line)
        name = expected["object"]["metadata"]["name"]
    except (ValueError, KeyError):
        with pytest.raises(ProtocolError):
            decoded(line)
    else:
        event = decoded(line)
        assert (event.type.value, event.identity.name) == (expected["type"], name)
        assert json.loads(event.body) == expected["object"]


@pytest.mark.parametrize(
    ("annotations", "ends"),
    [
        (None, False),
        ({}, False),
        ({"k8s.io/initial-events-end": "false"}, False),
        ({"k8s.io/initial-events-end": ""}, False),
        ({"other": "true"}, False),
        ({**END, "other": "x"}, True),
    ],
)
def test_only_the_annotation_ends_the_initial_events(annotations: dict[str, str] | None, ends: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert bookmark(resourceVersion="77", annotations=annotations) == Bookmark("77", ends)


def test_a_bookmark_without_annotations_ends_nothing() -> None:
    assert bookmark(resourceVersion="77") == Bookmark("77", ends_initial=False)


def test_a_bookmark_may_have_no_version_of_the_api() -> None:
    line = '{"type":"BOOKMARK","object":{"kind":"Table","metadata":{"resourceVersion":"77"}}}'
    assert decoded(line) == Bookmark("77", ends_initial=False)


@pytest.mark.parametrize("metadata", [{}, {"resourceVersion": ""}, {"resourceVersion": None}, {"resourceVersion": 5}])
def test_a_bookmark_needs_a_version(metadata: dict[str, Any]) -> None:
    with pytest.raises(WrongKind, match=r"v1/pods at byte 9: (a )?bookmark"):
        bookmark(**metadata)


def test_an_error_event_holds_a_status() -> None:
    event = decoded('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}')
    assert isinstance(event, ErrorEvent)
    assert event.status.is_expired
    assert event.status.message == "too old"


@pytest.mark.parametrize("body", ["{}", "null", '"text"', '{"kind":"Status"}'])
def test_an_error_event_without_a_status_is_an_internal_error(body: str) -> None:
    assert decoded(f'{{"type":"ERROR","object":{body}}}').status.code == 500


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        "{}",
        f'{{"object":{POD}}}',
        '{"type":"ADDED"}',
        f'{{"type":null,"object":{POD}}}',
        f'{{"type":"","object":{POD}}}',
        f'{{"type":"added","object":{POD}}}',
        f'{{"type":"{"RENAMED" * 1_000}","object":{POD}}}',
        '{"type":"ADDED","object":null}',
        '{"type":"ADDED","object":[]}',
        '{"type":"ADDED","object":{}}',
        '{"type":"BOOKMARK","object":null}',
        '{"type":"BOOKMARK","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"}}}',
        '{"type":"ADDED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"rows":[]}}',
        '{"type":"MODIFIED","object":{"kind":"Status","apiVersion":"v1","metadata":{},"code":500}}',
    ],
)
def test_what_is_no_event_is_of_the_wrong_kind(line: str) -> None:
    with pytest.raises(WrongKind, match="v1/pods at byte 9: ") as caught:
        decoded(line)
    assert len(str(caught.value)) < 300


def test_what_came_instead_of_an_event_is_named() -> None:
    with pytest.raises(WrongKind, match="a watch event should be here"):
        decoded("[]")
    with pytest.raises(WrongKind, match="watch event of unknown type 'RENAMEDRENAMEDRENAME';"):
        decoded(f'{{"type":"{"RENAMED" * 3}","object":{POD}}}')


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ADDED","x":"\xff","object":%s}' % POD.encode(),
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1","x":"\xff"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}},"\xff":1}',
        b'{"type":"ERROR","object":{"kind":"Status","code":410},"x":"\xed\xa0\x80"}',
    ],
)
def test_a_line_is_utf8_in_what_is_skipped_too(line: bytes) -> None:
    with pytest.raises(MalformedData, match="v1/pods at byte 9: bytes that are not UTF-8"):
        decoded(line)


@given(value=values)
def test_any_other_json_gives_a_typed_error(value: str) -> None:
    with pytest.raises(ProtocolError):
        decoded(value)


@given(kind=st.sampled_from(["ADDED", "BOOKMARK", "ERROR"]), text=objects(), data=st.data())
def test_a_cut_line_is_malformed(kind: str, text: str, data: st.DataObject) -> None:
    line = f'{{"type":"{kind}","object":{text}}}'.encode()
    with pytest.raises(MalformedData):
        decoded(line[: data.draw(st.integers(0, len(line) - 1))])


@given(line=st.binary(max_size=60))
def test_any_bytes_give_a_typed_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decoded(line)


def test_bytes_that_are_no_utf8_never_become_an_event() -> None:
    line = f'{{"type":"ADDED","object":{POD[:-1]},"data":"?"}}}}'.encode()
    assert decoded(line).body.endswith(b'"?"}')
    with pytest.raises(MalformedData, match="not UTF-8"):
        decoded(line.replace(b"?", b"\xff"))


def test_deep_nesting_is_refused_by_name() -> None:
    depth = 1_000_000
    with pytest.raises(MalformedData, match="nested more deeply"):
        decoded(f'{{"type":"ADDED","object":{POD[:-1]},"x":{"[" * depth}{"]" * depth}}}}}')
