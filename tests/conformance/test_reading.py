"""GET and LIST of what exists and of what does not."""

from tests.conformance.client import Server
from tests.e2e.manifests import config_map


def test_a_created_object_is_read_with_its_kind(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    created = server.ok("POST", path, config_map("one", {"a": "1"}))
    answer = server.get(f"{path}/one")
    assert answer.status == 200
    assert answer.json == created
    assert (answer.json["kind"], answer.json["apiVersion"], answer.json["data"]) == ("ConfigMap", "v1", {"a": "1"})


def test_an_object_that_does_not_exist(server: Server, namespace: str) -> None:
    answer = server.get(f"/api/v1/namespaces/{namespace}/configmaps/none")
    assert answer.refusal() == (404, "NotFound")
    assert answer.json["details"] == {"name": "none", "kind": "configmaps"}
    assert answer.json["status"] == "Failure"


def test_a_watch_goes_on_where_a_list_ended(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    listed = server.ok("GET", path)
    with server.watch(path, resourceVersion=listed["metadata"]["resourceVersion"]) as watch:
        created = server.ok("POST", path, config_map("one"))
        (event,) = watch.take(1)
    assert event == {"type": "ADDED", "object": created}
