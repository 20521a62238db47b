import pytest

from kubeinformer._protocol.refusals import is_redirect, refusal, require_json
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.status import Status
from kubeinformer.errors import (
    Forbidden,
    KubeInformerError,
    NotFound,
    Redirected,
    ServerRefused,
    ServerUnavailable,
    Unauthorized,
    WrongKind,
)
from kubeinformer.resources import Resource

PODS = Collection(resource=Resource.parse("v1/pods"), namespace="web")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ServerRefused),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (405, ServerRefused),
        (422, ServerRefused),
        (499, ServerRefused),
        (408, ServerUnavailable),
        (410, ServerUnavailable),
        (429, ServerUnavailable),
        (500, ServerUnavailable),
        (504, ServerUnavailable),
        (302, Redirected),
    ],
)
def test_each_code_has_its_error(code: int, kind: type[KubeInformerError]) -> None:
    assert type(refusal(PODS, "watch", Status(code))) is kind


@pytest.mark.parametrize(("code", "leads"), [(299, False), (300, True), (399, True), (400, False)])
def test_all_of_a_class_of_codes_lead_elsewhere(code: int, leads: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_redirect(code) is leads


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (None, "no location"),
        ("", "no location"),
        ("https://login.example/auth?state=hunter2", "https://login.example"),
        ("HTTP://Login.Example:8080/", "http://login.example:8080"),
        ("https://user:hunter2@login.example", "https://login.example"),
        ("https://login.example:0", "https://login.example:0"),
        ("https://[fd00::1]:6443/", "https://[fd00::1]:6443"),
        ("//login.example/", "the same scheme://login.example"),
        ("/login?state=hunter2", "a path on the same server"),
        ("login", "a path on the same server"),
        ("ftp://login.example", "what is no URL"),
        ("javascript://login.example/hunter2", "what is no URL"),
        ("https://log in.example", "what is no URL"),
        (f"https://{'a' * 253}", f"https://{'a' * 253}"),
        (f"https://{'a' * 254}", "what is no URL"),
        ("https://login.example:hunter2", "what is no URL"),
        ("https://[hunter2", "what is no URL"),
    ],
)
def test_a_redirect_says_where_to_and_no_more(location: str | None, shown: str) -> None:
    error = refusal(PODS, "list", Status(302, "Found", "hunter2"), location)
    assert isinstance(error, Redirected)
    assert (error.verb, error.resource, error.status, error.location) == ("list", "v1/pods", 302, shown)


def test_a_refusal_says_who_asked_what_and_what_was_said() -> None:
    error = refusal(PODS, "list", Status(403, "Forbidden", "no such right"))
    assert isinstance(error, Forbidden)
    assert (error.verb, error.resource, error.namespace) == ("list", "v1/pods", "web")
    assert (error.status, error.reason, error.detail) == (403, "Forbidden", "no such right")


def test_a_passing_failure_says_so_too() -> None:
    error = refusal(PODS, "watch", Status(504, "Timeout", "too large resource version"))
    assert isinstance(error, ServerUnavailable)
    assert (error.verb, error.resource, error.status) == ("watch", "v1/pods", 504)
    assert (error.reason, error.detail) == ("Timeout", "too large resource version")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "application/json;stream=watch",
        "Application/JSON; charset=utf-8",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ],
)
def test_json_is_let_pass(content_type: str | None) -> None:
    require_json("v1/pods", content_type)


@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        ("text/html; charset=utf-8", "text/html"),
        ("application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf"),
        ("application/jsonp", "application/jsonp"),
    ],
)
def test_what_says_that_it_is_no_json_is_refused_by_name(content_type: str, named: str) -> None:
    said = f"bad answer for v1/pods at byte 0: the answer is {named}, not application/json"
    with pytest.raises(WrongKind, match=said):
        require_json("v1/pods", content_type)
