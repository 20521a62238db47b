"""If a server refuses watch-lists, it is listed page by page, and the state is the same."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN
from tests.e2e.mirrors import (
    IMPATIENT,
    PATIENCE,
    ask,
    connected,
    described,
    eventually,
    held,
    listed,
    next_event,
    upto_synced,
)
from tests.e2e.wire import Wire

from kubeinformer import connect
from kubeinformer.connection import HttpRequest, Response, Transport, default_transport, load_config

pytestmark = pytest.mark.anyio

OLD = "--feature-gates=WatchList=false"


@pytest.fixture(scope="module")
def plane(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A server as those before 1.32 were, for this module's tests in turn."""
    with ControlPlane(assets, tmp_path_factory.mktemp("without-watch-list"), OLD) as plane:
        yield plane


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    return plane.client.create_namespace()


def create_pods(plane: ControlPlane, namespace: str, count: int, *, padding: int) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    plane.client.create_many(path, [manifests.pod(f"p-{i:03}", padding=padding) for i in range(count)])


async def test_pages_in_place_of_a_watch_list(plane: ControlPlane, namespace: str) -> None:
    await ask(create_pods, plane, namespace, 500, padding=20_000)
    async with connected(plane) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace)
        async with pods.events() as events:
            assert len(await upto_synced(events)) == 500
            assert held(pods) == await listed(plane, "v1/pods", namespace)
            path = f"/api/v1/namespaces/{namespace}/pods/p-000"
            await ask(plane.client.patch, path, {"metadata": {"labels": {"a": "b"}}})
            assert described(await next_event(events)) == ("Updated", "p-000")
        numbers = pods.statistics()
        assert numbers.failures == {"ServerRefused": 1}, "the 422"
        assert numbers.last_error is None
        assert (numbers.requests["watch-list"], numbers.requests["watch"]) == (1, 1)
        assert numbers.requests["list"] >= 4, "4 pods of 20 KB, then 32, then some 200 in 4 MiB"
        assert pods.is_live


async def test_pages_again_when_the_position_is_lost(plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(create_pods, plane, namespace, 50, padding=0)
    async with Wire(plane.url) as wire, connected(plane, server=wire.url, timing=IMPATIENT) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace)
        async with pods.events() as events:
            assert len(await upto_synced(events)) == 50
            await eventually(lambda: pods.is_live)
            wire.cut()
            await ask(plane.client.patch, f"{path}/p-001", {"metadata": {"labels": {"a": "b"}}})
            assert described(await next_event(events)) == ("Updated", "p-001")
            assert pods.statistics().syncs == 1, "a cut is no reason to list"

            wire.unplug()
            await eventually(lambda: not pods.is_live)
            await ask(plane.client.delete, f"{path}/p-002")
            await ask(plane.client.create, path, manifests.pod("p-100"))
            await ask(plane.compact)
            await ask(plane.api.restart, OLD)
            wire.plug()
            told = [described(await next_event(events)) for _ in range(2)]
            assert sorted(told) == [("Added", "p-100"), ("Vanished", "p-002")]
        assert held(pods) == await listed(plane, "v1/pods", namespace)
        numbers = pods.statistics()
        assert (numbers.syncs, numbers.requests["watch-list"]) == (2, 1)


async def test_pages_of_custom_resources_and_of_metadata(plane: ControlPlane, namespace: str) -> None:
    """Lists say kind and apiVersion once, those of custom resources and of metadata with each object."""
    group = f"{namespace}.example.com"
    await ask(plane.client.create_crd, manifests.custom_resource_definition("Widget", group=group))
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "spec": {"anything": [1.5, {}]}}
    await ask(plane.client.create_many, path, [widget | {"metadata": {"name": f"w-{i}"}} for i in range(30)])
    async with connected(plane) as cluster:
        resource = f"{group}/v1/widgets"
        widgets = cluster.informer(resource, namespace=namespace)
        names = cluster.informer(resource, namespace=namespace, metadata_only=True)
        for informer in (widgets, names):
            await informer.synced(timeout=PATIENCE)
        assert held(widgets) == await listed(plane, resource, namespace)
        partial = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
        assert held(names) == {key: partial | {"metadata": it["metadata"]} for key, it in held(widgets).items()}


class BeforeNextPage:
    """A transport that lets a test do something before the first request for a second page goes out."""

    def __init__(self, transport: Transport, plane: ControlPlane) -> None:
        self._transport = transport
        self._plane = plane
        self.lists: list[dict[str, str]] = []

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        return self._stream(request)

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        query = dict(request.query)
        if "watch" not in query:
            if len(self.lists) == 1:
                await ask(self._change_and_forget)
            self.lists.append(query)
        async with self._transport.stream(request) as response:
            yield response

    def _change_and_forget(self) -> None:
        """A page of a later version than the first, and no way to the rest of that first one's list."""
        self._plane.client.create_namespace()
        self._plane.compact()
        self._plane.api.restart(OLD)  # its snapshots of older versions would still answer

    async def reauthenticate(self) -> None:
        await self._transport.reauthenticate()

    async def aclose(self) -> None:
        await self._transport.aclose()


async def test_a_list_that_expires_between_two_pages_is_read_in_one(plane: ControlPlane, namespace: str) -> None:
    await ask(create_pods, plane, namespace, 50, padding=0)
    config = await load_config(server=plane.url, token=ADMIN.value, ca_file=plane.ca_file)
    transport = BeforeNextPage(default_transport(config), plane)
    async with connect(transport=transport, timing=IMPATIENT) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace)
        async with pods.events() as events:
            assert len(await upto_synced(events)) == 50
            assert held(pods) == await listed(plane, "v1/pods", namespace)
        assert pods.statistics().failures == {"ServerRefused": 1, "ServerUnavailable": 1}, "the 422 and the 410"
    first, second, *rest = transport.lists
    assert ("continue" in first, "continue" in second) == (False, True)
    assert rest == [{}], "one list, unpaged"
