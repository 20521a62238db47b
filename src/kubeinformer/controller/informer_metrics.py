"""What the informers of a cluster have counted, for Prometheus: ``kubeinformer_*``.

Rules. The values are read from ``Informer.statistics()`` at each scrape. Labels say which collection an informer
mirrors: ``resource``, ``namespace``, ``label_selector``, ``field_selector``; empty for none. If several informers
mirror the same collection but keep different parts of it, the label ``informer`` tells them apart; the first is 1. A
closed informer has no metrics any more.
"""

from collections.abc import Iterator, Sequence
from typing import Any, final
from weakref import WeakKeyDictionary

import anyio
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from kubeinformer import Cluster, Informer, InformerStatistics, UsageError

__all__ = ["InformerCollector", "check_event_loop"]

_LABELS = ("resource", "namespace", "label_selector", "field_selector", "informer")

# The metric's name behind "kubeinformer_", what it says, and the field of the statistics.
_COUNTERS = (
    ("received_bytes", "Bytes read off the wire.", "received_bytes"),
    ("decoded_bytes", "The same after decompression.", "decoded_bytes"),
    ("events", "Watch events and list items received.", "events"),
    ("changes", "Changes that reached the store.", "changes"),
    ("syncs", "Completed snapshots: the first and each resync.", "syncs"),
    ("consistency_checks", "Comparisons with the server that came to a result.", "checks"),
    ("divergences", "Comparisons that found a difference.", "divergences"),
)
_COUNTERS_BY = (
    ("requests", "Requests sent, by kind.", "kind", "requests"),
    ("resyncs", "Positions lost, so that a new snapshot was needed, by reason.", "reason", "resyncs"),
    ("failures", "Requests that failed, by error.", "error", "failures"),
)
_GAUGES = (
    ("objects", "Objects in the store.", "objects"),
    ("stored_bytes", "Bytes of all kept bodies.", "stored_bytes"),
    ("subscriptions", "Open readers of events.", "subscriptions"),
    ("pending", "Keys that those readers have not taken yet.", "pending"),
)


def check_event_loop() -> None:
    """Raise `UsageError` unless this runs in an event loop: what it changes must not be read in another thread."""
    try:
        anyio.current_time()
    except RuntimeError:
        raise UsageError(
            "metrics of informers and queues were asked for outside of the event loop, as by a thread of "
            "prometheus_client.start_http_server: use serve_health(), or Metrics.render() in a task"
        ) from None


@final
class InformerCollector(Collector):
    """Reads the informers of some clusters at each scrape."""

    def __init__(self, clusters: Sequence[Cluster]) -> None:
        self._clusters = clusters
        self._numbers: WeakKeyDictionary[Informer[Any], int] = WeakKeyDictionary()

    def describe(self) -> Iterator[Metric]:
        """The families without samples: lets a registry find names that it has already."""
        yield from _Families().all()

    def collect(self) -> Iterator[Metric]:
        """Called for each scrape."""
        check_event_loop()
        families = _Families()
        informers = [informer for cluster in self._clusters for informer in cluster.informers]
        used: dict[tuple[str, ...], set[int]] = {}
        for informer in sorted(informers, key=lambda informer: informer not in self._numbers):  # who has one keeps it
            labels = _labels(informer)
            taken = used.setdefault(labels, set())
            number = self._numbers.setdefault(informer, next(n for n in range(1, len(informers) + 1) if n not in taken))
            taken.add(number)
            families.add([*labels, str(number)], informer, informer.statistics())
        yield from families.all()


class _Families:
    """One scrape's worth of metrics."""

    def __init__(self) -> None:
        self._counters = [
            (CounterMetricFamily(f"kubeinformer_{name}", text, labels=_LABELS), field)
            for name, text, field in _COUNTERS
        ]
        self._counters_by = [
            (CounterMetricFamily(f"kubeinformer_{name}", text, labels=(*_LABELS, label)), field)
            for name, text, label, field in _COUNTERS_BY
        ]
        self._gauges = [
            (GaugeMetricFamily(f"kubeinformer_{name}", text, labels=_LABELS), field) for name, text, field in _GAUGES
        ]
        self._live = GaugeMetricFamily("kubeinformer_live", "1 while live changes flow.", labels=_LABELS)
        self._staleness = GaugeMetricFamily(
            "kubeinformer_staleness_seconds",
            "Seconds since the server last proved the store to be current. Not there before the first sync.",
            labels=_LABELS,
        )

    def add(self, labels: list[str], informer: Informer[Any], found: InformerStatistics) -> None:
        for counter, field in self._counters:
            counter.add_metric(labels, getattr(found, field))
        for counter, field in self._counters_by:
            for reason, count in getattr(found, field).items():
                counter.add_metric([*labels, reason], count)
        for gauge, field in self._gauges:
            gauge.add_metric(labels, getattr(found, field))
        self._live.add_metric(labels, informer.is_live)
        staleness = informer.staleness
        if staleness is not None:
            self._staleness.add_metric(labels, staleness)

    def all(self) -> Iterator[Metric]:
        for family, _ in (*self._counters, *self._counters_by, *self._gauges):
            yield family
        yield from (self._live, self._staleness)


def _labels(informer: Informer[Any]) -> tuple[str, ...]:
    return (informer.resource, informer.namespace or "", informer.label_selector, informer.field_selector)
