"""Controllers: reconcile loops, built on informers. They use the public API only, nothing below ``kubeinformer``.

The modules, from what a user writes down to what it is built on:

- ``running``: `run_controllers`, which runs several controllers as one program and obeys signals
- ``controller``: `Controller`, which puts informers, queue and reconcile together
- ``_intake``: from events to keys: `Filtered`, predicates, mappers, owners, resyncs
- ``_reconciling``: one call of the reconcile, and what follows from it; ``request``: `Request`, `Result`
- ``_queue``: `WorkQueue`, which says which key is next
- ``_probes``: `serve_health`; ``metrics``: ``Metrics``, an `Observer` for Prometheus, which users import themselves
- ``_election``: `LeaderElection`
- ``_objects``: server-side apply, finalizers, owners, conditions; ``_recording``: `EventRecorder`
"""

from kubeinformer.controller._election.leader_election import LeaderElection
from kubeinformer.controller._intake.mapping import Mapper
from kubeinformer.controller._intake.predicates import (
    Filtered,
    ObjectEvent,
    Predicate,
    annotations_changed,
    generation_changed,
    labels_changed,
    resource_version_changed,
)
from kubeinformer.controller._objects.conditions import ConditionStatus, get_condition, is_condition_true, set_condition
from kubeinformer.controller._objects.finalizers import ensure_finalizer, finalized, remove_finalizer
from kubeinformer.controller._objects.owners import owner_reference, set_controller_reference
from kubeinformer.controller._objects.server_side_apply import apply, apply_status
from kubeinformer.controller._probes.health import Check
from kubeinformer.controller._probes.health_server import HealthServer, serve_health
from kubeinformer.controller._queue.queue import LOW_PRIORITY, QueueStatistics, WorkQueue
from kubeinformer.controller._reconciling.invoking import Reconcile, Trace
from kubeinformer.controller._reconciling.outcomes import OnError
from kubeinformer.controller._recording.event_recorder import EventRecorder, EventType
from kubeinformer.controller.controller import Controller
from kubeinformer.controller.observer import Observer
from kubeinformer.controller.request import Request, Result
from kubeinformer.controller.running import run_controllers
from kubeinformer.controller.statistics import ControllerStatistics
from kubeinformer.errors import QueueShutDown, Terminal

__all__ = [
    "LOW_PRIORITY",
    "Check",
    "ConditionStatus",
    "Controller",
    "ControllerStatistics",
    "EventRecorder",
    "EventType",
    "Filtered",
    "HealthServer",
    "LeaderElection",
    "Mapper",
    "ObjectEvent",
    "Observer",
    "OnError",
    "Predicate",
    "QueueShutDown",
    "QueueStatistics",
    "Reconcile",
    "Request",
    "Result",
    "Terminal",
    "Trace",
    "WorkQueue",
    "annotations_changed",
    "apply",
    "apply_status",
    "ensure_finalizer",
    "finalized",
    "generation_changed",
    "get_condition",
    "is_condition_true",
    "labels_changed",
    "owner_reference",
    "remove_finalizer",
    "resource_version_changed",
    "run_controllers",
    "serve_health",
    "set_condition",
    "set_controller_reference",
]
