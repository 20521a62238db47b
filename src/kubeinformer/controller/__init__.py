"""Controllers: what reconciles, on informers. Public API only: nothing here reaches below ``kubeinformer``.

::

    queue       WorkQueue: which key is worked on next; schedule decides, without clock or I/O; limits says how long
                a key that failed waits
    observer    Observer: what metrics and tracing are told
"""

from kubeinformer.controller.observer import Observer
from kubeinformer.controller.queue import LOW_PRIORITY, QueueStatistics, WorkQueue
from kubeinformer.errors import QueueShutDown

__all__ = ["LOW_PRIORITY", "Observer", "QueueShutDown", "QueueStatistics", "WorkQueue"]
