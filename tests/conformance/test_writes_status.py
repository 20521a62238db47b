"""``/status``: who may write what through it, and what the main resource leaves alone."""

import json

import pytest
from tests.conformance.client import Answer, Json, Server
from tests.e2e.manifests import pod

STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
def path(server: Server, namespace: str) -> str:
    """The path of a pod."""
    server.ok("POST", f"/api/v1/namespaces/{namespace}/pods", pod("one"))
    return f"/api/v1/namespaces/{namespace}/pods/one"


def patch(server: Server, path: str, body: object, content_type: str) -> Answer:
    return server.request("PATCH", path, body=json.dumps(body).encode(), content_type=content_type)


def conditions(obj: Json) -> list[tuple[str, str]]:
    return [(each["type"], each["status"]) for each in obj["status"].get("conditions", [])]


def test_a_new_pod_is_pending_whatever_its_creator_says(server: Server, namespace: str) -> None:
    sent = pod("one") | {"status": {"phase": "Running"}}
    assert server.ok("POST", f"/api/v1/namespaces/{namespace}/pods", sent)["status"]["phase"] == "Pending"


def test_a_node_keeps_the_status_it_was_created_with(server: Server, namespace: str) -> None:
    sent = {"metadata": {"name": namespace}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert conditions(server.ok("POST", "/api/v1/nodes", sent)) == [("Ready", "True")]
    changed = server.ok("PATCH", f"/api/v1/nodes/{namespace}", {"status": {"conditions": None}})
    assert conditions(changed) == [("Ready", "True")]
    server.ok("DELETE", f"/api/v1/nodes/{namespace}")


def test_the_main_resource_leaves_the_status_alone(server: Server, path: str) -> None:
    before = server.ok("GET", path)
    assert server.ok("PATCH", path, {"status": {"phase": "Failed"}}) == before
    both = server.ok("PATCH", path, {"status": {"phase": "Failed"}, "metadata": {"labels": {"a": "b"}}})
    assert (both["status"]["phase"], both["metadata"]["labels"]) == ("Pending", {"a": "b"})


def test_a_status_is_put(server: Server, path: str) -> None:
    before = server.ok("GET", f"{path}/status")
    assert before == server.ok("GET", path)
    sent = before | {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    after = server.ok("PUT", f"{path}/status", sent | {"spec": before["spec"] | {"hostname": "other"}})
    assert (after["status"]["phase"], conditions(after)) == ("Running", [("Ready", "True")])
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    assert server.request("PUT", f"{path}/status", body=sent).refusal() == (409, "Conflict")
    assert server.ok("GET", path) == after


def test_a_status_is_patched(server: Server, path: str) -> None:
    first = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    server.ok("PATCH", f"{path}/status", first)
    more = {"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "Other", "status": "True"}]}}
    merged = patch(server, f"{path}/status", more, STRATEGIC).json
    assert conditions(merged) == [("Ready", "False"), ("Other", "True")]
    assert merged["status"]["phase"] == "Running"
    operation = [{"op": "add", "path": "/status/message", "value": "why"}]
    assert patch(server, f"{path}/status", operation, "application/json-patch+json").json["status"]["message"] == "why"
    spec = server.ok("PATCH", f"{path}/status", {"spec": {"hostname": "other"}})
    assert "hostname" not in spec["spec"]


def test_a_watch_sees_a_status(server: Server, path: str) -> None:
    before = server.ok("GET", path)
    with server.watch(path.rpartition("/")[0], resourceVersion=before["metadata"]["resourceVersion"]) as watch:
        after = server.ok("PATCH", f"{path}/status", {"status": {"phase": "Running"}})
        (event,) = watch.take(1)
    assert event == {"type": "MODIFIED", "object": after}


@pytest.mark.parametrize("subresource", ["scale", "frob"])
def test_subresources_that_a_pod_does_not_have(server: Server, path: str, subresource: str) -> None:
    assert server.get(f"{path}/{subresource}").refusal() == (404, "NotFound")


def test_resources_without_a_status(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.ok("POST", path, {"metadata": {"name": "one"}})
    assert server.get(f"{path}/one/status").refusal() == (404, "NotFound")
    assert server.request("PUT", f"{path}/one/status", body={"metadata": {"name": "one"}}).status == 404


def test_what_cannot_be_done_with_a_status(server: Server, path: str) -> None:
    assert server.request("POST", f"{path}/status", body={}).refusal() == (405, "MethodNotAllowed")
    assert server.request("DELETE", f"{path}/status").refusal() == (405, "MethodNotAllowed")
    missing = server.request("PUT", f"{path}x/status", body={"metadata": {"name": "onex"}})
    assert missing.refusal() == (404, "NotFound")


def test_the_status_of_a_namespace(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    assert server.ok("GET", f"{path}/status") == server.ok("GET", path)
    change = {"status": {"conditions": [{"type": "Mine", "status": "True"}]}}
    assert conditions(server.ok("PATCH", f"{path}/status", change)) == [("Mine", "True")]
