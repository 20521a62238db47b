import json
import re
import tracemalloc
import zlib

import pytest

from kubeinformer.errors import UsageError
from kubeinformer.testing import FakeApiServer, SyntheticObjects, synthetic_objects, synthetic_pods


def test_synthetic_pods_are_realistic() -> None:
    pods = synthetic_pods(2000)
    bodies = [pods.body(index, 5000 + index) for index in range(len(pods))]
    assert 6200 < sum(map(len, bodies)) / len(bodies) < 6900
    decoded = [json.loads(body) for body in bodies]
    for index, pod in enumerate(decoded):
        assert pods.key(index) == f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        assert pod["metadata"]["resourceVersion"] == str(5000 + index)
        assert re.fullmatch(r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", pod["metadata"]["uid"])
        assert pod["metadata"]["managedFields"]
    for path in (("metadata", "uid"), ("metadata", "name"), ("metadata", "creationTimestamp")):
        assert len({pod[path[0]][path[1]] for pod in decoded}) > 1990
    assert len({pod["metadata"]["namespace"] for pod in decoded}) == 20
    assert len({pod["metadata"]["labels"]["app"] for pod in decoded}) == 10
    assert len({pod["spec"]["nodeName"] for pod in decoded}) > 450
    assert "«" not in bodies[0].decode()
    # A real fleet of 20,000 pods was seen to compress 13-fold at this level.
    assert 5 < sum(map(len, bodies)) / len(zlib.compress(b"\n".join(bodies), 1)) < 14


def test_equal_arguments_give_equal_objects_in_any_order() -> None:
    one, other = synthetic_pods(100), synthetic_pods(100)
    assert [one.body(index, 1) for index in range(100)] == [other.body(index, 1) for index in reversed(range(100))][
        ::-1
    ]


@pytest.mark.parametrize("size", [600, 1024, 5000])
def test_synthetic_objects_have_the_size_asked_for(size: int) -> None:
    objects = synthetic_objects(50, size=size)
    for index in range(50):
        assert abs(len(objects.body(index, 12345)) - size) < 30
        json.loads(objects.body(index, 12345))


@pytest.mark.parametrize("objects", [synthetic_pods(100_000), synthetic_objects(100_000)])
def test_keys_are_unique(objects: SyntheticObjects) -> None:
    assert len({objects.key(index) for index in range(len(objects))}) == len(objects)


def test_seeded_objects_behave_like_any_others() -> None:
    server = FakeApiServer()
    server.seed("v1/pods", 10)
    assert server.resource_version == "1010"
    versions = [int(pod["metadata"]["resourceVersion"]) for pod in server.list("v1/pods")]
    assert sorted(versions) == list(range(1001, 1011))
    first, second = server.list("v1/pods")[:2]
    key = f"{first['metadata']['namespace']}/{first['metadata']['name']}"
    server.patch("v1/pods", key, {"spec": {"nodeName": "elsewhere"}})
    server.delete("v1/pods", f"{second['metadata']['namespace']}/{second['metadata']['name']}")
    now = server.list("v1/pods")
    assert len(now) == 9
    assert now[0]["spec"]["nodeName"] == "elsewhere"
    assert now[0]["metadata"]["uid"] == first["metadata"]["uid"]


def test_objects_can_be_made_by_a_function() -> None:
    server = FakeApiServer()
    server.register("example.com/v1/widgets", kind="Widget")
    server.seed("example.com/v1/widgets", 3, lambda index: {"metadata": {"name": f"w{index}"}, "spec": {"size": index}})
    widgets = server.list("example.com/v1/widgets")
    assert [widget["spec"]["size"] for widget in widgets] == [0, 1, 2]
    assert {widget["kind"] for widget in widgets} == {"Widget"}
    assert {widget["metadata"]["namespace"] for widget in widgets} == {"default"}
    assert len({widget["metadata"]["uid"] for widget in widgets}) == 3
    versions = [int(widget["metadata"]["resourceVersion"]) for widget in widgets]
    assert sorted(versions) == [1001, 1002, 1003]
    assert versions != sorted(versions), "key order is not version order"
    assert widgets[1] == server.get("example.com/v1/widgets", "default/w1")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 12, 97, 100])
def test_every_seeded_object_has_a_version_of_its_own(count: int) -> None:
    server = FakeApiServer()
    server.seed("v1/nodes", count)
    versions = [int(node["metadata"]["resourceVersion"]) for node in server.list("v1/nodes")]
    assert sorted(versions) == list(range(1001, 1001 + count))
    assert server.resource_version == str(1000 + count)


def test_seeding_twice_keeps_both_unless_keys_collide() -> None:
    server = FakeApiServer()
    server.seed("v1/nodes", 2, lambda index: {"metadata": {"name": f"a{index}"}})
    server.seed("v1/nodes", 2, lambda index: {"metadata": {"name": f"b{index}"}})
    assert len(server.list("v1/nodes")) == 4
    with pytest.raises(UsageError, match="same key"):
        server.seed("v1/nodes", 1, lambda index: {"metadata": {"name": f"a{index}"}})
    with pytest.raises(UsageError, match="same key"):
        server.seed("v1/nodes", 2, lambda _: {"metadata": {"name": "c"}})


def test_seeded_objects_are_not_held() -> None:
    server = FakeApiServer()
    tracemalloc.start()
    try:
        server.seed("v1/pods", 20_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / 20_000 < 400, "bytes an object, of 6,500"
