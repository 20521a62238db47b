"""Who may do what, and how the server says no."""

import pytest
from tests.conformance.client import ADMIN, NOBODY, READER, Answer, Json, Server, Token
from tests.conformance.objects import CONFIG_MAPS, config_maps, fill, names, summary

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WRONG = Token("no-such-token", "nobody knows")


@pytest.mark.parametrize("path", ["/api/v1/configmaps", "/api/v1/nodes/x", "/version", "/readyz", "/apis", "/foo"])
def test_a_token_nobody_knows(server: Server, path: str) -> None:
    answer = server.request("GET", path, token=WRONG)
    assert answer.refusal() == (401, "Unauthorized")
    assert "details" not in answer.json


@pytest.mark.parametrize(
    ("method", "path", "verb", "details"),
    [
        ("GET", "/api/v1/configmaps", "list", {"kind": "configmaps"}),
        ("GET", "/api/v1/configmaps?watch=true", "watch", {"kind": "configmaps"}),
        ("GET", "/api/v1/namespaces/n/configmaps", "list", {"kind": "configmaps"}),
        ("GET", "/api/v1/namespaces/n/configmaps/x", "get", {"name": "x", "kind": "configmaps"}),
        ("POST", "/api/v1/namespaces/n/configmaps", "create", {"kind": "configmaps"}),
        ("PUT", "/api/v1/namespaces/n/configmaps/x", "update", {"name": "x", "kind": "configmaps"}),
        ("PATCH", "/api/v1/namespaces/n/configmaps/x", "patch", {"name": "x", "kind": "configmaps"}),
        ("DELETE", "/api/v1/namespaces/n/configmaps/x", "delete", {"name": "x", "kind": "configmaps"}),
        ("DELETE", "/api/v1/namespaces/n/configmaps", "deletecollection", {"kind": "configmaps"}),
        ("GET", "/apis/apps/v1/deployments", "list", {"group": "apps", "kind": "deployments"}),
        (
            "GET",
            "/apis/apps/v1/namespaces/n/deployments/x",
            "get",
            {"name": "x", "group": "apps", "kind": "deployments"},
        ),
        ("GET", "/api/v1/nodes/x", "get", {"name": "x", "kind": "nodes"}),
        ("GET", "/api/v1/namespaces/n", "get", {"name": "n", "kind": "namespaces"}),
        ("GET", "/api/v1/namespaces", "list", {"kind": "namespaces"}),
    ],
)
def test_what_is_denied(server: Server, method: str, path: str, verb: str, details: Json) -> None:
    answer = server.request(method, path, token=NOBODY, body=None if method in {"GET", "DELETE"} else {})
    assert answer.refusal() == (403, "Forbidden")
    assert answer.json["details"] == details
    group = details.get("group", "")
    subject = f"{details['kind']}.{group}" if group else details["kind"]
    subject += f' "{details["name"]}"' if "name" in details else ""
    where = 'in the namespace "n"' if "/namespaces/n" in path else "at the cluster scope"
    assert answer.json["message"] == (
        f'{subject} is forbidden: User "{NOBODY.user}" cannot {verb} resource "{details["kind"]}" '
        f'in API group "{group}" {where}'
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nope",
        "/api/v1/nope/x",
        "/apis/nope.example.com/v1/widgets",
        "/api/v1/configmaps?limit=x",
        "/api/v1/configmaps?labelSelector=(",
        "/api/v1/configmaps?watch=true&sendInitialEvents=true",
    ],
)
def test_who_may_not_is_told_nothing_else(server: Server, path: str) -> None:
    assert server.request("GET", path, token=NOBODY).refusal() == (403, "Forbidden")
    assert server.request("GET", path, token=NOBODY, accept="text/plain").refusal() == (403, "Forbidden")


def test_a_selected_name_is_named(server: Server) -> None:
    query = {"fieldSelector": "metadata.name=x"}
    for more in ({}, {"watch": "true"}):
        answer = server.request("GET", CONFIG_MAPS, query=query | more, token=NOBODY)
        assert answer.json["details"] == {"name": "x", "kind": "configmaps"}


def ask(server: Server, path: str, token: Token = READER) -> Answer:
    return server.request("GET", path, token=token)


def test_what_is_granted_in_a_namespace(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    fill(server, namespace, ["one"])
    with server.granted(READER, verbs=["list", "watch"], resource="configmaps", namespace=namespace):
        assert names(ask(server, path).json) == ["one"]
        assert ask(server, CONFIG_MAPS).refusal() == (403, "Forbidden")
        assert ask(server, config_maps("default")).refusal() == (403, "Forbidden")
        assert ask(server, f"{path}/one").refusal() == (403, "Forbidden")
        assert ask(server, f"/api/v1/namespaces/{namespace}/secrets").refusal() == (403, "Forbidden")
        assert ask(server, path, NOBODY).refusal() == (403, "Forbidden")
        with server.watch(path, token=READER) as watch:
            assert summary(watch.take(1)) == [("ADDED", "one")]
    assert ask(server, path).refusal() == (403, "Forbidden")


def test_what_is_granted_everywhere(server: Server, namespace: str) -> None:
    with server.granted(READER, verbs=["list"], resource="deployments", group="apps"):
        assert ask(server, "/apis/apps/v1/deployments").status == 200
        assert ask(server, f"/apis/apps/v1/namespaces/{namespace}/deployments").status == 200
        assert ask(server, "/apis/apps/v1/deployments?watch=true").refusal() == (403, "Forbidden")
        assert ask(server, "/apis/apps/v1/statefulsets").refusal() == (403, "Forbidden")


# Reviews


def may(server: Server, token: Token, **attributes: str) -> bool:
    body = {"spec": {"resourceAttributes": attributes}}
    answer = server.request("POST", REVIEWS, token=token, body=body)
    assert answer.status == 201
    assert (answer.json["kind"], answer.json["apiVersion"]) == ("SelfSubjectAccessReview", "authorization.k8s.io/v1")
    assert answer.json["spec"] == {"resourceAttributes": attributes}
    return bool(answer.json["status"]["allowed"])


def test_may_i(server: Server, namespace: str) -> None:
    asked = {"verb": "list", "group": "apps", "version": "v1", "resource": "deployments", "namespace": namespace}
    assert may(server, ADMIN, **asked)
    assert not may(server, READER, **asked)
    with server.granted(READER, verbs=["list"], resource="deployments", group="apps", namespace=namespace):
        assert may(server, READER, **asked)
        assert may(server, READER, **{name: value for name, value in asked.items() if name != "version"})
        assert not may(server, NOBODY, **asked)
        for change in ({"verb": "watch"}, {"resource": "statefulsets"}, {"namespace": "default"}, {"group": "batch"}):
            assert not may(server, READER, **(asked | change))
        assert not may(server, READER, verb="list", group="apps", resource="deployments")
    assert not may(server, READER, **asked)


def test_may_i_read_the_version(server: Server) -> None:
    for token in (ADMIN, NOBODY):
        body = {"spec": {"nonResourceAttributes": {"path": "/version", "verb": "get"}}}
        assert server.request("POST", REVIEWS, token=token, body=body).json["status"]["allowed"] is True


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"spec": {}},
        {"spec": {"resourceAttributes": {"verb": "list"}, "nonResourceAttributes": {"path": "/x"}}},
    ],
)
def test_a_review_asks_one_thing(server: Server, body: Json) -> None:
    answer = server.request("POST", REVIEWS, body=body)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueInvalid", "spec")]


def test_a_review_is_no_other_object(server: Server) -> None:
    for body in ({"kind": "Foo", "apiVersion": "v1", "spec": {}}, b"x"):
        assert server.request("POST", REVIEWS, body=body).refusal() == (400, "BadRequest")


def test_reviews_are_not_kept(server: Server) -> None:
    assert server.get(REVIEWS).refusal() == (405, "MethodNotAllowed")
    assert server.get(f"{REVIEWS}/x").refusal() == (404, "NotFound")
    assert server.request("PUT", REVIEWS, body={}).refusal() == (405, "MethodNotAllowed")
