"""One list answer, read beside the reflector: for what compares and mends.

Rules. Every failure is raised as what it is, without the frames that read the answer; nothing is tried again here.
Items are handed over as they come, so that memory is one page's whatever the list's size.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
    """What one answer was.

    Attributes:
        meta: What it says about the list.
        size: Bytes of JSON.
        items: How many objects.
    """

    meta: PageMeta
    size: int
    items: int


@dataclass(frozen=True, slots=True)
class Listing:
    """How to list one collection.

    Attributes:
        collection: What to list.
        transport: How to reach the server.
        limits: Sizes in bytes.
        timing: How long an answer may be silent.
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
            fetch: Which one.
            take: Called with each item, in order.
            accept: Called with what the page says about the list, as soon as that is known; may raise.

        Raises:
            TransportError: The connection failed.
            ProtocolError: The answer made no sense, or not all of it came.
            ServerRefused, ServerUnavailable: The server said no.
            ConfigError: A credential cannot be had.
        """
        request = build_request(self.collection, fetch, self.timing.initial_silence)
        async with self.transport.stream(request) as response:
            if response.status != _HTTP_OK:
                status, location = Status(response.status), response.headers.get("location")
                raise refusal(self.collection, "list", status, location)
            require_json(str(self.collection), response.headers.get("content-type"))
            try:
                return await self._read(response, take, accept)
            except KubeInformerError as error:
                raise without_frames(error)  # noqa: B904 - it is the same one

    async def _read(
        self, response: Response, take: Callable[[ListItem], None], accept: Callable[[PageMeta], None]
    ) -> PageSummary:
        resource, kinds = str(self.collection), KindCheck(self.collection)
        decoder = body_decoder(resource, response.headers.get("content-encoding"))
        parser = PageParser(
            resource, object_size_limit=self.limits.object_size, page_budget=self.limits.page, accept=accept
        )
        size = count = 0

        async def pass_on(items: Iterable[ListItem]) -> None:
            nonlocal count
            for count, item in enumerate(items, start=count + 1):  # noqa: B020 - goes on from where it stood
                kinds.accept(item.identity)
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
