"""CustomResourceDefinitions, and custom resources: schemas, pruning, defaults, versions, ``/status``."""

import copy
import json
import uuid
from typing import Any

import pytest
from tests.conformance.client import MERGE_PATCH, Answer, Json, Server
from tests.e2e.polling import wait_until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCHEMA: Json = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10},
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^a"},
                "tags": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
                "sub": {"type": "object", "default": {}, "properties": {"x": {"type": "integer", "default": 5}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "port": {"x-kubernetes-int-or-string": True},
                "null": {"type": "string", "nullable": True},
                "flag": {"type": "boolean"},
                "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
                "when": {"type": "string", "format": "date-time"},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "list": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["k"],
                    "items": {
                        "type": "object",
                        "required": ["k"],
                        "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
                    },
                },
            },
        },
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}, "count": {"type": "integer"}}},
    },
}
PLAIN: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def version(name: str, schema: Json | None = None, *, storage: bool = True, status: bool = True) -> Json:
    made: Json = {"name": name, "served": True, "storage": storage}
    if schema is not None:
        made["schema"] = {"openAPIV3Schema": schema}
    return made | ({"subresources": {"status": {}}} if status else {})


def definition(group: str, *versions: Json, plural: str = "widgets", kind: str = "Widget", **spec: Any) -> Json:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": list(versions),
            **spec,
        },
    }


def fresh_group() -> str:
    return f"g{uuid.uuid4().hex[:10]}.example.com"


class Widgets:
    """Widgets in one namespace."""

    def __init__(self, server: Server, namespace: str, group: str) -> None:
        self.server, self.group = server, group
        self.path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
        self.beta = self.path.replace("/v1/", "/v1beta1/")

    def widget(self, name: str, spec: Any, **more: Any) -> Json:
        return {
            "apiVersion": f"{self.group}/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            **({} if spec is None else {"spec": spec}),
            **more,
        }

    def post(self, name: str, spec: Any, **more: Any) -> Answer:
        return self.server.request("POST", self.path, body=self.widget(name, spec, **more))

    def made(self, name: str, spec: Any = None, **more: Any) -> Json:
        answer = self.post(name, {"size": 1} if spec is None else spec, **more)
        assert answer.status == 201, answer.text
        return answer.json

    def patch(self, name: str, body: object, content_type: str = MERGE_PATCH, **query: str) -> Answer:
        raw = json.dumps(body).encode()
        return self.server.request("PATCH", f"{self.path}/{name}", query=query, body=raw, content_type=content_type)


_GROUPS: dict[str, str] = {}


@pytest.fixture
def widgets(server: Server, namespace: str) -> Widgets:
    """A custom resource with a schema, a status and two versions; its definition is shared by all rows of a server."""
    if server.address not in _GROUPS:
        _GROUPS[server.address] = group = fresh_group()
        server.register_crd(definition(group, version("v1", SCHEMA), version("v1beta1", SCHEMA, storage=False)))
    return Widgets(server, namespace, _GROUPS[server.address])


# -- objects


def test_an_object_is_pruned_and_completed(widgets: Widgets) -> None:
    spec = {"size": 3, "bogus": 1, "free": {"any": {"thing": 1}}, "map": {"a": 1}, "port": "http", "null": None}
    created = widgets.made("one", spec, status={"ready": True}, more=1)
    assert created["spec"] == {
        "size": 3,
        "free": {"any": {"thing": 1}},
        "map": {"a": 1},
        "port": "http",
        "null": None,
        "color": "red",
        "sub": {"x": 5},
    }
    assert not {"status", "more"} & created.keys()
    assert created["metadata"]["generation"] == 1


def test_nulls_and_whole_numbers(widgets: Widgets) -> None:
    assert widgets.made("one", {"size": 2.0, "name": None, "sub": {"x": None}})["spec"] == {
        "size": 2,
        "color": "red",
        "sub": {"x": 5},
    }


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        ({}, [("FieldValueRequired", "spec.size")]),
        (None, [("FieldValueRequired", "spec")]),
        ("x", [("FieldValueTypeInvalid", "spec")]),
        ({"size": None}, [("FieldValueRequired", "spec.size")]),
        ({"size": 0}, [("FieldValueInvalid", "spec.size")]),
        ({"size": 11}, [("FieldValueInvalid", "spec.size")]),
        ({"size": "x"}, [("FieldValueTypeInvalid", "spec.size")]),
        ({"size": 1, "color": "green"}, [("FieldValueNotSupported", "spec.color")]),
        ({"size": 0, "color": "green"}, [("FieldValueInvalid", "spec.size"), ("FieldValueNotSupported", "spec.color")]),
        ({"size": 1, "name": "a"}, [("FieldValueInvalid", "spec.name")]),
        ({"size": 1, "name": "abcde"}, [("FieldValueTooLong", "spec.name")]),
        ({"size": 1, "name": "bcd"}, [("FieldValueInvalid", "spec.name")]),
        ({"size": 1, "tags": [1]}, [("FieldValueTypeInvalid", "spec.tags[0]")]),
        ({"size": 1, "tags": ["a", "b", "c"]}, [("FieldValueTooMany", "spec.tags")]),
        ({"size": 1, "tags": []}, [("FieldValueInvalid", "spec.tags")]),
        ({"size": 1, "map": {"a": "x"}}, [("FieldValueTypeInvalid", "spec.map.a")]),
        ({"size": 1, "port": 1.5}, [("FieldValueTypeInvalid", "spec.port")]),
        ({"size": 1, "flag": "x"}, [("FieldValueTypeInvalid", "spec.flag")]),
        ({"size": 1, "ratio": "x"}, [("FieldValueTypeInvalid", "spec.ratio")]),
        ({"size": 1, "ratio": 0}, [("FieldValueInvalid", "spec.ratio")]),
        ({"size": 1, "when": "x"}, [("FieldValueTypeInvalid", "spec.when")]),
        ({"size": 1, "sub": []}, [("FieldValueTypeInvalid", "spec.sub")]),
        ({"size": 1, "list": [{"v": "1"}]}, [("FieldValueRequired", "spec.list[0].k")]),
        ({"size": 1, "list": [{"k": "1"}, {"k": "1"}]}, [("FieldValueDuplicate", "spec.list[1]")]),
        ({"size": 1, "set": ["a", "a"]}, [("FieldValueDuplicate", "spec.set[1]")]),
    ],
)
def test_what_a_schema_refuses(widgets: Widgets, spec: Any, causes: list[tuple[str, str]]) -> None:
    answer = widgets.post("one", spec)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == causes
    details = answer.json["details"]
    assert (details["name"], details["group"], details["kind"]) == ("one", widgets.group, "Widget")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"kind": None}, (400, "BadRequest")),
        ({"apiVersion": None}, (400, "BadRequest")),
        ({"kind": "Gadget"}, (422, "Invalid")),
        ({"apiVersion": "v1"}, (400, "BadRequest")),
        ({"metadata": {"name": "one", "labels": {"a": 1}}}, (400, "BadRequest")),
        ({"metadata": {"name": "one", "resourceVersion": "4"}}, (500, "None")),
        ({"metadata": {"name": "One"}}, (422, "Invalid")),
    ],
)
def test_objects_that_do_not_belong_there(widgets: Widgets, changes: Json, refusal: tuple[int, str]) -> None:
    body = {name: value for name, value in (widgets.widget("one", {"size": 1}) | changes).items() if value is not None}
    assert widgets.server.request("POST", widgets.path, body=body).refusal() == refusal


def test_an_update_says_what_it_replaces(widgets: Widgets) -> None:
    created = widgets.made("one")
    path = f"{widgets.path}/one"
    answer = widgets.server.request("PUT", path, body=widgets.widget("one", {"size": 2}))
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == [("FieldValueInvalid", "metadata.resourceVersion")]
    updated = widgets.server.ok("PUT", path, created | {"spec": {"size": 2}})
    assert updated["spec"] == {"size": 2, "color": "red", "sub": {"x": 5}}
    assert updated["metadata"]["generation"] == 2
    assert widgets.server.request("PUT", path, body=created).refusal() == (409, "Conflict")
    invalid = widgets.server.request("PUT", path, body=updated | {"spec": {"size": 99}})
    assert invalid.causes() == [("FieldValueInvalid", "spec.size")]


def test_the_status_of_a_custom_resource(widgets: Widgets) -> None:
    created = widgets.made("one")
    path, server = f"{widgets.path}/one", widgets.server
    assert server.ok("PATCH", path, {"status": {"ready": True}}) == created
    sent = copy.deepcopy(created) | {"status": {"ready": True, "bogus": 1}}
    sent["spec"]["size"] = 9
    sent["metadata"] |= {"labels": {"a": "b"}, "finalizers": ["a.b/c"]}
    after = server.ok("PUT", f"{path}/status", sent)
    assert after["status"] == {"ready": True}
    assert after["spec"] == created["spec"]
    assert not {"labels", "finalizers"} & after["metadata"].keys()
    assert after["metadata"]["generation"] == 1
    patched = server.ok("PATCH", f"{path}/status", {"status": {"count": 2}, "spec": {"size": 9}})
    assert (patched["status"], patched["spec"]["size"]) == ({"ready": True, "count": 2}, 1)
    wrong = server.request("PATCH", f"{path}/status", body={"status": {"ready": "x"}}, content_type=MERGE_PATCH)
    assert wrong.causes() == [("FieldValueTypeInvalid", "status.ready")]
    unversioned = server.request("PUT", f"{path}/status", body=widgets.widget("one", {"size": 1}))
    assert unversioned.causes() == [("FieldValueInvalid", "metadata.resourceVersion")]
    assert server.get(f"{path}/scale").refusal() == (404, "NotFound")


def test_generations_of_a_custom_resource(widgets: Widgets) -> None:
    widgets.made("one")
    assert widgets.patch("one", {"metadata": {"labels": {"a": "b"}}}).json["metadata"]["generation"] == 1
    assert widgets.patch("one", {"metadata": {"finalizers": ["a.b/c"]}}).json["metadata"]["generation"] == 1
    assert widgets.patch("one", {"spec": {"size": 2}}).json["metadata"]["generation"] == 2
    marked = widgets.server.ok("DELETE", f"{widgets.path}/one")
    assert marked["metadata"]["generation"] == 3
    added = widgets.patch("one", {"metadata": {"finalizers": ["a.b/c", "a.b/d"]}})
    assert ("FieldValueForbidden", "metadata.finalizers") in added.causes()
    widgets.patch("one", {"metadata": {"finalizers": None}})
    assert widgets.server.get(f"{widgets.path}/one").status == 404


def test_without_a_status_all_of_it_is_a_generation(server: Server, namespace: str) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", PLAIN, status=False)))
    widgets = Widgets(server, namespace, group)
    created = widgets.made("one", {"a": 1}, status={"ready": True})
    assert created["status"] == {"ready": True}
    changed = widgets.patch("one", {"status": {"ready": False}}).json
    assert (changed["status"], changed["metadata"]["generation"]) == ({"ready": False}, 2)
    assert server.get(f"{widgets.path}/one/status").refusal() == (404, "NotFound")


def test_patches_of_a_custom_resource(widgets: Widgets) -> None:
    widgets.made("one", {"size": 1, "tags": ["a", "b"]})
    assert widgets.patch("one", {"spec": {"tags": ["c"]}}).json["spec"]["tags"] == ["c"]
    operations = [{"op": "test", "path": "/spec/size", "value": 1}, {"op": "replace", "path": "/spec/size", "value": 2}]
    assert widgets.patch("one", operations, "application/json-patch+json").json["spec"]["size"] == 2
    assert widgets.patch("one", operations, "application/json-patch+json").refusal() == (422, "Invalid")
    strategic = widgets.patch("one", {"spec": {"size": 3}}, "application/strategic-merge-patch+json")
    assert strategic.refusal() == (415, "UnsupportedMediaType")
    assert strategic.json["message"].endswith(
        "accepted media types include: application/json-patch+json, application/merge-patch+json, "
        "application/apply-patch+yaml"
    )
    assert widgets.patch("one", {"spec": {"size": 99}}).causes() == [("FieldValueInvalid", "spec.size")]
    assert widgets.patch("one", {"kind": "Gadget"}).refusal() == (422, "Invalid")
    assert widgets.patch("one", {"metadata": {"name": "two"}}).refusal() == (400, "BadRequest")


def test_applies_to_a_custom_resource(widgets: Widgets) -> None:
    apply = "application/apply-patch+yaml"
    first = widgets.widget("one", {"size": 1, "list": [{"k": "1", "v": "a"}], "set": ["x"], "tags": ["t"]})
    answer = widgets.patch("one", first, apply, fieldManager="one")
    assert (answer.status, answer.json["spec"]["color"]) == (201, "red")
    second = widgets.widget("one", {"list": [{"k": "2", "v": "b"}], "set": ["y"]})
    spec = widgets.patch("one", second, apply, fieldManager="two").json["spec"]
    assert sorted(each["k"] for each in spec["list"]) == ["1", "2"]
    assert sorted(spec["set"]) == ["x", "y"]
    taken = widgets.patch("one", widgets.widget("one", {"tags": ["u"]}), apply, fieldManager="three")
    assert taken.causes() == [("FieldManagerConflict", ".spec.tags")]
    item = widgets.patch("one", widgets.widget("one", {"list": [{"k": "1", "v": "z"}]}), apply, fieldManager="three")
    assert item.causes() == [("FieldManagerConflict", '.spec.list[k="1"].v')]
    left = widgets.patch("one", widgets.widget("one", {"size": 1}), apply, fieldManager="one").json["spec"]
    assert (left["list"], left["set"], "tags" in left) == ([{"k": "2", "v": "b"}], ["y"], False)
    unknown = widgets.patch("one", widgets.widget("one", {"size": 1, "bogus": 1}), apply, fieldManager="one")
    assert (unknown.status, ".spec.bogus: field not declared in schema" in unknown.text) == (500, True)
    invalid = widgets.patch("one", widgets.widget("one", {"size": 99}), apply, fieldManager="one")
    assert invalid.causes() == [("FieldValueInvalid", "spec.size")]


def test_two_versions_are_the_same_objects(widgets: Widgets) -> None:
    created = widgets.made("one")
    other = {**created, "apiVersion": f"{widgets.group}/v1beta1"}
    server = widgets.server
    assert server.ok("GET", f"{widgets.beta}/one") == other
    with server.watch(widgets.beta, resourceVersion=created["metadata"]["resourceVersion"]) as watch:
        changed = widgets.patch("one", {"spec": {"size": 2}}).json
        (event,) = watch.take(1)
    assert event == {"type": "MODIFIED", "object": {**changed, "apiVersion": f"{widgets.group}/v1beta1"}}
    server.ok("PATCH", f"{widgets.beta}/one", {"spec": {"size": 3}})
    assert server.ok("GET", f"{widgets.path}/one")["spec"]["size"] == 3
    listed = server.ok("GET", widgets.beta)
    assert [item["apiVersion"] for item in listed["items"]] == [f"{widgets.group}/v1beta1"]
    server.ok("DELETE", f"{widgets.beta}/one")
    assert server.get(f"{widgets.path}/one").status == 404


def test_fields_that_can_be_selected(server: Server, namespace: str) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", SCHEMA) | {"selectableFields": [{"jsonPath": ".spec.color"}]}))
    widgets = Widgets(server, namespace, group)
    widgets.made("red", {"size": 1})
    widgets.made("blue", {"size": 1, "color": "blue"})
    found = server.ok("GET", widgets.path, fieldSelector="spec.color=blue")
    assert [item["metadata"]["name"] for item in found["items"]] == ["blue"]
    assert server.get(widgets.path, fieldSelector="spec.size=1").refusal() == (400, "BadRequest")


def test_a_custom_resource_of_the_whole_cluster(server: Server) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", PLAIN), scope="Cluster"))
    path = f"/apis/{group}/v1/widgets"
    sent = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "one"}, "any": {"thing": [1, None]}}
    created = server.ok("POST", path, sent)
    assert "namespace" not in created["metadata"]
    assert created["any"] == {"thing": [1, None]}
    assert server.ok("GET", f"{path}/one") == created


def test_deletions_of_custom_resources(widgets: Widgets) -> None:
    created = widgets.made("one")
    deleted = widgets.server.ok("DELETE", f"{widgets.path}/one")
    assert deleted["details"] == {
        "name": "one",
        "group": widgets.group,
        "kind": "widgets",
        "uid": created["metadata"]["uid"],
    }


# -- definitions


def test_a_definition_is_completed(server: Server) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", PLAIN)))
    path = f"{CRDS}/widgets.{group}"
    found = server.ok("GET", path)
    assert found["spec"]["names"] == {
        "plural": "widgets",
        "singular": "widget",
        "kind": "Widget",
        "listKind": "WidgetList",
    }
    assert found["spec"]["conversion"] == {"strategy": "None"}
    assert found["metadata"]["generation"] == 1
    status = found["status"]
    assert status["storedVersions"] == ["v1"]
    assert status["acceptedNames"] == found["spec"]["names"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert path.rpartition("/")[2] in [item["metadata"]["name"] for item in server.ok("GET", CRDS)["items"]]


def with_spec(**changes: Any) -> Any:
    return lambda manifest: manifest["spec"].update(changes)


def without_spec(name: str) -> Any:
    return lambda manifest: manifest["spec"].pop(name)


def with_schema(schema: Json | None) -> Any:
    return with_spec(versions=[version("v1", schema)])


TOP = "spec.validation.openAPIV3Schema"


@pytest.mark.parametrize(
    ("mistake", "causes"),
    [
        (lambda manifest: manifest["metadata"].update(name="bad.x"), [("FieldValueInvalid", "metadata.name")]),
        (
            with_spec(versions=[]),
            [("FieldValueInvalid", "spec.versions"), ("FieldValueInvalid", "status.storedVersions")],
        ),
        (
            with_spec(versions=[version("v1", PLAIN), version("v2", PLAIN)]),
            [("FieldValueInvalid", "spec.versions"), ("FieldValueInvalid", "status.storedVersions")],
        ),
        (
            with_spec(versions=[version("v1", PLAIN, storage=False)]),
            [("FieldValueInvalid", "spec.versions"), ("FieldValueInvalid", "status.storedVersions")],
        ),
        (
            with_spec(versions=[version("v1", PLAIN), version("v1", PLAIN, storage=False)]),
            [("FieldValueInvalid", "spec.versions")],
        ),
        (with_schema(None), [("FieldValueRequired", "spec.versions[0].schema.openAPIV3Schema")]),
        (with_spec(scope="Global"), [("FieldValueNotSupported", "spec.scope")]),
        (without_spec("scope"), [("FieldValueRequired", "spec.scope")]),
        (without_spec("group"), [("FieldValueInvalid", "metadata.name"), ("FieldValueRequired", "spec.group")]),
        (
            without_spec("names"),
            [
                ("FieldValueInvalid", "metadata.name"),
                ("FieldValueRequired", "spec.names.kind"),
                ("FieldValueRequired", "spec.names.listKind"),
                ("FieldValueRequired", "spec.names.plural"),
                ("FieldValueRequired", "spec.names.singular"),
            ],
        ),
        (with_schema({"properties": {}}), [("FieldValueRequired", f"{TOP}.type")]),
        (
            with_schema({"type": "object", "properties": {"spec": {"properties": {}}}}),
            [("FieldValueRequired", f"{TOP}.properties[spec].type")],
        ),
        (
            with_schema({"type": "object", "properties": {"a": {"type": "strin"}}}),
            [("FieldValueNotSupported", f"{TOP}.properties[a].type")],
        ),
        (
            with_schema({"type": "object", "properties": {"a": {"type": "array"}}}),
            [("FieldValueRequired", f"{TOP}.properties[a].items")],
        ),
        (
            with_schema({"type": "object", "properties": {"a": {"type": "string", "default": 1}}}),
            [("FieldValueTypeInvalid", f"{TOP}.properties[a].default")],
        ),
    ],
)
def test_definitions_that_are_refused(server: Server, mistake: Any, causes: list[tuple[str, str]]) -> None:
    manifest = definition(fresh_group(), version("v1", PLAIN))
    mistake(manifest)
    answer = server.request("POST", CRDS, body=manifest)
    assert answer.refusal() == (422, "Invalid")
    assert answer.causes() == causes
    assert answer.json["details"]["kind"] == "CustomResourceDefinition"


def test_a_definition_that_exists(server: Server, widgets: Widgets) -> None:
    answer = server.request("POST", CRDS, body=definition(widgets.group, version("v1", PLAIN)))
    assert answer.refusal() == (409, "AlreadyExists")


def test_a_kind_that_is_taken(server: Server, widgets: Widgets) -> None:
    name = f"wodgets.{widgets.group}"
    server.ok("POST", CRDS, definition(widgets.group, version("v1", PLAIN), plural="wodgets"))
    found: Json = {}

    def is_decided() -> bool:
        found.update(server.ok("GET", f"{CRDS}/{name}"))
        return bool(found["status"].get("conditions"))

    assert wait_until(is_decided)
    assert {each["type"]: each["status"] for each in found["status"]["conditions"]} == {
        "NamesAccepted": "False",
        "Established": "False",
    }
    assert server.get(f"/apis/{widgets.group}/v1/wodgets").status == 404
    server.ok("DELETE", f"{CRDS}/{name}")


def test_a_definition_that_changes(server: Server, namespace: str) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", PLAIN)))
    widgets = Widgets(server, namespace, group)
    created = widgets.made("one", {"size": 1, "extra": 1})
    path = f"{CRDS}/widgets.{group}"
    found = server.ok("GET", path)
    found["spec"]["scope"] = "Cluster"
    refused = server.request("PUT", path, body=found)
    assert refused.causes() == [("FieldValueInvalid", "spec.scope")]
    found["spec"] |= {
        "scope": "Namespaced",
        "versions": [version("v1", PLAIN), version("v1beta1", PLAIN, storage=False)],
    }
    assert server.ok("PUT", path, found)["metadata"]["generation"] == 2
    assert wait_until(lambda: server.get(f"{widgets.beta}/one").status == 200)
    assert server.ok("GET", f"{widgets.beta}/one")["metadata"] == created["metadata"]


def test_a_deleted_definition_takes_its_objects(server: Server, namespace: str) -> None:
    group = fresh_group()
    server.register_crd(definition(group, version("v1", PLAIN)))
    widgets = Widgets(server, namespace, group)
    created = widgets.made("one")
    with server.watch(widgets.path, resourceVersion=created["metadata"]["resourceVersion"]) as watch:
        deleted = server.ok("DELETE", f"{CRDS}/widgets.{group}")
        (event,) = watch.take(1)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "one")
    assert deleted["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert "deletionTimestamp" in deleted["metadata"]
    assert wait_until(lambda: server.get(f"{CRDS}/widgets.{group}").status == 404)
    assert wait_until(lambda: server.get(widgets.path).status == 404)
