"""What a test does without HTTP, as far as it is not what a client does."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from tests.testing.http_client import Client

from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject
from kubeinformer.testing import FakeApiError, FakeApiServer

WIDGETS = "example.com/v1/widgets"
MANIFEST = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wi]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {size: {type: integer, default: 1, maximum: 9}}}
            status: {type: object, x-kubernetes-preserve-unknown-fields: true}
    - name: v1beta1
      served: true
      storage: false
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


def widget(name: str = "w", **more: object) -> RawObject:
    return {"metadata": {"name": name}, "spec": {"size": 2}, **more}


@pytest.fixture
def server(tmp_path: Path) -> FakeApiServer:
    path = tmp_path / "widgets.yaml"
    path.write_text(MANIFEST)
    fake = FakeApiServer()
    fake.register_crd(path)
    return fake


def test_a_manifest_is_served_at_once(server: FakeApiServer) -> None:
    created = server.create(WIDGETS, widget(bogus=1))
    assert (created["kind"], created["apiVersion"], created["spec"]) == ("Widget", "example.com/v1", {"size": 2})
    assert "bogus" not in created
    assert server.get("example.com/v1beta1/widgets", "default/w")["apiVersion"] == "example.com/v1beta1"
    definition = server.get("apiextensions.k8s.io/v1/customresourcedefinitions", "widgets.example.com")
    assert [each["status"] for each in definition["status"]["conditions"]] == ["True", "True"]
    with pytest.raises(FakeApiError, match=r"422 Invalid: .*spec\.size in body should be less than or equal to 9"):
        server.create(WIDGETS, widget("x", spec={"size": 10}))


def test_a_manifest_may_be_a_dict_and_is_checked(tmp_path: Path) -> None:
    fake = FakeApiServer()
    with pytest.raises(FakeApiError, match=r"422 Invalid: .*spec\.scope: Required value") as caught:
        fake.register_crd({"metadata": {"name": "a.b.c"}, "spec": {"group": "b.c", "names": {}, "versions": []}})
    assert caught.value.status["details"]["kind"] == "CustomResourceDefinition"
    path = tmp_path / "list.yaml"
    path.write_text("- 1")
    with pytest.raises(ValueError, match=r"list\.yaml holds no manifest"):
        fake.register_crd(str(path))
    with pytest.raises(FileNotFoundError):
        fake.register_crd(tmp_path / "none.yaml")


def test_a_definition_is_not_registered_twice(server: FakeApiServer) -> None:
    with pytest.raises(UsageError, match="served already"):
        server.register(WIDGETS, kind="Widget")
    with pytest.raises(FakeApiError, match="409 AlreadyExists"):
        server.register_crd(yaml.safe_load(MANIFEST))


def test_unregistering_deletes_the_definition(server: FakeApiServer) -> None:
    server.create(WIDGETS, widget())
    server.unregister("example.com/v1beta1/widgets")
    for resource in (WIDGETS, "example.com/v1beta1/widgets"):
        with pytest.raises(FakeApiError, match="404"):
            server.list(resource)
    assert server.list("apiextensions.k8s.io/v1/customresourcedefinitions") == []


def test_deleting_the_definition_unregisters(server: FakeApiServer) -> None:
    held = widget()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    server.create(WIDGETS, held)
    server.create(WIDGETS, widget("free"))
    server.delete("apiextensions.k8s.io/v1/customresourcedefinitions", "widgets.example.com")
    (left,) = server.list(WIDGETS)
    assert "deletionTimestamp" in left["metadata"]
    server.patch(WIDGETS, "default/w", {"metadata": {"finalizers": None}})
    with pytest.raises(FakeApiError, match="404"):
        server.list(WIDGETS)


def test_a_definition_loses_a_version(server: FakeApiServer) -> None:
    server.create(WIDGETS, widget())
    crds = "apiextensions.k8s.io/v1/customresourcedefinitions"
    definition = server.get(crds, "widgets.example.com")
    del definition["spec"]["versions"][1]
    server.update(crds, definition)
    assert len(server.list(WIDGETS)) == 1
    with pytest.raises(FakeApiError, match="404"):
        server.list("example.com/v1beta1/widgets")


def test_seeded_custom_resources_are_there_in_every_version(server: FakeApiServer) -> None:
    server.seed(WIDGETS, 3, lambda index: {"metadata": {"name": f"w{index}"}, "spec": {"size": index}})
    for resource in (WIDGETS, "example.com/v1beta1/widgets"):
        assert [each["spec"]["size"] for each in server.list(resource)] == [0, 1, 2]


def test_the_whole_object_is_written() -> None:
    server = FakeApiServer()
    running = server.create("v1/pods", {"metadata": {"name": "p"}, "status": {"phase": "Running"}})
    assert running["status"] == {"phase": "Running"}
    assert server.patch("v1/pods", "default/p", {"status": {"phase": "Failed"}})["status"] == {"phase": "Failed"}
    assert server.update("v1/pods", {"metadata": {"name": "p"}}).get("status") is None


def test_a_status_of_its_own(server: FakeApiServer) -> None:
    created = server.create(WIDGETS, widget())
    changed = widget(spec={"size": 9}, status={"ready": True})
    after = server.update_status(WIDGETS, changed)
    assert (after["spec"], after["status"]) == (created["spec"], {"ready": True})
    assert after["metadata"]["generation"] == 1
    with pytest.raises(FakeApiError, match="409 Conflict"):
        server.update_status(WIDGETS, created)
    with pytest.raises(FakeApiError, match="404"):
        server.update_status("v1/configmaps", {"metadata": {"name": "x"}})


def test_three_patches() -> None:
    server = FakeApiServer()
    containers = [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]
    server.create("v1/pods", {"metadata": {"name": "p"}, "spec": {"containers": containers}})
    merged = server.patch(
        "v1/pods", "default/p", {"spec": {"containers": [{"name": "b", "image": "2"}]}}, type="strategic"
    )
    assert {each["name"]: each["image"] for each in merged["spec"]["containers"]} == {"a": "1", "b": "2"}
    operations: list[RawObject] = [{"op": "remove", "path": "/spec/containers/0"}]
    assert len(server.patch("v1/pods", "default/p", operations, type="json")["spec"]["containers"]) == 1
    assert server.patch("v1/pods", "default/p", {"spec": {"containers": []}})["spec"]["containers"] == []
    server.register(WIDGETS, kind="Widget")
    server.create(WIDGETS, widget())
    with pytest.raises(FakeApiError, match="415 UnsupportedMediaType"):
        server.patch(WIDGETS, "default/w", {}, type="strategic")


def test_applies_and_who_owns_what() -> None:
    server = FakeApiServer(managed_fields=True)
    server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}}, field_manager="one")
    with pytest.raises(FakeApiError, match="409 Conflict") as caught:
        server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "2"}}, field_manager="two")
    assert caught.value.status["details"]["causes"][0]["field"] == ".data.a"
    changed = {"metadata": {"name": "c"}, "data": {"a": "2"}}
    forced = server.apply("v1/configmaps", changed, field_manager="two", force=True)
    assert forced["data"] == {"a": "2"}
    server.patch("v1/configmaps", "default/c", {"data": {"b": "1"}})
    owners = server.get("v1/configmaps", "default/c")["metadata"]["managedFields"]
    assert [(each["manager"], each["operation"]) for each in owners] == [
        ("two", "Apply"),
        ("kubeinformer.testing", "Update"),
    ]


def test_managers_are_hidden_unless_asked_for() -> None:
    server = FakeApiServer()
    server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}}, field_manager="one")
    assert "managedFields" not in server.get("v1/configmaps", "default/c")["metadata"]
    server.patch("v1/configmaps", "default/c", {"data": {"a": "2"}})
    with pytest.raises(FakeApiError, match=r'conflict with "kubeinformer\.testing" using v1'):
        server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}}, field_manager="one")


def test_who_is_deleted_and_made_again_has_new_owners() -> None:
    server = FakeApiServer()
    server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}}, field_manager="one")
    server.delete("v1/configmaps", "default/c")
    server.apply("v1/configmaps", {"metadata": {"name": "c"}, "data": {"a": "2"}}, field_manager="two")
    assert server.get("v1/configmaps", "default/c")["data"] == {"a": "2"}


async def _post(server: FakeApiServer, namespace: str) -> int:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return (await Client(server.url).request("POST", path, json_body={"metadata": {"name": "c"}})).status


@pytest.mark.anyio
async def test_namespaces_are_made_for_tests_and_not_for_clients() -> None:
    async with FakeApiServer() as server:
        assert await _post(server, "default") == 201
        assert await _post(server, "shop") == 404
        server.create("v1/pods", {"metadata": {"name": "p", "namespace": "shop"}})
        assert server.get("v1/namespaces", "shop")["status"] == {"phase": "Active"}
        assert await _post(server, "shop") == 201
        server.seed("v1/pods", 1, lambda _: {"metadata": {"name": "q", "namespace": "seeded"}})
        assert await _post(server, "seeded") == 201


def test_a_pod_goes_at_once() -> None:
    server = FakeApiServer()
    server.create("v1/pods", {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}})
    server.delete("v1/pods", "default/p")
    assert server.list("v1/pods") == []


def test_what_is_returned_by_a_write_is_a_copy() -> None:
    server = FakeApiServer()
    config: RawObject = {"metadata": {"name": "c"}, "data": {"a": "1"}}
    server.apply("v1/configmaps", config, field_manager="one")["data"].clear()
    patch: RawObject = {"data": {"b": "2"}}
    server.patch("v1/configmaps", "default/c", patch)["data"].clear()
    config["data"]["a"] = patch["data"]["b"] = "9"
    assert server.get("v1/configmaps", "default/c")["data"] == {"a": "1", "b": "2"}
