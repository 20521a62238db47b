"""managedFields, field by field: the fake shows them when it is asked to."""

import json
from collections.abc import Iterator

import pytest
from tests.conformance.client import MERGE_PATCH, Json, Server
from tests.conformance.servers import fake_server, real_server
from tests.conformance.test_writes_crds import SCHEMA, definition, fresh_group, version

APPLY = "application/apply-patch+yaml"


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.e2e)])
def managed_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that shows managedFields, as every real one does."""
    if request.param == "fake":
        with fake_server(managed_fields=True) as server:
            yield server
    else:
        yield real_server(request.getfixturevalue("control_plane"))


def patch(server: Server, path: str, body: object, content_type: str, manager: str, **query: str) -> Json:
    raw, asked = json.dumps(body).encode(), {"fieldManager": manager} | query
    answer = server.request("PATCH", path, query=asked, body=raw, content_type=content_type)
    assert answer.status in {200, 201}, answer.text
    return answer.json


def owners(obj: Json) -> dict[tuple[str, ...], Json]:
    """The fields of every manager, by its name, its operation and its subresource."""
    found = obj["metadata"].get("managedFields", [])
    for entry in found:
        assert entry["fieldsType"] == "FieldsV1"
        assert entry["apiVersion"] == obj["apiVersion"]
        assert entry["time"].endswith("Z")
    parts = ("manager", "operation", "subresource")
    return {tuple(each[part] for part in parts if part in each): each["fieldsV1"] for each in found}


@pytest.fixture
def path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/x"


def data(labels: Json | None = None, **values: str) -> Json:
    metadata = {"name": "x"} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": values}


def test_applies(managed_server: Server, path: str) -> None:
    one, two = ("one", "Apply"), ("two", "Apply")
    assert owners(patch(managed_server, path, data({"l": "1"}, a="1", b="2"), APPLY, "one")) == {
        one: {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:l": {}}}}
    }
    assert owners(patch(managed_server, path, data(b="2", c="3"), APPLY, "two")) == {
        one: {"f:data": {"f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {"f:l": {}}}},
        two: {"f:data": {"f:b": {}, "f:c": {}}},
    }
    assert owners(patch(managed_server, path, data(a="1"), APPLY, "one"))[one] == {"f:data": {"f:a": {}}}
    assert owners(patch(managed_server, path, data(b="9"), APPLY, "one", force="true")) == {
        one: {"f:data": {"f:b": {}}},
        two: {"f:data": {"f:c": {}}},
    }


def test_updates(managed_server: Server, path: str) -> None:
    collection = path.rpartition("/")[0]
    created = managed_server.request("POST", collection, query={"fieldManager": "creator"}, body=data(a="1")).json
    creator, updater = ("creator", "Update"), ("updater", "Update")
    assert owners(created) == {creator: {"f:data": {".": {}, "f:a": {}}}}
    change = {"data": {"b": "2"}, "metadata": {"labels": {"l": "1"}}}
    assert owners(patch(managed_server, path, change, MERGE_PATCH, "updater")) == {
        creator: {"f:data": {".": {}, "f:a": {}}},
        updater: {"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}},
    }
    assert owners(patch(managed_server, path, data(a="9"), APPLY, "one", force="true")) == {
        ("one", "Apply"): {"f:data": {"f:a": {}}},
        creator: {"f:data": {}},
        updater: {"f:data": {"f:b": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}},
    }
    replaced = managed_server.request("PUT", path, query={"fieldManager": "updater"}, body=data(b="2")).json
    assert owners(replaced) == {creator: {"f:data": {}}, updater: {"f:data": {"f:b": {}}}}
    unchanged = managed_server.request("PUT", path, query={"fieldManager": "third"}, body=data(b="2")).json
    assert unchanged == replaced
    assert owners(patch(managed_server, path, {"metadata": {"managedFields": [{}]}}, MERGE_PATCH, "updater")) == {}


def test_who_an_update_is_by(managed_server: Server, path: str) -> None:
    collection = path.rpartition("/")[0]
    agent = managed_server.request("POST", collection, body=data(a="1"), headers={"User-Agent": "agent/1.2 (x)"})
    assert list(owners(agent.json)) == [("agent", "Update")]
    nobody = managed_server.request("PUT", path, body=data(a="2"), headers={"User-Agent": ""})
    assert sorted(owners(nobody.json)) == [("agent", "Update"), ("unknown", "Update")]


def test_lists(managed_server: Server, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/x"
    container = {"name": "c", "image": "i", "env": [{"name": "E", "value": "1"}], "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    config = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "finalizers": ["a.b/c"], "ownerReferences": [_OWNER]},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    variable: Json = {".": {}, "f:name": {}, "f:value": {}}
    port: Json = {".": {}, "f:containerPort": {}}
    assert owners(patch(managed_server, path, config, APPLY, "one")) == {
        ("one", "Apply"): {
            "f:metadata": {
                "f:finalizers": {'v:"a.b/c"': {}},
                "f:ownerReferences": {'k:{"uid":"u1"}': {}},
            },
            "f:spec": {
                "f:selector": {},
                "f:template": {
                    "f:metadata": {"f:labels": {"f:a": {}}},
                    "f:spec": {
                        "f:containers": {
                            'k:{"name":"c"}': {
                                ".": {},
                                "f:name": {},
                                "f:image": {},
                                "f:env": {'k:{"name":"E"}': variable},
                                "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': port},
                            }
                        }
                    },
                },
            },
        }
    }
    reported = {"replicas": 3, "conditions": [{"type": "Available", "status": "True"}]}
    status = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "status": reported}
    found = owners(patch(managed_server, f"{path}/status", status, APPLY, "two"))
    condition: Json = {".": {}, "f:type": {}, "f:status": {}}
    assert found["two", "Apply", "status"] == {
        "f:status": {"f:replicas": {}, "f:conditions": {'k:{"type":"Available"}': condition}}
    }
    managed_server.ok("PATCH", path, {"metadata": {"finalizers": None}})


_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u1"}


def test_a_custom_resource(managed_server: Server, namespace: str) -> None:
    group = fresh_group()
    managed_server.register_crd(definition(group, version("v1", SCHEMA)))
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    config = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "x"}}
    spec = {"size": 1, "list": [{"k": "1", "v": "a"}], "set": ["s"], "tags": ["t"], "map": {"m": 1}}
    item: Json = {".": {}, "f:k": {}, "f:v": {}}
    assert owners(patch(managed_server, f"{path}/x", config | {"spec": spec}, APPLY, "one")) == {
        ("one", "Apply"): {
            "f:spec": {
                "f:size": {},
                "f:tags": {},
                "f:map": {"f:m": {}},
                "f:set": {'v:"s"': {}},
                "f:list": {'k:{"k":"1"}': item},
            }
        }
    }
    other = config | {"metadata": {"name": "y", "labels": {"a": "b"}}, "spec": {"size": 1, "map": {"m": 1}}}
    created = managed_server.request("POST", path, query={"fieldManager": "creator"}, body=other).json
    assert owners(created) == {
        ("creator", "Update"): {
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {
                ".": {},
                "f:size": {},
                "f:map": {".": {}, "f:m": {}},
                "f:color": {},
                "f:sub": {".": {}, "f:x": {}},
            },
        }
    }
    status = managed_server.request(
        "PATCH",
        f"{path}/y/status",
        query={"fieldManager": "kubelet"},
        body={"status": {"ready": True}},
        content_type=MERGE_PATCH,
    ).json
    assert owners(status)["kubelet", "Update", "status"] == {"f:status": {".": {}, "f:ready": {}}}
