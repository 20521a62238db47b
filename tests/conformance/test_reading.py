"""GET and LIST: what exists, what does not, and what is selected."""

import pytest
from tests.conformance.client import Server
from tests.conformance.objects import CONFIG_MAPS, config_maps, fill, in_namespace, names
from tests.e2e.manifests import config_map, pod


def test_a_created_object_is_read_with_its_kind(server: Server, namespace: str) -> None:
    path = config_maps(namespace)
    created = server.ok("POST", path, config_map("one", {"a": "1"}))
    answer = server.get(f"{path}/one")
    assert answer.status == 200
    assert answer.json == created
    assert (answer.json["kind"], answer.json["apiVersion"], answer.json["data"]) == ("ConfigMap", "v1", {"a": "1"})
    assert {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"} <= answer.json["metadata"].keys()


def test_an_object_that_does_not_exist(server: Server, namespace: str) -> None:
    answer = server.get(f"{config_maps(namespace)}/none")
    assert answer.refusal() == (404, "NotFound")
    assert answer.json["details"] == {"name": "none", "kind": "configmaps"}
    assert answer.json["status"] == "Failure"


def test_the_group_stands_in_the_details(server: Server, namespace: str) -> None:
    answer = server.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/none")
    assert answer.refusal() == (404, "NotFound")
    assert answer.json["details"] == {"name": "none", "group": "apps", "kind": "deployments"}


def test_an_object_at_a_version(server: Server, namespace: str) -> None:
    (created,) = fill(server, namespace, ["one"])
    path = f"{config_maps(namespace)}/one"
    for version in ("", "0", created["metadata"]["resourceVersion"]):
        assert server.get(path, resourceVersion=version).json == created


def test_an_object_at_a_version_the_server_has_not_reached(server: Server, namespace: str) -> None:
    fill(server, namespace, ["one"])
    answer = server.get(f"{config_maps(namespace)}/one", resourceVersion="99999999")
    assert answer.refusal() == (504, "Timeout")
    assert answer.causes() == [("ResourceVersionTooLarge", "")]


def test_an_object_at_a_version_that_is_no_number(server: Server, namespace: str) -> None:
    fill(server, namespace, ["one"])
    assert server.get(f"{config_maps(namespace)}/one", resourceVersion="x").refusal() == (500, "None")


def test_an_empty_list(server: Server, namespace: str) -> None:
    listed = server.ok("GET", config_maps(namespace))
    assert (listed["kind"], listed["apiVersion"], listed["items"]) == ("ConfigMapList", "v1", [])
    assert listed["metadata"].keys() == {"resourceVersion"}


def test_a_list_is_in_the_order_of_names_and_its_items_have_no_kind(server: Server, namespace: str) -> None:
    fill(server, namespace, ["b", "c", "a"])
    listed = server.ok("GET", config_maps(namespace))
    assert names(listed) == ["a", "b", "c"]
    assert all(item.keys().isdisjoint({"kind", "apiVersion"}) for item in listed["items"])


def test_the_items_of_a_list_of_custom_resources_have_their_kind(server: Server, namespace: str) -> None:
    path = in_namespace(server.register_plain("Gizmo", group="rows.example.com"), namespace)
    body = {"apiVersion": "rows.example.com/v1", "kind": "Gizmo", "metadata": {"name": "one"}, "spec": {"b": 1, "a": 2}}
    server.ok("POST", path, body)
    listed = server.ok("GET", path)
    (item,) = listed["items"]
    assert (listed["kind"], listed["apiVersion"]) == ("GizmoList", "rows.example.com/v1")
    assert (item["kind"], item["apiVersion"]) == ("Gizmo", "rows.example.com/v1")
    assert listed["metadata"].keys() == {"continue", "resourceVersion"}
    assert list(item) == sorted(item)


def test_a_list_over_all_namespaces_is_in_the_order_of_namespaces(server: Server) -> None:
    spaces = sorted(server.create_namespace() for _ in range(2))
    for space in reversed(spaces):
        fill(server, space, ["b", "a"])
    listed = server.ok("GET", CONFIG_MAPS)
    ours = [
        (item["metadata"]["namespace"], item["metadata"]["name"])
        for item in listed["items"]
        if item["metadata"]["namespace"] in spaces
    ]
    assert ours == [(space, name) for space in spaces for name in ("a", "b")]


def test_a_list_of_a_namespace_that_does_not_exist_is_empty(server: Server) -> None:
    assert server.ok("GET", config_maps("no-such-namespace"))["items"] == []


# Selectors


LABELS = {"a": {"app": "web", "size": "3"}, "b": {"app": "db"}, "c": {"tier": "x", "size": "12"}, "d": {}}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", "abcd"),
        ("app=web", "a"),
        ("app==web", "a"),
        ("app!=web", "bcd"),
        ("app", "ab"),
        ("!app", "cd"),
        ("app in (web, db)", "ab"),
        ("app notin (web)", "bcd"),
        ("app in (web),size", "a"),
        ("app in (web,db),!size", "b"),
        ("size>5", "c"),
        ("size<5", "a"),
        ("app=", ""),
        ("app=web,app=db", ""),
    ],
)
def test_labels_select(server: Server, namespace: str, selector: str, selected: str) -> None:
    fill(server, namespace, LABELS, labels=LABELS)
    assert names(server.ok("GET", config_maps(namespace), labelSelector=selector)) == list(selected)


@pytest.mark.parametrize("selector", ["app=(", "app in", "app=a,", "app=a b", "!", "size>x", "-x=1", f"x={'y' * 64}"])
def test_a_label_selector_that_cannot_be_read(server: Server, namespace: str, selector: str) -> None:
    for query in ({}, {"watch": "true"}):
        answer = server.get(config_maps(namespace), labelSelector=selector, query=query)
        assert answer.refusal() == (400, "BadRequest")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("metadata.name=b", "b"),
        ("metadata.name==b", "b"),
        ("metadata.name!=b", "acd"),
        ("metadata.name=b,metadata.name=c", ""),
        ("metadata.name=b,", "b"),
        ("metadata.namespace=elsewhere", ""),
        ("metadata.namespace!=elsewhere", "abcd"),
    ],
)
def test_fields_of_the_metadata_select(server: Server, namespace: str, selector: str, selected: str) -> None:
    fill(server, namespace, "abcd")
    assert names(server.ok("GET", config_maps(namespace), fieldSelector=selector)) == list(selected)


def test_labels_and_fields_select_together(server: Server, namespace: str) -> None:
    fill(server, namespace, LABELS, labels=LABELS)
    path = config_maps(namespace)
    assert names(server.ok("GET", path, labelSelector="app", fieldSelector="metadata.name!=a")) == ["b"]


def test_fields_of_pods_select(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    for name, node in (("a", "node-1"), ("b", "node-2")):
        body = pod(name)
        body["spec"] |= {"nodeName": node, "restartPolicy": "Always"}
        server.ok("POST", path, body)
    for selector, selected in (
        ("spec.nodeName=node-1", "a"),
        ("spec.nodeName!=node-1", "b"),
        ("spec.nodeName=", ""),
        ("spec.hostNetwork=false", "ab"),
        ("spec.hostNetwork=true", ""),
        ("spec.restartPolicy=Always", "ab"),
        ("status.podIP=", "ab"),
        ("status.nominatedNodeName=", "ab"),
        ("status.podIPs=", "ab"),
        ("metadata.name=b,spec.nodeName=node-2", "b"),
    ):
        assert names(server.ok("GET", path, fieldSelector=selector)) == list(selected), selector


@pytest.mark.parametrize(
    ("path", "known", "unknown"),
    [
        ("/api/v1/configmaps", "metadata.name", "data.a"),
        ("/api/v1/configmaps", "metadata.namespace", "metadata.uid"),
        ("/api/v1/pods", "spec.schedulerName", "spec.other"),
        ("/api/v1/pods", "spec.serviceAccountName", "metadata.labels"),
        ("/api/v1/nodes", "spec.unschedulable", "metadata.namespace"),
        ("/api/v1/namespaces", "status.phase", "metadata.namespace"),
        ("/api/v1/secrets", "type", "data"),
        ("/api/v1/services", "spec.clusterIP", "spec.selector"),
        ("/api/v1/services", "spec.type", "status.phase"),
        ("/api/v1/events", "involvedObject.uid", "regarding.uid"),
        ("/api/v1/events", "source", "note"),
        ("/apis/events.k8s.io/v1/events", "regarding.fieldPath", "involvedObject.uid"),
        ("/api/v1/replicationcontrollers", "status.replicas", "spec.replicas"),
        ("/api/v1/persistentvolumes", "metadata.namespace", "status.phase"),
        ("/apis/batch/v1/jobs", "status.successful", "status.failed"),
        ("/apis/apps/v1/deployments", "metadata.name", "spec.replicas"),
        ("/apis/coordination.k8s.io/v1/leases", "metadata.namespace", "spec.holderIdentity"),
    ],
)
def test_each_resource_knows_some_fields(server: Server, path: str, known: str, unknown: str) -> None:
    assert server.get(path, fieldSelector=f"{known}=zz").json["items"] == []
    for query in ({}, {"watch": "true"}):
        assert server.get(path, fieldSelector=f"{unknown}=zz", query=query).refusal() == (400, "BadRequest")


def test_custom_resources_know_their_name_and_namespace(server: Server) -> None:
    spaced = server.register_plain("Gizmo", group="rows.example.com")
    clustered = server.register_plain("Cog", group="rows.example.com", namespaced=False)
    assert server.get(spaced, fieldSelector="metadata.namespace=zz").json["items"] == []
    assert server.get(clustered, fieldSelector="metadata.name=zz").json["items"] == []
    assert server.get(clustered, fieldSelector="metadata.namespace=zz").refusal() == (400, "BadRequest")
    assert server.get(spaced, fieldSelector="spec.a=1").refusal() == (400, "BadRequest")


@pytest.mark.parametrize("selector", ["metadata.name", "metadata.name=a=b", "a in (b)"])
def test_a_field_selector_that_cannot_be_read(server: Server, namespace: str, selector: str) -> None:
    assert server.get(config_maps(namespace), fieldSelector=selector).refusal() == (400, "BadRequest")


def test_an_object_is_read_whatever_the_selectors_say(server: Server, namespace: str) -> None:
    fill(server, namespace, ["one"])
    answer = server.get(f"{config_maps(namespace)}/one", labelSelector="(", fieldSelector="a.b=1", limit="x")
    assert answer.status == 200
