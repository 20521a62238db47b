"""Metrics for Prometheus, with the names that controller-runtime uses. Needs the extra ``kubeinformer[metrics]``.

Rules. Names, labels, results and buckets are those of controller-runtime, so that its dashboards and alerts work:
``workqueue_*{name,controller}`` and ``controller_runtime_*{controller}``. As there, a terminal error and a timeout
count as errors, too, and ``workqueue_retries_total`` counts every key that was delayed, after a failure or on request.
Panics do not exist here, nor does the result ``requeue``. Only ``kubeinformer_mapper_failures_total`` is our own.

Theory. What grows with each key is counted when it happens. What is a state (depth, work in progress, an informer's
counters) is read at each scrape: between scrapes this costs nothing, and no change can be missed. A scrape reads what
the event loop changes, so it has to run in the event loop, not in a thread of a server such as prometheus_client's.
`Metrics.render` and `serve_health` do that.

Not here. What informers report (``informer_metrics``); the server (``health_server``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, final
from weakref import WeakValueDictionary

from kubeinformer import Cluster
from kubeinformer.controller.observer import Observer

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as _error:
    if _error.name != "prometheus_client":
        raise
    raise ModuleNotFoundError(
        "kubeinformer.controller.metrics needs prometheus-client: pip install 'kubeinformer[metrics]'", name=_error.name
    ) from _error

from kubeinformer.controller.informer_metrics import InformerCollector, check_event_loop

if TYPE_CHECKING:
    from kubeinformer.controller._queue.queue import WorkQueue

__all__ = ["Metrics"]

_QUEUE = ("name", "controller")
_QUEUE_BUCKETS = tuple(10.0**power for power in range(-8, 4))  # seconds: 10 ns to 1000 s, a bucket each power of ten
_RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    *(1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60),
)
_RESULTS = {"success": "success", "requeue_after": "requeue_after"}  # everything else is an error


@final
class Metrics(Observer):
    """Counts what controllers do, and reads what informers have counted: ``Controller(..., observer=metrics)``.

    Args:
        clusters: The clusters whose informers are included, as ``kubeinformer_*{resource,namespace,...}``.
        registry: Where the metrics go; None for the registry of prometheus_client, which has the metrics of the
            process, too.

    Raises:
        ValueError: The registry already has such metrics: one `Metrics` is enough for all controllers.
        ModuleNotFoundError: On importing this module, without the extra ``metrics``.
    """

    def __init__(self, *clusters: Cluster, registry: CollectorRegistry | None = None) -> None:
        self.registry: CollectorRegistry = REGISTRY if registry is None else registry
        self._queues = _QueueCollector()
        self._collectors: list[Collector] = []
        self._adds = self._counter("workqueue_adds_total", "Keys that came to wait.", _QUEUE)
        self._retries = self._counter("workqueue_retries_total", "Keys that were put off.", _QUEUE)
        self._waits = self._histogram(
            "workqueue_queue_duration_seconds", "How long keys were ready before they were taken.", _QUEUE
        )
        self._works = self._histogram("workqueue_work_duration_seconds", "How long keys were worked on.", _QUEUE)
        self._results = self._counter(
            "controller_runtime_reconcile_total", "Reconciles, by what they came to.", ("controller", "result")
        )
        self._errors = self._counter("controller_runtime_reconcile_errors_total", "Reconciles that failed.")
        self._terminals = self._counter(
            "controller_runtime_terminal_reconcile_errors_total", "Those of them that are not tried again."
        )
        self._timeouts = self._counter("controller_runtime_reconcile_timeouts_total", "Those that took too long.")
        self._times = self._histogram(
            "controller_runtime_reconcile_time_seconds", "How long reconciles took.", buckets=_RECONCILE_BUCKETS
        )
        self._concurrency = self._gauge(
            "controller_runtime_max_concurrent_reconciles", "How many reconciles may run at once."
        )
        self._active = self._gauge("controller_runtime_active_workers", "How many reconciles run now.")
        self._mapper_failures = self._counter(
            "kubeinformer_mapper_failures_total", "Predicates and mappers that raised."
        )
        for collector in (self._queues, *([InformerCollector(clusters)] if clusters else ())):
            self._register(collector)

    def close(self) -> None:
        """Remove all of its metrics from the registry, so that another `Metrics` can use it."""
        while self._collectors:
            self.registry.unregister(self._collectors.pop())

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics of the registry as a scraper wants them, and their content type. Call it in the event
        loop.

        Args:
            accept: The ``Accept`` header of the request; empty for the text format of Prometheus.

        Raises:
            UsageError: It was called outside of the event loop.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def queue_opened(self, queue: "WorkQueue[Any]") -> None:
        """See `Observer`. Of two queues with the same name, only the later one is included."""
        self._queues.add(queue)
        for metric in (self._adds, self._retries, self._waits, self._works):
            metric.labels(queue.name, queue.name)  # from now on it is 0, rather than not there

    def key_added(self, controller: str, depth: int) -> None:  # noqa: ARG002 - the depth is read when somebody looks
        """See `Observer`."""
        self._adds.labels(controller, controller).inc()

    def key_started(self, controller: str, waited: float, depth: int) -> None:  # noqa: ARG002 - as above
        """See `Observer`."""
        self._waits.labels(controller, controller).observe(waited)

    def key_done(self, controller: str, worked: float) -> None:
        """See `Observer`."""
        self._works.labels(controller, controller).observe(worked)

    def key_retried(self, controller: str) -> None:
        """See `Observer`."""
        self._retries.labels(controller, controller).inc()

    def controller_started(self, controller: str, concurrency: int) -> None:
        """See `Observer`."""
        self._concurrency.labels(controller).set(concurrency)
        for metric in (self._errors, self._terminals, self._timeouts, self._times, self._active, self._mapper_failures):
            metric.labels(controller)
        for result in (*_RESULTS.values(), "error"):
            self._results.labels(controller, result)

    def reconcile_finished(self, controller: str, outcome: str, seconds: float) -> None:
        """See `Observer`."""
        result = _RESULTS.get(outcome, "error")
        self._results.labels(controller, result).inc()
        self._times.labels(controller).observe(seconds)
        if result == "error":
            self._errors.labels(controller).inc()
        if outcome == "terminal":
            self._terminals.labels(controller).inc()
        if outcome == "timeout":
            self._timeouts.labels(controller).inc()

    def mapper_failed(self, controller: str) -> None:
        """See `Observer`."""
        self._mapper_failures.labels(controller).inc()

    def reconciles_active(self, controller: str, active: int) -> None:
        """See `Observer`."""
        self._active.labels(controller).set(active)

    def _register(self, collector: Collector) -> None:
        try:
            self.registry.register(collector)
        except ValueError as error:
            self.close()  # with what has been registered so far, no second try would ever succeed
            raise ValueError(
                f"this registry has metrics of a controller already ({error}): use one Metrics for all controllers, "
                "close() the other, or give it a registry of its own"
            ) from None
        self._collectors.append(collector)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ("controller",)) -> Counter:
        counter = Counter(name, text, labels, registry=None)
        self._register(counter)
        return counter

    def _gauge(self, name: str, text: str) -> Gauge:
        gauge = Gauge(name, text, ("controller",), registry=None)
        self._register(gauge)
        return gauge

    def _histogram(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...] = ("controller",),
        buckets: tuple[float, ...] = _QUEUE_BUCKETS,
    ) -> Histogram:
        histogram = Histogram(name, text, labels, registry=None, buckets=buckets)
        self._register(histogram)
        return histogram


class _QueueCollector(Collector):
    """Reads the state of all work queues at each scrape. Keeps none of them alive."""

    def __init__(self) -> None:
        self._queues: WeakValueDictionary[str, WorkQueue[Any]] = WeakValueDictionary()

    def add(self, queue: "WorkQueue[Any]") -> None:
        self._queues[queue.name] = queue

    def describe(self) -> Iterator[Metric]:
        """The families without samples: lets a registry find names that it has already."""
        yield from _queue_families()

    def collect(self) -> Iterator[Metric]:
        """Called for each scrape."""
        depth, unfinished, longest = _queue_families()
        queues = list(self._queues.items())
        if queues:
            check_event_loop()
        for name, queue in queues:
            found = queue.statistics()
            for priority, keys in {0: 0, **found.depth}.items():
                depth.add_metric([name, name, str(priority)], keys)
            unfinished.add_metric([name, name], found.unfinished_work)
            longest.add_metric([name, name], found.longest_running)
        yield from (depth, unfinished, longest)


def _queue_families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily("workqueue_depth", "Keys that are ready, by priority.", labels=(*_QUEUE, "priority")),
        GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "Seconds that keys in work have taken so far, together.", labels=_QUEUE
        ),
        GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "Seconds that the longest of them has taken.", labels=_QUEUE
        ),
    )
