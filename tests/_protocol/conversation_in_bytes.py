"""The conversation of `conversation`, over a wire: in chunks, in gzip members, cut anywhere.

What is sent goes through gzip, frames or pages, and the decoders of events, as it does in an informer. So a cut or a
chunk's end meets every place of a line, of a list and of a member.
"""

import contextlib

import hypothesis.strategies as st
from hypothesis.stateful import initialize, rule
from tests._protocol.conversation import Conversation
from tests._protocol.reference_server import RESOURCE, Page
from tests._protocol.wire import OBJECT_LIMIT, IncomingPage, IncomingWatch, error_line, event_line, page_body

from kubeinformer._protocol.pages import PageParser
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.watch_events import Bookmark, ErrorEvent, ObjectEvent
from kubeinformer.errors import ProtocolError

_SMALL = 37  # bytes of a chunk that is sure to end inside of something


class ConversationInBytes(Conversation):
    """The same, and all that is said goes over a wire: in chunks, in gzip members, cut anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.incoming: IncomingWatch | IncomingPage | None = None
        self.gzipped = False
        self.style = 0
        self.budget = 1_024

    @initialize(gzipped=st.booleans(), style=st.integers(0, 5), budget=st.sampled_from([1, 1_024, 2**20]))
    def lay_wire(self, *, gzipped: bool, style: int, budget: int) -> None:
        self.gzipped, self.style, self.budget = gzipped, style, budget

    def opened(self) -> None:
        if isinstance(self.answer, Page):
            parser = PageParser(
                RESOURCE, object_size_limit=OBJECT_LIMIT, page_budget=self.budget, accept=self.machine.accept_page
            )
            self.incoming = IncomingPage(page_body(self.answer, self.style), parser, gzipped=self.gzipped)
        else:
            self.incoming = IncomingWatch(gzipped=self.gzipped)

    def send(self, event: ObjectEvent | Bookmark) -> None:
        assert isinstance(self.incoming, IncomingWatch)
        self.incoming.send(event_line(event, self.style))

    def send_error(self, status: Status) -> None:
        assert isinstance(self.incoming, IncomingWatch)
        self.incoming.send(error_line(status))

    def send_garbage(self, line: bytes) -> None:
        assert self.incoming is not None
        self.incoming.send(line)

    @rule(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=8))
    def arrive(self, sizes: list[int]) -> None:
        if self.answer is None:
            self.connect()
        try:
            for size in sizes:
                if self.answer is None:
                    return
                self.take(size)
        except ProtocolError:
            self.lose()

    def take(self, size: int) -> None:
        if isinstance(self.incoming, IncomingPage):
            for piece in self.incoming.arrive(size):
                for item in self.incoming.parser.feed(piece):
                    self.items_read += 1
                    self.write(self.machine.receive_item(item))
        elif self.incoming is not None:
            for event in self.incoming.events(size):
                if isinstance(event, ErrorEvent):
                    super().send_error(event.status)
                else:
                    self.receive(event)
                if self.answer is None:
                    return

    def all_arrives(self) -> None:
        if self.incoming is not None:
            self.arrive([_SMALL] * (1 + self.incoming.size // _SMALL))

    def lose(self) -> None:
        self.incoming = None
        super().lose()

    def cut(self, data: st.DataObject) -> None:
        """A few bytes still arrive, then none; a clean end is one that the transport takes for the end of the body."""
        assert self.incoming is not None
        size = self.incoming.size
        # The last bytes of a gzip member, and a line's newline, are few and matter.
        self.arrive([data.draw(st.integers(0, size) | st.integers(max(0, size - 9), size))])
        if self.answer is not None and data.draw(st.booleans()):
            self.end_body()
        self.lose()

    def read_page(self, items: int) -> None:
        self.arrive([items + 1])

    def end_page(self) -> None:
        self.all_arrives()
        if self.answer is not None:
            self.end_body()

    def end_body(self) -> None:
        """No more bytes will come: of a page that is the end, and if it is too early, that must be seen."""
        if isinstance(self.incoming, IncomingWatch):
            with contextlib.suppress(ProtocolError):
                self.incoming.end()
            return
        assert self.incoming is not None
        is_whole = not self.incoming.rest.strip()
        try:
            self.incoming.decoder.finish()
            for item in self.incoming.parser.finish():
                self.items_read += 1
                self.write(self.machine.receive_item(item))
        except ProtocolError:
            self.lose()
            return
        assert is_whole, "a cut page was taken for a whole one"
        meta = self.incoming.parser.meta
        self.write(self.machine.page_complete(meta, self.incoming.body_size, self.items_read))
        self.answer = self.incoming = None
        self.page_was_of_use()
