"""Controllers: what reconciles, on informers. Public API only: nothing here reaches below ``kubeinformer``.

::

    running     run_controllers: several as one program, signals
    controller  Controller: informers, queue and reconcile put together; behind it ``intake`` (events to keys, with
                ``mapping`` and ``predicates``), ``invoking`` (one call), ``outcomes`` (what follows from it)
    request     Request, Result: what a reconcile sees and gives
"""

from kubeinformer.controller.controller import Controller
from kubeinformer.controller.invoking import Reconcile, Trace
from kubeinformer.controller.mapping import Mapper
from kubeinformer.controller.observer import Observer
from kubeinformer.controller.outcomes import OnError
from kubeinformer.controller.predicates import (
    Filtered,
    ObjectEvent,
    Predicate,
    annotations_changed,
    generation_changed,
    labels_changed,
    resource_version_changed,
)
from kubeinformer.controller.queue import LOW_PRIORITY, QueueShutDown, QueueStatistics, WorkQueue
from kubeinformer.controller.request import Request, Result
from kubeinformer.controller.running import run_controllers
from kubeinformer.controller.statistics import ControllerStatistics
from kubeinformer.errors import BadReconcile, ReconcileTimeout, StrayCancellation, Terminal

__all__ = [
    "LOW_PRIORITY",
    "BadReconcile",
    "Controller",
    "ControllerStatistics",
    "Filtered",
    "Mapper",
    "ObjectEvent",
    "Observer",
    "OnError",
    "Predicate",
    "QueueShutDown",
    "QueueStatistics",
    "Reconcile",
    "ReconcileTimeout",
    "Request",
    "Result",
    "StrayCancellation",
    "Terminal",
    "Trace",
    "WorkQueue",
    "annotations_changed",
    "generation_changed",
    "labels_changed",
    "resource_version_changed",
    "run_controllers",
]
