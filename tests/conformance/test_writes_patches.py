"""PATCH in its three kinds that are no apply: JSON merge patch, JSON patch, strategic merge patch."""

import json
from typing import Any

import pytest
from tests.conformance.client import MERGE_PATCH, Answer, Json, Server

JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
REFUSED = "the server rejected our request due to an error in our request"


def patch(server: Server, path: str, body: object, content_type: str = MERGE_PATCH, **query: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.request("PATCH", path, query=query, body=raw, content_type=content_type)


@pytest.fixture
def config_map(server: Server, namespace: str) -> str:
    """The path of a ConfigMap with two entries."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.ok("POST", path, {"metadata": {"name": "one"}, "data": {"a": "1", "b": "2"}})
    return f"{path}/one"


@pytest.fixture
def deployment(server: Server, namespace: str) -> str:
    """The path of a Deployment with two containers."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    containers = [
        {
            "name": "main",
            "image": "main:1",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "args": ["x", "y"],
        },
        {"name": "side", "image": "side:1"},
    ]
    pod = {
        "containers": containers,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "s1"}],
    }
    spec = {
        "selector": {"matchLabels": {"app": "one"}},
        "template": {"metadata": {"labels": {"app": "one"}}, "spec": pod},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    }
    server.ok("POST", path, {"metadata": {"name": "one"}, "spec": spec})
    return f"{path}/one"


def test_a_merge_patch(server: Server, config_map: str) -> None:
    answer = patch(server, config_map, {"data": {"a": None, "c": "3"}, "metadata": {"labels": {"x": "y"}}})
    assert (answer.status, answer.json["data"]) == (200, {"b": "2", "c": "3"})
    assert answer.json["metadata"]["labels"] == {"x": "y"}
    charset = patch(server, config_map, {"data": {"d": "4"}}, f"{MERGE_PATCH}; charset=utf-8")
    assert charset.json["data"] == {"b": "2", "c": "3", "d": "4"}


@pytest.mark.parametrize(
    ("body", "refusal", "causes"),
    [
        ({"metadata": {"name": "other"}}, (400, "BadRequest"), []),
        ({"metadata": {"namespace": "other"}}, (400, "BadRequest"), []),
        ({"metadata": None}, (400, "BadRequest"), []),
        ({"metadata": {"uid": "x"}}, (422, "Invalid"), [("FieldValueInvalid", "metadata.uid")]),
        ({"metadata": {"resourceVersion": "1"}}, (409, "Conflict"), []),
        ({"metadata": {"labels": {"a": "b c"}}}, (422, "Invalid"), [("FieldValueInvalid", "metadata.labels")]),
        ({"apiVersion": "v2"}, (422, "Invalid"), [("FieldValueInvalid", "patch")]),
        ({"kind": "Secret"}, (422, "Invalid"), [("FieldValueInvalid", "patch")]),
        ([1], (400, "BadRequest"), []),
        (b"{", (400, "BadRequest"), []),
        (b"", (400, "BadRequest"), []),
    ],
)
def test_merge_patches_that_are_refused(
    server: Server, config_map: str, body: object, refusal: tuple[int, str], causes: list[tuple[str, str]]
) -> None:
    before = server.ok("GET", config_map)
    answer = patch(server, config_map, body)
    assert answer.refusal() == refusal
    assert answer.causes() == causes
    assert server.ok("GET", config_map) == before


@pytest.mark.parametrize("content_type", ["application/json", "application/yaml", "text/plain"])
def test_what_is_no_patch(server: Server, config_map: str, content_type: str) -> None:
    answer = patch(server, config_map, {}, content_type)
    assert answer.refusal() == (415, "UnsupportedMediaType")


def test_patches_of_what_does_not_exist(server: Server, config_map: str) -> None:
    for body, content_type in (({}, MERGE_PATCH), ([], JSON_PATCH), ({}, STRATEGIC)):
        assert patch(server, f"{config_map}x", body, content_type).refusal() == (404, "NotFound")


def test_force_is_for_applies(server: Server, config_map: str) -> None:
    answer = patch(server, config_map, {}, force="true")
    assert answer.causes() == [("FieldValueForbidden", "force")]
    assert answer.json["details"]["kind"] == "PatchOptions"
    assert patch(server, config_map, {}, fieldValidation="Nope").causes() == [
        ("FieldValueNotSupported", "fieldValidation")
    ]


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([{"op": "add", "path": "/data/c", "value": "3"}], {"a": "1", "b": "2", "c": "3"}),
        ([{"op": "remove", "path": "/data/a"}], {"b": "2"}),
        ([{"op": "replace", "path": "/data/a", "value": "9"}], {"a": "9", "b": "2"}),
        ([{"op": "replace", "path": "/data/z", "value": "9"}], {"a": "1", "b": "2", "z": "9"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/c"}], {"b": "2", "c": "1"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/c"}], {"a": "1", "b": "2", "c": "1"}),
        ([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}], {"b": "2"}),
        ([{"op": "test", "path": "/data/z", "value": None}], {"a": "1", "b": "2"}),
        ([], {"a": "1", "b": "2"}),
    ],
)
def test_json_patches(server: Server, config_map: str, operations: list[Json], data: Json) -> None:
    answer = patch(server, config_map, operations, JSON_PATCH)
    assert (answer.status, answer.json.get("data")) == (200, data)


@pytest.mark.parametrize(
    ("operations", "finalizers"),
    [
        ([{"op": "add", "path": "/metadata/finalizers/-", "value": "a.b/3"}], ["a.b/1", "a.b/2", "a.b/3"]),
        ([{"op": "add", "path": "/metadata/finalizers/0", "value": "a.b/0"}], ["a.b/0", "a.b/1", "a.b/2"]),
        ([{"op": "remove", "path": "/metadata/finalizers/0"}], ["a.b/2"]),
        ([{"op": "remove", "path": "/metadata/finalizers/-1"}], ["a.b/1"]),
        ([{"op": "remove", "path": "/metadata/finalizers/01"}], ["a.b/1"]),
        ([{"op": "replace", "path": "/metadata/finalizers/1", "value": "a.b/9"}], ["a.b/1", "a.b/9"]),
    ],
)
def test_json_patches_of_lists(server: Server, config_map: str, operations: list[Json], finalizers: list[str]) -> None:
    server.ok("PATCH", config_map, {"metadata": {"finalizers": ["a.b/1", "a.b/2"]}})
    assert patch(server, config_map, operations, JSON_PATCH).json["metadata"]["finalizers"] == finalizers


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/data/a", "value": "2"}],
        [{"op": "add", "path": "/data/c", "value": "3"}, {"op": "test", "path": "/data/c", "value": "4"}],
        [{"op": "test", "path": "/data/z", "value": "2"}],
        [{"op": "remove", "path": "/data/z"}],
        [{"op": "add", "path": "/nothing/z", "value": "1"}],
        [{"op": "move", "from": "/data/z", "path": "/data/c"}],
        [{"op": "frob", "path": "/data/a", "value": "1"}],
        [{"op": "add", "value": "1"}],
        [{"op": "remove", "path": "/metadata/finalizers/0"}],
        [
            {"op": "add", "path": "/metadata/finalizers", "value": []},
            {"op": "remove", "path": "/metadata/finalizers/x"},
        ],
    ],
)
def test_json_patches_that_fail(server: Server, config_map: str, operations: list[Json]) -> None:
    before = server.ok("GET", config_map)
    answer = patch(server, config_map, operations, JSON_PATCH)
    assert answer.refusal() == (422, "Invalid")
    assert answer.json["message"] == REFUSED
    assert answer.causes() == []
    assert server.ok("GET", config_map) == before


@pytest.mark.parametrize("body", [b"[{", b"{}", b"1"])
def test_what_is_no_json_patch(server: Server, config_map: str, body: bytes) -> None:
    assert patch(server, config_map, body, JSON_PATCH).refusal() == (400, "BadRequest")


def test_json_patches_keep_the_name(server: Server, config_map: str) -> None:
    for operations in (
        [{"op": "remove", "path": "/metadata/name"}],
        [{"op": "replace", "path": "/metadata/name", "value": "two"}],
        [{"op": "replace", "path": "", "value": {"data": {}}}],
    ):
        assert patch(server, config_map, operations, JSON_PATCH).refusal() == (400, "BadRequest")


# -- strategic merge


def pod_spec(answer: Answer) -> Json:
    assert answer.status == 200, answer.text
    spec: Json = answer.json["spec"]["template"]["spec"]
    return spec


def in_pod(spec: Json) -> Json:
    return {"spec": {"template": {"spec": spec}}}


def in_main(**fields: Any) -> Json:
    return in_pod({"containers": [{"name": "main", **fields}]})


def main(answer: Answer) -> Json:
    return next(dict(each) for each in pod_spec(answer)["containers"] if each["name"] == "main")


def test_containers_merge_by_name(server: Server, deployment: str) -> None:
    answer = patch(server, deployment, in_main(image="main:2"), STRATEGIC)
    assert [(each["name"], each["image"]) for each in pod_spec(answer)["containers"]] == [
        ("main", "main:2"),
        ("side", "side:1"),
    ]
    added = patch(server, deployment, in_pod({"containers": [{"name": "new", "image": "new:1"}]}), STRATEGIC)
    assert [each["name"] for each in pod_spec(added)["containers"]] == ["new", "main", "side"]


def test_lists_within_containers(server: Server, deployment: str) -> None:
    changes = {
        "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
        "ports": [{"containerPort": 80, "name": "web"}],
        "args": ["z"],
    }
    container = main(patch(server, deployment, in_main(**changes), STRATEGIC))
    assert {each["name"]: each.get("value") for each in container["env"]} == {"A": "1", "B": "3", "C": "4"}
    assert [(each["containerPort"], each["name"]) for each in container["ports"]] == [(80, "web")]
    assert container["args"] == ["z"]


def test_what_merges_and_what_is_replaced(server: Server, deployment: str) -> None:
    changes = {
        "volumes": [{"name": "more", "emptyDir": {}}],
        "tolerations": [{"key": "b", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "s2"}],
        "nodeSelector": {"zone": "a"},
    }
    spec = pod_spec(patch(server, deployment, in_pod(changes), STRATEGIC))
    assert sorted(each["name"] for each in spec["volumes"]) == ["more", "tmp"]
    assert [each["key"] for each in spec["tolerations"]] == ["b"]
    assert sorted(each["name"] for each in spec["imagePullSecrets"]) == ["s1", "s2"]
    assert spec["nodeSelector"] == {"zone": "a"}


def test_the_directive_delete(server: Server, deployment: str) -> None:
    spec = pod_spec(
        patch(server, deployment, in_pod({"containers": [{"name": "side", "$patch": "delete"}]}), STRATEGIC)
    )
    assert [each["name"] for each in spec["containers"]] == ["main"]
    answer = patch(server, deployment, {"metadata": {"labels": {"$patch": "delete"}}}, STRATEGIC)
    assert "labels" not in answer.json["metadata"]


def test_the_directive_replace(server: Server, deployment: str) -> None:
    containers = [{"$patch": "replace"}, {"name": "only", "image": "only:1"}]
    spec = pod_spec(patch(server, deployment, in_pod({"containers": containers}), STRATEGIC))
    assert [each["name"] for each in spec["containers"]] == ["only"]
    patch(server, deployment, {"metadata": {"annotations": {"a": "1", "b": "2"}}})
    answer = patch(server, deployment, {"metadata": {"annotations": {"$patch": "replace", "c": "3"}}}, STRATEGIC)
    assert answer.json["metadata"]["annotations"] == {"c": "3"}


def test_the_directive_retain_keys(server: Server, deployment: str) -> None:
    strategy = {"$retainKeys": ["type"], "type": "Recreate"}
    answer = patch(server, deployment, {"spec": {"strategy": strategy}}, STRATEGIC)
    assert answer.json["spec"]["strategy"] == {"type": "Recreate"}
    volume = {"name": "tmp", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}
    (found,) = pod_spec(patch(server, deployment, in_pod({"volumes": [volume]}), STRATEGIC))["volumes"]
    assert sorted(found) == ["configMap", "name"]


def test_the_directive_set_element_order(server: Server, deployment: str) -> None:
    order = {
        "$setElementOrder/containers": [{"name": "side"}, {"name": "main"}],
        "containers": [{"name": "main", "image": "main:3"}],
    }
    spec = pod_spec(patch(server, deployment, in_pod(order), STRATEGIC))
    assert [(each["name"], each["image"]) for each in spec["containers"]] == [("side", "side:1"), ("main", "main:3")]


def test_finalizers_are_a_set(server: Server, deployment: str) -> None:
    finalizers = ["a.b/1", "a.b/2"]
    patch(server, deployment, {"metadata": {"finalizers": finalizers}})
    added = patch(server, deployment, {"metadata": {"finalizers": ["a.b/3", "a.b/2"]}}, STRATEGIC)
    assert sorted(added.json["metadata"]["finalizers"]) == ["a.b/1", "a.b/2", "a.b/3"]
    directive = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/1", "a.b/3"]}}
    assert patch(server, deployment, directive, STRATEGIC).json["metadata"]["finalizers"] == ["a.b/2"]


def test_an_added_finalizer_stands_first(server: Server, config_map: str) -> None:
    patch(server, config_map, {"metadata": {"finalizers": ["a.b/1"]}})
    answer = patch(server, config_map, {"metadata": {"finalizers": ["a.b/2"]}}, STRATEGIC)
    assert answer.json["metadata"]["finalizers"] == ["a.b/2", "a.b/1"]


def test_owners_merge_by_uid(server: Server, config_map: str) -> None:
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": name} for name in ("x", "y")]
    patch(server, config_map, {"metadata": {"ownerReferences": owners[:1]}}, STRATEGIC)
    answer = patch(server, config_map, {"metadata": {"ownerReferences": owners[1:]}}, STRATEGIC)
    assert sorted(each["uid"] for each in answer.json["metadata"]["ownerReferences"]) == ["x", "y"]
    gone = {"uid": "x", "$patch": "delete"}
    answer = patch(server, config_map, {"metadata": {"ownerReferences": [gone]}}, STRATEGIC)
    assert [each["uid"] for each in answer.json["metadata"]["ownerReferences"]] == ["y"]


def test_an_item_without_its_key(server: Server, deployment: str) -> None:
    answer = patch(server, deployment, in_pod({"containers": [{"image": "x"}]}), STRATEGIC)
    assert answer.status == 500
    assert "does not contain declared merge key: name" in answer.json["message"]


def test_service_ports_merge_by_port(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    ports = [{"name": "a", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 81, "protocol": "TCP"}]
    server.ok("POST", path, {"metadata": {"name": "one"}, "spec": {"ports": ports}})
    change = {"spec": {"ports": [{"port": 81, "name": "c"}]}}
    answer = patch(server, f"{path}/one", change, STRATEGIC)
    assert sorted((each["port"], each["name"]) for each in answer.json["spec"]["ports"]) == [(80, "a"), (81, "c")]
