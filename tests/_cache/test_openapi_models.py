"""Classes of the generated clients as ``model=``. One of them is imported: the first test to do so takes a second."""

import datetime as dt
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from tests._cache.bodies import body, keep

from kubeinformer import ModelMismatch, RawObject
from kubeinformer._cache.codecs import make_codec
from kubeinformer._cache.openapi_models import is_openapi_model, openapi_decoder
from kubeinformer._cache.reader import Reader, checked_transform

KEY = "default/a"
SPEC: RawObject = {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}


@pytest.fixture
def pod_class() -> type[Any]:
    from kubernetes_asyncio.client import V1Pod  # noqa: PLC0415 - slow, and nobody else needs it

    found: type[Any] = V1Pod
    return found


def read(data: bytes, model: type[Any], transform: Callable[[RawObject], RawObject] | None = None) -> Any:
    codec = make_codec("compressed", "v1")
    reader: Reader[Any] = Reader("v1/pods", codec, model, checked_transform("v1/pods", transform))
    entry = keep(codec, data)
    found = reader.load(KEY, entry)
    assert found == reader.decode(KEY, entry, data)
    return found


class TestAGeneratedClass:
    def test_is_what_a_read_gives(self, pod_class: type[Any]) -> None:
        found = read(body("a", 7, spec=SPEC), pod_class)
        assert type(found) is pod_class
        assert (found.metadata.name, found.metadata.resource_version) == ("a", "7")
        assert found.spec.node_name == "n1"
        assert found.spec.containers[0].ports[0].container_port == 80

    def test_has_times_as_times(self, pod_class: type[Any]) -> None:
        data = body("a", status={"startTime": "2024-02-29T12:00:00Z"})
        expected = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
        assert read(data, pod_class).status.start_time == expected

    def test_leaves_out_what_it_does_not_know(self, pod_class: type[Any]) -> None:
        found = read(body("a", newField={"x": 1}), pod_class)
        assert "newField" not in found.to_dict()

    def test_sees_what_the_transform_made(self, pod_class: type[Any]) -> None:
        def transform(item: RawObject) -> RawObject:
            return {**item, "spec": SPEC | {"nodeName": "other"}}

        found = read(body("a", spec=SPEC), pod_class, transform)
        assert type(found) is pod_class
        assert found.spec.node_name == "other"

    def test_says_which_object_does_not_fit_it(self, pod_class: type[Any]) -> None:
        with pytest.raises(ModelMismatch, match=r"'default/a' of v1/pods does not fit the model: it raised ValueError"):
            read(body("a", spec={}), pod_class)  # a pod has containers

    def test_opens_no_client(self, pod_class: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a client was made")

        monkeypatch.setattr("kubernetes_asyncio.client.api_client.ApiClient.__init__", refuse)
        assert read(body("a"), pod_class).metadata.name == "a"

    def test_can_be_extended(self, pod_class: type[Any]) -> None:
        extended = type("Pod", (pod_class,), {"__module__": "operator_of_mine.pods"})
        assert type(read(body("a"), extended)) is extended


def test_the_package_is_that_of_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same generated code under another name."""

    class ApiClient:
        def deserialize(self, response: Any, model: type[Any]) -> tuple[bytes, type[Any], object]:
            return response.data, model, self.configuration  # type: ignore[attr-defined] # set from outside

    configuration = object()
    contents: dict[str, dict[str, Any]] = {
        "other.client.api_client": {"ApiClient": ApiClient},
        "other.client.configuration": {"Configuration": lambda: configuration},
    }
    for name in ("other", "other.client", *contents):
        module = types.ModuleType(name)
        vars(module).update(contents.get(name, {}))
        monkeypatch.setitem(sys.modules, name, module)
    model = type("V1Pod", (), {"openapi_types": {}, "attribute_map": {}, "__module__": "other.client.models.v1_pod"})
    assert is_openapi_model(model)
    assert openapi_decoder(model)(b"{}") == (b"{}", model, configuration)


class TestWhatIsNone:
    def test_a_class_without_the_generators_attributes_is_called(self) -> None:
        class V1Pod:
            """As somebody writes one who likes the names."""

            attribute_map: ClassVar[dict[str, str]] = {}

            def __init__(self, item: RawObject) -> None:
                self.name = item["metadata"]["name"]

        assert not is_openapi_model(V1Pod)
        codec = make_codec("compressed", "v1")
        found: V1Pod = Reader("v1/pods", codec, V1Pod).load(KEY, keep(codec, body("a")))
        assert found.name == "a"

    @pytest.mark.parametrize("attribute", ["openapi_types", "attribute_map"])
    def test_a_class_with_one_of_the_attributes_alone(self, attribute: str) -> None:
        assert not is_openapi_model(type("V1Pod", (), {attribute: {}}))

    @pytest.mark.parametrize("model", [None, dict, len, lambda item: item])
    def test_other_callables(self, model: object) -> None:
        assert not is_openapi_model(model)

    def test_an_instance(self, pod_class: type[Any]) -> None:
        assert is_openapi_model(pod_class)
        assert not is_openapi_model(pod_class())
