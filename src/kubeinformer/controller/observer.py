"""What a controller reports to metrics or tracing: the interface between them.

Rules. All methods do nothing here. A subclass overrides those that it needs, so methods that are added later do not
break it. They are called in the event loop, in the middle of the work. They must be quick and must not raise, because
an exception ends the controller. Seconds are durations on a monotonic clock. No key is reported, because there are too
many keys for labels.

Not here. Metrics for Prometheus (``metrics``).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeinformer.controller._queue.queue import WorkQueue

__all__ = ["Observer"]


class Observer:
    """Is told what queues and controllers do. Every method does nothing unless a subclass overrides it.

    ``controller`` is the name of the controller, which is also the name of its queue. The methods are called in the
    event loop. They must be quick and must not raise: an exception ends the controller.
    """

    def queue_opened(self, queue: "WorkQueue[Any]") -> None:
        """A ``queue`` was made. Its ``statistics()`` has what is only counted when somebody asks."""

    def key_added(self, controller: str, depth: int) -> None:
        """A key that was not waiting has begun to wait; ``depth`` keys are ready now.

        A delayed key counts when its time has come.
        """

    def key_started(self, controller: str, waited: float, depth: int) -> None:
        """A key was handed out after it was ready for ``waited`` seconds; ``depth`` other keys are ready."""

    def key_done(self, controller: str, worked: float) -> None:
        """A key is no longer being processed; the processing took ``worked`` seconds."""

    def key_retried(self, controller: str) -> None:
        """A key was delayed, to be processed later: after a failure, or because this was requested."""

    def controller_started(self, controller: str, concurrency: int) -> None:
        """A controller has started, with at most ``concurrency`` reconciles at the same time."""

    def reconcile_finished(self, controller: str, outcome: str, seconds: float) -> None:
        """A reconcile has ended after ``seconds``.

        ``outcome`` is ``success``, ``requeue_after``, ``error``, ``terminal`` or ``timeout``.
        """

    def mapper_failed(self, controller: str) -> None:
        """A predicate or mapper has raised."""

    def reconciles_active(self, controller: str, active: int) -> None:
        """The number of running reconciles is now ``active``."""
