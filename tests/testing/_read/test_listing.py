import json
import zlib

import pytest
from tests.testing.http_client import Client, Json, gunzip_members

from kubeinformer.testing import FakeApiServer, synthetic_objects

pytestmark = pytest.mark.anyio

PODS = "/api/v1/pods"


def names(answer: Json) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


def fill(server: FakeApiServer, count: int) -> None:
    for number in range(count):
        labels = {"parity": "even" if number % 2 == 0 else "odd"}
        server.create("v1/pods", {"metadata": {"name": f"p{number}", "labels": labels}})


async def test_a_list_of_a_built_in_resource() -> None:
    async with FakeApiServer() as server:
        fill(server, 2)
        answer = await Client(server.url).get(PODS)
    assert answer.status == 200
    assert answer.body.startswith(
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1002"},"items":['
    )
    assert answer.headers["transfer-encoding"] == "chunked"
    assert names(answer.json) == ["p0", "p1"]
    assert all("kind" not in item and "apiVersion" not in item for item in answer.json["items"])


async def test_a_list_of_a_custom_resource_has_sorted_keys_and_typed_items() -> None:
    async with FakeApiServer() as server:
        server.register("example.com/v1/widgets", kind="Widget", namespaced=False)
        server.create("example.com/v1/widgets", {"spec": {"b": 1, "a": 2}, "metadata": {"name": "w"}})
        answer = await Client(server.url).get("/apis/example.com/v1/widgets")
    assert list(answer.json) == ["apiVersion", "items", "kind", "metadata"]
    assert answer.json["metadata"] == {"continue": "", "resourceVersion": "1001"}
    (item,) = answer.json["items"]
    assert list(item) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(item["spec"]) == ["a", "b"]


async def test_pages_are_one_consistent_snapshot() -> None:
    async with FakeApiServer() as server:
        fill(server, 7)
        client = Client(server.url)
        first = (await client.get(PODS, limit="3")).json
        server.delete("v1/pods", "default/p1")  # sent already
        server.delete("v1/pods", "default/p4")  # not sent yet
        server.create("v1/pods", {"metadata": {"name": "p45"}})
        server.patch("v1/pods", "default/p5", {"spec": {"changed": True}})
        second = (await client.get(PODS, limit="3", **{"continue": first["metadata"]["continue"]})).json
        third = (await client.get(PODS, limit="3", **{"continue": second["metadata"]["continue"]})).json
    assert names(first) + names(second) + names(third) == [f"p{number}" for number in range(7)]
    assert [page["metadata"].get("remainingItemCount") for page in (first, second, third)] == [4, 1, None]
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {"1007"}
    assert not any("spec" in item for page in (second, third) for item in page["items"])
    assert "continue" not in third["metadata"]


@pytest.mark.parametrize("how", ["expire_continue_tokens", "compact"])
async def test_an_expired_token_comes_with_a_fresh_one_for_the_newest_state(how: str) -> None:
    async with FakeApiServer() as server:
        fill(server, 4)
        client = Client(server.url)
        first = (await client.get(PODS, limit="2")).json
        server.delete("v1/pods", "default/p2")
        if how == "compact":
            server.compact()
        else:
            server.expire_continue_tokens()
        query = {"limit": "2", "continue": first["metadata"]["continue"]}
        expired, again = await client.get(PODS, **query), await client.get(PODS, **query)
        assert expired == again, "an expired token stays expired"
        assert (expired.status, expired.json["reason"]) == (410, "Expired")
        assert expired.json["message"].startswith("The provided continue parameter is too old")
        rest = (await client.get(PODS, limit="2", **{"continue": expired.json["metadata"]["continue"]})).json
        new = (await client.get(PODS, limit="2")).json
        assert (await client.get(PODS, **{"continue": new["metadata"]["continue"]})).status == 200
    assert names(rest) == ["p3"]
    assert rest["metadata"]["resourceVersion"] == server.resource_version


@pytest.mark.parametrize("how", ["expire_continue_tokens", "compact"])
async def test_a_token_expires_even_when_nothing_changed(how: str) -> None:
    async with FakeApiServer() as server:
        fill(server, 4)
        client = Client(server.url)
        first = (await client.get(PODS, limit="2")).json
        if how == "compact":
            server.compact()
        else:
            server.expire_continue_tokens()
        assert (await client.get(PODS, **{"continue": first["metadata"]["continue"]})).status == 410


async def test_a_token_expires_with_the_history() -> None:
    async with FakeApiServer(history_limit=4) as server:
        fill(server, 4)
        client = Client(server.url)
        first = (await client.get(PODS, limit="2")).json
        for number in range(6):
            server.patch("v1/pods", "default/p0", {"spec": {"number": number}})
        assert (await client.get(PODS, **{"continue": first["metadata"]["continue"]})).status == 410


@pytest.mark.parametrize("token", ["!", "e30", "x" * 5])
async def test_what_is_no_token_is_refused(token: str) -> None:
    async with FakeApiServer() as server:
        assert (await Client(server.url).get(PODS, **{"continue": token})).status == 400


async def test_selectors_and_namespaces_limit_a_list() -> None:
    async with FakeApiServer() as server:
        fill(server, 5)
        server.create("v1/pods", {"metadata": {"name": "p0", "namespace": "other", "labels": {"parity": "even"}}})
        for neighbour in ("othe", "other-1", "other0", "others"):
            server.create("v1/pods", {"metadata": {"name": "px", "namespace": neighbour}})
        client = Client(server.url)
        assert names((await client.get("/api/v1/namespaces/other/pods")).json) == ["p0"]
        even = (await client.get(PODS, labelSelector="parity=even", limit="2")).json
        assert names(even) == ["p0", "p2"]
        assert "remainingItemCount" not in even["metadata"], "a real server does not count with a selector"
        token = even["metadata"]["continue"]
        rest = (await client.get(PODS, labelSelector="parity=even", limit="2", **{"continue": token})).json
        assert [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in rest["items"]] == [
            ("default", "p4"),
            ("other", "p0"),
        ]
        assert "continue" not in rest["metadata"]
        assert names((await client.get(PODS, fieldSelector="metadata.name=p3")).json) == ["p3"]
        assert (await client.get(PODS, labelSelector="a in")).status == 400


async def test_the_version_of_a_list() -> None:
    async with FakeApiServer() as server:
        fill(server, 1)
        old = server.resource_version
        fill_more = server.create("v1/pods", {"metadata": {"name": "p9"}})
        client = Client(server.url)
        assert names((await client.get(PODS, resourceVersion=old)).json) == ["p0", "p9"]
        exact = (await client.get(PODS, resourceVersion=old, resourceVersionMatch="Exact")).json
        assert (names(exact), exact["metadata"]["resourceVersion"]) == (["p0"], old)
        too_large = await client.get(PODS, resourceVersion=str(int(fill_more["metadata"]["resourceVersion"]) + 1))
        assert too_large.status == 504
        server.compact()
        assert (await client.get(PODS, resourceVersion=old, resourceVersionMatch="Exact")).status == 410
        assert (await client.get(PODS, resourceVersionMatch="Exact")).status == 422
        assert (await client.get(PODS, resourceVersion="x")).status == 400


async def test_metadata_only() -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    async with FakeApiServer() as server:
        fill(server, 1)
        client = Client(server.url).with_headers(Accept=accept)
        answer = (await client.get(PODS)).json
        assert (await client.get(PODS, watch="1")).status == 406, "a watch has single objects"
        assert (await client.with_headers(Accept="application/vnd.kubernetes.protobuf").get(PODS)).status == 406
    assert (answer["kind"], answer["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    (item,) = answer["items"]
    assert item["kind"] == "PartialObjectMetadata"
    assert item["metadata"]["labels"] == {"parity": "even"}


async def test_a_large_list_is_one_gzip_member_and_a_small_one_is_plain() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/configmaps", synthetic_objects(100))
        client = Client(server.url).with_headers(Accept_Encoding="gzip")
        small = await client.get("/api/v1/configmaps")
        server.seed("v1/services", synthetic_objects(300))
        large = await client.get("/api/v1/services")
        plain = await Client(server.url).get("/api/v1/services")
    assert "content-encoding" not in small.headers
    assert len(small.json["items"]) == 100
    assert large.headers["content-encoding"] == "gzip"
    (body,) = gunzip_members(large.body)
    assert body == plain.body
    assert len(json.loads(body)["items"]) == 300


async def test_gzip_can_be_forced_and_turned_off() -> None:
    for gzip in (True, False):
        async with FakeApiServer(gzip_threshold=0, gzip=gzip) as server:
            answer = await Client(server.url).with_headers(Accept_Encoding="gzip").get(PODS)
        assert answer.headers.get("content-encoding") == ("gzip" if gzip else None)
        body = zlib.decompress(answer.body, wbits=31) if gzip else answer.body
        assert json.loads(body)["items"] == []


async def test_a_seeded_list_is_the_same_in_pages_and_whole() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 60)
        client, items, token = Client(server.url), [], ""
        while True:
            page = (await client.get(PODS, limit="7", **({"continue": token} if token else {}))).json
            items += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert items == (await client.get(PODS)).json["items"]
    assert len(items) == 60
