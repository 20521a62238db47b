"""A controller on an informer on a server: what wakes a reconcile, when, and how it ends."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.controller.harness import CONFIGMAPS, LIMIT, Recorder, configmap, running

from kubeinformer import Cluster, IndexerError, InformerClosed, RawObject, Resource, UsageError, connect
from kubeinformer.controller import (
    Controller,
    Filtered,
    Observer,
    Predicate,
    Request,
    Result,
    WorkQueue,
    annotations_changed,
    generation_changed,
    labels_changed,
    resource_version_changed,
)
from kubeinformer.controller._queue.queue import LOW_PRIORITY
from kubeinformer.controller._reconciling import steps
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import Script, Stall
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio

DEPLOYMENTS = "apps/v1/deployments"
PODS = "v1/pods"


async def nothing(request: Request[Any]) -> None:
    assert request.key


def owned(name: str, owner: str, *, kind: str = "Deployment", api: str = "apps/v1", controls: bool = True) -> RawObject:
    reference = {"apiVersion": api, "kind": kind, "name": owner, "uid": "1", "controller": controls}
    return {"metadata": {"name": name, "namespace": "default", "ownerReferences": [reference]}}


async def test_what_is_there_and_what_changes_is_reconciled(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()
    async with running(Controller(cluster.informer(CONFIGMAPS), reconcile)):
        await reconcile.has(1)
        fake_api_server.create(CONFIGMAPS, configmap("b"))
        await reconcile.has(2)
        fake_api_server.patch(CONFIGMAPS, "default/a", {"data": {"k": "v"}})
        await reconcile.has(3)
        assert (reconcile.requests[2].object or {})["data"] == {"k": "v"}
        fake_api_server.delete(CONFIGMAPS, "default/b")
        await reconcile.has(4)
        assert reconcile.requests[3].object is None
    assert reconcile.keys == ["default/a", "default/b", "default/a", "default/b"]
    assert set(reconcile.attempts) == {1}


async def test_nothing_is_decoded_unless_somebody_looks(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    decoded = list[str]()

    def model(item: RawObject) -> RawObject:
        decoded.append(item["metadata"]["name"])
        return item

    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()
    informer = cluster.informer(CONFIGMAPS, model=model)
    async with running(Controller(informer, reconcile, owns=[informer], predicates=[labels_changed])):
        await reconcile.has(1)
        assert decoded == []
        assert reconcile.requests[0].object is not None
        assert decoded == ["a"]


async def test_first_sync_is_below_live_changes(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    fake_api_server.seed(CONFIGMAPS, 50)
    informer = cluster.informer(CONFIGMAPS)
    await informer.synced()
    first = sorted(informer.store)[:1]
    go_on = anyio.Event()

    async def wait(_: Request[Any]) -> None:
        await go_on.wait()

    reconcile = Recorder(wait)
    controller = Controller(informer, reconcile)
    async with running(controller):
        await reconcile.has(1)
        last = max(set(informer.store) - {*first, *reconcile.keys})
        await eventually(lambda: len(controller.queue) == 49)
        assert controller.statistics().queue.depth == {LOW_PRIORITY: 49}
        fake_api_server.patch(CONFIGMAPS, last, {"data": {"k": "v"}})
        await eventually(lambda: controller.statistics().queue.depth == {LOW_PRIORITY: 48, 0: 1})
        go_on.set()
        await reconcile.has(50)
    assert reconcile.keys[1] == last
    assert len(set(reconcile.keys)) == 50


async def test_a_resync_is_below_live_changes(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    informer = cluster.informer(CONFIGMAPS)
    await informer.synced()
    go_on = anyio.Event()

    async def wait(_: Request[Any]) -> None:
        await go_on.wait()

    reconcile = Recorder(wait)
    controller = Controller(informer, reconcile)
    async with running(controller):
        await reconcile.has(1)
        # The seeded objects appear without events: the watch ends in a 410, and all is read again, but for its end.
        fake_api_server.play(Script([Stall(on="watch-list", after_events=len(["a", *range(20)]))]))
        fake_api_server.seed(CONFIGMAPS, 20)
        await eventually(lambda: controller.statistics().queue.depth == {LOW_PRIORITY: 20})
        assert not informer.is_live
        fake_api_server.stop_faults()
        await eventually(lambda: informer.is_live)
        fake_api_server.create(CONFIGMAPS, configmap("b"))
        await eventually(lambda: controller.statistics().queue.depth == {LOW_PRIORITY: 20, 0: 1})
        go_on.set()
        await reconcile.has(2)
    assert reconcile.keys[1] == "default/b"


async def test_nothing_is_reconciled_before_all_informers_are_in_sync(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.deny("list", PODS)
    fake_api_server.deny("watch", PODS)
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    pods = cluster.informer(PODS)
    configmaps = cluster.informer(CONFIGMAPS)
    reconcile = Recorder()
    controller = Controller(configmaps, reconcile, watches=[(pods, lambda _: [])])
    async with running(controller):
        await configmaps.synced()
        await anyio.wait_all_tasks_blocked()
        assert not controller.statistics().is_started
        assert reconcile.keys == []
        fake_api_server.allow_all()
        await reconcile.has(1)
        assert controller.statistics().is_started
        assert "default/a" in reconcile.keys
    assert not controller.is_started


async def test_nothing_is_reconciled_before_what_was_there_is_read(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    """Nobody is told of what goes before its reader got there, and a reconcile may have seen it in the store."""
    fake_api_server.create(CONFIGMAPS, configmap("web"))
    fake_api_server.create(PODS, configmap("holds-up"))
    fake_api_server.create(PODS, configmap("waits"))
    pods = cluster.informer(PODS)

    def mapper(pod: RawObject) -> list[str]:
        return ["default/other"] * 500_000 if pod["metadata"]["name"] == "holds-up" else ["default/web"]

    saw = list[bool]()

    async def look(request: Request[Any]) -> None:
        if request.key == "default/web":
            saw.append("default/waits" in pods.store)

    controller = Controller(cluster.informer(CONFIGMAPS), look, watches=[(pods, mapper)], concurrency=2)
    async with running(controller):
        await eventually(lambda: saw)
        assert saw == [True]
        fake_api_server.delete(PODS, "default/waits")
        await eventually(lambda: not saw[-1])


async def test_predicates_hold_back_what_does_not_matter(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    reconcile = Recorder()
    predicates = [labels_changed | annotations_changed, Predicate(lambda event: event.metadata["name"] != "b")]
    async with running(Controller(cluster.informer(CONFIGMAPS), reconcile, predicates=predicates)):
        fake_api_server.create(CONFIGMAPS, configmap("b"))
        fake_api_server.create(CONFIGMAPS, configmap("a"))
        await reconcile.has(1)
        fake_api_server.patch(CONFIGMAPS, "default/a", {"data": {"k": "v"}})
        fake_api_server.create(CONFIGMAPS, configmap("c"))
        await reconcile.has(2)
        fake_api_server.patch(CONFIGMAPS, "default/a", {"metadata": {"labels": {"k": "v"}}})
        await reconcile.has(3)
    assert reconcile.keys == ["default/a", "default/c", "default/a"]


async def test_what_an_object_owns_wakes_it(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    reconcile = Recorder()
    pods = cluster.informer(PODS)
    async with running(Controller(cluster.informer(DEPLOYMENTS), reconcile, owns=[pods])):
        fake_api_server.create(PODS, owned("p", "web"))
        await reconcile.has(1)
        for other in (
            owned("a", "other", kind="ReplicaSet"),
            owned("b", "other", api="example.com/v1"),
            owned("c", "other", controls=False),
            {"metadata": {"name": "d", "namespace": "default"}},
        ):
            fake_api_server.create(PODS, other)
        references = owned("p", "db", api="apps/v1beta1")["metadata"]["ownerReferences"]
        fake_api_server.patch(PODS, "default/p", {"metadata": {"ownerReferences": references}})
        await reconcile.has(3)
        fake_api_server.delete(PODS, "default/p")
        await reconcile.has(4)
    assert reconcile.keys == ["default/web", "default/web", "default/db", "default/db"]


async def test_an_owner_without_a_namespace_is_woken_by_its_name(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    reconcile = Recorder()
    pods = cluster.informer(PODS)
    async with running(Controller(cluster.informer("v1/nodes"), reconcile, owns=[pods])):
        fake_api_server.create(PODS, owned("p", "node-1", kind="Node", api="v1"))
        await reconcile.has(1)
    assert reconcile.keys == ["node-1"]


async def test_watched_objects_wake_what_the_mapper_says_for_both_states(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    def mapper(pod: RawObject) -> Iterator[str]:
        yield f"default/{pod['metadata']['labels']['app']}"

    reconcile = Recorder()
    pods = cluster.informer(PODS)
    async with running(Controller(cluster.informer(CONFIGMAPS), reconcile, watches=[(pods, mapper)])):
        fake_api_server.create(PODS, {"metadata": {"name": "p", "namespace": "default", "labels": {"app": "a"}}})
        await reconcile.has(1)
        fake_api_server.patch(PODS, "default/p", {"metadata": {"labels": {"app": "b"}}})
        await reconcile.has(3)
        fake_api_server.delete(PODS, "default/p")
        await reconcile.has(4)
    assert reconcile.keys == ["default/a", "default/a", "default/b", "default/b"]


async def test_a_filtered_informer_wakes_by_its_own_predicates(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    reconcile = Recorder()
    pods = Filtered(cluster.informer(PODS), labels_changed)
    controller = Controller(cluster.informer(DEPLOYMENTS), reconcile, owns=[pods])
    async with running(controller):
        fake_api_server.create(PODS, owned("p", "web"))
        await reconcile.has(1)
        fake_api_server.patch(PODS, "default/p", {"status": {"phase": "Running"}})
        fake_api_server.create(PODS, owned("q", "db"))
        await reconcile.has(2)
    assert reconcile.keys == ["default/web", "default/db"]


async def test_a_failure_is_tried_again_and_others_go_on(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    for name in "ab":
        fake_api_server.create(CONFIGMAPS, configmap(name))

    async def fail(request: Request[Any]) -> None:
        await anyio.lowlevel.checkpoint()
        if request.key == "default/a" and request.attempt < 3:
            raise ExceptionGroup("tasks", [KeyError("x")])

    reconcile = Recorder(fail)
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    async with running(controller):
        await eventually(lambda: controller.statistics().reconciles == {"error": 2, "success": 2})
    assert sorted(reconcile.keys) == ["default/a"] * 3 + ["default/b"]
    assert [request.attempt for request in reconcile.requests if request.key == "default/a"] == [1, 2, 3]


async def test_requeue_after_comes_again(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder(lambda _: result(Result(requeue_after=0.001)))
    async with running(Controller(cluster.informer(CONFIGMAPS), reconcile)):
        await reconcile.has(3)
    assert set(reconcile.attempts) == {1}


async def result(value: Any) -> Any:
    await anyio.lowlevel.checkpoint()
    return value


async def test_a_key_never_runs_twice_at_once(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    active = dict[str, int]()
    most = 0
    go_on = anyio.Event()

    async def work(request: Request[Any]) -> None:
        nonlocal most
        active[request.key] = active.get(request.key, 0) + 1
        assert active[request.key] == 1
        most = max(most, sum(active.values()))
        await go_on.wait()
        active[request.key] -= 1

    reconcile = Recorder(work)
    for name in "abcd":
        fake_api_server.create(CONFIGMAPS, configmap(name))
    informer = cluster.informer(CONFIGMAPS)
    controller = Controller(informer, reconcile, concurrency=3)
    async with running(controller):
        await reconcile.has(3)
        made = fake_api_server.patch(CONFIGMAPS, reconcile.keys[0], {"data": {"k": "v"}})
        await informer.wait_for(made["metadata"]["resourceVersion"])
        await anyio.wait_all_tasks_blocked()
        assert controller.statistics().active == 3
        go_on.set()
        await reconcile.has(5)
    assert most == 3
    assert controller.statistics().active == 0
    assert sorted(reconcile.keys)[:2] == [reconcile.keys[0]] * 2 or reconcile.keys.count(reconcile.keys[0]) == 2


async def test_mappers_and_predicates_that_raise_are_logged_and_counted_and_others_go_on(
    fake_api_server: FakeApiServer, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    told = list[str]()

    class Counting(Observer):
        def mapper_failed(self, controller: str) -> None:
            told.append(controller)

    def mapper(pod: RawObject) -> list[str]:
        return [f"default/{pod['metadata']['labels']['app']}"]

    def predicate(event: Any) -> bool:
        return bool(event.metadata["annotations"]["a"])

    reconcile = Recorder()
    pods = cluster.informer(PODS)
    controller = Controller(
        cluster.informer(CONFIGMAPS), reconcile, watches=[(pods, mapper)], predicates=[predicate], observer=Counting()
    )
    async with running(controller):
        fake_api_server.create(PODS, {"metadata": {"name": "p", "namespace": "default"}})
        fake_api_server.create(PODS, {"metadata": {"name": "q", "namespace": "default"}})
        fake_api_server.create(PODS, {"metadata": {"name": "r", "namespace": "default", "labels": {"app": "a"}}})
        await reconcile.has(1)
        fake_api_server.create(CONFIGMAPS, configmap("b"))
        await reconcile.has(2)
    assert reconcile.keys == ["default/a", "default/b"]  # what cannot be told passes the predicate
    assert [record.getMessage() for record in caplog.records] == [
        "mapper failed for default/p of v1/pods",
        "mapper failed for default/q of v1/pods",
        "predicate failed for default/b of v1/configmaps, the event passes",
    ]
    assert [record.exc_info is not None for record in caplog.records] == [True, False, True]
    assert [vars(record)["key"] for record in caplog.records] == ["default/p", "default/q", "default/b"]
    assert told == ["configmaps"] * 3
    assert controller.statistics().mapper_failures == 3


async def test_a_mapper_that_wakes_everybody_does_not_hold_the_loop(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    turn = 0
    added = Counter[int]()

    class Counting(Observer):
        def key_added(self, controller: str, depth: int) -> None:  # noqa: ARG002 - Observer's
            added[turn] += 1

    async def take_turns() -> None:
        nonlocal turn
        while True:
            await anyio.lowlevel.checkpoint()
            turn += 1

    def mapper(_: RawObject) -> list[str]:
        return [f"default/{number}" for number in range(1000)]

    reconcile = Recorder()
    watches = [(cluster.informer(PODS), mapper)]
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile, watches=watches, observer=Counting())
    async with running(controller), anyio.create_task_group() as tasks:
        tasks.start_soon(take_turns)
        fake_api_server.create(PODS, configmap("p"))
        await reconcile.has(1000)
        tasks.cancel_scope.cancel()
    assert sum(added.values()) == 1000
    assert max(added.values()) <= 500  # two portions, when trio shuffles the two tasks


async def test_a_mapper_that_asks_a_cancelled_task_ends_nobody(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    cancelled = iter([True, False])

    def mapper(_: RawObject) -> list[str]:
        if next(cancelled):
            raise asyncio.CancelledError  # as the result() of a task does
        return ["default/a"]

    reconcile = Recorder()
    pods = cluster.informer(PODS)
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile, watches=[(pods, mapper)])
    async with running(controller):
        fake_api_server.create(PODS, configmap("p"))
        await eventually(lambda: controller.statistics().mapper_failures == 1)
        fake_api_server.create(PODS, configmap("q"))
        await reconcile.has(1)


async def test_a_controller_is_named_after_its_resource(cluster: Cluster) -> None:
    assert Controller(cluster.informer(CONFIGMAPS), nothing).name == "configmaps"
    controller = Controller(cluster.informer(DEPLOYMENTS), nothing)
    assert controller.name == controller.queue.name == "deployments.apps"
    assert repr(controller) == "<Controller 'deployments.apps' of apps/v1/deployments: 0 running, 0 queued>"


async def test_two_of_one_name_do_not_run_in_one_cluster(cluster: Cluster, fake_api_server: FakeApiServer) -> None:
    informer = cluster.informer(CONFIGMAPS)
    first = Controller(informer, nothing)
    async with running(first):
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ValueError, match="two controllers of one cluster are called 'configmaps'"):
            await Controller(informer, nothing).run()
        async with connect(server=fake_api_server.url) as other, running(Controller(other.informer(PODS), nothing)):
            await anyio.lowlevel.checkpoint()
    again = Controller(informer, nothing)
    async with running(again):
        await anyio.lowlevel.checkpoint()


async def test_a_controller_runs_once(cluster: Cluster) -> None:
    controller = Controller(cluster.informer(CONFIGMAPS), nothing)
    controller.drain()
    await controller.run()
    with pytest.raises(UsageError, match="was run before"):
        await controller.run()


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"concurrency": -1},
        {"concurrency": 2.5},
        {"concurrency": float("nan")},
        {"reconcile_timeout": 0},
        {"reconcile_timeout": "5"},
        {"reconcile_timeout": float("nan")},
        {"resync_period": -1.0},
        {"resync_period": float("inf")},
    ],
)
async def test_numbers_out_of_range_are_refused(cluster: Cluster, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}="):
        Controller(cluster.informer(CONFIGMAPS), nothing, **options)


async def test_functions_of_the_wrong_kind_are_refused(cluster: Cluster) -> None:
    informer = cluster.informer(CONFIGMAPS)

    def plain(_: Request) -> None: ...

    async def is_async(*_: Any) -> list[str]:
        return []

    with pytest.raises(UsageError, match="plain is not async"):
        Controller(informer, plain)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(UsageError, match="is_async is async"):
        Controller(informer, nothing, watches=[(informer, is_async)])  # type: ignore[list-item]  # the mistake
    with pytest.raises(UsageError, match="is_async is async"):
        Controller(informer, nothing, predicates=[is_async])  # type: ignore[list-item]  # the mistake
    with pytest.raises(UsageError, match=r"on_error .*is_async is async"):
        Controller(informer, nothing, on_error=is_async)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(UsageError, match="is_async is async"):
        Filtered(informer, is_async)  # type: ignore[arg-type]  # the mistake


async def test_what_is_no_informer_function_or_list_is_refused(cluster: Cluster) -> None:
    informer = cluster.informer(CONFIGMAPS)
    make: Any = Controller  # the mistakes below are such as only types would find
    for arguments, options, message in (
        ((nothing, informer), {}, "the first argument is of type function: give an informer"),
        (("v1/pods", nothing), {}, "the first argument is of type str: give an informer"),
        ((informer, None), {}, "the reconcile is of type NoneType: give an async function"),
        ((informer, nothing), {"owns": informer}, "owns= is of type Informer: give a list"),
        ((informer, nothing), {"owns": ["v1/pods"]}, "an entry of owns= is of type str: give an informer"),
        ((informer, nothing), {"watches": [informer]}, "watches= has an entry of type Informer: give pairs"),
        ((informer, nothing), {"watches": [(informer,)]}, "watches= has an entry of type tuple: give pairs"),
        (
            (informer, nothing),
            {"watches": [(nothing, informer)]},
            "an entry of watches= is of type function: give an informer",
        ),
        ((informer, nothing), {"watches": [(informer, "keys")]}, "a mapper is of type str: give a function"),
        ((informer, nothing), {"predicates": labels_changed}, "predicates= is of type Predicate: give a list"),
        ((informer, nothing), {"predicates": ["a"]}, "a predicate is of type str: give functions"),
    ):
        with pytest.raises(UsageError, match=message):
            make(*arguments, **options)
    assert repr(Filtered(informer, labels_changed)) == "<Filtered v1/configmaps: labels_changed>"


async def test_what_another_cluster_has_can_be_watched_but_not_owned(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    async with connect(server=fake_api_server.url) as other:
        configmaps, pods = cluster.informer(CONFIGMAPS), other.informer(PODS)
        with pytest.raises(UsageError, match="owns= has an informer for v1/pods of another cluster"):
            Controller(configmaps, nothing, owns=[pods])
        Controller(configmaps, nothing, watches=[(pods, lambda _: [])])


async def test_informers_that_keep_too_little_are_refused(cluster: Cluster) -> None:
    configmaps, keys = cluster.informer(CONFIGMAPS), cluster.informer(PODS, retain="keys")
    with pytest.raises(UsageError, match=r'owns= needs the owner references of v1/pods, and retain="keys" keeps none'):
        Controller(configmaps, nothing, owns=[keys])
    for predicate in (
        labels_changed,
        Predicate(annotations_changed),
        ~labels_changed & bool,
        generation_changed | labels_changed,
    ):
        with pytest.raises(UsageError, match=r"_changed.* would see no change in v1/pods: retain="):
            Controller(keys, nothing, predicates=[predicate])
        with pytest.raises(UsageError, match=r"_changed.* would see no change in v1/pods: retain="):
            Filtered(keys, predicate)
        Controller(configmaps, nothing, predicates=[predicate])
    Controller(keys, nothing, predicates=[generation_changed & resource_version_changed])


async def test_an_informer_that_is_closed_ends_the_controller(cluster: Cluster, eventually: Eventually) -> None:
    configmaps, pods = cluster.informer(CONFIGMAPS), cluster.informer(PODS)
    controller = Controller(configmaps, nothing, watches=[(pods, lambda _: [])])
    ended = anyio.Event()

    async def run() -> None:
        with pytest.raises(InformerClosed, match="v1/pods"):
            await controller.run()
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await eventually(lambda: controller.is_started and pods.statistics().subscriptions)
        await pods.aclose()
        with anyio.fail_after(LIMIT):
            await ended.wait()


async def test_an_informer_that_fails_for_good_comes_out_as_its_own_error(fake_api_server: FakeApiServer) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))

    def indexer(item: RawObject) -> list[str]:
        return [item["data"]["missing"] if item["metadata"]["name"] == "b" else ""]

    reconcile = Recorder(lambda _: anyio.sleep_forever())

    async def run_connected() -> None:
        with anyio.fail_after(LIMIT):
            async with connect(server=fake_api_server.url) as cluster:
                await Controller(cluster.informer(CONFIGMAPS, indexers={"broken": indexer}), reconcile).run()

    async def create_b() -> None:
        await reconcile.has(1)
        fake_api_server.create(CONFIGMAPS, configmap("b"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(create_b)
        with pytest.raises(IndexerError, match="'default/b'"):  # alone: no group is around it
            await run_connected()


async def test_cancelling_run_cancels_what_runs(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    cleaned = anyio.Event()

    async def hang(_: Request[Any]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.set()

    reconcile = Recorder(hang)
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    async with running(controller):
        await reconcile.has(1)
    assert cleaned.is_set()
    assert controller.statistics().queue.is_shut_down
    assert controller.statistics().reconciles == {}


async def drained(controller: Controller[Any], before: Callable[[], Awaitable[None]], grace_period: float) -> None:
    """Run a controller, drain it when something has happened, and wait until it has ended."""
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(controller.run)
            await before()
            controller.drain(grace_period=grace_period)


async def test_draining_finishes_what_runs_and_what_is_queued(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    for name in "abc":
        fake_api_server.create(CONFIGMAPS, configmap(name))
    go_on = anyio.Event()

    async def work(_: Request[Any]) -> Result:
        await go_on.wait()
        return Result(requeue_after=0.001)

    reconcile = Recorder(work)
    informer = cluster.informer(CONFIGMAPS)
    controller = Controller(informer, reconcile, resync_period=1000)

    async def all_queued() -> None:
        await eventually(lambda: len(reconcile.keys) == 1 and len(controller.queue) == 2)
        go_on.set()

    await drained(controller, all_queued, 60)
    assert len(reconcile.keys) == 3
    made = fake_api_server.create(CONFIGMAPS, configmap("late"))
    await informer.wait_for(made["metadata"]["resourceVersion"])
    assert len(reconcile.keys) == 3


async def test_the_grace_period_ends_in_cancellation(
    fake_api_server: FakeApiServer, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "ab":
        fake_api_server.create(CONFIGMAPS, configmap(name))
    reconcile = Recorder(lambda _: anyio.sleep_forever())
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    await drained(controller, lambda: reconcile.has(1), 0.01)
    assert len(reconcile.keys) == 1
    assert "controller configmaps was not done within its grace period: 1 reconciles were cancelled, 1 " in caplog.text
    assert controller.statistics().active == 0


async def test_without_grace_nothing_is_told_if_nothing_runs(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    controller = Controller(cluster.informer(CONFIGMAPS), nothing)
    await drained(controller, anyio.wait_all_tasks_blocked, 0)
    assert caplog.records == []


async def test_draining_again_only_shortens_the_grace(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder(lambda _: anyio.sleep_forever())
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)

    async def drain_first() -> None:
        await reconcile.has(1)
        controller.drain(grace_period=0)

    await drained(controller, drain_first, 1000)


async def test_a_controller_drained_before_its_informers_are_in_sync_ends(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.deny(resource=CONFIGMAPS)
    reconcile = Recorder()
    await drained(Controller(cluster.informer(CONFIGMAPS), reconcile), anyio.wait_all_tasks_blocked, 60)
    assert reconcile.keys == []


@pytest.mark.parametrize("seconds", [-1, float("nan")])
async def test_a_grace_period_is_a_number_of_seconds(cluster: Cluster, seconds: float) -> None:
    with pytest.raises(ValueError, match="grace_period="):
        Controller(cluster.informer(CONFIGMAPS), nothing).drain(grace_period=seconds)


@pytest.mark.parametrize("fails", [False, True])
async def test_own_writes_are_seen_before_the_key_runs_again(
    fake_api_server: FakeApiServer, cluster: Cluster, *, fails: bool
) -> None:
    written = anyio.Event()
    path = Resource.parse(CONFIGMAPS).path("default", "a")
    seen = list[Any]()

    async def write(request: Request[Any]) -> Result:
        seen.append((request.object or {})["data"])
        body = {"data": {"k": "v"}}
        await request.cluster.request("PATCH", path, body, content_type="application/merge-patch+json")
        written.set()
        if fails:
            raise KeyError
        return Result(requeue_after=0)

    fake_api_server.create(CONFIGMAPS, configmap("a"))
    fake_api_server.play(Script([Stall(on="watch-list", after_events=len(["a", "the bookmark"]))]))
    informer = cluster.informer(CONFIGMAPS)
    reconcile = Recorder(write)
    async with running(Controller(informer, reconcile, read_your_writes=True)):
        with anyio.fail_after(LIMIT):
            await written.wait()
        await anyio.wait_all_tasks_blocked()
        assert reconcile.keys == ["default/a"]
        fake_api_server.stop_faults()  # the stream goes on
        await reconcile.has(2)
    assert seen[:2] == [{}, {"k": "v"}]


async def test_the_observer_is_told(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    told = list[tuple[Any, ...]]()

    class Telling(Observer):
        def controller_started(self, controller: str, concurrency: int) -> None:
            told.append((controller, "started", concurrency))

        def reconcile_finished(self, controller: str, outcome: str, seconds: float) -> None:
            assert 0 <= seconds < LIMIT
            told.append((controller, outcome))

        def reconciles_active(self, controller: str, active: int) -> None:
            told.append((controller, active))

    async def fail_once(request: Request[Any]) -> None:
        await anyio.lowlevel.checkpoint()
        if request.attempt == 1:
            raise KeyError

    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder(fail_once)
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile, name="mine", observer=Telling(), concurrency=2)
    async with running(controller):
        await reconcile.has(2)
        await anyio.wait_all_tasks_blocked()
    one_run = [("mine", 1), ("mine", "error"), ("mine", 0)]
    assert told == [("mine", "started", 2), *one_run, ("mine", 1), ("mine", "success"), ("mine", 0)]


async def test_a_trace_surrounds_each_reconcile(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    spans = list[str]()

    @contextmanager
    def span(request: Request[Any]) -> Iterator[None]:
        spans.append(request.key)
        yield

    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()
    async with running(Controller(cluster.informer(CONFIGMAPS), reconcile, trace=span)):
        await reconcile.has(1)
    assert spans == ["default/a"]


async def test_a_queue_of_ones_own_is_used(cluster: Cluster) -> None:
    queue = WorkQueue("own")
    reconcile = Recorder()
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile, queue=queue)
    async with running(controller):
        queue.add("default/asked")
        await reconcile.has(1)
    assert reconcile.keys == ["default/asked"]


async def test_a_fence_that_raises_ends_it_before_the_reconcile(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()

    def fence() -> None:
        raise PermissionError

    with anyio.fail_after(LIMIT), pytest.raises(PermissionError):
        await Controller(cluster.informer(CONFIGMAPS), reconcile).run(fence=fence)
    assert reconcile.keys == []


async def test_a_reconcile_that_is_not_async_after_all_is_told(
    fake_api_server: FakeApiServer, cluster: Cluster, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    controller = Controller(cluster.informer(CONFIGMAPS), lambda _: 3)  # type: ignore[arg-type,return-value]  # the mistake
    async with running(controller):
        await eventually(lambda: controller.statistics().reconciles.get("error"))
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "<lambda> gave int, nothing to await, for 'default/a'" in record.getMessage()
    assert record.exc_info is None, "the frames would be ours alone"


async def test_blocked_loops_are_counted(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "BLOCKED", -1.0)  # whatever a step takes is too long
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    controller = Controller(cluster.informer(CONFIGMAPS), nothing)
    async with running(controller):
        await eventually(lambda: controller.statistics().reconciles.get("success"))
    assert controller.statistics().blocked == 1
