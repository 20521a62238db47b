"""The definition of a custom resource is deleted and created again, and the informer recovers."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import (
    IMPATIENT,
    ask,
    connected,
    described,
    eventually,
    failed,
    held,
    listed,
    next_event,
    upto_synced,
)
from tests.e2e.polling import wait_until
from tests.e2e.wire import Wire

from kubeinformer import NotFound

pytestmark = pytest.mark.anyio

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Widgets:
    """A custom resource of a test's own."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        group = f"{namespace}.example.com"
        self._client = plane.client
        self._definition = manifests.custom_resource_definition("Widget", group=group)
        self._path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
        self._kind = {"apiVersion": f"{group}/v1", "kind": "Widget"}
        self.resource = f"{group}/v1/widgets"

    def define(self) -> None:
        self._client.create_crd(self._definition)

    def forget(self) -> None:
        """Delete the definition, and wait until it and its objects are gone."""
        name = self._definition["metadata"]["name"]
        self._client.delete(f"{DEFINITIONS}/{name}")
        assert wait_until(lambda: self._client.request("GET", f"{DEFINITIONS}/{name}").status == 404)
        assert wait_until(lambda: self._client.request("GET", self._path).status == 404)

    def create(self, name: str) -> None:
        self._client.create(self._path, self._kind | {"metadata": {"name": name}})


@pytest.fixture
def widgets(control_plane: ControlPlane, namespace: str) -> Widgets:
    return Widgets(control_plane, namespace)


async def test_a_definition_that_comes_later_is_noticed(
    control_plane: ControlPlane, namespace: str, widgets: Widgets
) -> None:
    async with connected(control_plane, timing=IMPATIENT) as cluster:
        informer = cluster.informer(widgets.resource, namespace=namespace)
        async with informer.events() as events:
            await failed(informer, NotFound)
            await ask(widgets.define)
            assert await upto_synced(events) == []
            await ask(widgets.create, "one")
            assert described(await next_event(events)) == ("Added", "one")


async def test_a_definition_deleted_and_made_again(
    control_plane: ControlPlane, namespace: str, widgets: Widgets
) -> None:
    await ask(widgets.define)
    for name in ("one", "two"):
        await ask(widgets.create, name)
    async with connected(control_plane, timing=IMPATIENT) as cluster:
        informer = cluster.informer(widgets.resource, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == [("Added", "one"), ("Added", "two")]
            await ask(widgets.forget)
            told = [described(await next_event(events)) for _ in range(2)]
            assert sorted(told) == [("Deleted", "one"), ("Deleted", "two")]
            assert len(informer.store) == 0
            await failed(informer, NotFound)
            await ask(widgets.define)
            await ask(widgets.create, "two")
            await ask(widgets.create, "three")
            told = [described(await next_event(events)) for _ in range(2)]
            assert sorted(told) == [("Added", "three"), ("Added", "two")]
        assert held(informer) == await listed(control_plane, widgets.resource, namespace)
        assert informer.is_live
        assert informer.statistics().syncs == 2


async def test_a_definition_replaced_while_nobody_was_connected(
    control_plane: ControlPlane, namespace: str, widgets: Widgets
) -> None:
    await ask(widgets.define)
    for name in ("one", "two"):
        await ask(widgets.create, name)
    async with Wire(control_plane.url) as wire, connected(control_plane, server=wire.url, timing=IMPATIENT) as cluster:
        informer = cluster.informer(widgets.resource, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == [("Added", "one"), ("Added", "two")]
            wire.unplug()
            await eventually(lambda: not informer.is_live)
            await ask(widgets.forget)
            await ask(widgets.define)
            await ask(widgets.create, "two")
            wire.plug()
            told = [described(await next_event(events)) for _ in range(3)]
        # One of that name is there again, of another uid; the other is not. In which order is the server's business.
        assert sorted(told) == [("Added", "two"), ("Vanished", "one"), ("Vanished", "two")]
        assert told.index(("Vanished", "two")) < told.index(("Added", "two"))
        assert held(informer) == await listed(control_plane, widgets.resource, namespace)
