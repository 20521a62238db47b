"""The bytes that a reference server's answers are, and the way back through the decoders of an informer.

`Encoder` writes as API servers do and as they may: spaces, members in another order, a gzip member for each flush,
lists with items that bring their kind or do not. `Incoming` is what has been sent and has not arrived.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

from tests._protocol.reference_server import RESOURCE, Page

from kubeinformer._protocol.frames import LineFramer
from kubeinformer._protocol.gzip import BodyDecoder, body_decoder
from kubeinformer._protocol.pages import PageParser
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.watch_events import Bookmark, ObjectEvent, WatchEvent, decode_watch_event

OBJECT_LIMIT: Final = 5_000
GARBAGE: Final = (
    b"<html>502 Bad Gateway</html>\n",
    b'{"type":"ADDED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"}}}\n',
    b'{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}}\n',
    b'{"type":"RENAMED","object":{}}\n',
    b'{"type":"BOOKMARK","object":{"metadata":{}}}\n',
    b'{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"1","x":"\xff"}}}\n',
    b'{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"1","x":"' + b"y" * OBJECT_LIMIT + b'"}}}\n',
)
"""Lines that no API server may send."""


def event_line(event: ObjectEvent | Bookmark, style: int) -> bytes:
    """One line; ``style`` chooses among the forms that it may have."""
    if isinstance(event, ObjectEvent):
        name, text = event.type.value.encode(), event.body
    else:
        metadata: dict[str, Any] = {"resourceVersion": event.resource_version, "creationTimestamp": None}
        if event.ends_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        name, text = b"BOOKMARK", json.dumps({"kind": "Pod", "apiVersion": "v1", "metadata": metadata}).encode()
    forms = (
        b'{"type":"%s","object":%s}\n' % (name, text),
        b'{"object":%s,"type":"%s"}\n' % (text, name),
        b'\n { "type" : "%s" , "object" : %s } \r\n' % (name, text),
    )
    return forms[style % len(forms)]


def error_line(status: Status) -> bytes:
    told = {"kind": "Status", "apiVersion": "v1", "code": status.code, "reason": status.reason}
    details = {"retryAfterSeconds": status.retry_after} if status.retry_after else {}
    return json.dumps({"type": "ERROR", "object": told | {"details": details}}).encode() + b"\n"


def page_body(page: Page, style: int) -> bytes:
    """A list's body, as of a built-in kind or as of a custom resource."""
    metadata: dict[str, Any] = {"resourceVersion": page.meta.resource_version}
    if page.meta.continue_token:
        metadata["continue"] = page.meta.continue_token
    objects: list[dict[str, Any]] = [json.loads(item.body) for item in page.items]
    if style % 2:
        return json.dumps({"apiVersion": "v1", "items": objects, "kind": "PodList", "metadata": metadata}).encode()
    bare = [{key: item[key] for key in ("metadata", "spec")} for item in objects]
    told = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": bare or None}
    return json.dumps(told, ensure_ascii=False, indent=style % 3).encode() + b"\n"


class Incoming:
    """One answer's bytes on their way, and what decodes them."""

    def __init__(self, *, gzipped: bool) -> None:
        self._gzipped = gzipped
        self._sent = bytearray()
        self.decoder: BodyDecoder = body_decoder(RESOURCE, "gzip" if gzipped else None)

    def send(self, data: bytes) -> None:
        """The server writes and flushes."""
        self._sent += gzip.compress(data, mtime=0) if self._gzipped else data

    @property
    def size(self) -> int:
        return len(self._sent)

    @property
    def rest(self) -> bytes:
        return bytes(self._sent)

    def arrive(self, size: int) -> Iterator[bytes]:
        """Yield what the next bytes decode to."""
        chunk = bytes(self._sent[:size])
        del self._sent[:size]
        yield from self.decoder.feed(chunk)


class IncomingWatch(Incoming):
    """A watch on its way."""

    def __init__(self, *, gzipped: bool) -> None:
        super().__init__(gzipped=gzipped)
        self._framer = LineFramer(RESOURCE, size_limit=OBJECT_LIMIT)

    def events(self, size: int) -> Iterator[WatchEvent]:
        for piece in self.arrive(size):
            for position, line in self._framer.feed(piece):
                yield decode_watch_event(RESOURCE, line, position)

    def end(self) -> None:
        """The body ends here. Raises a `ProtocolError` where it must not."""
        self.decoder.finish()
        self._framer.finish()


class IncomingPage(Incoming):
    """A list on its way."""

    def __init__(self, body: bytes, parser: PageParser, *, gzipped: bool) -> None:
        super().__init__(gzipped=gzipped)
        self.parser = parser
        self.body_size = len(body)
        half = len(body) // 2
        self.send(body[:half])
        self.send(body[half:])
