"""Reads a list independently of the reflector, to compare a store and to repair it.

Rules. Every failure is raised unchanged, but without the frames that read the answer; there are no retries here. Items
are passed on as they arrive, so that the memory is that of one page, whatever the size of the list. For a shard, the
whole collection is requested, and what is not in the shard is dropped. So nothing depends on whether the server
supports shards.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel

from kubeinformer._protocol.gzip import body_decoder
from kubeinformer._protocol.kinds import KindCheck
from kubeinformer._protocol.pages import ListItem, PageMeta, PageParser
from kubeinformer._protocol.refusals import refusal, require_json
from kubeinformer._protocol.requests import Collection, ListFetch, build_request
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.timing import Timing
from kubeinformer._runtime.frames import without_frames
from kubeinformer._runtime.limits import Limits
from kubeinformer.connection.transport import Response, Transport
from kubeinformer.errors import ConnectionLost, KubeInformerError

__all__ = ["Listing", "PageSummary"]

_HTTP_OK = 200
_ITEMS_PER_TURN = 64  # a millisecond's work at most


@dataclass(frozen=True, slots=True)
class PageSummary:
    """A summary of one answer.

    Attributes:
        meta: The metadata of the list.
        size: The size in bytes of JSON.
        items: The number of objects, including those of other shards.
    """

    meta: PageMeta
    size: int
    items: int


@dataclass(frozen=True, slots=True)
class Listing:
    """How to list one collection.

    Attributes:
        collection: The collection to list.
        transport: Sends the requests.
        limits: Sizes in bytes.
        timing: How long an answer may be silent, and how long it may take.
    """

    collection: Collection
    transport: Transport
    limits: Limits
    timing: Timing

    async def fetch(
        self,
        fetch: ListFetch,
        take: Callable[[ListItem], None],
        accept: Callable[[PageMeta], None] = lambda _: None,
    ) -> PageSummary:
        """Read one page.

        Args:
            fetch: The page to read.
            take: Called with each item of the collection's shard, in order.
            accept: Called with the metadata of the list, as soon as that is known; may raise.

        Raises:
            TransportError: The connection failed.
            ProtocolError: The answer is malformed or incomplete.
            ServerRefused, ServerUnavailable: The server refused the request.
            ConfigError: No credential is available.
        """
        request = build_request(replace(self.collection, shard=None), fetch, self.timing.initial_silence)
        async with self.transport.stream(request) as response:
            if response.status != _HTTP_OK:
                status, location = Status(response.status), response.headers.get("location")
                raise refusal(self.collection, "list", status, location)
            require_json(str(self.collection), response.headers.get("content-type"))
            try:
                return await self._read(response, take, accept)
            except KubeInformerError as error:
                raise without_frames(error)  # noqa: B904 - it is the same error

    async def _read(
        self, response: Response, take: Callable[[ListItem], None], accept: Callable[[PageMeta], None]
    ) -> PageSummary:
        resource, kinds, shard = str(self.collection), KindCheck(self.collection), self.collection.shard
        decoder = body_decoder(resource, response.headers.get("content-encoding"))
        parser = PageParser(
            resource, object_size_limit=self.limits.object_size, page_budget=self.limits.page, accept=accept
        )
        size = count = 0

        async def pass_on(items: Iterable[ListItem]) -> None:
            nonlocal count
            for count, item in enumerate(items, start=count + 1):  # noqa: B020 - continues from the last count
                kinds.accept(item.identity)
                if shard is None or shard.holds(item.identity.uid):
                    take(item)
                if count % _ITEMS_PER_TURN == 0:
                    await anyio.lowlevel.checkpoint()

        deadline = anyio.current_time() + self.timing.list_timeout
        while data := await response.receive(self.timing.initial_silence):
            for piece in decoder.feed(data):
                size += len(piece)
                await pass_on(parser.feed(piece))
                await anyio.lowlevel.checkpoint()
            if anyio.current_time() >= deadline:
                raise ConnectionLost(f"a list of {resource} brings bytes, but no end in time: given up")
        decoder.finish()
        await pass_on(parser.finish())
        return PageSummary(parser.meta, size, count)
