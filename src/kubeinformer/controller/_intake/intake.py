"""Reads the events of one informer into the work queue.

Rules. The queue gets the key of an event, not the event, because it knows only keys. Keys of objects that were there
before the reader came, and keys from a resync, get a lower priority than live changes. So a user who changes something
does not wait for thousands of objects that nobody touched. An event that arrives while the informer resyncs counts as
part of the resync.

If a predicate or mapper raises, the error is logged with the key of the object, and counted. If a predicate raises, the
event passes it. If a mapper raises for one state of an object, it is still called for the other state.

Limits. While this reader is behind, several changes of one key are folded into one. It is usually behind by
milliseconds, or by as long as a mapper takes that returns hundreds of thousands of keys. Then an object that appeared
and disappeared, or that belonged to an owner only in between, triggers no reconcile, though a reconcile may have seen
it in the store. If that matters, use ``resync_period=``.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, final

import anyio
import anyio.lowlevel

from kubeinformer import Informer, Synced, Updated
from kubeinformer.controller._intake.mapping import Mapping
from kubeinformer.controller._intake.predicates import ObjectEvent
from kubeinformer.controller._queue.queue import LOW_PRIORITY, WorkQueue
from kubeinformer.controller.cancellation import PLAIN_ERRORS

__all__ = ["Intake"]

logger: logging.Logger = logging.getLogger("kubeinformer.controller")

_TURN: Final = 250  # keys of one event after which the loop gets a turn: one object may map to all keys


@final
class Intake:
    """Reads from one informer into the queue of one controller.

    Args:
        controller: The controller's name, for logs.
        informer: Where the events come from.
        predicates: An event counts if it passes all of them.
        mapping: Gives the keys; None for the informer's own.
        queue: Where the keys go.
        failed: Called for each predicate or mapper that raised.

    Attributes:
        has_read_first: Set when everything that was in the store at the beginning has been read.
    """

    def __init__(
        self,
        controller: str,
        informer: Informer[Any],
        predicates: Sequence[Callable[[ObjectEvent[Any]], bool]],
        mapping: Mapping | None,
        queue: WorkQueue[str],
        failed: Callable[[], None],
    ) -> None:
        self.has_read_first: anyio.Event = anyio.Event()
        self._controller = controller
        self._informer = informer
        self._predicates = predicates
        self._mapping = mapping
        self._queue = queue
        self._failed = failed
        self._told: set[type[BaseException]] = set()

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            InformerClosed: The informer was closed.
            KubeInformerError: What else ended it for good.
        """
        informer, add = self._informer, self._queue.add
        async with informer.events() as events:
            async for event in events:
                if isinstance(event, Synced):
                    self.has_read_first.set()
                    continue
                priority = 0 if self.has_read_first.is_set() and informer.is_live else LOW_PRIORITY
                if self._predicates and not self._passes(event):
                    continue
                if self._mapping is None:
                    add(event.key, priority=priority)
                    continue
                for number, key in enumerate(self._mapped(self._mapping, event), 1):
                    add(key, priority=priority)
                    if number % _TURN == 0:
                        await anyio.lowlevel.checkpoint()
        await informer.synced()  # raises what ended it

    def _passes(self, event: ObjectEvent[Any]) -> bool:
        for predicate in self._predicates:
            try:
                if not predicate(event):
                    return False
            except PLAIN_ERRORS as error:
                self._tell("predicate failed for %s of %s, the event passes", event.key, error)
        return True

    def _mapped(self, mapping: Mapping, event: ObjectEvent[Any]) -> Iterator[str]:
        for old in (True, False) if isinstance(event, Updated) else (False,):
            try:
                yield from mapping.keys(event, old=old)
            except PLAIN_ERRORS as error:
                self._tell("mapper failed for %s of %s", event.key, error)

    def _tell(self, message: str, key: str, error: BaseException) -> None:
        self._failed()
        # One traceback for each kind of error: the same mistake may affect every object.
        is_new = type(error) not in self._told
        self._told.add(type(error))
        facts = {
            "controller": self._controller,
            "resource": self._informer.resource,
            "key": key,
            "error": type(error).__name__,
        }
        logger.error(message, key, self._informer.resource, exc_info=error if is_new else None, extra=facts)
