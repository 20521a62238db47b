"""Drives the list-watch machine of one collection over a transport. It makes no decision about the protocol.

Rules. Every response is read as far as the machine wants it, and then dropped. Decoded bytes are taken in pieces of at
most 256 KiB, which is a millisecond's work. After each piece the event loop gets a turn, so a stream that always has
data never starves others. Errors that a retry may solve are recorded, and reported to the machine as "broken". All
other errors end the scope.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import anyio
import anyio.lowlevel
from typing_extensions import TypeVar

from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.gzip import body_decoder
from kubeinformer._protocol.kinds import KindCheck
from kubeinformer._protocol.list_watch import ListWatch
from kubeinformer._protocol.pages import ListItem, PageParser
from kubeinformer._protocol.refusals import refusal, require_json
from kubeinformer._protocol.requests import Collection, Fetch, ListFetch, ProofFetch, WatchFetch, build_request
from kubeinformer._protocol.shards import refuses_shard
from kubeinformer._protocol.status import retry_after_seconds
from kubeinformer._protocol.steps import BeginSweep, CacheWrite, Phase, Reauthenticate, Send, Sweep, Wait
from kubeinformer._protocol.watch_events import ErrorEvent, ObjectEvent, decode_watch_event
from kubeinformer._runtime.answers import read_status
from kubeinformer._runtime.delivery import Delivery
from kubeinformer._runtime.health import Health
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.sync_turns import Turn
from kubeinformer.connection.transport import Response, Transport
from kubeinformer.errors import ConfigError, ConnectionLost, ProtocolError, TransportError
from kubeinformer.resources import RawObject

__all__ = ["Reflector"]

T = TypeVar("T", default=RawObject)

_HTTP_OK = 200


class Reflector:
    """Mirrors one collection into a `Delivery`, forever.

    Args:
        collection: What to mirror.
        transport: How to reach the server.
        delivery: Where writes go.
        health: What to count.
        machine: Decides what to do.
        limits: Sizes in bytes.
        turn: Taken to read a whole snapshot.
        jitter: Gives random numbers in [0, 1); tests hand in fixed ones.
    """

    def __init__(
        self,
        collection: Collection,
        transport: Transport,
        delivery: Delivery[T],
        health: Health,
        machine: ListWatch,
        limits: Limits,
        turn: Turn,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._collection = self._asked = collection
        self._shard = collection.shard
        self._resource = str(collection)
        self._transport = transport
        self._apply = delivery.apply
        self._complete = delivery.complete
        self._reached = delivery.reached
        self._health = health
        self._machine = machine
        self._limits = limits
        self._turn = turn
        self._jitter = jitter
        self._item_kind: tuple[str, str] | None = None
        self._kinds = KindCheck(collection)
        self._request = anyio.CancelScope()

    async def run(self) -> None:
        """Mirror until cancelled.

        Raises:
            IndexerError: A function of the user failed, so the store could not be kept correct.
        """
        try:
            while True:
                await self._step()
        finally:
            self._turn.give_back()

    @property
    def resyncs(self) -> dict[str, int]:
        """Snapshots that became necessary after the first, by reason."""
        return dict(self._machine.resyncs)

    def resync(self) -> None:
        """Take a whole snapshot next, because the store was found to differ from the server.

        The current stream is dropped. Nothing happens if a snapshot is being taken anyway.
        """
        if self._machine.position is not None:
            self._machine.resync()
            self._request.cancel()

    async def _step(self) -> None:
        match self._machine.next_step(anyio.current_time(), self._jitter()):
            case Wait(seconds):
                self._turn.give_back()
                self._health.phase = Phase.WAITING
                self._health.waits(seconds)
                await anyio.sleep(seconds)
            case Reauthenticate():
                await self._transport.reauthenticate()
            case Send(fetch):
                if not isinstance(fetch, WatchFetch | ProofFetch):
                    self._health.phase = Phase.QUEUED
                    await self._turn.take()
                    self._health.phase = Phase.WAITING
                with anyio.CancelScope() as self._request:
                    await self._exchange(fetch)

    async def _exchange(self, fetch: Fetch) -> None:
        self._health.requests[fetch.name] += 1
        try:
            # A peer that does not even begin to answer is as dead as one that stops.
            request = build_request(self._asked, fetch, self._machine.read_deadline)
            async with self._transport.stream(request) as response:
                if response.status != _HTTP_OK:
                    await self._refused(response)
                    return
                require_json(self._resource, response.headers.get("content-type"))
                self._health.answered()
                await self._write(self._machine.opened(anyio.current_time()))
                if isinstance(fetch, ListFetch):
                    await self._read_page(response)
                else:
                    if isinstance(fetch, WatchFetch) and self._machine.is_open:
                        self._health.is_live_again()
                    await self._read_watch(response)
        except (TransportError, ProtocolError, ConfigError) as error:
            self._broken(error)
        finally:
            self._health.phase = self._machine.phase

    def _broken(self, error: TransportError | ProtocolError | ConfigError) -> None:
        self._health.failed(error)
        self._machine.broken(anyio.current_time())

    async def _refused(self, response: Response) -> None:
        status = await read_status(response, self._resource, self._machine.read_deadline)
        if self._shard is not None and refuses_shard(status):
            self._asked = replace(self._collection, shard=None)
        location = response.headers.get("location")
        retry_after = retry_after_seconds(response.headers, status)
        self._health.failed(refusal(self._collection, self._machine.verb, status, location, retry_after))
        self._machine.refused(status, retry_after, anyio.current_time())

    async def _read_watch(self, response: Response) -> None:
        decoder = body_decoder(self._resource, response.headers.get("content-encoding"))
        framer = LineFramer(self._resource, size_limit=self._limits.object_size)
        while self._machine.is_open:
            self._health.phase = self._machine.phase
            data = await response.receive(self._machine.read_deadline)
            if not data:
                decoder.finish()
                framer.finish()
                self._ended()
                return
            self._received(data)
            for piece in decoder.feed(data):
                self._decoded(piece)
                if not await self._take_lines(framer.feed(piece)):
                    return
                await anyio.lowlevel.checkpoint()
            if self._machine.is_overdue(anyio.current_time()):
                raise ConnectionLost(f"the stream of {self._resource} brings bytes, but no events in time: given up")

    async def _take_lines(self, lines: Iterable[tuple[int, bytes]]) -> bool:
        """Pass lines on to the machine, and return whether it wants more."""
        before = self._health.events
        try:
            wants_more = await self._take_each(lines)
            if wants_more and self._health.events > before:
                self._health.progressed()
            return wants_more
        finally:
            # Also if a line is bad: the lines before it count, and somebody may wait for their version.
            if self._machine.position is not None:
                self._reached(self._machine.position)

    async def _take_each(self, lines: Iterable[tuple[int, bytes]]) -> bool:
        machine, health, resource, shard = self._machine, self._health, self._resource, self._shard
        now = anyio.current_time()
        for position, line in lines:
            event = decode_watch_event(resource, line, position)
            health.events += 1
            if isinstance(event, ErrorEvent):
                retry_after = event.status.retry_after
                health.failed(refusal(self._collection, machine.verb, event.status, retry_after=retry_after))
                machine.refused(event.status, retry_after, now)
                return False
            if type(event) is ObjectEvent:
                self._kinds.accept(event.identity, position)
            write = machine.receive(event, now)
            if write is not None:
                if type(write) is Sweep:
                    await self._write(write)
                elif shard is None or type(event) is not ObjectEvent or shard.holds(event.identity.uid):
                    self._apply(write)
            if not machine.is_open:
                return False
        return True

    async def _read_page(self, response: Response) -> None:
        decoder = body_decoder(self._resource, response.headers.get("content-encoding"))
        parser = PageParser(
            self._resource,
            page_budget=self._limits.page,
            object_size_limit=self._limits.object_size,
            item_kind=self._item_kind,
            accept=self._machine.accept_page,
        )
        items = 0
        before = self._health.decoded_bytes
        while True:
            self._health.phase = self._machine.phase
            data = await response.receive(self._machine.read_deadline)
            if not data:
                break
            self._received(data)
            for piece in decoder.feed(data):
                self._decoded(piece)
                items += await self._take_items(parser.feed(piece))
                await anyio.lowlevel.checkpoint()
            if self._machine.is_overdue(anyio.current_time()):
                raise ConnectionLost(f"the list of {self._resource} brings bytes, but no end in time: given up")
        decoder.finish()
        items += await self._take_items(parser.finish())
        self._item_kind = (parser.meta.kind, parser.meta.api_version)
        size = self._health.decoded_bytes - before
        await self._write(self._machine.page_complete(parser.meta, size, items))

    async def _take_items(self, items: Iterable[ListItem]) -> int:
        taken = 0
        for taken, item in enumerate(items, start=1):
            self._kinds.accept(item.identity)
            write = self._machine.receive_item(item)
            if self._shard is None or self._shard.holds(item.identity.uid):
                self._apply(write)
            if taken % _ITEMS_PER_TURN == 0:
                await anyio.lowlevel.checkpoint()
        self._health.events += taken
        return taken

    async def _write(self, write: CacheWrite | None) -> None:
        if isinstance(write, Sweep):
            await self._complete(write)
            self._turn.give_back()
            self._health.phase = self._machine.phase  # before those who waited for the sync run
            self._health.synced(write.resource_version)
            self._health.last_proof = anyio.current_time()
            if self._machine.phase is Phase.LIVE:
                self._health.is_live_again()
        elif write is not None:
            if isinstance(write, BeginSweep):
                self._kinds.begin()
            self._apply(write)

    def _ended(self) -> None:
        if self._machine.phase is Phase.INITIAL:
            self._broken(ConnectionLost(f"the server ended the initial stream of {self._resource} before its end"))
        else:
            self._machine.broken(anyio.current_time())

    def _received(self, data: bytes) -> None:
        self._health.received_bytes += len(data)
        self._health.last_activity = now = anyio.current_time()
        if self._health.phase is Phase.LIVE:
            self._health.last_proof = now

    def _decoded(self, piece: bytes) -> None:
        self._health.decoded_bytes += len(piece)


_ITEMS_PER_TURN = 64  # about two milliseconds' work for items of the usual size
