"""What a controller over a typed informer gives to whoever writes one. Never run, only type-checked, as api.py is."""

# ruff: noqa: PGH003 - mypy and pyright name their complaints differently

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import assert_type

import msgspec

from kubeinformer import Cluster, Informer, RawObject, Store
from kubeinformer.controller import (
    Controller,
    Filtered,
    LeaderElection,
    Mapper,
    ObjectEvent,
    Observer,
    Predicate,
    Request,
    Result,
    WorkQueue,
    generation_changed,
    labels_changed,
    run_controllers,
)


class Spec(msgspec.Struct):
    replicas: int
    config: str


class Widget(msgspec.Struct):
    spec: Spec


async def reconcile(request: Request[Widget]) -> Result | None:
    assert_type(request.key, str)
    assert_type(request.name, str)
    assert_type(request.namespace, str | None)
    assert_type(request.attempt, int)
    assert_type(request.cluster, Cluster)
    assert_type(request.store, Store[Widget])
    assert_type(request.store.get(request.key), Widget | None)
    assert_type(request.store.by_index("config", "a"), Iterator[Widget])
    widget = request.object
    assert_type(widget, Widget | None)
    if widget is None:
        return None
    assert_type(widget.spec.replicas, int)
    created = await request.cluster.request("POST", "/api/v1/namespaces/default/configmaps", {"data": {}})
    assert_type(created, RawObject)
    await request.wait_for(created["metadata"]["resourceVersion"])
    return Result(requeue_after=60)


async def reconcile_raw(request: Request) -> None:
    assert_type(request, Request[RawObject])
    assert_type(request.store.get(request.key), RawObject | None)


def is_large(event: ObjectEvent[Widget]) -> bool:
    return event.object.spec.replicas > 10


def is_named_a(event: ObjectEvent) -> bool:
    assert_type(event.metadata, RawObject)
    return event.key == "a"


def widgets_of(config: RawObject) -> Iterable[str]:
    return [config["metadata"]["labels"]["widget"]]


def on_error(request: Request[Widget], error: Exception) -> Result | None:
    assert_type(request.object, Widget | None)
    raise error


@contextmanager
def span(request: Request[Widget]) -> Generator[str]:
    yield request.key


class Count(Observer):
    """An observer says only what it looks at."""

    def reconcile_finished(self, controller: str, outcome: str, seconds: float) -> None:
        raise NotImplementedError(controller, outcome, seconds)


async def compose(cluster: Cluster) -> None:
    widgets = cluster.informer("example.com/v1/widgets", model=Widget)
    deployments = cluster.informer("apps/v1/deployments", metadata_only=True)
    configs = cluster.informer("v1/configmaps")
    mapper: Mapper = widgets_of
    controller = Controller(
        widgets,
        reconcile,
        owns=[deployments, Filtered(configs, is_named_a)],
        watches=[(configs, mapper), (Filtered(configs, labels_changed), lambda config: [config["data"]["widget"]])],
        predicates=[generation_changed, is_large, Predicate(is_large) & ~labels_changed],
        on_error=on_error,
        observer=Count(),
        trace=span,
    )
    assert_type(controller, Controller[Widget])
    assert_type(controller.primary, Informer[Widget])
    assert_type(controller.queue, WorkQueue[str])
    assert_type(await controller.queue.get(), str)
    raw = Controller(configs, reconcile_raw)
    assert_type(raw, Controller[RawObject])
    election = LeaderElection(cluster, "widgets", namespace="default")
    # Controllers of different models, together.
    assert_type(await run_controllers(controller, raw, leader_election=election), None)


async def queues() -> None:
    pairs: WorkQueue[tuple[str, int]] = WorkQueue("pairs")
    pairs.add(("a", 1))
    assert_type(await pairs.get(), tuple[str, int])


async def returns_a_number(request: Request[Widget]) -> int:
    raise NotImplementedError(request)


def is_not_async(request: Request[Widget]) -> Result | None:
    raise NotImplementedError(request)


def wrong(widgets: Informer[Widget], configs: Informer, pairs: WorkQueue[tuple[str, int]]) -> None:
    """Mistakes that have to be found: both checkers complain of an ignore that nothing needs."""
    Controller(widgets, reconcile_raw)  # type: ignore[arg-type] # pyright: ignore
    Controller(configs, reconcile)  # type: ignore[arg-type] # pyright: ignore
    Controller(widgets, returns_a_number)  # type: ignore[arg-type] # pyright: ignore
    Controller(widgets, is_not_async)  # type: ignore[arg-type] # pyright: ignore
    Controller(widgets, reconcile, owns=[reconcile])  # type: ignore[list-item] # pyright: ignore
    Controller(widgets, reconcile, watches=[configs])  # type: ignore[list-item] # pyright: ignore
    Controller(configs, reconcile_raw, predicates=[is_large])  # type: ignore[list-item] # pyright: ignore
    Controller(configs, reconcile_raw, on_error=on_error)  # type: ignore[arg-type] # pyright: ignore
    Controller(widgets, reconcile, queue=pairs)  # type: ignore[arg-type] # pyright: ignore
    pairs.add("a")  # type: ignore[arg-type] # pyright: ignore
    Result("soon")  # type: ignore[arg-type] # pyright: ignore
    Filtered(widgets, is_named_a)  # type: ignore[arg-type] # pyright: ignore
