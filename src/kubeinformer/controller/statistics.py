"""The state of a controller, and what it has done so far."""

from dataclasses import dataclass

from kubeinformer.controller._queue.queue import QueueStatistics

__all__ = ["ControllerStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStatistics:
    """The current state of a controller, and what it has done so far. Counters only grow.

    Attributes:
        name: The name of the controller.
        is_started: Whether all informers are in sync and keys are being reconciled.
        active: Reconciles that are running now.
        reconciles: The number of reconciles by outcome: ``success``, ``requeue_after``, ``error``, ``timeout``,
            ``terminal``.
        mapper_failures: How often a predicate or mapper raised.
        blocked: How many steps of reconciles blocked the event loop for more than a second.
        queue: The statistics of the work queue.
    """

    name: str
    is_started: bool
    active: int
    reconciles: dict[str, int]
    mapper_failures: int
    blocked: int
    queue: QueueStatistics
