"""Reading one's own writes: a key does not run again before the stores have what its last reconcile wrote.

Theory. The answer to a write contains the version that the object got. An informer that has reached that version has
seen the write. Without the wait, a reconcile that created a Deployment may run again before the store shows it. Then it
may create a second one, or fail with a conflict on what it wrote itself.

Rules. Only writes to resources for which the controller has an informer are waited for, and only informers whose
cluster and namespace include the write are waited for. The wait has a limit. For informers with selectors or a shard
the limit is short, and reaching it is not reported. The reason: a write that they leave out does not reach them as an
event. Only the server's next bookmark, a minute or two later, moves them past its version.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final, final

import anyio

from kubeinformer import Cluster, Informer, Write

__all__ = ["OwnWrites"]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

PATIENCE: Final = 5.0  # seconds; a watch event is late by milliseconds, so after this time it will not come
PATIENCE_WITH_PARTIAL: Final = 0.5  # seconds; the event may never come, and a worker waits for it


@final
class OwnWrites:
    """Waits for writes.

    Args:
        controller: The controller's name, for logs.
        cluster: The cluster of the writes. In another cluster, their versions mean nothing.
        informers: All that the controller reads.
        patience: The longest wait, in seconds.
    """

    def __init__(
        self, controller: str, cluster: Cluster, informers: Sequence[Informer[Any]], patience: float = PATIENCE
    ) -> None:
        self._controller = controller
        ours = [informer for informer in informers if informer.cluster is cluster]
        self._whole = [informer for informer in ours if not informer.is_partial]
        self._partial = [informer for informer in ours if informer.is_partial]
        self._patience = patience

    async def seen(self, key: str, writes: Sequence[Write]) -> None:
        """Wait until all informers have seen the writes, but not for ever.

        Args:
            key: The key whose reconcile wrote them, for logs.
            writes: What it wrote.

        Raises:
            InformerClosed: An informer was closed.
        """
        with anyio.move_on_after(self._patience) as scope:
            await _reached(self._whole, writes)
        if scope.cancelled_caught:
            logger.warning(
                "a store did not show within %g s what the reconcile of %s wrote, which may run again on an old state",
                self._patience,
                key,
                extra={"controller": self._controller, "key": key, "seconds": self._patience},
            )
        with anyio.move_on_after(min(self._patience, PATIENCE_WITH_PARTIAL)):
            await _reached(self._partial, writes)


async def _reached(informers: Sequence[Informer[Any]], writes: Sequence[Write]) -> None:
    for write in writes:
        for informer in informers:
            if _may_see(informer, write):
                await informer.wait_for(write.resource_version)


def _may_see(informer: Informer[Any], write: Write) -> bool:
    if informer.resource != write.resource or informer.namespace not in (None, write.namespace):
        return False
    version = write.resource_version
    return version.isascii() and version.isdecimal()  # others, of aggregated APIs, cannot be compared
