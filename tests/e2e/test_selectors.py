"""The server applies namespaces and selectors. An object that leaves a selection is deleted for its reader."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import PATIENCE, ask, connected, described, failed, held, listed, next_event, upto, upto_synced

from kubeinformer import Deleted, ServerRefused

pytestmark = pytest.mark.anyio


async def test_one_namespace_of_many(control_plane: ControlPlane, namespace: str) -> None:
    other = await ask(control_plane.client.create_namespace)
    async with connected(control_plane) as cluster:
        informer = cluster.informer("v1/configmaps", namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == []
            for place, name in ((other, "elsewhere"), (namespace, "here"), (other, "last"), (namespace, "last")):
                path = f"/api/v1/namespaces/{place}/configmaps"
                await ask(control_plane.client.create, path, manifests.config_map(name))
            assert await upto(events, "last") == [("Added", "here")]
            assert set(informer.store) == {f"{namespace}/here", f"{namespace}/last"}


async def test_label_selectors(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    labels = [{"app": "web"}, {"app": "web", "tier": "a"}, {"app": "db", "tier": "b"}, {}]
    pods = [manifests.pod(f"pod-{number}", labels=each) for number, each in enumerate(labels)]
    await ask(control_plane.client.create_many, path, pods)
    async with connected(control_plane) as cluster:
        for selector, count in (("app=web", 2), ("app", 3), ("!app", 1), ("app in (web,db),tier notin (a)", 2)):
            informer = cluster.informer("v1/pods", namespace=namespace, label_selector=selector)
            await informer.synced(timeout=PATIENCE)
            assert len(informer.store) == count
            assert held(informer) == await listed(control_plane, "v1/pods", namespace, label_selector=selector)
            everything = cluster.informer("v1/pods", namespace=namespace)
            await everything.synced(timeout=PATIENCE)
            ours = list(everything.store.list(label_selector=selector))
            assert {pod["metadata"]["name"]: pod for pod in ours} == {
                pod["metadata"]["name"]: pod for pod in informer.store.values()
            }, "the store selects as the server does"


async def test_what_leaves_the_selection_is_deleted_and_what_enters_is_added(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create, path, manifests.pod("one", labels={"app": "web"}))
    async with connected(control_plane) as cluster:
        informer = cluster.informer("v1/pods", namespace=namespace, label_selector="app=web")
        async with informer.events() as events:
            assert await upto_synced(events) == [("Added", "one")]
            await ask(control_plane.client.patch, f"{path}/one", {"metadata": {"labels": {"app": "db"}}})
            gone = await next_event(events)
            assert isinstance(gone, Deleted)
            assert gone.final_state_known
            assert gone.object["metadata"]["labels"] == {"app": "web"}, "the last state in which it was selected"
            assert len(informer.store) == 0
            await ask(control_plane.client.patch, f"{path}/one", {"metadata": {"labels": {"app": "web"}}})
            assert described(await next_event(events)) == ("Added", "one")
            assert held(informer) == await listed(control_plane, "v1/pods", namespace, label_selector="app=web")


async def test_field_selectors(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create_many, path, [manifests.pod(name) for name in ("a", "b")])
    async with connected(control_plane) as cluster:
        waiting = cluster.informer("v1/pods", namespace=namespace, field_selector="spec.nodeName=")
        placed = cluster.informer("v1/pods", namespace=namespace, field_selector="spec.nodeName=node-7")
        await waiting.synced(timeout=PATIENCE)
        async with waiting.events() as leaving, placed.events() as coming:
            assert sorted(await upto_synced(leaving)) == [("Added", "a"), ("Added", "b")]
            assert await upto_synced(coming) == []
            target = {"apiVersion": "v1", "kind": "Node", "name": "node-7"}
            await ask(control_plane.client.create, f"{path}/a/binding", {"metadata": {"name": "a"}, "target": target})
            assert described(await next_event(leaving)) == ("Deleted", "a")
            assert described(await next_event(coming)) == ("Added", "a")
        for informer, selector in ((waiting, "spec.nodeName="), (placed, "spec.nodeName=node-7")):
            assert held(informer) == await listed(control_plane, "v1/pods", namespace, field_selector=selector)


async def test_a_selector_the_server_cannot_read_is_refused_with_its_words(
    control_plane: ControlPlane, namespace: str
) -> None:
    async with connected(control_plane) as cluster:
        unknown = cluster.informer("v1/pods", namespace=namespace, field_selector="spec.noSuchField=1")
        await failed(unknown, ServerRefused)
        with pytest.raises(ServerRefused, match=r"HTTP 400 BadRequest.*field label not supported: spec.noSuchField"):
            await unknown.synced(timeout=0)
        broken = cluster.informer("v1/pods", namespace=namespace, label_selector="app=(")
        await failed(broken, ServerRefused)
        with pytest.raises(ServerRefused, match=r"HTTP 400 BadRequest.*unable to parse requirement"):
            await broken.synced(timeout=0)
