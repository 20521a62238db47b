import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._protocol.strategies import values

from kubeinformer._protocol.status import Cause, Status, decode_status, retry_after_seconds

# As kube-apiserver 1.37 sends it: protocol.md, trap 5.
TOO_LARGE = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Timeout: Too large resource version: 999999, current: 20816",
    "reason": "Timeout",
    "details": {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    },
    "code": 504,
}


def decoded(http_status: int = 599, **members: Any) -> Status:
    return decode_status(json.dumps({"kind": "Status", **members}).encode(), http_status)


def test_a_status_as_servers_send_it() -> None:
    assert decode_status(json.dumps(TOO_LARGE).encode(), 500) == Status(
        code=504,
        reason="Timeout",
        message="Timeout: Too large resource version: 999999, current: 20816",
        causes=(Cause("ResourceVersionTooLarge", "Too large resource version", ""),),
        retry_after=1.0,
    )


def test_a_410_in_a_paged_list_brings_a_token() -> None:
    status = decoded(410, code=410, reason="Expired", metadata={"continue": "next"})
    assert status.is_expired
    assert status.continue_token == "next"


@pytest.mark.parametrize(
    ("status", "expired"),
    [
        (Status(410), True),
        (Status(504, "Expired"), True),
        (Status(500, "Gone"), True),
        (Status(404, "NotFound"), False),
    ],
)
def test_expired(status: Status, expired: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert status.is_expired is expired


@pytest.mark.parametrize(
    ("status", "too_large"),
    [
        (Status(504, "ResourceVersionTooLarge"), True),
        (Status(504, "Timeout", "", (Cause("x", "", ""), Cause("ResourceVersionTooLarge", "", ""))), True),
        (Status(504, "Timeout", "Too large resource version: 7, current: 5"), True),
        (Status(504, "Timeout", "etcd did not answer", (Cause("x", "", ""),)), False),
    ],
)
def test_too_large_a_version(status: Status, too_large: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert status.is_too_large_resource_version is too_large


@pytest.mark.parametrize("code", range(400, 430))
def test_refusals_of_watch_list(code: int) -> None:
    assert Status(code).refuses_watch_list is (code in {400, 415, 422})


@pytest.mark.parametrize("code", [400, 410, 599])
def test_a_code_of_its_own_counts(code: int) -> None:
    assert decoded(503, code=code).code == code


@pytest.mark.parametrize("code", [None, "410", 0, 200, 399, 600, -5, True, 10**30, 4.1e2])
def test_without_a_usable_code_the_one_of_http_counts(code: Any) -> None:
    assert decoded(503, code=code).code == 503


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (5, 5.0),
        (0.5, 0.5),
        (86_400, 86_400.0),
        (10**9, None),
        (0, None),
        (-1, None),
        ("5", None),
        (None, None),
        (True, None),
        (10**400, None),
        (1e300, None),
    ],
)
def test_retry_after_in_details(seconds: Any, expected: float | None) -> None:
    assert decoded(details={"retryAfterSeconds": seconds}).retry_after == expected


@pytest.mark.parametrize("garbage", [None, 5, "x", [], [5, None, "x"], {"x": 1}])
def test_members_of_other_types_count_as_missing(garbage: Any) -> None:
    members: dict[str, Any]
    for members in ({"details": garbage}, {"metadata": garbage}, {"metadata": {"continue": {}}}, {"reason": [garbage]}):
        assert decoded(500, **members) == Status(500)
    causes = decoded(details={"causes": garbage}).causes
    assert set(causes) <= {Cause("", "", "")}


def test_causes_tell_reason_message_and_field_at_bounded_length() -> None:
    long = "x" * 10_000
    causes = [{"reason": "r", "message": "m", "field": "spec.x"}, {"reason": long, "message": long, "field": long}]
    word, text = "x" * 199 + "…", "x" * 999 + "…"
    assert decoded(details={"causes": causes}).causes == (Cause("r", "m", "spec.x"), Cause(word, text, word))


def test_messages_are_one_printable_line() -> None:
    assert decoded(message="a\n\tb\x1b[31m\u2028c  d").message == "a b [31m c d"


def test_messages_are_of_bounded_length() -> None:
    message = decoded(message="x" * 10_000_000).message
    assert message == "x" * 999 + "…"
    assert decoded(message="x" * 1_000).message == "x" * 1_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty answer"),
        (b" \r\n", "empty answer"),
        (b"404 page not found\n", "404 page not found"),
        (b"X marks the spot", "X marks the spot"),
        (b"\xff\xfe no utf-8", "\ufffd\ufffd no utf-8"),
        (b"x" * 500, "x" * 199 + "…"),
        (b"<html><title>502 Bad Gateway</title><hr>nginx</html>", "text/html answer: 502 Bad Gateway nginx"),
        (b"<!-- <b>x</b> --><style>p{}</style><SCRIPT>1<2</SCRIPT>Sorry", "text/html answer: Sorry"),
        (b"<p>Sorry<!-- never closed <b>x</b>", "text/html answer: Sorry"),
        (b"<p>Sorry<script>never closed", "text/html answer: Sorry"),
        (b"<p>Sorry<a href=", "text/html answer: Sorry"),
        (b"<", "text/html answer:"),
        (b"<style>" + b"x" * 5_000 + b"</style>only the head is looked at", "text/html answer:"),
        (b'{"kind":"Secret","data":{"a":"aHVudGVyMg=="', "broken JSON"),
        (b'["aHVudGVyMg=="', "broken JSON"),
        (b'"aHVudGVyMg==', "broken JSON"),
        (b'{"kind":"Secret","data":{"a":"aHVudGVyMg=="}}', "JSON that is no Status"),
        (b'["aHVudGVyMg=="]', "JSON that is no Status"),
        (b'"aHVudGVyMg=="', "JSON that is no Status"),
        (b'{"a":"\xff"}', "broken JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "broken JSON"),
    ],
)
def test_what_is_no_status_becomes_a_message(body: bytes, message: str) -> None:
    assert decode_status(body, 502) == Status(502, message=message)


@given(
    body=st.one_of(
        st.binary(),
        values.map(str.encode),
        values.map(lambda value: b'{"kind":"Status","details":' + value.encode() + b"}"),
    )
)
def test_it_never_raises(body: bytes) -> None:
    status = decode_status(body, 500)
    assert status.code == 500
    assert status.message.isprintable()


@given(value=values)
@pytest.mark.parametrize("name", ["code", "reason", "message", "details", "metadata", "kind"])
def test_no_member_makes_it_raise(name: str, value: str) -> None:
    body = f'{{"kind":"Status","{name}":{value}}}'
    assert 400 <= decode_status(body.encode(), 500).code <= 599


@pytest.mark.parametrize(
    ("header", "in_details", "expected"),
    [
        (None, None, None),
        ("5", None, 5.0),
        (" 5 ", None, 5.0),
        ("5", 7.0, 7.0),
        ("7", 5.0, 7.0),
        ("", 5.0, 5.0),
        ("0", None, None),
        ("-5", None, None),
        ("5.5", None, None),
        ("9" * 5_000, 1.0, 1.0),
        ("\u0665", None, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 2.0, 2.0),
    ],
)
def test_the_longer_wait_counts(header: str | None, in_details: float | None, expected: float | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert retry_after_seconds(headers, Status(429, retry_after=in_details)) == expected
