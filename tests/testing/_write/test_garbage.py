"""What goes with its owner. On the fake only: the real API server of the conformance rows has no controllers."""

import pytest
from tests.testing.http_client import Client

from kubeinformer.resources import RawObject
from kubeinformer.testing import FakeApiServer

CONFIG_MAPS = "v1/configmaps"


def make(server: FakeApiServer, name: str, *owners: RawObject, block: bool = False, **metadata: object) -> RawObject:
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return server.create(CONFIG_MAPS, {"metadata": {"name": name, "ownerReferences": references, **metadata}})


def names(server: FakeApiServer) -> list[str]:
    return [str(each["metadata"]["name"]) for each in server.list(CONFIG_MAPS)]


def test_dependents_go_with_their_owner() -> None:
    server = FakeApiServer()
    owner = make(server, "a")
    child = make(server, "b", owner)
    make(server, "c", child)
    make(server, "other")
    server.delete(CONFIG_MAPS, "default/a")
    assert names(server) == ["other"]


def test_a_long_chain_goes_too() -> None:
    server = FakeApiServer()
    last = make(server, "n0")
    for number in range(1, 1500):
        last = make(server, f"n{number}", last)
    server.delete(CONFIG_MAPS, "default/n0")
    assert names(server) == []


def test_one_owner_of_two_is_enough() -> None:
    server = FakeApiServer()
    first, second = make(server, "a"), make(server, "b")
    make(server, "c", first, second)
    server.delete(CONFIG_MAPS, "default/a")
    (reference,) = server.get(CONFIG_MAPS, "default/c")["metadata"]["ownerReferences"]
    assert reference["uid"] == second["metadata"]["uid"]
    server.delete(CONFIG_MAPS, "default/b")
    assert names(server) == []


def test_an_owner_of_the_same_name_is_another_one() -> None:
    server = FakeApiServer()
    make(server, "b", make(server, "a"))
    server.delete(CONFIG_MAPS, "default/a")
    make(server, "a")
    assert names(server) == ["a"]


def test_who_never_had_an_owner_here_stays() -> None:
    server = FakeApiServer()
    ghost: RawObject = {"metadata": {"name": "ghost", "uid": "never"}}
    make(server, "a", ghost)
    make(server, "b")
    server.delete(CONFIG_MAPS, "default/b")
    assert names(server) == ["a"]


def test_finalizers_of_dependents_are_waited_for() -> None:
    server = FakeApiServer()
    owner = make(server, "a")
    make(server, "b", owner, finalizers=["example.com/hold"], block=True)
    make(server, "c", owner)
    marked = server.delete(CONFIG_MAPS, "default/a", propagation_policy="Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert names(server) == ["a", "b"]
    assert "deletionTimestamp" in server.get(CONFIG_MAPS, "default/b")["metadata"]
    server.patch(CONFIG_MAPS, "default/b", {"metadata": {"finalizers": None}})
    assert names(server) == []


def test_a_dependent_that_does_not_block_is_not_waited_for() -> None:
    server = FakeApiServer()
    make(server, "b", make(server, "a"), finalizers=["example.com/hold"])
    server.delete(CONFIG_MAPS, "default/a", propagation_policy="Foreground")
    assert names(server) == ["b"]


def test_foreground_goes_down_the_chain() -> None:
    server = FakeApiServer()
    child = make(server, "b", make(server, "a"), block=True)
    make(server, "c", child, finalizers=["example.com/hold"], block=True)
    server.delete(CONFIG_MAPS, "default/a", propagation_policy="Foreground")
    assert names(server) == ["a", "b", "c"]
    assert server.get(CONFIG_MAPS, "default/b")["metadata"]["finalizers"] == ["foregroundDeletion"]
    server.patch(CONFIG_MAPS, "default/c", {"metadata": {"finalizers": None}})
    assert names(server) == []


def test_orphans_lose_their_owner_and_stay() -> None:
    server = FakeApiServer()
    make(server, "b", make(server, "a"))
    server.delete(CONFIG_MAPS, "default/a", propagation_policy="Orphan")
    assert names(server) == ["b"]
    assert "ownerReferences" not in server.get(CONFIG_MAPS, "default/b")["metadata"]


def test_a_pod_that_is_collected_needs_no_kubelet() -> None:
    server = FakeApiServer()
    owner = make(server, "a")["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": owner["uid"]}
    server.create("v1/pods", {"metadata": {"name": "p", "ownerReferences": [reference]}, "spec": {"nodeName": "n"}})
    server.delete(CONFIG_MAPS, "default/a")
    assert server.list("v1/pods") == []


def test_cluster_scoped_owners() -> None:
    server = FakeApiServer()
    node = server.create("v1/nodes", {"metadata": {"name": "n"}})["metadata"]
    reference = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": node["uid"]}
    server.create("v1/pods", {"metadata": {"name": "p", "ownerReferences": [reference]}})
    server.delete("v1/nodes", "n")
    assert server.list("v1/pods") == []


def test_a_namespace_takes_its_contents() -> None:
    server = FakeApiServer()
    server.create(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "shop"}})
    server.create("v1/pods", {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"nodeName": "n"}})
    held = {"name": "h", "namespace": "shop", "finalizers": ["example.com/hold"]}
    server.create("v1/secrets", {"metadata": held})
    server.create(CONFIG_MAPS, {"metadata": {"name": "a"}})
    marked = server.delete("v1/namespaces", "shop")
    assert marked["status"] == {"phase": "Terminating"}
    assert [each["metadata"]["namespace"] for each in server.list(CONFIG_MAPS)] == ["default"]
    assert server.list("v1/pods") == []
    assert "deletionTimestamp" in server.get("v1/namespaces", "shop")["metadata"]
    server.patch("v1/secrets", "shop/h", {"metadata": {"finalizers": None}})
    assert "shop" not in [each["metadata"]["name"] for each in server.list("v1/namespaces")]


def test_it_can_be_switched_off() -> None:
    server = FakeApiServer(garbage_collection=False)
    make(server, "b", make(server, "a"))
    server.delete(CONFIG_MAPS, "default/a")
    assert names(server) == ["b"]
    server.create("v1/pods", {"metadata": {"name": "p", "namespace": "shop"}})
    server.delete("v1/namespaces", "shop")
    assert server.get("v1/namespaces", "shop")["status"]["phase"] == "Terminating"
    assert len(server.list("v1/pods")) == 1


@pytest.mark.anyio
async def test_a_watch_sees_everything_go() -> None:
    async with FakeApiServer() as server:
        make(server, "b", make(server, "a"))
        path = "/api/v1/namespaces/default/configmaps"
        async with Client(server.url).watch(path, resourceVersion=server.resource_version) as watch:
            answer = await Client(server.url).request("DELETE", f"{path}/a")
            events = await watch.take(2)
    assert answer.json["status"] == "Success"
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("DELETED", "a"),
        ("DELETED", "b"),
    ]
