"""What a controller tells whoever measures it: the seam between controllers and metrics or tracing.

Rules. All methods do nothing here; a subclass overrides those it wants, and those added later do not break it. They are
called in the event loop, in the middle of things: they must be quick, and must not raise, because what they raise ends
the controller. Seconds are durations on a monotonic clock. No key is told: keys are too many to be labels.
Not here. Metrics for Prometheus (``metrics``).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeinformer.controller._queue.queue import WorkQueue

__all__ = ["Observer"]


class Observer:
    """Is told what queues and controllers do. Every method does nothing unless a subclass overrides it.

    ``controller`` is the controller's name, which is its queue's name, too.
    """

    def queue_opened(self, queue: "WorkQueue[Any]") -> None:
        """A ``queue`` was made. Ask its ``statistics()`` for what is counted only when somebody looks."""

    def key_added(self, controller: str, depth: int) -> None:
        """A key has come to wait that did not wait before; ``depth`` keys are ready now.

        A delayed one counts when its time has come.
        """

    def key_started(self, controller: str, waited: float, depth: int) -> None:
        """A key was handed out after ``waited`` seconds in which it was ready; ``depth`` others are ready."""

    def key_done(self, controller: str, worked: float) -> None:
        """A key is worked on no more, after ``worked`` seconds."""

    def key_retried(self, controller: str) -> None:
        """A key was put off, to be worked on later: after a failure, or because it was asked for."""

    def controller_started(self, controller: str, concurrency: int) -> None:
        """A controller runs, with at most ``concurrency`` reconciles at once."""

    def reconcile_finished(self, controller: str, outcome: str, seconds: float) -> None:
        """A reconcile has ended after ``seconds``.

        ``outcome`` is ``success``, ``requeue_after``, ``error``, ``terminal`` or ``timeout``.
        """

    def mapper_failed(self, controller: str) -> None:
        """A function that maps an object to keys has raised."""

    def reconciles_active(self, controller: str, active: int) -> None:
        """So many reconciles run now: ``active``."""
