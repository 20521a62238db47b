"""What ``model=`` makes of reads, of indexers and of events. Never run, only type-checked, as api.py is.

mypy knows kubernetes_asyncio, which ships no types, as Any; pyright reads its source, and so proves the type.
"""

# ruff: noqa: PGH003 - mypy and pyright name their complaints differently

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, assert_type

import msgspec
from kubernetes_asyncio.client import V1Pod

from kubeinformer import Added, Cluster, Deleted, Event, Indexer, Informer, RawObject, Store, Subscription, Updated

T = TypeVar("T")


class Spec(msgspec.Struct):
    node_name: str = msgspec.field(name="nodeName", default="")


class Pod(msgspec.Struct):
    spec: Spec


class Image:
    """What a callable makes."""

    name: str


def to_image(pod: RawObject) -> Image:
    raise NotImplementedError(pod)


class ToImage:
    """A callable that is no function."""

    def __call__(self, pod: RawObject) -> Image:
        raise NotImplementedError(pod)


def by_node(pod: Pod) -> list[str]:
    return [pod.spec.node_name]


def by_name(image: Image) -> Iterable[str]:
    return (image.name,)


def by_raw_node(pod: RawObject) -> list[str]:
    return [pod["spec"]["nodeName"]]


def reads_of_a_struct(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", model=Pod, indexers={"node": by_node})
    assert_type(pods, Informer[Pod])
    assert_type(pods.store, Store[Pod])
    assert_type(pods.store.get("default/web-0"), Pod | None)
    assert_type(pods.store.values(), Iterator[Pod])
    assert_type(pods.store.items(), Iterator[tuple[str, Pod]])
    assert_type(pods.store.list(namespace="default"), Iterator[Pod])
    assert_type(pods.store.by_index("node", "node-7"), Iterator[Pod])
    assert_type([pod.spec.node_name for pod in pods.store.by_index("node", "node-7")], list[str])
    # What a model does not touch.
    assert_type(pods.store.keys(), Iterator[str])
    assert_type(pods.store.index_keys("node", "node-7"), Iterator[str])
    assert_type(pods.store.metadata("default/web-0"), RawObject | None)


def reads_of_a_callable_s_result(cluster: Cluster) -> None:
    images = cluster.informer("v1/pods", model=to_image, indexers={"name": by_name})
    assert_type(images.store.get("default/web-0"), Image | None)
    assert_type(images.store.values(), Iterator[Image])
    assert_type(images.store.by_index("name", "nginx"), Iterator[Image])
    assert_type(cluster.informer("v1/pods", model=ToImage()), Informer[Image])
    assert_type(cluster.informer("v1/pods", model=lambda pod: str(pod["kind"])), Informer[str])


def reads_of_a_client_s_model(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", model=V1Pod, indexers={"node": lambda pod: [pod.spec.node_name]})
    assert_type(pods, Informer[V1Pod])
    assert_type(pods.store.get("default/web-0"), V1Pod | None)
    assert_type(pods.store.values(), Iterator[V1Pod])


def reads_without_a_model(cluster: Cluster) -> None:
    pods = cluster.informer("v1/pods", indexers={"node": by_raw_node})
    assert_type(pods.store.get("default/web-0"), RawObject | None)
    assert_type(pods.store.by_index("node", "node-7"), Iterator[RawObject])
    # RawObject is JSON: a value of it is whatever the caller says it is, without a cast.
    for pod in pods.store.values():
        name: str = pod["metadata"]["name"]
        assert_type(name, str)


def indexers_take_the_model(cluster: Cluster) -> None:
    typed: Indexer[Pod] = by_node
    raw: Indexer = by_raw_node  # the default of the type parameter
    cluster.informer("v1/pods", model=Pod, indexers={"node": typed})
    cluster.informer("v1/pods", indexers={"node": raw})
    cluster.informer("v1/pods", model=Pod, indexers={"node": lambda pod: [pod.spec.node_name]})
    cluster.informer("v1/pods", model=to_image, indexers={"name": lambda image: [image.name]})


async def events_carry_the_model(cluster: Cluster) -> None:
    async with cluster.informer("v1/pods", model=Pod).events() as events:
        assert_type(events, Subscription[Pod])
        async for event in events:
            assert_type(event, Event[Pod])
            if isinstance(event, Added):
                assert_type(event, Added[Pod])
                assert_type(event.object, Pod)
            elif isinstance(event, Updated):
                assert_type(event.old.spec.node_name, str)
                assert_type(event.object, Pod)
            elif isinstance(event, Deleted):
                assert_type(event.object, Pod)
                assert_type(event.final_state_known, bool)


# Code of one's own that is generic over the model, without a cast.


def newest(informer: Informer[T], age: Callable[[T], float]) -> T | None:
    return min(informer.store.values(), key=age, default=None)


def informers_of(cluster: Cluster, *resources: str, model: type[T]) -> dict[str, Informer[T]]:
    return {resource: cluster.informer(resource, model=model) for resource in resources}


def generic_code(cluster: Cluster) -> None:
    assert_type(newest(cluster.informer("v1/pods", model=Pod), lambda pod: len(pod.spec.node_name)), Pod | None)
    assert_type(newest(cluster.informer("v1/pods"), lambda pod: float(pod["age"])), RawObject | None)
    assert_type(informers_of(cluster, "v1/pods", "v1/nodes", model=Pod), dict[str, Informer[Pod]])
    any_informer: Informer[Any] = cluster.informer("v1/pods", model=Pod)
    assert_type(any_informer.store.get("default/web-0"), Any | None)


def wrong(cluster: Cluster, typed: Informer[Pod], raw: Informer) -> None:
    """Mistakes that have to be found: both checkers complain of an ignore that nothing needs."""
    cluster.informer("v1/pods", model=Pod, indexers={"node": by_raw_node})  # type: ignore[dict-item] # pyright: ignore
    cluster.informer("v1/pods", indexers={"node": by_node})  # type: ignore[dict-item] # pyright: ignore
    cluster.informer("v1/pods", model=to_image, indexers={"n": by_node})  # type: ignore[misc] # pyright: ignore
    cluster.informer("v1/pods", model=Pod(Spec()))  # type: ignore[call-overload] # pyright: ignore
    cluster.informer("v1/pods", model="Pod")  # type: ignore[call-overload] # pyright: ignore
    other: Informer[Image] = typed  # type: ignore[assignment] # pyright: ignore
    untyped: Informer = typed  # type: ignore[assignment] # pyright: ignore
    maybe: Pod = typed.store.get("default/web-0")  # type: ignore[assignment] # pyright: ignore
    raw.store.get("default/web-0")["spec"]  # type: ignore[index] # pyright: ignore
    pod = next(typed.store.values())
    pod["spec"]  # type: ignore[index] # pyright: ignore
    status: object = pod.status  # type: ignore[attr-defined] # pyright: ignore
    raise NotImplementedError(other, untyped, maybe, status)
