from urllib.parse import urlencode

import pytest

from kubeinformer._protocol.requests import (
    Collection,
    Fetch,
    HttpRequest,
    ListFetch,
    ProofFetch,
    WatchFetch,
    WatchListFetch,
    build_request,
)
from kubeinformer._protocol.shards import Shard
from kubeinformer.resources import Resource

PODS = Collection(resource=Resource.parse("v1/pods"))

_WATCH_LIST = (
    "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    "&resourceVersion=&allowWatchBookmarks=true&timeoutSeconds=420"
)


def query(collection: Collection, fetch: Fetch) -> str:
    return urlencode(build_request(collection, fetch).query)


@pytest.mark.parametrize(
    ("fetch", "expected"),
    [
        (WatchListFetch(420), _WATCH_LIST),
        (WatchFetch("77", 420), "watch=true&resourceVersion=77&allowWatchBookmarks=true&timeoutSeconds=420"),
        (ListFetch(20), "limit=20"),
        (ListFetch(500, "to/ken="), "limit=500&continue=to%2Fken%3D"),
        (ListFetch(0), ""),
        (ProofFetch("77"), "limit=1&resourceVersion=77&resourceVersionMatch=NotOlderThan"),
    ],
)
def test_each_kind_of_request_has_exactly_this_query(fetch: Fetch, expected: str) -> None:
    assert query(PODS, fetch) == expected


@pytest.mark.parametrize("fetch", [ListFetch(20), ListFetch(20, "token"), ListFetch(0)])
def test_a_list_never_names_a_version_it_could_go_back_in_time(fetch: ListFetch) -> None:
    assert "resourceVersion" not in query(PODS, fetch)


@pytest.mark.parametrize("fetch", [WatchListFetch(420), WatchFetch("77", 420), ListFetch(20), ListFetch(20, "token")])
def test_every_request_carries_the_selectors(fetch: Fetch) -> None:
    chosen = Collection(
        resource=PODS.resource, label_selector="app=web,tier in (a,b)", field_selector="spec.nodeName=node-7"
    )
    expected = "labelSelector=app%3Dweb%2Ctier+in+%28a%2Cb%29&fieldSelector=spec.nodeName%3Dnode-7"
    assert query(chosen, fetch) == "&".join(filter(None, [expected, query(PODS, fetch)]))


def test_a_proof_leaves_the_selectors_out_and_keeps_the_namespace() -> None:
    chosen = Collection(resource=PODS.resource, namespace="web", label_selector="app=web", field_selector="a=b")
    assert query(chosen, ProofFetch("77")) == query(PODS, ProofFetch("77"))
    assert build_request(chosen, ProofFetch("77")).path == "/api/v1/namespaces/web/pods"


def test_the_path_is_the_collections() -> None:
    deployments = Resource.parse("apps/v1/deployments")
    assert build_request(PODS, ListFetch(1)).path == "/api/v1/pods"
    everywhere = Collection(resource=deployments)
    assert build_request(everywhere, ListFetch(1)).path == "/apis/apps/v1/deployments"
    somewhere = Collection(resource=deployments, namespace="web")
    assert build_request(somewhere, WatchListFetch(1)).path == "/apis/apps/v1/namespaces/web/deployments"


@pytest.mark.parametrize(
    ("fetch", "kind"),
    [
        (ListFetch(20), "PartialObjectMetadataList"),
        (ProofFetch("7"), "PartialObjectMetadataList"),
        (WatchFetch("7", 300), "PartialObjectMetadata"),
        (WatchListFetch(300), "PartialObjectMetadata"),
    ],
)
def test_metadata_only_asks_for_partial_objects_and_nothing_else(fetch: Fetch, kind: str) -> None:
    bare = Collection(resource=PODS.resource, metadata_only=True)
    headers = dict(build_request(bare, fetch).headers)
    assert headers["accept"] == f"application/json;as={kind};g=meta.k8s.io;v=v1"
    assert dict(build_request(PODS, fetch).headers)["accept"] == "application/json"


@pytest.mark.parametrize(("compressed", "encoding"), [(True, "gzip"), (False, "identity")])
def test_the_encoding_is_always_named(compressed: bool, encoding: str) -> None:  # noqa: FBT001
    collection = Collection(resource=PODS.resource, compressed=compressed)
    assert dict(build_request(collection, WatchListFetch(300)).headers)["accept-encoding"] == encoding


def test_requests_are_values_with_lower_case_headers_and_a_deadline() -> None:
    request = build_request(PODS, ListFetch(20))
    assert request == build_request(PODS, ListFetch(20))
    assert all(name == name.lower() for name, _ in request.headers)
    assert HttpRequest(path="/api") == HttpRequest(path="/api", query=(), headers=(), head_timeout=60.0)
    assert (request.head_timeout, build_request(PODS, ListFetch(20), 7.0).head_timeout) == (60.0, 7.0)


def test_a_request_is_a_get_and_shows_no_body() -> None:
    assert (HttpRequest(path="/api").method, HttpRequest(path="/api").body) == ("GET", b"")
    assert "hunter2" not in repr(HttpRequest(path="/api", method="POST", body=b"hunter2"))


def test_the_path_of_a_part_of_an_object() -> None:
    deployments = Resource.parse("apps/v1/deployments")
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    assert deployments.path("shop", "web") == path
    assert deployments.path("shop", "web", "status") == f"{path}/status"
    assert Resource.parse("v1/nodes").path(None, "n", "status") == "/api/v1/nodes/n/status"
    with pytest.raises(ValueError, match="subresource='status' needs the name"):
        deployments.path("shop", subresource="status")
    with pytest.raises(ValueError, match="subresource='a/b' would lead elsewhere"):
        deployments.path("shop", "web", "a/b")


def test_a_collection_is_everything_of_a_resource_unless_it_says_otherwise() -> None:
    everything = Collection(
        resource=PODS.resource,
        namespace=None,
        label_selector="",
        field_selector="",
        metadata_only=False,
        compressed=True,
        shard=None,
    )
    assert everything == PODS
    assert ListFetch(20) == ListFetch(20, "")


def test_a_collection_reads_as_its_resource_and_fetches_have_names() -> None:
    assert str(Collection(resource=PODS.resource, namespace="web", label_selector="a=b")) == "v1/pods"
    assert [fetch.name for fetch in (WatchListFetch, WatchFetch, ListFetch, ProofFetch)] == [
        "watch-list",
        "watch",
        "list",
        "proof",
    ]


@pytest.mark.parametrize("fetch", [WatchListFetch(300), WatchFetch("7", 300), ListFetch(4), ListFetch(4, "token")])
def test_a_shard_is_asked_for_by_every_request_but_a_proof(fetch: Fetch) -> None:
    half = Collection(resource=PODS.resource, shard=Shard(0, 2))
    selector = "shardRange(object.metadata.uid, '0x0000000000000000', '0x8000000000000000')"
    assert dict(build_request(half, fetch).query)["shardSelector"] == selector
    assert "shardSelector" not in dict(build_request(half, ProofFetch("7")).query)
    assert "shardSelector" not in dict(build_request(PODS, fetch).query)
