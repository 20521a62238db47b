"""What a controller has done so far."""

from dataclasses import dataclass

from kubeinformer.controller._queue.queue import QueueStatistics

__all__ = ["ControllerStatistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStatistics:
    """What a controller has done so far. Counters only grow.

    Attributes:
        name: The controller's.
        is_started: Whether all informers are in sync and keys are being reconciled.
        active: Reconciles that run now.
        reconciles: How many came to what: ``success``, ``requeue_after``, ``error``, ``timeout``, ``terminal``.
        mapper_failures: Predicates and mappers that raised.
        blocked: Steps of reconciles that kept the event loop for over a second.
        queue: The work queue's.
    """

    name: str
    is_started: bool
    active: int
    reconciles: dict[str, int]
    mapper_failures: int
    blocked: int
    queue: QueueStatistics
