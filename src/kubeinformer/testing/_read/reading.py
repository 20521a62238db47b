"""A request for many objects, from its headers to its body: lists, watches, and the deletion of a selection.

Rules. First the form of the answer is decided (406), then the query is parsed (400, 422), then it is checked. Nothing
is sent before that. A refusal that comes later goes into the stream.

Not here. Which objects there are (``_read.listing``, ``_read.watching``), single objects (``_api.handlers``).
"""

from collections.abc import Mapping
from typing import Protocol

from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._read.listing import send_list
from kubeinformer.testing._read.negotiation import Form, negotiate_object
from kubeinformer.testing._read.options import ListOptions, flag
from kubeinformer.testing._read.rendering import Rendering
from kubeinformer.testing._read.table import TableRendering
from kubeinformer.testing._read.watching import BookmarkClock, Watch
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._wire.body import ListBody, WatchBody, accepts_gzip
from kubeinformer.testing._wire.http import Exchange
from kubeinformer.testing._write.write_query import read_deletion

__all__ = ["ReadSettings", "delete_collection", "read_collection", "rendering_for"]


class ReadSettings(BookmarkClock, Protocol):
    """The settings of reading that may change while the server runs."""

    gzip: bool
    """Whether clients that accept gzip get it."""
    gzip_threshold: int
    """Bytes from which on a list is compressed."""
    watch_list_enabled: bool
    """Whether ``sendInitialEvents`` is accepted."""
    sharding_enabled: bool
    """Whether ``shardSelector`` is obeyed."""


def rendering_for(type_: ResourceType, form: Form, query: Mapping[str, str]) -> Rendering:
    """Make the rendering that converts objects of a type to a form.

    Raises:
        FakeApiError: 400: the query requests an impossible table.
    """
    return (
        TableRendering(type_, form, query.get("includeObject", "")) if form.kind == "Table" else Rendering(type_, form)
    )


async def read_collection(
    storage: Storage, settings: ReadSettings, exchange: Exchange, collection: Collection, namespace: str
) -> None:
    """Answer a list or a watch."""
    request = exchange.request
    form = negotiate_object(request.headers.get("accept", ""), is_list=not flag(request.query, "watch"))
    options = _options(settings, exchange, collection, namespace)
    rendering = rendering_for(collection.type, form, request.query)
    gzip = settings.gzip and accepts_gzip(request.headers.get("accept-encoding", ""))
    if not options.watch:
        body = ListBody(exchange, settings.gzip_threshold if gzip else None)
        await send_list(storage, collection, options, rendering, body)
        return
    watch = Watch(storage, collection, options, rendering, settings)
    is_compressed = gzip and options.allow_bookmarks
    await exchange.until_disconnect(lambda: watch.run(WatchBody(exchange, gzip=is_compressed)))


async def delete_collection(
    cluster: Cluster, settings: ReadSettings, exchange: Exchange, collection: Collection, namespace: str
) -> None:
    """Delete the selected objects, one by one, and answer with a list of them as they were."""
    type_, request = collection.type, exchange.request
    form = negotiate_object(request.headers.get("accept", ""), is_list=True)
    selection = _options(settings, exchange, collection, namespace).selection
    rendering, deletion = rendering_for(type_, form, request.query), read_deletion(request)
    entries = ((key, collection.entries[key]) for key in collection.keys)
    found = [(key, stored.body) for key, stored in entries if selection.matches(key, stored)]
    head, tail = rendering.list_parts(cluster.storage.version, "", None, None)
    for key, _ in found:
        if key in collection.entries:  # it may have been deleted with its owner
            cluster.deleting.delete(type_.resource, key, deletion)
    await exchange.respond(200, head + b",".join(rendering.item(body) for _, body in found) + tail)


def _options(settings: ReadSettings, exchange: Exchange, collection: Collection, namespace: str) -> ListOptions:
    query = exchange.request.query
    options = ListOptions.parse(collection.type, namespace, query, sharding_enabled=settings.sharding_enabled)
    options.validate(watch_list_enabled=settings.watch_list_enabled)
    return options
