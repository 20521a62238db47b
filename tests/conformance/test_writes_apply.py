"""Server-side apply: ownership, conflicts, what goes and what stays."""

import json
from typing import Any

import pytest
from tests.conformance.client import Answer, Json, Server

APPLY = "application/apply-patch+yaml"


def apply(server: Server, path: str, config: object, manager: str = "one", **query: str) -> Answer:
    body = config if isinstance(config, bytes) else json.dumps(config).encode()
    return server.request("PATCH", path, query={"fieldManager": manager} | query, body=body, content_type=APPLY)


def data(**values: str) -> Json:
    content = {"data": values} if values else {}  # an empty map is not stored, and so nobody's
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, **content}


def deployment(containers: list[Json], **spec: Any) -> Json:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


def containers(answer: Answer) -> list[Json]:
    assert answer.status in {200, 201}, answer.text
    found: list[Json] = answer.json["spec"]["template"]["spec"]["containers"]
    return found


@pytest.fixture
def path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/x"


@pytest.fixture
def deployment_path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/x"


def test_an_apply_creates(server: Server, path: str) -> None:
    answer = apply(server, path, data(a="1"))
    assert (answer.status, answer.json["data"]) == (201, {"a": "1"})
    again = apply(server, path, data(a="1"))
    assert (again.status, again.json) == (200, answer.json)


def test_yaml_and_a_name_from_the_url(server: Server, path: str) -> None:
    nameless = b"apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n"
    assert apply(server, path, nameless).refusal() == (400, "BadRequest")
    answer = apply(server, path, b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: b\n")
    assert (answer.status, answer.json["data"]) == (201, {"a": "b"})
    assert apply(server, path, nameless).json == answer.json


def test_two_managers_of_different_fields(server: Server, path: str) -> None:
    apply(server, path, data(a="1"))
    assert apply(server, path, data(b="2"), "two").json["data"] == {"a": "1", "b": "2"}
    assert apply(server, path, data(a="3")).json["data"] == {"a": "3", "b": "2"}


def test_what_a_manager_stops_applying_goes(server: Server, path: str) -> None:
    labelled = data(a="1", b="2")
    labelled["metadata"]["labels"] = {"l": "1"}
    apply(server, path, labelled)
    apply(server, path, data(b="2", c="3"), "two")
    answer = apply(server, path, data(a="1"))
    assert answer.json["data"] == {"a": "1", "b": "2", "c": "3"}
    assert "labels" not in answer.json["metadata"]
    assert apply(server, path, data(c="3"), "two").json["data"] == {"a": "1", "c": "3"}


def test_a_conflict(server: Server, path: str) -> None:
    created = apply(server, path, data(a="1", b="2")).json
    answer = apply(server, path, data(b="3"), "two")
    assert answer.refusal() == (409, "Conflict")
    assert answer.json["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.b'
    assert answer.json["details"] == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.b"}]
    }
    both = apply(server, path, data(a="2", b="3"), "two")
    assert both.json["message"] == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'
    assert both.causes() == [("FieldManagerConflict", ".data.a"), ("FieldManagerConflict", ".data.b")]
    assert server.ok("GET", path) == created


def test_force_takes_the_field(server: Server, path: str) -> None:
    apply(server, path, data(a="1", b="2"))
    assert apply(server, path, data(b="3"), "two", force="true").json["data"] == {"a": "1", "b": "3"}
    assert apply(server, path, data(a="1")).json["data"] == {"a": "1", "b": "3"}
    assert apply(server, path, data(b="4")).causes() == [("FieldManagerConflict", ".data.b")]


def test_the_same_value_has_two_owners(server: Server, path: str) -> None:
    apply(server, path, data(a="1"))
    assert apply(server, path, data(a="1"), "two").status == 200
    assert apply(server, path, data(b="1")).json["data"] == {"a": "1", "b": "1"}


def test_an_update_owns_what_it_changed(server: Server, path: str) -> None:
    apply(server, path, data(a="1", b="2"))
    server.request(
        "PATCH",
        path,
        query={"fieldManager": "updater"},
        body={"data": {"b": "9", "c": "3"}},
        content_type="application/merge-patch+json",
    )
    answer = apply(server, path, data(a="1", b="2"))
    assert answer.json["message"] == 'Apply failed with 1 conflict: conflict with "updater" using v1: .data.b'
    assert apply(server, path, data(a="1")).json["data"] == {"a": "1", "b": "9", "c": "3"}


def test_a_creator_owns_what_it_created(server: Server, path: str) -> None:
    collection = path.rpartition("/")[0]
    server.request("POST", collection, query={"fieldManager": "creator"}, body=data(a="1"))
    answer = apply(server, path, data(a="2"))
    assert answer.json["message"] == 'Apply failed with 1 conflict: conflict with "creator" using v1: .data.a'
    named = server.request(
        "POST", collection, body=data(a="1") | {"metadata": {"name": "y"}}, headers={"User-Agent": "agent/1.2 (x)"}
    )
    assert named.status == 201
    other = apply(server, f"{collection}/y", data(a="2") | {"metadata": {"name": "y"}})
    assert other.json["message"] == 'Apply failed with 1 conflict: conflict with "agent" using v1: .data.a'


def test_an_update_takes_fields_away(server: Server, path: str) -> None:
    apply(server, path, data(a="1", b="2"))
    server.ok("PUT", path, {"metadata": {"name": "x"}, "data": {"b": "2"}})
    assert apply(server, path, data(c="3")).json["data"] == {"c": "3"}


def test_owners_that_were_forgotten(server: Server, path: str) -> None:
    apply(server, path, data(a="1"))
    server.ok("PATCH", path, {"metadata": {"managedFields": [{}]}})
    answer = apply(server, path, data(a="2"))
    assert (
        answer.json["message"] == 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'
    )


@pytest.mark.parametrize(
    ("config", "query", "refusal", "causes"),
    [
        (data(), {"fieldManager": ""}, (422, "Invalid"), [("FieldValueRequired", "fieldManager")]),
        (data(), {"fieldManager": "x" * 129}, (422, "Invalid"), [("FieldValueTooLong", "fieldManager")]),
        ({"metadata": {"name": "x"}}, {}, (400, "BadRequest"), []),
        (data() | {"kind": "Secret"}, {}, (400, "BadRequest"), []),
        (data() | {"apiVersion": "v2"}, {}, (400, "BadRequest"), []),
        (data() | {"metadata": {"name": "y"}}, {}, (400, "BadRequest"), []),
        (data() | {"metadata": {"name": "x", "namespace": "other"}}, {}, (400, "BadRequest"), []),
        (data() | {"metadata": {"name": "x", "managedFields": []}}, {}, (400, "BadRequest"), []),
        (data() | {"metadata": {"name": "x", "uid": "1"}}, {}, (409, "Conflict"), []),
        (b"a: b: c", {}, (400, "BadRequest"), []),
        (b"hello", {}, (400, "BadRequest"), []),
    ],
)
def test_applies_that_are_refused(
    server: Server, path: str, config: object, query: Json, refusal: tuple[int, str], causes: list[tuple[str, str]]
) -> None:
    answer = apply(server, path, config, **query)
    assert answer.refusal() == refusal
    assert answer.causes() == causes
    assert server.get(path).status == 404


def test_an_apply_with_a_version(server: Server, path: str) -> None:
    created = apply(server, path, data(a="1")).json
    stale = data(a="2")
    stale["metadata"]["resourceVersion"] = "1"
    assert apply(server, path, stale).refusal() == (409, "Conflict")
    stale["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"]
    assert apply(server, path, stale).json["data"] == {"a": "2"}


def test_a_dry_run(server: Server, path: str) -> None:
    assert apply(server, path, data(a="1"), dryRun="All").status == 201
    assert server.get(path).status == 404
    created = apply(server, path, data(a="1")).json
    assert apply(server, path, data(a="2"), dryRun="All").json["data"] == {"a": "2"}
    assert server.ok("GET", path) == created


def test_a_namespace_that_does_not_exist(server: Server) -> None:
    answer = apply(server, "/api/v1/namespaces/nowhere/configmaps/x", data(a="1"))
    assert answer.refusal() == (404, "NotFound")
    assert answer.json["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_lists_merge_by_their_keys(server: Server, deployment_path: str) -> None:
    main: Json = {
        "name": "main",
        "image": "m:1",
        "env": [{"name": "A", "value": "1"}],
        "ports": [{"containerPort": 80}],
    }
    apply(server, deployment_path, deployment([main]))
    sides: list[Json] = [{"name": "side", "image": "s:1"}, {"name": "main", "env": [{"name": "B", "value": "2"}]}]
    answer = apply(server, deployment_path, deployment(sides), "two")
    assert [each["name"] for each in containers(answer)] == ["side", "main"]
    assert {each["name"]: each["value"] for each in containers(answer)[1]["env"]} == {"A": "1", "B": "2"}
    answer = apply(server, deployment_path, deployment([{"name": "main", "image": "m:2"}]))
    main = containers(answer)[1]
    assert (main["image"], [each["name"] for each in main["env"]], main.get("ports")) == ("m:2", ["B"], None)
    answer = apply(server, deployment_path, deployment([{"name": "main", "image": "m:3"}]), "three")
    assert answer.causes() == [("FieldManagerConflict", '.spec.template.spec.containers[name="main"].image')]
    left = apply(server, deployment_path, deployment([]), "two")
    assert [(each["name"], each.get("env")) for each in containers(left)] == [("main", None)]


def test_the_same_key_twice(server: Server, deployment_path: str) -> None:
    twice = deployment([{"name": "main", "image": "a"}, {"name": "main", "image": "b"}])
    answer = apply(server, deployment_path, twice)
    assert answer.status == 500
    assert 'duplicate entries for key [name="main"]' in answer.json["message"]


def test_finalizers_and_owners_have_owners(server: Server, path: str) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o"}
    first, second = data(), data()
    first["metadata"] |= {"finalizers": ["a.b/1"], "ownerReferences": [owner | {"uid": "1"}]}
    second["metadata"] |= {"finalizers": ["a.b/2"], "ownerReferences": [owner | {"uid": "2"}]}
    apply(server, path, first)
    metadata = apply(server, path, second, "two").json["metadata"]
    assert sorted(metadata["finalizers"]) == ["a.b/1", "a.b/2"]
    assert sorted(each["uid"] for each in metadata["ownerReferences"]) == ["1", "2"]
    metadata = apply(server, path, data()).json["metadata"]
    assert (metadata["finalizers"], [each["uid"] for each in metadata["ownerReferences"]]) == (["a.b/2"], ["2"])
    server.ok("PATCH", path, {"metadata": {"finalizers": None}})


def test_applying_a_status(server: Server, deployment_path: str) -> None:
    status = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "labels": {"l": "1"}}}
    status |= {"status": {"replicas": 3, "conditions": [{"type": "Available", "status": "True"}]}}
    assert apply(server, f"{deployment_path}/status", status, "status").refusal() == (404, "NotFound")
    created = apply(server, deployment_path, deployment([{"name": "main", "image": "m"}], replicas=2)).json
    answer = apply(server, f"{deployment_path}/status", status | {"spec": {"replicas": 9}}, "status")
    assert answer.json["status"]["replicas"] == 3
    assert answer.json["status"]["conditions"][0]["type"] == "Available"
    assert answer.json["spec"]["replicas"] == 2
    assert "labels" not in answer.json["metadata"]
    assert answer.json["metadata"]["generation"] == created["metadata"]["generation"]
    more = deployment([{"name": "main", "image": "m"}], replicas=2) | {"status": {"replicas": 7}}
    assert apply(server, deployment_path, more).json["status"]["replicas"] == 3


def test_applying_twice_changes_nothing(server: Server, deployment_path: str) -> None:
    config = deployment([{"name": "main", "image": "m:1", "env": [{"name": "A", "value": "1"}]}])
    first = apply(server, deployment_path, config).json
    assert apply(server, deployment_path, config).json == first


def test_an_apply_that_takes_over_moves_the_version(server: Server, path: str) -> None:
    """Who owns a field is part of the object, even where it is not shown."""
    first = apply(server, path, data(a="1")).json
    second = apply(server, path, data(a="1"), "two").json
    assert second["data"] == first["data"]
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
