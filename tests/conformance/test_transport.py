"""Paths, methods and compression."""

import pytest
from tests.conformance.client import MERGE_PATCH, Server
from tests.conformance.objects import WATCH_LIST, config_maps, fill, names, summary

UNKNOWN_RESOURCES = [
    "/api/v1/nope",
    "/api/v1/nope/x",
    "/api/v1/namespaces/default/nope",
    "/api/v1/namespaces/default/nope/x",
    "/api/v2/pods",
    "/apis/apps/v1/nope",
    "/apis/apps/v2/deployments",
    "/apis/apps/v1/namespaces/default/nope/x",
    "/api/v1/configmaps/x",
    "/api/v1/namespaces/default/nodes",
    "/api/v1/namespaces/default/nodes/x",
    "/api/v1/namespaces/default/configmaps/x/y",
    "/api//v1/pods",
    "/api/v1//pods",
    "/api/v1/namespaces/default//configmaps",
]
UNKNOWN_PAGES = [
    "/foo",
    "//api/v1/pods",
    "/apis/nope.example.com/v1/widgets",
    "/apis/nope.example.com/v1/namespaces/x/widgets/a",
]


@pytest.mark.parametrize("path", UNKNOWN_RESOURCES)
def test_resources_that_do_not_exist(server: Server, path: str) -> None:
    for method in ("GET", "FOO"):
        answer = server.request(method, path)
        assert answer.refusal() == (404, "NotFound")
        assert answer.json["details"] == {}


@pytest.mark.parametrize("path", UNKNOWN_PAGES)
def test_pages_that_do_not_exist(server: Server, path: str) -> None:
    for method in ("GET", "POST", "FOO"):
        answer = server.request(method, path)
        assert (answer.status, answer.text) == (404, "404 page not found\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_writes_to_resources_that_do_not_exist(server: Server) -> None:
    assert server.request("POST", "/api/v1/nope", body={}).refusal() == (404, "NotFound")
    assert server.request("PUT", "/api/v1/nope/x", body={}).refusal() == (404, "NotFound")
    assert server.request("DELETE", "/api/v1/configmaps/x").refusal() == (404, "NotFound")
    assert server.request("POST", "/api/v1/namespaces/default/nodes", body={}).refusal() == (404, "NotFound")


def test_what_a_known_custom_group_does_not_have(server: Server) -> None:
    path = server.register_plain("Gizmo", group="rows.example.com")
    for unknown in (path.replace("gizmos", "nope"), path.replace("/v1/", "/v2/"), f"{path}/x"):
        answer = server.get(unknown)
        assert (answer.status, answer.text) == (404, "404 page not found\n"), unknown


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_slashes_at_the_end_change_nothing(server: Server, namespace: str, slashes: str) -> None:
    (created,) = fill(server, namespace, ["one"])
    path = config_maps(namespace)
    assert names(server.ok("GET", path + slashes)) == ["one"]
    assert server.ok("GET", f"{path}/one{slashes}") == created
    assert server.get(f"{path}/none{slashes}").refusal() == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/api/v1/namespaces/default/configmaps"),
        ("HEAD", "/version"),
        ("HEAD", "/api"),
        ("HEAD", "/api/v1"),
        ("OPTIONS", "/api/v1/namespaces/default/configmaps"),
        ("OPTIONS", "/api/v1/namespaces/default/configmaps/x"),
        ("OPTIONS", "/version"),
        ("TRACE", "/api/v1/namespaces/default/configmaps"),
        ("FOO", "/api/v1/namespaces/default/configmaps"),
        ("FOO", "/api/v1/configmaps"),
        ("POST", "/api/v1/namespaces/default/configmaps/x"),
        ("POST", "/api/v1/configmaps"),
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("PUT", "/api/v1/configmaps"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", "/version"),
        ("POST", "/api"),
        ("DELETE", "/api/v1"),
        ("PUT", "/apis/apps/v1"),
    ],
)
def test_methods_that_are_not_allowed(server: Server, method: str, path: str) -> None:
    answer = server.request(method, path, content_type=MERGE_PATCH)
    assert answer.status == 405
    assert answer.headers["content-type"] == "application/json"
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert answer.refusal() == (405, "MethodNotAllowed")
        assert answer.json["details"] == {}


def test_custom_resources_do_not_know_other_methods(server: Server) -> None:
    path = server.register_plain("Gizmo", group="rows.example.com")
    for method in ("FOO", "POST", "PUT"):
        answer = server.request(method, path, body={})
        assert (answer.status, answer.text) == (404, "404 page not found\n")


def test_a_head_of_custom_resources(server: Server) -> None:
    path = server.register_plain("Gizmo", group="rows.example.com")
    answer = server.request("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/healthz", "/apis"])
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "DELETE", "FOO"])
def test_paths_that_answer_any_method(server: Server, path: str, method: str) -> None:
    answer = server.request(method, path)
    assert answer.status == 200
    assert bool(answer.body) is (method != "HEAD")


def test_a_deleted_collection(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    created = fill(server, namespace, "abc", labels={"a": {"x": "y"}, "c": {"x": "y"}})
    with server.watch(path, resourceVersion=created[-1]["metadata"]["resourceVersion"]) as watch:
        answer = server.request("DELETE", path, query={"labelSelector": "x=y"})
        events = watch.take(2)
    assert (answer.status, answer.json["kind"]) == (200, "ConfigMapList")
    assert sorted(names(answer.json)) == ["a", "c"]
    assert sorted(summary(events)) == [("DELETED", "a"), ("DELETED", "c")]
    assert names(server.ok("GET", path)) == ["b"]


# Compression


def filled(server: Server, namespace: str, size: int) -> str:
    """The path of two config maps of this many bytes each."""
    path = config_maps(namespace)
    for name in ("a", "b"):
        server.ok("POST", path, {"metadata": {"name": name}, "data": {"k": "x" * size}})
    return path


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate", "br, gzip"])
def test_large_lists_are_compressed(server: Server, namespace: str, accepted: str) -> None:
    path = filled(server, namespace, 100_000)
    answer = server.request("GET", path, headers={"Accept-Encoding": accepted})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert names(answer.json) == ["a", "b"]


@pytest.mark.parametrize("accepted", ["identity", "deflate", "*", "GZIP", "gzip;q=0"])
def test_other_encodings_are_not_used(server: Server, namespace: str, accepted: str) -> None:
    path = filled(server, namespace, 100_000)
    assert "content-encoding" not in server.request("GET", path, headers={"Accept-Encoding": accepted}).headers
    with server.watch(path, headers={"Accept-Encoding": accepted}, query=WATCH_LIST) as watch:
        assert "content-encoding" not in watch.head.headers


def test_small_lists_are_not_compressed(server: Server, namespace: str) -> None:
    path = filled(server, namespace, 30_000)
    assert "content-encoding" not in server.request("GET", path, headers={"Accept-Encoding": "gzip"}).headers


def test_small_objects_are_not_compressed(server: Server, namespace: str) -> None:
    path = filled(server, namespace, 10)
    assert "content-encoding" not in server.request("GET", f"{path}/a", headers={"Accept-Encoding": "gzip"}).headers


def test_watches_with_bookmarks_are_compressed_flush_by_flush(server: Server, namespace: str) -> None:
    path = filled(server, namespace, 10)
    with server.watch(path, headers={"Accept-Encoding": "gzip"}, query=WATCH_LIST) as watch:
        assert watch.head.headers["content-encoding"] == "gzip"
        assert watch.head.headers["vary"] == "Accept-Encoding"
        assert len(watch.until("BOOKMARK")) == 3
        fill(server, namespace, "c")
        assert summary(watch.take(1)) == [("ADDED", "c")]
    with server.watch(path, headers={"Accept-Encoding": "gzip"}, allowWatchBookmarks="true") as watch:
        assert watch.head.headers["content-encoding"] == "gzip"
        assert len(watch.take(3)) == 3


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}, WATCH_LIST | {"allowWatchBookmarks": "false"}])
def test_other_watches_are_not_compressed(server: Server, namespace: str, query: dict[str, str]) -> None:
    path = filled(server, namespace, 100_000)
    with server.watch(path, headers={"Accept-Encoding": "gzip"}, query=query) as watch:
        assert "content-encoding" not in watch.head.headers
        assert len(watch.take(2)) == 2
