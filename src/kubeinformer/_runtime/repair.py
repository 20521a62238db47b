"""Fetches objects again whose entries were damaged in memory.

Rules. An entry is repaired with the same state of the same object, or not at all. Another version comes through the
stream, in its order, and then replaces the damaged entry anyway. So a repair changes nothing that readers have seen,
and needs no event. After a failure the fetch is retried with growing delays, so that problems of the reflector do not
get worse.

Theory. The object is requested as a list of one, with a field selector on its name. The informer certainly has the
right to list, but may not have the right to get.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio

from kubeinformer._cache.cache import Cache
from kubeinformer._cache.entries import Entry
from kubeinformer._protocol.backoff import backoff_delay
from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.pages import ListItem
from kubeinformer._protocol.requests import Collection, ListFetch
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.signal import Signal
from kubeinformer.errors import (
    ConfigError,
    ProtocolError,
    ServerRefused,
    ServerUnavailable,
    TransportError,
    Unauthorized,
)

__all__ = ["Repair", "narrowed"]

logger = logging.getLogger("kubeinformer.repair")


class Repair:
    """Keeps a list of damaged entries, and repairs them.

    Args:
        listing: How to list the informer's collection. Its timing determines the delays between attempts.
        cache: The cache whose entries are repaired. Its reader reports damaged ones.
        jitter: Returns random numbers in [0, 1); tests pass fixed ones.
    """

    def __init__(self, listing: Listing, cache: Cache[Any], jitter: Callable[[], float] = random.random) -> None:
        self._name = str(listing.collection)
        self._listing = listing
        self._cache = cache
        self._jitter = jitter
        self._damaged: dict[str, Entry] = {}
        self._signal = Signal()
        cache.reader.on_damage = self._report

    def _report(self, key: str, entry: Entry) -> None:
        if self._cache.entries.get(key) is not entry:
            return  # an old state that some reader still holds; it cannot be fetched any more
        if key not in self._damaged:
            logger.error("an entry was damaged in memory", extra={"informer": self._name, "key": key})
        self._damaged[key] = entry
        self._signal.give()

    async def run(self) -> None:
        """Repair the reported entries, until cancelled."""
        while True:
            await self._signal.wait()
            attempt = 0
            while self._damaged:
                await self._mend_all()
                if self._damaged:
                    first, limit = self._listing.timing.backoff_first, self._listing.timing.backoff_limit
                    await anyio.sleep(backoff_delay(attempt, self._jitter(), first=first, limit=limit, floor=0.0))
                    attempt += 1

    async def _mend_all(self) -> None:
        for key, entry in list(self._damaged.items()):
            is_done = self._cache.entries.get(key) is not entry or await self._mend(key, entry)
            if is_done and self._damaged[key] is entry:  # another entry of that key may have been reported meanwhile
                del self._damaged[key]

    async def _mend(self, key: str, entry: Entry) -> bool:
        try:
            found = await self._fetch(key)
        except (TransportError, ProtocolError, ConfigError, ServerRefused, ServerUnavailable) as error:
            facts = {"informer": self._name, "key": key, "error": type(error).__name__, "reason": str(error)}
            logger.warning("a damaged entry could not be fetched, will be tried again", extra=facts)
            if isinstance(error, Unauthorized):
                await self._listing.transport.reauthenticate()
            return False
        if self._cache.entries.get(key) is not entry:
            return True  # the stream was faster
        if found is None or not _is_state(entry, found.identity):
            return False
        self._cache.mend(entry, found.identity, found.body)
        logger.info("a damaged entry was mended", extra={"informer": self._name, "key": key})
        return True

    async def _fetch(self, key: str) -> ListItem | None:
        """The current state of the object on the server; None if it does not exist."""
        found: list[ListItem] = []
        listing = replace(self._listing, collection=narrowed(self._listing.collection, key))
        await listing.fetch(ListFetch(0), found.append)
        return next((item for item in found if item.identity.key == key), None)


def _is_state(entry: Entry, identity: Identity) -> bool:
    return entry.uid == identity.uid and entry.resource_version == identity.resource_version


def narrowed(collection: Collection, key: str) -> Collection:
    """A collection that contains only one object of the given one."""
    namespace, _, name = key.rpartition("/")
    selectors = (collection.field_selector, f"metadata.name={name}")
    return replace(
        collection,
        namespace=namespace or collection.namespace,
        field_selector=",".join(filter(None, selectors)),
    )
