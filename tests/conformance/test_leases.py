"""Leases: whoever writes from an old version learns of it, which is what leader election stands on."""

import copy

import pytest
from tests.conformance.client import MERGE_PATCH, Answer, Json, Server

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


@pytest.fixture
def path(namespace: str) -> str:
    return LEASES.format(namespace)


@pytest.fixture
def lease(server: Server, path: str) -> Json:
    spec = {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "leaseTransitions": 0,
    }
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "one"}, "spec": spec}
    created = server.ok("POST", path, body)
    assert created["spec"] == spec
    return created


def put(server: Server, path: str, lease: Json, **spec: str) -> Answer:
    changed = copy.deepcopy(lease)
    changed["spec"] |= spec
    return server.request("PUT", f"{path}/one", body=changed)


DETAILS = {"name": "one", "group": "coordination.k8s.io", "kind": "leases"}


def test_one_of_two_creates_it(server: Server, path: str, lease: Json) -> None:
    again = server.request("POST", path, body={"metadata": {"name": "one"}})
    assert again.refusal() == (409, "AlreadyExists")
    assert again.json["details"] == DETAILS
    assert server.ok("GET", f"{path}/one") == lease


def test_a_renewal_is_from_the_newest_version(server: Server, path: str, lease: Json) -> None:
    renewed = put(server, path, lease, renewTime="2026-01-01T00:00:10.123456Z")
    assert renewed.status == 200
    assert renewed.json["spec"]["renewTime"] == "2026-01-01T00:00:10.123456Z"
    assert int(renewed.json["metadata"]["resourceVersion"]) > int(lease["metadata"]["resourceVersion"])
    late = put(server, path, lease, holderIdentity="b")
    assert late.refusal() == (409, "Conflict")
    assert late.json["details"] == DETAILS
    assert server.ok("GET", f"{path}/one") == renewed.json
    assert put(server, path, renewed.json, holderIdentity="b").json["spec"]["holderIdentity"] == "b"


def test_an_update_needs_a_version(server: Server, path: str, lease: Json) -> None:
    del lease["metadata"]["resourceVersion"]
    answer = put(server, path, lease, holderIdentity="b")
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueInvalid", "metadata.resourceVersion")]
    assert answer.json["details"].items() >= DETAILS.items()


def test_a_config_map_can_be_replaced_without_a_version(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.ok("POST", path, {"metadata": {"name": "one"}, "data": {"a": "1"}})
    replaced = server.ok("PUT", f"{path}/one", {"metadata": {"name": "one"}, "data": {"b": "2"}})
    assert replaced["data"] == {"b": "2"}


def test_a_patch_may_name_the_version_it_is_for(server: Server, path: str, lease: Json) -> None:
    def patch(version: str) -> Answer:
        body = {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": "b"}}
        return server.request("PATCH", f"{path}/one", body=body, content_type=MERGE_PATCH)

    assert patch("1").refusal() == (409, "Conflict")
    assert patch(lease["metadata"]["resourceVersion"]).json["spec"]["holderIdentity"] == "b"


@pytest.mark.parametrize("field", ["resourceVersion", "uid"])
def test_a_deletion_may_name_what_it_is_for(server: Server, path: str, lease: Json, field: str) -> None:
    def delete(value: str) -> Answer:
        return server.request("DELETE", f"{path}/one", body={"preconditions": {field: value}})

    assert delete("1").refusal() == (409, "Conflict")
    assert server.get(f"{path}/one").status == 200
    assert delete(lease["metadata"][field]).status == 200
    assert server.get(f"{path}/one").refusal() == (404, "NotFound")


@pytest.mark.usefixtures("lease")
def test_what_was_deleted_is_gone(server: Server, path: str) -> None:
    server.ok("DELETE", f"{path}/one")
    assert server.request("DELETE", f"{path}/one").refusal() == (404, "NotFound")
    assert server.get(f"{path}/one").refusal() == (404, "NotFound")


def test_a_watch_of_one_lease(server: Server, path: str, lease: Json) -> None:
    start = lease["metadata"]["resourceVersion"]
    with server.watch(path, fieldSelector="metadata.name=one", resourceVersion=start) as watch:
        renewed = put(server, path, lease, renewTime="2026-01-01T00:00:10.000000Z").json
        assert watch.take(1) == [{"type": "MODIFIED", "object": renewed}]
