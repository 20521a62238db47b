import pytest

from kubeinformer.resources import Resource
from kubeinformer.testing import FakeApiError
from kubeinformer.testing._api.routes import Target

PODS, NODES, NAMESPACES = (Resource.parse(f"v1/{plural}") for plural in ("pods", "nodes", "namespaces"))
WIDGETS = Resource.parse("example.com/v1/widgets")


@pytest.mark.parametrize(
    ("path", "resource", "namespace", "name"),
    [
        ("/api/v1/pods", PODS, "", ""),
        ("/api/v1/pods/", PODS, "", ""),
        ("/api/v1/namespaces/web/pods", PODS, "web", ""),
        ("/api/v1/namespaces/web/pods/a", PODS, "web", "a"),
        ("/api/v1/namespaces/web/pods/a//", PODS, "web", "a"),
        ("/api/v1/nodes/a", NODES, "", "a"),
        ("/api/v1/namespaces", NAMESPACES, "", ""),
        ("/api/v1/namespaces/web", NAMESPACES, "", "web"),
        ("/apis/example.com/v1/namespaces/web/widgets/a", WIDGETS, "web", "a"),
    ],
)
def test_a_path_is_about_a_resource(path: str, resource: Resource, namespace: str, name: str) -> None:
    target = Target.parse(path)
    assert (target.resource, target.namespace, target.name) == (resource, namespace, name)


@pytest.mark.parametrize("path", ["/", "", "/api", "/foo/v1/pods", "//api/v1/pods"])
def test_a_path_that_is_no_resource_is_a_page_that_does_not_exist(path: str) -> None:
    with pytest.raises(FakeApiError, match="404 NotFound: 404 page not found"):
        Target.parse(path)
