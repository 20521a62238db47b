"""Pages: from the body of a list answer to its items.

Rules. Items come out as the bytes that the server sent. If the server left out ``kind`` and ``apiVersion``, as it does
for built-in kinds, they are put in front; if it sent them empty, they are put at the end. So an object is the same
whether a list or a watch brought it. ``items: null`` is an empty list, as Go servers mean it. Anything that is not a
list, or not a complete one, is an error.

Theory. There are two ways, with equal items and equal errors:

- *Whole*: a body within the page budget is kept until it ends. Then msgspec decodes it into `msgspec.Raw` items. Pages
  are 4 MiB by design, so this is the usual way. A body that is cut off, or is not a list, yields no item at all.
- *Streamed*: a body beyond the budget (from a server that ignores ``limit``, or an unpaged list) goes through the
  `ListScanner` (or the `IjsonScanner` that replaces it), beginning with what was kept. Memory stays within the budget,
  however large the list is. Items before an error have already been yielded when it is found. Only the end of a list
  shows that all of it came, and callers must wait for that.

If msgspec finds an error in a body, the scanner reads the body again and says what is wrong and where. So all errors
are worded in one place, and have positions, which msgspec does not give for items. The scanner alone refuses three
things. The first is a second ``items``, or an earlier member of any name that is wrong; msgspec takes the last one, and
no server sends two. The second is a member of the list itself that is larger than an object may be; within the budget
it does no harm. The third is an item without a kind that comes before the list's own kind.

A list is not recognized by its kind. Custom resources choose their ``listKind``, so what counts is ``items`` and
``metadata.resourceVersion``. A kind that does not end in ``List`` says nothing about the kind of the items, but items
of custom resources carry their own. Their lists have sorted keys, so kind comes after the items.
"""

from collections.abc import Callable, Iterator

import msgspec

from kubeinformer._protocol.decoding import check_utf8, decode
from kubeinformer._protocol.identity import Identity, identify_item, refuse_foreign_kind
from kubeinformer._protocol.ijson_scanner import IjsonScanner
from kubeinformer._protocol.list_scanner import IS_USABLE, ListScanner, Value
from kubeinformer.errors import ObjectTooLarge, ProtocolError, WrongKind

__all__ = ["PAGE_BUDGET", "ListItem", "PageMeta", "PageParser"]

# Twice the 4 MiB that a page should have: if the estimate for a page is wrong by no more, nothing slows down.
PAGE_BUDGET = 8 * 2**20

_SCANNER: type[ListScanner] | type[IjsonScanner] = ListScanner if IS_USABLE else IjsonScanner

_SLICE = 65_536  # how the kept body is replayed: small beside the budget, large beside an object


class ListItem(msgspec.Struct, frozen=True, gc=False):
    """One object of a list. gc=False is safe: nothing in it can lead back to it.

    Attributes:
        identity: Which object, in which version, with its kind filled in.
        body: The object's JSON, with kind and apiVersion.
    """

    identity: Identity
    body: bytes


class PageMeta(msgspec.Struct, frozen=True, gc=False):
    """What a page says about the list.

    Attributes:
        resource_version: The version of the list; the same for all of its pages.
        continue_token: Leads to the next page; empty on the last one.
        kind: The kind of the items, such as ``Pod``; empty when the list does not say.
        api_version: The list's apiVersion.
        remaining: How many objects follow after this page, None when the server does not say.
        shard_selector: The shard that the server kept to, None when it did not shard.
    """

    resource_version: str
    continue_token: str
    kind: str
    api_version: str
    remaining: int | None
    shard_selector: str | None


_NULL = msgspec.Raw(b"null")


class _ShardInfo(msgspec.Struct, gc=False):
    selector: str | None = None


class _Metadata(
    msgspec.Struct,
    gc=False,
    rename={
        "resource_version": "resourceVersion",
        "continue_token": "continue",
        "remaining": "remainingItemCount",
        "shard_info": "shardInfo",
    },
):
    resource_version: str | None = None
    continue_token: str | None = None
    remaining: int | None = None
    shard_info: _ShardInfo | None = None


class _List(msgspec.Struct, gc=False, rename={"api_version": "apiVersion"}):
    """A whole list. Its members stay Raw, so that `_Head` decodes them, whichever way they came."""

    kind: msgspec.Raw = _NULL
    api_version: msgspec.Raw = _NULL
    metadata: msgspec.Raw = _NULL
    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


_LIST = msgspec.json.Decoder(_List)
_TEXT: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)
_METADATA: msgspec.json.Decoder[_Metadata | None] = msgspec.json.Decoder(_Metadata | None)


class _Head:
    """What is known about the list, apart from its items."""

    def __init__(self, resource: str, item_kind: tuple[str, str] | None) -> None:
        self.has_items = False
        self._resource = resource
        self._hint = item_kind or ("", "")
        self._kind = ""
        self._api_version = ""
        self._metadata = _Metadata()

    def take(self, name: str, position: int | None, raw: bytes | msgspec.Raw) -> None:
        """Note one member of the list's object."""
        match name:
            case "kind":
                self._kind = decode(_TEXT, raw, self._resource, position, "a kind") or ""
            case "apiVersion":
                self._api_version = decode(_TEXT, raw, self._resource, position, "an apiVersion") or ""
            case "metadata":
                found = decode(_METADATA, raw, self._resource, position, "a list's metadata")
                self._metadata = found or _Metadata()
            case _:
                return
        # As early as possible: a Table of 100 MB should not be read to its end first.
        refuse_foreign_kind(self._resource, self._kind, self._api_version, position)

    def item_kind(self) -> tuple[str, str]:
        """Kind and apiVersion of items that do not have their own; empty if the list does not say."""
        kind = self._kind.removesuffix("List")
        return (kind, self._api_version) if kind and kind != self._kind else self._hint

    def meta(self) -> PageMeta:
        """What the list said about itself. Call this at the end only.

        Raises:
            WrongKind: It was not a list.
        """
        metadata = self._metadata
        if not self.has_items or not self._kind:
            came = f"kind {self._kind[:60]!r}" if self._kind else "an object without a kind"
            lacks = "" if self.has_items else ", without items"
            raise WrongKind(self._resource, f"{came} came{lacks}, where a list of {self._resource} was asked for", 0)
        if not metadata.resource_version:
            raise WrongKind(self._resource, "list without metadata.resourceVersion", 0)
        return PageMeta(
            resource_version=metadata.resource_version,
            continue_token=metadata.continue_token or "",
            kind=self.item_kind()[0],
            api_version=self.item_kind()[1] or self._api_version,
            remaining=metadata.remaining,
            shard_selector=metadata.shard_info.selector if metadata.shard_info else None,
        )


class PageParser:
    """Parses the body of one list answer. `feed` it, `finish` it, then read ``meta``.

    Args:
        resource: The resource that is being listed, for errors.
        object_size_limit: The largest number of bytes in one item, as the server sends it.
        page_budget: The largest number of bytes that are kept before items are parsed as they arrive.
        item_kind: Kind and apiVersion of items that have none of their own, in a list that does not name them in time.
        accept: Called with what the page says about the list: before any item of a body within the budget is yielded,
            and after the last item of a larger one. May raise a `ProtocolError`.
    """

    def __init__(
        self,
        resource: str,
        *,
        object_size_limit: int,
        page_budget: int = PAGE_BUDGET,
        item_kind: tuple[str, str] | None = None,
        accept: Callable[[PageMeta], None] = lambda _: None,
    ) -> None:
        self._resource = resource
        self._accept = accept
        self._size_limit = object_size_limit
        self._budget = page_budget
        self._hint = item_kind
        self._kept = bytearray()
        self._scanner: ListScanner | IjsonScanner | None = None  # None while the body is within the budget
        self._head = _Head(resource, item_kind)
        self._meta: PageMeta | None = None

    @property
    def meta(self) -> PageMeta:
        """What the page says about the list. Only there once `finish` is exhausted."""
        assert self._meta is not None, "finish() has not been exhausted"
        return self._meta

    def feed(self, data: bytes | bytearray) -> Iterator[ListItem]:
        """Yield the items that are known already; none within the budget. Exhaust the iterator before feeding more.

        Raises:
            MalformedData: Not JSON, not UTF-8, cut off, or nested too deeply.
            ObjectTooLarge: An item has more bytes than the limit.
            WrongKind: Not a list, or an item is not an object with name and resource version.
        """
        if self._scanner is None:
            if len(self._kept) + len(data) <= self._budget:
                self._kept += data
                return
            self._scanner = _SCANNER(self._resource, size_limit=self._size_limit)
            kept, self._kept = self._kept, bytearray()
            yield from self._stream(self._scanner, kept)
        yield from self._stream(self._scanner, data)

    def finish(self) -> Iterator[ListItem]:
        """Report that the body has ended, and yield the other items. Raises as `feed`, and what ``accept`` raises."""
        if self._scanner is not None:
            yield from self._told(self._scanner.finish())
            self._head.has_items = self._scanner.has_items
            self._meta = self._head.meta()
            self._accept(self._meta)
            return
        try:
            items = self._whole()
            self._meta = self._head.meta()  # refuses what is not a list, before its first item is yielded
        except ProtocolError as error:
            raise self._judge(error) from None
        self._accept(self._meta)
        while items:  # popped, so that each Raw is freed when its item comes
            try:
                item = self._item(bytes(items.pop()), None)
            except ProtocolError as error:
                raise self._judge(error) from None
            yield item
        self._kept = bytearray()

    def _whole(self) -> list[msgspec.Raw]:
        """Decode the kept body: its items, the last one first."""
        check_utf8(self._kept, self._resource, None)
        found = decode(_LIST, self._kept, self._resource, None, "a list")
        for name, raw in (("kind", found.kind), ("apiVersion", found.api_version), ("metadata", found.metadata)):
            self._head.take(name, None, raw)
        self._head.has_items = found.items is not msgspec.UNSET
        items = found.items or []
        items.reverse()
        return items

    def _judge(self, error: ProtocolError) -> ProtocolError:
        """Let the scanner say what is wrong with the kept body."""
        judge = PageParser(self._resource, object_size_limit=self._size_limit, page_budget=-1, item_kind=self._hint)
        try:
            for part in (judge.feed(self._kept), judge.finish()):
                for _ in part:
                    pass
        except ProtocolError as judged:
            return judged
        return error

    def _stream(self, scanner: ListScanner | IjsonScanner, data: bytes | bytearray) -> Iterator[ListItem]:
        with memoryview(data) as view:
            for start in range(0, len(view), _SLICE):
                yield from self._told(scanner.feed(view[start : start + _SLICE]))

    def _told(self, values: Iterator[Value]) -> Iterator[ListItem]:
        for name, position, raw in values:
            if name == "items":
                yield self._item(raw, position)
            else:
                self._head.take(name, position, raw)

    def _item(self, raw: bytes, position: int | None) -> ListItem:
        if len(raw) > self._size_limit:
            raise ObjectTooLarge(self._resource, f"an object of more than {self._size_limit} bytes", position)
        found, is_told_empty = identify_item(self._resource, raw, position)
        if found.kind and found.api_version:
            return ListItem(found, raw)
        kind, api_version = self._head.item_kind()
        kind, api_version = found.kind or kind, found.api_version or api_version
        if not (kind and api_version):
            raise WrongKind(self._resource, "an item without a kind, in a list that does not say it either", position)
        lacking = ({} if found.kind else {"kind": kind}) | ({} if found.api_version else {"apiVersion": api_version})
        identity = Identity(found.name, found.namespace, found.uid, found.resource_version, kind, api_version)
        # An identified object has members, so a comma is right.
        if is_told_empty:
            return ListItem(identity, raw[:-1] + b"," + msgspec.json.encode(lacking)[1:])
        return ListItem(identity, msgspec.json.encode(lacking)[:-1] + b"," + raw[1:])
