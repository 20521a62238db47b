"""Compares a store with the server, and takes a new snapshot if they differ.

Rules. Key, uid and resource version are compared, with a paged list that contains only metadata. A difference is
reported only if timing cannot explain it: the store has reached the version of the list, and what it holds is not
newer. So a busy collection gives no false alarm, and a quiet one that has missed something gives a true one.

Theory. The list is not kept. Each entry that the list confirms gets the number of the check (``Entry.checked``), so at
the end, the entries without the number are those that the server does not have. Only mismatches are kept, and only a
limited number: if a store is far behind its stream, mismatches prove nothing, and it catches up by itself. An object
that only the list has may just have been deleted, so the server is asked again before it counts.

Not here. How a store and a server can come to differ. They should not. A bug, a proxy that drops bytes so that the rest
still parses, or a server that loses events would be noticed only here.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel

from kubeinformer._cache.cache import Cache
from kubeinformer._protocol.continuation import Continuation
from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.page_size import FIRST_PAGE_LIMIT, next_page_limit
from kubeinformer._protocol.pages import ListItem, PageMeta
from kubeinformer._protocol.requests import ListFetch
from kubeinformer._protocol.versions import has_reached, is_earlier
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.reflector import Reflector
from kubeinformer._runtime.repair import narrowed
from kubeinformer._runtime.sync_turns import Turn
from kubeinformer.errors import KubeInformerError, ProtocolError, ServerUnavailable, Unauthorized, WaitTimeout

__all__ = ["ConsistencyCheck", "ConsistencyReport"]

logger = logging.getLogger("kubeinformer.consistency")

_HTTP_GONE = 410
_KEYS_REPORTED = 100
_KEYS_LOGGED = 10
_MOST_SUSPECTS = 10_000
_PATIENCE = 180.0  # seconds; bookmarks come every minute or two
_STRIDE = 2_000  # entries looked at between two pauses: a tenth of a millisecond

_Suspects: TypeAlias = dict[str, Identity]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyReport:
    """The result of comparing a store with the server.

    Attributes:
        resource: The informer's resource.
        resource_version: The version of the server's list.
        objects: The number of objects in that list.
        missing: Keys that only the server has, at most 100.
        surplus: Keys that only the store has, at most 100.
        different: Keys whose object has another uid or version than on the server, at most 100.
        differences: The number of keys of all three kinds, without the limit of 100.
        repaired: Whether a new snapshot was taken because of the differences.
    """

    resource: str
    resource_version: str
    objects: int
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    differences: int = 0
    repaired: bool = False

    @property
    def is_consistent(self) -> bool:
        """Whether the store was equal to the server."""
        return self.differences == 0


class ConsistencyCheck:
    """Compares one informer's store with the server, now or at intervals.

    Args:
        listing: How to list the informer's collection.
        cache: What is compared. Only ``Entry.checked`` is written.
        delivery: Says which version the store has reached.
        reflector: Takes the new snapshot.
        turn: The turn to take before reading a whole list.
    """

    def __init__(
        self, listing: Listing, cache: Cache[Any], delivery: Delivery[Any], reflector: Reflector, turn: Turn
    ) -> None:
        self._name = str(listing.collection)
        self._listing = replace(listing, collection=replace(listing.collection, metadata_only=True))
        self._cache = cache
        self._delivery = delivery
        self._reflector = reflector
        self._turn = turn
        self._one_at_a_time = anyio.Lock()
        self._number = 0
        self.checks: int = 0
        self.divergences: int = 0

    async def run(self, interval: float) -> None:
        """Check and repair every ``interval`` seconds, until cancelled."""
        while True:
            await anyio.sleep(interval)
            await self._delivery.synced.wait()
            try:
                await self.check(repair=True, patience=_PATIENCE)
            except KubeInformerError as error:
                facts = {"informer": self._name, "error": type(error).__name__, "reason": str(error)}
                logger.warning("the store could not be compared with the server, will be tried again", extra=facts)
                if isinstance(error, Unauthorized):
                    await self._listing.transport.reauthenticate()

    async def check(self, *, repair: bool, patience: float) -> ConsistencyReport:
        """Compare once.

        Args:
            repair: Take a new snapshot if anything differs, and wait for it.
            patience: Seconds that the store may take to reach the list's version.

        Raises:
            WaitTimeout: The store did not reach it: the stream is behind, or silent.
            KubeInformerError: The server could not be asked.
        """
        async with self._one_at_a_time:
            report = await self._compare(patience)
            self.checks += 1
            if report.is_consistent:
                return report
            self.divergences += 1
            keys = [*report.missing, *report.surplus, *report.different][:_KEYS_LOGGED]
            facts = {"informer": self._name, "differences": report.differences, "keys": keys}
            logger.error("the store differed from the server", extra=facts)
            if not repair:
                return report
            taken = self._delivery.next_snapshot
            self._reflector.resync()
            await taken.wait()
            return replace(report, repaired=True)

    async def _compare(self, patience: float) -> ConsistencyReport:
        before = self._cache.resource_version
        await self._turn.take()
        try:
            version, objects, suspects = await self._read()
        finally:
            self._turn.give_back()
        unconfirmed = await self._unconfirmed()
        # A list is never older than what was known before it was requested, unless the server was restored to an
        # earlier state. Then timing cannot explain a difference in what was known.
        proven = before if before is not None and is_earlier(version, before) else version
        if suspects or unconfirmed:
            await self._wait_reached(version, patience)
        different = [key for key, found in suspects.items() if not self._confirm(found) and self._is_of(key, proven)]
        missing = [key for key in suspects if await self._is_missing(key, patience)]
        surplus = [key for key in unconfirmed if key not in suspects and self._is_of(key, proven)]
        return ConsistencyReport(
            resource=self._name,
            resource_version=version,
            objects=objects,
            missing=tuple(missing[:_KEYS_REPORTED]),
            surplus=tuple(surplus[:_KEYS_REPORTED]),
            different=tuple(different[:_KEYS_REPORTED]),
            differences=len(missing) + len(surplus) + len(different),
        )

    # Reading the server's list.

    async def _read(self) -> tuple[str, int, _Suspects]:
        """The version of the list, its number of objects, and those that differ from the store."""
        try:
            return await self._read_pages(FIRST_PAGE_LIMIT)
        except ServerUnavailable as error:
            if error.status != _HTTP_GONE:
                raise
        return await self._read_pages(0)  # the pages expired meanwhile: everything in one list, parsed as it streams

    async def _read_pages(self, limit: int) -> tuple[str, int, _Suspects]:
        self._number += 1
        suspects: _Suspects = {}
        objects = 0
        place: Continuation | None = None

        def take(item: ListItem) -> None:
            nonlocal objects
            objects += 1
            if not self._confirm(item.identity) and len(suspects) < _MOST_SUSPECTS:
                suspects[item.identity.key] = item.identity

        def accept(meta: PageMeta) -> None:
            if place is not None and (problem := place.problem(meta)):
                raise ProtocolError(self._name, problem)

        while True:
            page = await self._listing.fetch(ListFetch(limit, place.token if place else ""), take, accept)
            if not page.meta.continue_token:
                return page.meta.resource_version, objects, suspects
            place = place.after(page.meta) if place else Continuation.after_first(page.meta)
            limit = next_page_limit(limit, page.size, page.items)

    def _confirm(self, found: Identity) -> bool:
        entry = self._cache.entries.get(found.key)
        if entry is None or (entry.uid, entry.resource_version) != (found.uid, found.resource_version):
            return False
        entry.checked = self._number
        return True

    async def _unconfirmed(self) -> list[str]:
        """Keys of entries that the list did not have."""
        keys: list[str] = []
        for count, (key, entry) in enumerate(list(self._cache.entries.items()), start=1):
            if entry.checked != self._number and len(keys) < _MOST_SUSPECTS:
                keys.append(key)
            if count % _STRIDE == 0:
                await anyio.lowlevel.checkpoint()
        return keys

    # Judging, once the store has reached the list's version.

    async def _wait_reached(self, version: str, patience: float) -> None:
        with anyio.move_on_after(patience) as scope:
            await self._delivery.wait_until_reached(version)
        if scope.cancelled_caught:
            raise WaitTimeout(self._name, version, self._cache.resource_version, patience)

    def _is_of(self, key: str, version: str) -> bool:
        """Whether the store's state of a key is from this version or before, so that it must be what the list says."""
        entry = self._cache.entries.get(key)
        return entry is not None and has_reached(version, entry.resource_version)

    async def _is_missing(self, key: str, patience: float) -> bool:
        """Whether the store lacks an object that the server had then, and still has."""
        if key in self._cache.entries:
            return False
        found: list[ListItem] = []
        listing = replace(self._listing, collection=narrowed(self._listing.collection, key))
        page = await listing.fetch(ListFetch(0), found.append)
        if not any(item.identity.key == key for item in found):
            return False
        await self._wait_reached(page.meta.resource_version, patience)
        return key not in self._cache.entries
