import pytest

from kubeinformer._protocol.targets import Target, target_of


@pytest.mark.parametrize(
    ("method", "path", "target", "rbac"),
    [
        ("GET", "/api/v1/pods", Target("list", "v1/pods"), "pods"),
        ("GET", "/api/v1/namespaces/shop/pods", Target("list", "v1/pods", "shop"), "pods"),
        ("GET", "/api/v1/namespaces/shop/pods/web", Target("get", "v1/pods", "shop", "web"), "pods"),
        ("POST", "/api/v1/namespaces/shop/pods", Target("create", "v1/pods", "shop", "body"), "pods"),
        (
            "POST",
            "/api/v1/namespaces/shop/pods/web/eviction",
            Target("create", "v1/pods/eviction", "shop", "web"),
            "pods/eviction",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/web/status",
            Target("patch", "apps/v1/deployments/status", "shop", "web", "apps"),
            "deployments.apps/status",
        ),
        (
            "PUT",
            "/apis/example.com/v1/widgets/w",
            Target("update", "example.com/v1/widgets", None, "w", "example.com"),
            "widgets.example.com",
        ),
        ("DELETE", "/api/v1/nodes/n", Target("delete", "v1/nodes", None, "n"), "nodes"),
        ("DELETE", "/api/v1/nodes", Target("deletecollection", "v1/nodes"), "nodes"),
        ("GET", "/api/v1/namespaces", Target("list", "v1/namespaces"), "namespaces"),
        ("DELETE", "/api/v1/namespaces/shop", Target("delete", "v1/namespaces", None, "shop"), "namespaces"),
        (
            "PUT",
            "/api/v1/namespaces/shop/finalize",
            Target("update", "v1/namespaces/finalize", None, "shop"),
            "namespaces/finalize",
        ),
        (
            "PATCH",
            "/api/v1/namespaces/shop/status",
            Target("patch", "v1/namespaces/status", None, "shop"),
            "namespaces/status",
        ),
        ("GET", "/api/v1/nodes/n/proxy", Target("get", "v1/nodes/proxy", None, "n"), "nodes/proxy"),
        ("HEAD", "/api/v1/nodes/n", Target("head", "v1/nodes", None, "n"), "nodes"),
        (
            "GET",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/X",  # RBAC's names may be in upper case
            Target("get", "rbac.authorization.k8s.io/v1/clusterroles", None, "X", "rbac.authorization.k8s.io"),
            "clusterroles.rbac.authorization.k8s.io",
        ),
        ("GET", "/api/v1/pods/", Target("list", "v1/pods"), "pods"),
    ],
)
def test_paths_of_resources(method: str, path: str, target: Target, rbac: str) -> None:
    assert target_of(method, path, "body" if target.name == "body" else None) == target
    assert (target.rbac_resource, target.is_path) == (rbac, False)


@pytest.mark.parametrize("path", ["/", "/version", "/readyz/ping", "/api", "/api/v1", "/apis", "/apis/apps/v1"])
def test_paths_of_no_resource(path: str) -> None:
    target = target_of("GET", path)
    assert target == Target("get", path)
    assert target.is_path
