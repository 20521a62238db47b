import pytest

from kubeinformer._protocol.refusals import is_redirect, refusal, request_refusal, require_json
from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.status import Cause, Status
from kubeinformer._protocol.targets import Target, target_of
from kubeinformer.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
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


def test_what_is_not_found_in_a_namespace_may_be_in_none() -> None:
    nodes = Resource.parse("v1/nodes")
    said = "ask for it without a namespace"
    assert said in str(refusal(Collection(resource=nodes, namespace="web"), "watch", Status(404)))
    assert said not in str(refusal(Collection(resource=nodes), "watch", Status(404)))
    assert said not in str(refusal(PODS, "watch", Status(403)))


def test_a_passing_failure_says_so_too() -> None:
    error = refusal(PODS, "watch", Status(504, "Timeout", "too large resource version"))
    assert isinstance(error, ServerUnavailable)
    assert (error.verb, error.resource, error.status) == ("watch", "v1/pods", 504)
    assert (error.reason, error.detail) == ("Timeout", "too large resource version")


WEB = target_of("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web")
NEW = target_of("POST", "/api/v1/namespaces/shop/configmaps", "prices")
VERSION = target_of("GET", "/version")


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "", ServerRefused),
        (401, "", Unauthorized),
        (403, "", Forbidden),
        (404, "", NotFound),
        (409, "Conflict", Conflict),
        (409, "", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (413, "", ServerRefused),
        (422, "Invalid", Invalid),
        (422, "AlreadyExists", Invalid),
        (499, "", ServerRefused),
        (408, "", ServerUnavailable),
        (410, "", ServerUnavailable),
        (429, "", ServerUnavailable),
        (500, "", ServerUnavailable),
        (503, "", ServerUnavailable),
        (307, "", Redirected),
    ],
)
def test_each_code_of_a_request_has_its_error(code: int, reason: str, kind: type[KubeInformerError]) -> None:
    assert type(request_refusal(WEB, Status(code, reason))) is kind


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        (
            WEB,
            Status(403, "Forbidden", 'deployments.apps "web" is forbidden: User "u" cannot patch resource'),
            (
                "server refused to patch apps/v1/deployments 'shop/web' (HTTP 403 Forbidden, it said: deployments.apps "
                '"web" is forbidden: User "u" cannot patch resource); bind a Role or ClusterRole with the verb patch '
                "on this resource (deployments.apps) to this user or service account"
            ),
        ),
        (
            NEW,
            Status(403, "Forbidden", "exceeded quota: small"),
            (
                "server refused to create v1/configmaps 'shop/prices' (HTTP 403 Forbidden, it said: exceeded quota: "
                "small); what the server said names the rule: a quota, an admission policy, or a namespace that is "
                "ending"
            ),
        ),
        (
            VERSION,
            Status(403),
            (
                "server refused to get /version (HTTP 403); bind a Role or ClusterRole with the verb get on the URL "
                "/version to this user or service account"
            ),
        ),
        (
            VERSION,
            Status(404),
            "server refused to get /version (HTTP 404); this server has no such path",
        ),
        (
            VERSION,
            Status(405),
            (
                "server refused to get /version (HTTP 405); check the request against the API server's documentation "
                "of this resource"
            ),
        ),
        (
            WEB,
            Status(404),
            (
                "server refused to patch apps/v1/deployments 'shop/web' (HTTP 404); either there is no such object "
                "(any more), or its resource is not served: check group, version and plural (`kubectl api-resources`)"
            ),
        ),
        (
            target_of("PATCH", "/api/v1/configmaps/prices"),
            Status(404),
            (
                "server refused to patch v1/configmaps 'prices' (HTTP 404); either there is no such object (any more), "
                "or its resource is not served: check group, version and plural (`kubectl api-resources`); and what is "
                "namespaced needs its namespace"
            ),
        ),
        (
            NEW,
            Status(404, "NotFound", 'namespaces "shop" not found'),
            (
                "server refused to create v1/configmaps 'shop/prices' (HTTP 404 NotFound, it said: namespaces \"shop\" "
                "not found); check that the namespace exists, and group, version and plural (`kubectl api-resources`)"
            ),
        ),
        (
            target_of("GET", "/api/v1/namespaces/shop/configmaps"),
            Status(404),
            (
                "server refused to list v1/configmaps in namespace 'shop' (HTTP 404); check that the namespace exists, "
                "and group, version and plural (`kubectl api-resources`)"
            ),
        ),
        (
            target_of("POST", "/api/v1/nodes"),
            Status(404),
            (
                "server refused to create v1/nodes (HTTP 404); check group, version and plural (`kubectl "
                "api-resources`), and that the CRD is installed"
            ),
        ),
        (
            WEB,
            Status(409, "Conflict", "it has been modified"),
            (
                "server refused to patch apps/v1/deployments 'shop/web' (HTTP 409 Conflict, it said: it has been "
                "modified); read the object again, make the change anew, and write that"
            ),
        ),
        (
            WEB,
            Status(409, "Conflict", "1 conflict", (Cause("FieldManagerConflict", 'conflict with "x"', ".spec.a"),)),
            (
                "server refused to patch apps/v1/deployments 'shop/web' (HTTP 409 Conflict, it said: 1 conflict; also: "
                '.spec.a: conflict with "x"); leave out the fields that others own, or take them over with force'
            ),
        ),
        (
            NEW,
            Status(409, "AlreadyExists", "there"),
            (
                "server refused to create v1/configmaps 'shop/prices' (HTTP 409 AlreadyExists, it said: there); read "
                "it, or choose another name"
            ),
        ),
        (
            target_of("DELETE", "/api/v1/configmaps"),
            Status(405),
            (
                "server refused to deletecollection v1/configmaps in all namespaces (HTTP 405); check the request "
                "against the API server's documentation of this resource"
            ),
        ),
        (
            WEB,
            Status(503, "ServiceUnavailable", "no etcd"),
            (
                "server could not patch apps/v1/deployments 'shop/web' now (HTTP 503 ServiceUnavailable, it said: no "
                "etcd); try again later; after a 5xx look first whether it was done"
            ),
        ),
    ],
)
def test_what_a_request_s_error_says(target: Target, status: Status, text: str) -> None:
    assert str(request_refusal(target, status)) == text


def test_an_invalid_object_s_causes_are_shown_once() -> None:
    causes = (Cause("FieldValueRequired", "Required value", "spec.names.plural"), Cause("", "all is wrong", ""))
    said = 'CustomResourceDefinition "x" is invalid: spec.names.plural: Required value'
    error = request_refusal(NEW, Status(422, "Invalid", said, causes))
    assert isinstance(error, Invalid)
    assert error.causes == (("spec.names.plural", "FieldValueRequired", "Required value"), ("", "", "all is wrong"))
    assert f"it said: {said}; also: all is wrong); correct the fields named" in str(error)


def test_only_a_conflict_is_solved_by_force() -> None:
    error = request_refusal(WEB, Status(422, "Invalid", "", (Cause("FieldManagerConflict", "no", ".spec.a"),)))
    assert "take them over with force" not in str(error)


def test_a_busy_server_says_for_how_long() -> None:
    error = request_refusal(WEB, Status(429), retry_after=2.5)
    assert isinstance(error, ServerUnavailable)
    assert (error.retry_after, error.is_retried) == (2.5, False)
    assert "try again in 2.5 s" in str(error)
    informers = refusal(PODS, "watch", Status(429), retry_after=2.5)
    assert isinstance(informers, ServerUnavailable)
    assert (informers.retry_after, informers.is_retried) == (2.5, True)


def test_a_redirect_of_a_request_is_final() -> None:
    error = request_refusal(WEB, Status(302), "https://login.example/x?token=hunter2")
    assert isinstance(error, Redirected)
    assert not error.is_retried
    assert (error.verb, error.resource, error.status) == ("patch", "apps/v1/deployments", 302)
    assert str(error).endswith("whether a proxy between wants a login")
    assert "https://login.example (HTTP 302)" in str(error)


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
