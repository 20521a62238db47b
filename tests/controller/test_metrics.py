import subprocess
import sys

import anyio
import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from tests.controller.harness import CONFIGMAPS, Recorder, configmap, running

from kubeinformer import Cluster, UsageError
from kubeinformer.controller import LOW_PRIORITY, Controller, Request, Terminal, WorkQueue
from kubeinformer.controller.metrics import Metrics
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(registry=CollectorRegistry())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    if name.startswith("workqueue_"):
        labels = {"name": labels["controller"]} | labels
    return metrics.registry.get_sample_value(name, labels)


async def test_a_controller_in_figures(
    fake_api_server: FakeApiServer, cluster: Cluster, metrics: Metrics, eventually: Eventually
) -> None:
    for name in ("a", "b", "c"):
        fake_api_server.create(CONFIGMAPS, configmap(name))

    async def act(request: Request) -> None:
        if request.name == "b" and request.attempt == 1:
            raise RuntimeError("once")
        if request.name == "c":
            raise Terminal("never")

    recorder = Recorder(act)
    controller = Controller(cluster.informer(CONFIGMAPS), recorder, name="web", concurrency=2, observer=metrics)
    async with running(controller):
        await recorder.has(4)
        await eventually(lambda: controller.statistics().active == 0)

        def of(name: str, **labels: str) -> float | None:
            return value(metrics, name, controller="web", **labels)

        assert of("controller_runtime_reconcile_total", result="success") == 2
        assert of("controller_runtime_reconcile_total", result="error") == 2
        assert of("controller_runtime_reconcile_total", result="requeue_after") == 0
        assert of("controller_runtime_reconcile_errors_total") == 2
        assert of("controller_runtime_terminal_reconcile_errors_total") == 1
        assert of("controller_runtime_reconcile_timeouts_total") == 0
        assert of("controller_runtime_reconcile_time_seconds_count") == 4
        assert of("controller_runtime_reconcile_time_seconds_bucket", le="60.0") == 4
        assert of("controller_runtime_max_concurrent_reconciles") == 2
        assert of("controller_runtime_active_workers") == 0
        assert of("kubeinformer_mapper_failures_total") == 0
        assert of("workqueue_adds_total") == 4
        assert of("workqueue_retries_total") == 1
        assert of("workqueue_queue_duration_seconds_count") == 4
        assert of("workqueue_work_duration_seconds_count") == 4
        assert of("workqueue_queue_duration_seconds_bucket", le="1e-08") is not None
        assert of("workqueue_queue_duration_seconds_bucket", le="1000.0") == 4
        assert of("workqueue_depth", priority="0") == 0
        assert of("workqueue_unfinished_work_seconds") == 0
        assert of("workqueue_longest_running_processor_seconds") == 0


async def test_outcomes_are_counted_as_controller_runtime_does(metrics: Metrics) -> None:
    for outcome in ("success", "requeue_after", "error", "terminal", "timeout"):
        metrics.reconcile_finished("web", outcome, 0.3)
    metrics.mapper_failed("web")
    metrics.reconciles_active("web", 3)
    results = {
        result: value(metrics, "controller_runtime_reconcile_total", controller="web", result=result)
        for result in ("success", "requeue_after", "error", "requeue")
    }
    assert results == {"success": 1, "requeue_after": 1, "error": 3, "requeue": None}
    assert value(metrics, "controller_runtime_reconcile_errors_total", controller="web") == 3
    assert value(metrics, "controller_runtime_terminal_reconcile_errors_total", controller="web") == 1
    assert value(metrics, "controller_runtime_reconcile_timeouts_total", controller="web") == 1
    assert value(metrics, "controller_runtime_active_workers", controller="web") == 3
    assert value(metrics, "kubeinformer_mapper_failures_total", controller="web") == 1


async def test_the_state_of_a_queue_is_read_when_somebody_looks(metrics: Metrics) -> None:
    now = 0.0
    queue: WorkQueue = WorkQueue("web", observer=metrics, clock=lambda: now)
    for key in ("a", "b", "c"):
        queue.add(key)
    queue.add("low", priority=LOW_PRIORITY)
    await queue.get()
    now = 5.0
    await queue.get()
    now = 7.0
    assert value(metrics, "workqueue_depth", controller="web", priority="0") == 1
    assert value(metrics, "workqueue_depth", controller="web", priority="-100") == 1
    assert value(metrics, "workqueue_unfinished_work_seconds", controller="web") == 9
    assert value(metrics, "workqueue_longest_running_processor_seconds", controller="web") == 7
    del queue
    assert value(metrics, "workqueue_depth", controller="web", priority="0") is None
    assert value(metrics, "workqueue_adds_total", controller="web") == 4


async def test_another_thread_may_not_look(metrics: Metrics, cluster: Cluster) -> None:
    await anyio.to_thread.run_sync(metrics.render)  # there is nothing yet that could change meanwhile
    queue: WorkQueue = WorkQueue("web", observer=metrics)
    with pytest.raises(UsageError, match=r"outside of the event loop, as by a thread of prometheus_client"):
        await anyio.to_thread.run_sync(metrics.render)
    assert len(queue) == 0
    of_informers = Metrics(cluster, registry=CollectorRegistry())
    cluster.informer(CONFIGMAPS)
    with pytest.raises(UsageError, match="outside of the event loop"):
        await anyio.to_thread.run_sync(of_informers.render)


def test_one_registry_takes_one() -> None:
    registry = CollectorRegistry()
    first = Metrics(registry=registry)
    with pytest.raises(ValueError, match=r"^this registry has metrics of a controller already .* use one Metrics"):
        Metrics(registry=registry)
    first.close()
    first.close()
    Metrics(registry=registry).close()
    assert list(registry.collect()) == []


def test_the_process_registry_is_the_default() -> None:
    metrics = Metrics()
    try:
        assert metrics.registry is REGISTRY
        text, content_type = metrics.render()
        assert b"process_resident_memory_bytes" in text
        assert b"workqueue_depth" in text
        assert content_type.startswith("text/plain")
    finally:
        metrics.close()


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "import kubeinformer.controller\n"
        "try: import kubeinformer.controller.metrics\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert found.stdout.strip() == (
        "kubeinformer.controller.metrics needs prometheus-client: pip install 'kubeinformer[metrics]'"
    )


def test_a_broken_installation_is_not_mistaken_for_a_missing_one() -> None:
    code = (
        "import sys; sys.modules['prometheus_client.core'] = None\n"
        "try: import kubeinformer.controller.metrics\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert found.stdout.strip() == "prometheus_client.core"


def test_controllers_do_not_import_it() -> None:
    code = "import sys, kubeinformer.controller; print('prometheus_client' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert found.stdout.strip() == "False"
