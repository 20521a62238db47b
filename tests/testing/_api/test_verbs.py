import pytest

from kubeinformer.resources import Resource
from kubeinformer.testing import FakeApiError
from kubeinformer.testing._api.routes import Target
from kubeinformer.testing._api.verbs import access_namespace, name_of, require_allowed, verb_of
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._wire.http import HttpRequest

PODS = ResourceType(Resource.parse("v1/pods"), "Pod", namespaced=True)
NODES = ResourceType(Resource.parse("v1/nodes"), "Node", namespaced=False)
WIDGETS = ResourceType(Resource.parse("example.com/v1/widgets"), "Widget", namespaced=True, custom=True)


def request(method: str, path: str, **query: str) -> HttpRequest:
    return HttpRequest(method, path, query, {})


@pytest.mark.parametrize(
    ("method", "path", "query", "verb"),
    [
        ("GET", "/api/v1/pods", {}, "list"),
        ("GET", "/api/v1/pods", {"watch": "1"}, "watch"),
        ("GET", "/api/v1/pods", {"watch": "0"}, "list"),
        ("GET", "/api/v1/namespaces/n/pods/a", {"watch": "1"}, "get"),
        ("HEAD", "/api/v1/pods", {}, "list"),
        ("POST", "/api/v1/namespaces/n/pods", {}, "create"),
        ("PUT", "/api/v1/namespaces/n/pods/a", {}, "update"),
        ("PATCH", "/api/v1/namespaces/n/pods/a", {}, "patch"),
        ("DELETE", "/api/v1/namespaces/n/pods/a", {}, "delete"),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, "deletecollection"),
        ("OPTIONS", "/api/v1/pods", {}, ""),
    ],
)
def test_the_verb_comes_from_method_and_path(method: str, path: str, query: dict[str, str], verb: str) -> None:
    assert verb_of(request(method, path, **query), Target.parse(path)) == verb


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name!=a", ""),
        ("spec.x=1,metadata.name==b", "b"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_a_selected_name_is_looked_at(selector: str, name: str) -> None:
    asked = request("GET", "/api/v1/pods", fieldSelector=selector)
    assert name_of(asked, Target.parse(asked.path)) == name


def test_a_namespace_is_in_itself() -> None:
    assert access_namespace(Target.parse("/api/v1/namespaces/web")) == "web"
    assert access_namespace(Target.parse("/api/v1/namespaces/web/pods/a")) == "web"
    assert access_namespace(Target.parse("/api/v1/nodes/a")) == ""


@pytest.mark.parametrize(
    ("method", "path", "type_", "code"),
    [
        ("GET", "/api/v1/pods", PODS, 0),
        ("POST", "/api/v1/nodes", NODES, 0),
        ("POST", "/api/v1/pods", PODS, 405),
        ("HEAD", "/api/v1/pods", PODS, 405),
        ("FOO", "/api/v1/pods", PODS, 405),
        ("POST", "/api/v1/nodes/a", NODES, 405),
        ("GET", "/api/v1/pods/a", PODS, 404),
        ("GET", "/api/v1/namespaces/n/nodes", NODES, 404),
        ("HEAD", "/apis/example.com/v1/widgets", WIDGETS, 0),
        ("FOO", "/apis/example.com/v1/widgets", WIDGETS, 404),
    ],
)
def test_what_a_resource_does_not_do(method: str, path: str, type_: ResourceType, code: int) -> None:
    asked, target = request(method, path), Target.parse(path)
    verb = verb_of(asked, target)
    if not code:
        require_allowed(asked, target, type_, verb)
        return
    with pytest.raises(FakeApiError) as caught:
        require_allowed(asked, target, type_, verb)
    assert caught.value.code == code
