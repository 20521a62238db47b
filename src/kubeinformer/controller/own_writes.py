"""Reading one's own writes: a key does not run again before the stores have what its last run wrote.

Theory. A write's answer carries the version that the object got. An informer that has reached that version has seen
the write. Without the wait, a reconcile that created a Deployment may run again before its store shows it, and create a
second one, or fail with a conflict on what it wrote itself.

Rules. Only resources that the controller has an informer of are waited for, and only informers that could have seen the
write by its namespace. The wait is bounded: a write that an informer's selectors leave out is only passed by the
server's next bookmark, a minute or two later.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, final

import anyio

from kubeinformer import Informer, Resource

__all__ = ["OwnWrites", "collection_of"]

logger = logging.getLogger("kubeinformer.controller")

PATIENCE: Final = 5.0  # seconds; a watch event is late by milliseconds, so after this it is not coming


class Write(Protocol):
    """What ``Cluster.record_writes`` tells."""

    @property
    def path(self) -> str:
        """The URL path that was written to."""
        ...

    @property
    def resource_version(self) -> str:
        """The version that the server gave it."""
        ...


@final
class OwnWrites:
    """Waits for writes.

    Args:
        controller: The controller's name, for logs.
        informers: All that the controller reads.
    """

    def __init__(self, controller: str, informers: Sequence[Informer[Any]]) -> None:
        self._controller = controller
        self._informers = informers

    async def seen(self, key: str, writes: Iterable[Write]) -> None:
        """Wait until all informers have seen the writes, but not for ever.

        Args:
            key: The key whose reconcile wrote them, for logs.
            writes: What it wrote.

        Raises:
            InformerClosed: An informer was closed.
        """
        with anyio.move_on_after(PATIENCE) as scope:
            for write in writes:
                written = collection_of(write.path)
                for informer in self._informers if written is not None else ():
                    if (informer.resource, informer.namespace or written[1]) == written:
                        await informer.wait_for(write.resource_version)
        if scope.cancelled_caught:
            logger.warning(
                "a store did not show within %g s what the reconcile of %s wrote, which may run again on an old state",
                PATIENCE,
                key,
                extra={"controller": self._controller, "key": key, "seconds": PATIENCE},
            )


def collection_of(path: str) -> tuple[str, str | None] | None:
    """The resource and the namespace that a path writes to; None for what is no resource's.

    ``/apis/apps/v1/namespaces/default/deployments/web/status`` is ``("apps/v1/deployments", "default")``.
    """
    match path.strip("/").split("/"):
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    match rest:
        # What follows a namespace's name is a collection in it, but for its own two subresources.
        case ["namespaces", namespace, plural, *_] if plural not in ("status", "finalize"):
            pass
        case [plural, *_]:
            namespace = None
        case _:
            return None
    try:
        return str(Resource(group, version, plural)), namespace
    except ValueError:
        return None
