"""Controllers: what reconciles, on informers. Public API only: nothing here reaches below ``kubeinformer``.

- ``running``: `run_controllers`: several as one program, signals
- ``controller``: `Controller`: informers, queue and reconcile put together; behind it ``intake`` (events to keys, with
  ``mapping`` and ``predicates``), ``invoking`` (one call of the reconcile), ``outcomes`` (what follows from it)
- ``request``: `Request`, `Result`: what a reconcile sees and gives
- ``queue``: `WorkQueue`: which key is next; behind it ``schedule`` (pure) and ``limits``; ``observer``: `Observer`
- ``health_server``: `serve_health`: probes and metrics over HTTP; behind it ``health`` (checks) and ``http_answers``
- ``metrics``: ``Metrics``, an `Observer` for Prometheus, imported by who wants it; behind it ``informer_metrics``
- ``leader_election``: `LeaderElection`; behind it ``lease`` (pure), ``lease_attempts`` and ``lease_client``
- ``server_side_apply``, ``finalizers``: writing objects; ``owners``, ``conditions``: what stands in them
- ``event_recorder``: `EventRecorder`; behind it ``event_series`` and ``event_bodies`` (pure)
"""

from kubeinformer.controller.conditions import ConditionStatus, get_condition, is_condition_true, set_condition
from kubeinformer.controller.controller import Controller
from kubeinformer.controller.event_recorder import EventRecorder, EventType
from kubeinformer.controller.finalizers import ensure_finalizer, finalized, remove_finalizer
from kubeinformer.controller.health import Check
from kubeinformer.controller.health_server import HealthServer, serve_health
from kubeinformer.controller.invoking import Reconcile, Trace
from kubeinformer.controller.leader_election import LeaderElection
from kubeinformer.controller.mapping import Mapper
from kubeinformer.controller.observer import Observer
from kubeinformer.controller.outcomes import OnError
from kubeinformer.controller.owners import owner_reference, set_controller_reference
from kubeinformer.controller.predicates import (
    Filtered,
    ObjectEvent,
    Predicate,
    annotations_changed,
    generation_changed,
    labels_changed,
    resource_version_changed,
)
from kubeinformer.controller.queue import LOW_PRIORITY, QueueStatistics, WorkQueue
from kubeinformer.controller.request import Request, Result
from kubeinformer.controller.running import run_controllers
from kubeinformer.controller.server_side_apply import apply, apply_status
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
