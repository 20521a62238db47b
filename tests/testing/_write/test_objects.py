"""CRUD, over HTTP and in process: the same rules through both doors."""

import pytest
from tests.testing.http_client import Client

from kubeinformer.resources import RawObject
from kubeinformer.testing import FakeApiError, FakeApiServer

pytestmark = pytest.mark.anyio

ONE = "/api/v1/namespaces/default/pods/web-0"
ALL = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


def web(**metadata: object) -> RawObject:
    return {"metadata": {"name": "web-0", **metadata}, "spec": {"nodeName": "a"}}


async def test_the_life_of_an_object_over_http() -> None:
    async with FakeApiServer() as server:
        client = Client(server.url)
        created = await client.request("POST", ALL, json_body=web())
        assert created.status == 201
        assert list(created.json)[:2] == ["kind", "apiVersion"]
        metadata = created.json["metadata"]
        assert metadata["namespace"] == "default"
        assert metadata["generation"] == 1
        assert metadata["resourceVersion"] == "1001"
        assert created.json == (await client.get(ONE)).json == server.get("v1/pods", "default/web-0")

        changed = created.json | {"spec": {"nodeName": "b"}}
        updated = await client.request("PUT", ONE, json_body=changed)
        assert updated.json["metadata"] == metadata | {"resourceVersion": "1002", "generation": 2}
        stale = await client.request("PUT", ONE, json_body=changed)
        assert (stale.status, stale.json["reason"]) == (409, "Conflict")
        assert stale.json["message"].startswith('Operation cannot be fulfilled on pods "web-0": the object has been')

        patch = {"spec": {"nodeName": None, "priority": 1}, "metadata": {"labels": {"a": "b"}}}
        patched = await client.request("PATCH", ONE, json_body=patch, content_type=MERGE)
        assert patched.json["spec"] == {"priority": 1}
        assert patched.json["metadata"]["uid"] == metadata["uid"]
        wrong = await client.request("PATCH", ONE, json_body=patch, content_type="application/json")
        assert wrong.status == 415

        deleted = await client.request("DELETE", ONE)
        assert deleted.json["metadata"]["resourceVersion"] == server.resource_version == "1004"
        missing = await client.get(ONE)
        assert (missing.status, missing.json["message"]) == (404, 'pods "web-0" not found')
        again = await client.request("POST", ALL, json_body=web())
        assert again.json["metadata"]["uid"] != metadata["uid"]
        twice = await client.request("POST", ALL, json_body=web())
        assert (twice.status, twice.json["reason"]) == (409, "AlreadyExists")


async def test_cluster_scoped_objects_over_http() -> None:
    async with FakeApiServer() as server:
        client = Client(server.url)
        created = await client.request("POST", "/api/v1/namespaces", json_body={"metadata": {"name": "shop"}})
        assert "namespace" not in created.json["metadata"]
        assert (await client.get("/api/v1/namespaces/shop")).json["kind"] == "Namespace"
        assert (await client.get("/api/v1/namespaces/shop/nodes")).status == 404
        assert (await client.get("/api/v1/pods/web-0")).status == 404


async def test_what_cannot_be_served_gets_a_status() -> None:
    async with FakeApiServer() as server:
        client = Client(server.url)
        unknown = await client.get("/apis/apps/v1/widgets")
        assert (unknown.status, unknown.json["kind"]) == (404, "Status")
        assert unknown.json["message"] == "the server could not find the requested resource"
        assert (await client.get("/")).status == 404
        assert (await client.request("PUT", ALL)).status == 405
        assert (await client.request("POST", ALL, json_body=[1])).status == 400
        assert (await client.request("POST", ALL, json_body={"metadata": {}})).status == 422
        assert (await client.request("POST", ALL, json_body=web(namespace="other"))).status == 400
        assert (await client.request("POST", ALL, json_body={})).status == 422
        assert (await client.request("POST", ALL, json_body={"metadata": []})).status == 400
        assert (await client.request("PUT", ONE + "x", json_body=web())).status == 400
        assert (await client.request("PUT", ONE, json_body=web())).status == 404
        assert (await client.get(ALL, limit="x")).status == 400
        assert (await client.get("/version")).json["major"] == "1"
        assert (await client.get("/readyz")).headers["content-type"].startswith("text/plain")


def test_in_process_methods_raise_the_status() -> None:
    server = FakeApiServer()
    server.create("v1/pods", web())
    with pytest.raises(FakeApiError, match=r'409 AlreadyExists: pods "web-0" already exists') as caught:
        server.create("v1/pods", web())
    assert (caught.value.code, caught.value.reason) == (409, "AlreadyExists")
    with pytest.raises(FakeApiError, match=r'404 NotFound: deployments\.apps "x" not found'):
        server.delete("apps/v1/deployments", "default/x")
    with pytest.raises(FakeApiError, match="409 Conflict"):
        server.update("v1/pods", web(resourceVersion="1"))
    with pytest.raises(FakeApiError, match=r"422 Invalid: .*metadata\.uid: .*: field is immutable"):
        server.patch("v1/pods", "default/web-0", {"metadata": {"uid": "another"}})
    with pytest.raises(ValueError, match="not a resource"):
        server.get("pods", "default/web-0")


def test_what_is_returned_is_a_copy() -> None:
    server = FakeApiServer()
    given = web()
    server.create("v1/pods", given)["spec"]["nodeName"] = "changed"
    server.list("v1/pods")[0]["metadata"].clear()
    given["spec"]["nodeName"] = "changed"
    assert server.get("v1/pods", "default/web-0")["spec"] == {"nodeName": "a"}
    assert "resourceVersion" not in given["metadata"]


def test_a_write_that_changes_nothing_makes_no_version() -> None:
    server = FakeApiServer()
    created = server.create("v1/pods", web())
    assert server.update("v1/pods", created) == created
    assert server.update("v1/pods", web()) == created
    assert server.patch("v1/pods", "default/web-0", {"spec": {"nodeName": "a"}}) == created
    assert server.resource_version == created["metadata"]["resourceVersion"]


def test_finalizers_hold_a_deleted_object_back() -> None:
    server = FakeApiServer()
    server.create("v1/pods", web(finalizers=["example.com/hold"]))
    server.delete("v1/pods", "default/web-0")
    marked = server.delete("v1/pods", "default/web-0")
    assert marked["metadata"]["deletionTimestamp"].startswith("2026-")
    assert server.get("v1/pods", "default/web-0") == marked
    server.patch("v1/pods", "default/web-0", {"metadata": {"finalizers": None}})
    assert server.list("v1/pods") == []


async def test_deletion_has_preconditions() -> None:
    async with FakeApiServer() as server:
        created = server.create("v1/pods", web())
        client = Client(server.url)
        other = await client.request("DELETE", ONE, json_body={"preconditions": {"uid": "another"}})
        assert other.status == 409
        same = {"preconditions": {"uid": created["metadata"]["uid"]}}
        assert (await client.request("DELETE", ONE, json_body=same)).status == 200


def test_two_runs_make_equal_objects() -> None:
    first, second = FakeApiServer(), FakeApiServer()
    for server in (first, second):
        server.create("v1/pods", {"metadata": {"generateName": "web-"}})
        server.seed("v1/nodes", 3)
    assert first.list("v1/pods") == second.list("v1/pods")
    assert first.list("v1/nodes") == second.list("v1/nodes")


def test_lists_can_be_selected_in_process() -> None:
    server = FakeApiServer()
    server.create("v1/pods", web(labels={"app": "web"}))
    server.create("v1/pods", web(namespace="other"))
    assert len(server.list("v1/pods")) == 2
    assert len(server.list("v1/pods", namespace="other")) == 1
    assert len(server.list("v1/pods", label_selector="app")) == 1
    assert len(server.list("v1/pods", field_selector="metadata.namespace!=other")) == 1


async def test_tokens_and_denials() -> None:
    async with FakeApiServer(tokens={"secret": "alice", "other": "bob"}) as server:
        anybody = Client(server.url)
        alice, bob = (anybody.with_headers(Authorization=f"Bearer {token}") for token in ("secret", "other"))
        refused = await anybody.get(ALL)
        assert (refused.status, refused.json["reason"]) == (401, "Unauthorized")
        assert (await anybody.with_headers(Authorization="Bearer wrong").get(ALL)).status == 401

        server.deny("list", "v1/pods", "alice")
        denied = await alice.get("/api/v1/pods")
        assert (denied.status, denied.json["reason"]) == (403, "Forbidden")
        assert denied.json["message"] == (
            'pods is forbidden: User "alice" cannot list resource "pods" in API group "" at the cluster scope'
        )
        assert (await bob.get(ALL)).status == 200
        assert (await alice.get("/api/v1/nodes")).status == 200
        assert (await alice.get(ALL, watch="1", timeoutSeconds="-1")).status == 200

        server.deny("get")
        named = await bob.get("/apis/apps/v1/namespaces/default/deployments/web")
        assert named.json["message"] == (
            'deployments.apps "web" is forbidden: User "bob" cannot get resource "deployments" '
            'in API group "apps" in the namespace "default"'
        )
        server.allow_all()
        assert (await alice.get(ALL)).status == 200
