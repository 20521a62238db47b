"""What users' editors are told. Never run, only type-checked, by mypy and pyright, both strict."""

# ruff: noqa: PGH003 - mypy and pyright name their complaints differently

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, assert_never, assert_type

import anyio
import msgspec

from kubeinformer import (
    Added,
    Cluster,
    CorruptEntry,
    Deleted,
    Event,
    Indexer,
    Informer,
    InformerStatistics,
    RawObject,
    Resource,
    Retain,
    ServerRefused,
    Store,
    Subscription,
    Synced,
    SyncTimeout,
    Terminal,
    Timing,
    Transform,
    TransformError,
    Updated,
    connect,
)
from kubeinformer.connection import ConnectionConfig, HttpRequest, Response, Transport, load_config
from kubeinformer.controller import (
    Controller,
    Filtered,
    ObjectEvent,
    Predicate,
    Request,
    Result,
    generation_changed,
    labels_changed,
    run_controllers,
)
from kubeinformer.testing import FakeApiServer, RequestRecord


class Metadata(msgspec.Struct):
    name: str


class Pod(msgspec.Struct):
    metadata: Metadata


class Name:
    """What a callable makes."""


def to_name(pod: RawObject) -> Name:
    raise NotImplementedError(pod)


# The examples of the README and of design.md.


async def readme() -> None:
    async with connect() as cluster:
        pods = cluster.informer(
            "v1/pods",
            namespace="default",
            label_selector="app=web",
            indexers={"node": lambda pod: [pod["spec"].get("nodeName", "")]},
        )
        await pods.synced()
        pods.store.get("default/web-0")
        pods.store.by_index("node", "node-7")
        async with pods.events() as events:
            async for event in events:
                match event:
                    case Added(key=key, object=pod):
                        assert_type(key, str)
                        assert_type(pod, RawObject)
                    case Updated(key=key, old=old, object=pod):
                        assert_type(key, str)
                        assert_type(old, RawObject)
                        assert_type(pod, RawObject)
                    case Deleted(key=key, object=last, final_state_known=known):
                        assert_type(key, str)
                        assert_type(last, RawObject)
                        assert_type(known, bool)
                    case Synced():
                        pass
                    case _:
                        assert_never(event)


def main() -> None:
    anyio.run(readme)


async def without_a_model(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods")
    assert_type(pods, Informer[RawObject])
    plain: Informer = pods  # the default of the type parameter
    assert_type(plain, Informer[RawObject])
    assert_type(pods.store, Store[RawObject])
    assert_type(pods.store.get("default/web-0"), RawObject | None)
    assert_type(pods.store.raw("default/web-0"), bytes | None)
    assert_type(pods.store.metadata("default/web-0"), RawObject | None)
    assert_type(pods.store.keys(), Iterator[str])
    assert_type(pods.store.values(), Iterator[RawObject])
    assert_type(pods.store.items(), Iterator[tuple[str, RawObject]])
    assert_type(pods.store.list(namespace="default", label_selector="app=web"), Iterator[RawObject])
    assert_type(pods.store.by_index("node", "node-7"), Iterator[RawObject])
    assert_type(pods.store.index_keys("node", "node-7"), Iterator[str])
    assert_type(pods.store.resource_version, str | None)
    assert_type(len(pods.store), int)
    assert_type("default/web-0" in pods.store, bool)
    assert_type(pods.is_live, bool)
    assert_type(pods.is_closed, bool)
    assert_type(pods.resource, str)
    assert_type(pods.statistics(), InformerStatistics)
    assert_type(await pods.synced(timeout=1.5), None)
    assert_type(await pods.wait_for("17", timeout=5), None)
    assert_type(await pods.aclose(), None)
    assert_type(pods.events(), Subscription[RawObject])
    async with pods.events() as events:
        assert_type(events, Subscription[RawObject])
        assert_type(await anext(events), Event[RawObject])


async def with_a_struct(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", model=Pod, indexers={"name": lambda pod: [pod.metadata.name]})
    assert_type(pods, Informer[Pod])
    assert_type(pods.store.get("default/web-0"), Pod | None)
    assert_type(pods.store.raw("default/web-0"), bytes | None)
    assert_type(pods.store.metadata("default/web-0"), RawObject | None)
    assert_type(list(pods.store.values()), list[Pod])
    async with pods.events() as events:
        async for event in events:
            assert_type(event, Event[Pod])
            match event:
                case Added(object=pod):
                    assert_type(pod, Pod)
                case Updated(old=old, object=pod):
                    assert_type(old, Pod)
                    assert_type(pod.metadata.name, str)
                case Deleted(object=last):
                    assert_type(last, Pod)
                case Synced():
                    pass
                case _:
                    assert_never(event)


def with_a_function(cluster: Cluster) -> None:
    names = cluster.informer("v1/pods", model=to_name)
    assert_type(names, Informer[Name])
    assert_type(names.store.get("default/web-0"), Name | None)


class Named:
    """A class of somebody's own: called with the object."""

    def __init__(self, pod: RawObject) -> None:
        self.name: str = pod["metadata"]["name"]


def with_a_class(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", model=Named)
    assert_type(pods, Informer[Named])
    assert_type(pods.store.get("default/web-0"), Named | None)


def without_status(pod: RawObject) -> RawObject:
    pod.pop("status", None)
    return pod


def with_a_transform(cluster: Cluster) -> None:
    transform: Transform = without_status
    assert_type(cluster.informer("v1/pods", transform=transform), Informer[RawObject])
    assert_type(cluster.informer("v1/pods", transform=lambda pod: {**pod, "spec": {}}), Informer[RawObject])
    assert_type(cluster.informer("v1/pods", transform=without_status, model=Pod), Informer[Pod])
    assert_type(cluster.informer("v1/pods", transform=without_status, model=to_name), Informer[Name])
    assert_type(cluster.informer("v1/pods", transform=None, model=Named, retain="objects"), Informer[Named])


def options(cluster: Cluster) -> None:
    retain: Retain = "metadata"
    by_node: Indexer = lambda pod: [pod["spec"]["nodeName"]]  # noqa: E731 - an annotated one is the point
    cluster.informer("v1/pods", retain=retain, metadata_only=True, field_selector="a=b", indexers={"node": by_node})


def wrong(cluster: Cluster, informer: Informer[Pod]) -> None:
    """Mistakes that have to be found: both checkers complain of an ignore that nothing needs."""
    cluster.informer("v1/pods", retain="all")  # type: ignore[call-overload] # pyright: ignore
    cluster.informer(Resource("", "v1", "pods"))  # type: ignore[call-overload] # pyright: ignore
    cluster.informer("v1/pods", "default")  # type: ignore[call-overload] # pyright: ignore
    cluster.informer("v1/pods", indexers={"n": lambda _: 7})  # type: ignore[dict-item, return-value, unused-ignore] # pyright: ignore
    cluster.informer("v1/pods", transform=to_name)  # type: ignore[arg-type] # pyright: ignore
    cluster.informer("v1/pods", model=Pod, transform=len)  # type: ignore[arg-type] # pyright: ignore
    informer.store.get(7)  # type: ignore[arg-type] # pyright: ignore
    informer.store["default/web-0"]  # type: ignore[index] # pyright: ignore
    informer.is_live = True  # type: ignore[misc] # pyright: ignore


def events_of_one_s_own() -> None:
    """For users' tests: events are made from objects too."""
    made = Updated("default/a", old=Pod(Metadata("a")), object=Pod(Metadata("a")))
    assert_type(made, Updated[Pod])
    assert_type(Deleted("default/a", {"kind": "Pod"}, final_state_known=False), Deleted[dict[str, str]])


def errors(error: ServerRefused | SyncTimeout | TransformError | CorruptEntry) -> None:
    match error:
        case ServerRefused():
            assert_type(error.status, int)
            assert_type(error.namespace, str | None)
        case SyncTimeout():
            assert_type(error.cause, BaseException | None)
        case TransformError():
            assert_type(error.problem, str)
        case CorruptEntry():
            assert_type(error.key, str)
        case _:
            assert_never(error)


class OwnTransport:
    """What somebody else would write against the seam."""

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[Response]:
        return self._stream(request)

    @asynccontextmanager
    async def _stream(self, request: HttpRequest) -> AsyncGenerator[Response]:
        yield await self._send(request)

    async def _send(self, request: HttpRequest) -> Response:
        raise NotImplementedError(request)

    async def reauthenticate(self) -> None:
        """Nothing to forget."""

    async def aclose(self) -> None:
        """Nothing to close."""


async def connections() -> None:
    transport: Transport = OwnTransport()
    config = await load_config(server="http://127.0.0.1:8001")
    assert_type(config, ConnectionConfig)
    async with connect(transport=transport, timing=Timing(backoff_first=0.1)) as cluster:
        assert_type(cluster, Cluster)
    async with connect("~/.kube/config", "prod"), connect(config=config, object_size_limit=2**20):
        pass


async def fakes() -> None:
    async with FakeApiServer() as server:
        assert_type(server.url, str)
        assert_type(server.create("v1/pods", {"metadata": {"name": "a"}}), dict[str, Any])
        assert_type(server.requests, tuple[RequestRecord, ...])


# Controllers: the reconcile's request has the informer's type, without a cast.


async def reconcile_pod(request: Request[Pod]) -> None:
    assert_type(request.object, Pod | None)
    assert_type(request.store.get(request.key), Pod | None)
    assert_type(request.namespace, str | None)


async def reconcile_raw(request: Request) -> Result | None:
    assert_type(request.object, RawObject | None)
    return Result(requeue_after=30)


def pod_keys(pod: Pod) -> list[str]:
    return [pod.metadata.name]


def raw_keys(item: RawObject) -> Iterator[str]:
    yield item["metadata"]["name"]


def is_named(event: ObjectEvent[Pod]) -> bool:
    return bool(event.object.metadata.name)


def is_any_event(event: Event[Pod]) -> bool:
    return not isinstance(event, Synced)


def give_up(request: Request[Pod], error: Exception) -> Result | None:
    raise Terminal(request.key) from error


async def controllers(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", model=Pod)
    raw = cluster.informer("v1/configmaps")
    controller = Controller(
        pods,
        reconcile_pod,
        owns=[raw, Filtered(pods, is_named, generation_changed)],
        watches=[(raw, raw_keys), (Filtered(pods, labels_changed), pod_keys)],
        predicates=[is_named, is_any_event, Predicate(is_named) & ~labels_changed | generation_changed],
        on_error=give_up,
    )
    assert_type(controller, Controller[Pod])
    assert_type(Controller(raw, reconcile_raw), Controller[RawObject])
    await run_controllers(controller, Controller(raw, reconcile_raw))
    Controller(pods, reconcile_raw)  # type: ignore[arg-type]  # another informer's reconcile # pyright: ignore
    Controller(raw, raw_keys)  # type: ignore[arg-type]  # not async # pyright: ignore
