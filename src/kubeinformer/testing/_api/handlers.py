"""Handles one request: finds who sends it and what it is about, checks access, and calls the matching part of the fake.

Rules. Every refusal is a Status. A bug of the fake itself is a Status too, with code 500, as on a real server, and is
logged. Every request is recorded before the first byte of its answer is sent. So a client that has an answer finds its
request in the record, and an open watch is recorded as well.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._api.access import Access
from kubeinformer.testing._api.routes import Target
from kubeinformer.testing._api.verbs import access_namespace, name_of, require_allowed, verb_of
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._read.discovery import SELF_SUBJECT_ACCESS_REVIEWS
from kubeinformer.testing._read.endpoints import TEXT, answer
from kubeinformer.testing._read.negotiation import negotiate, negotiate_object
from kubeinformer.testing._read.options import read_version
from kubeinformer.testing._read.reading import ReadSettings, delete_collection, read_collection, rendering_for
from kubeinformer.testing._read.review import review
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._store.storage import Storage
from kubeinformer.testing._wire.body import GZIP_THRESHOLD
from kubeinformer.testing._wire.http import Exchange
from kubeinformer.testing._write.objects import require_subresource, write_object
from kubeinformer.testing._write.payload import read_body

__all__ = ["RequestRecord", "Settings", "handle"]

_LOGGER = logging.getLogger("kubeinformer.testing")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that the fake server received.

    Attributes:
        method: Such as ``GET``.
        path: The path without the query, percent-decoded.
        query: The decoded query. If a parameter is repeated, this is its last value.
        user: The user; empty if the token was unknown.
        status: The HTTP status of the answer; None if the connection ended before an answer was sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    user: str
    status: int | None


@dataclass(slots=True)
class Settings(ReadSettings):
    """The settings that may be changed while a server runs.

    Attributes:
        gzip: Whether to compress for clients that accept gzip.
        gzip_threshold: A list of at least this number of bytes is compressed.
        watch_list_enabled: Whether ``sendInitialEvents`` is accepted.
        sharding_enabled: Whether ``shardSelector`` is obeyed; if not, it is ignored.
        bookmark_interval: Seconds between two bookmarks of one watch.
        bookmarks_asked: How many bookmarks tests have requested.
        version_info: The answer to ``/version``.
    """

    gzip: bool = True
    gzip_threshold: int = GZIP_THRESHOLD
    watch_list_enabled: bool = True
    sharding_enabled: bool = True
    bookmark_interval: float = 60.0
    bookmarks_asked: int = 0
    version_info: RawObject = field(
        default_factory=lambda: {"major": "1", "minor": "37", "gitVersion": "v1.37.0-kubeinformer", "platform": "fake"}
    )


@dataclass(frozen=True, slots=True)
class Api:
    """Everything that is needed to answer a request."""

    cluster: Cluster
    access: Access
    settings: Settings
    record: Callable[[RequestRecord], None]

    @property
    def storage(self) -> Storage:
        """The storage of the objects."""
        return self.cluster.storage


async def handle(api: Api, exchange: Exchange) -> None:
    """Answer one request."""
    request = exchange.request
    user = ""

    def record(status: int | None) -> None:
        api.record(RequestRecord(request.method, request.path, request.query, user, status))

    exchange.on_start = record
    try:
        try:
            user = api.access.authenticate(request.headers.get("authorization", ""))
            await _dispatch(api, exchange, user)
        except FakeApiError as error:
            await _refuse(exchange, error)
        except OSError:
            raise
        except Exception as error:
            # As in a real server, a bug must not affect other clients.
            _LOGGER.exception("the fake API server failed", extra={"path": request.path})
            if exchange.status is None:
                await _refuse(exchange, _status.internal_error(error))
    finally:
        if exchange.status is None:
            record(None)


async def _refuse(exchange: Exchange, error: FakeApiError) -> None:
    if isinstance(error, _status.PageNotFound):
        await exchange.respond(error.code, error.status["message"].encode() + b"\n", content_type=TEXT)
        return
    seconds = error.status.get("details", {}).get("retryAfterSeconds")
    headers = [("Retry-After", str(seconds))] if seconds else []
    await exchange.respond(error.code, msgspec.json.encode(error.status) + b"\n", headers)


async def _dispatch(api: Api, exchange: Exchange, user: str) -> None:
    request = exchange.request
    types = (collection.type for collection in api.storage.collections.values())
    reply = answer(request, types, api.settings.version_info)
    if reply is not None:
        headers = [("Vary", "Accept")] if reply.varies else []
        return await exchange.respond(200, reply.body, headers, reply.content_type)
    target = Target.parse(request.path)
    if target.resource == SELF_SUBJECT_ACCESS_REVIEWS.resource:
        return await _review(api, exchange, target, user)
    verb = verb_of(request, target)
    # Checked before anything is looked up, as on a real server: without access, nobody learns what exists.
    api.access.authorize(user, verb, target.resource, access_namespace(target), name_of(request, target))
    collection = api.storage.collection(target.resource)
    require_subresource(collection.type, target, verb)
    require_allowed(request, target, collection.type, verb)
    if verb in {"list", "watch"}:
        await read_collection(api.storage, api.settings, exchange, collection, target.namespace)
    elif verb == "deletecollection":
        await delete_collection(api.cluster, api.settings, exchange, collection, target.namespace)
    else:
        await _use_object(api, exchange, collection, target, verb)
    return None


async def _review(api: Api, exchange: Exchange, target: Target, user: str) -> None:
    if target.namespace or target.name:
        raise _status.unknown_resource()
    if exchange.request.method != "POST":
        raise _status.method_not_allowed()
    negotiate(exchange.request.headers.get("accept", ""))
    answered = review(api.access, user, read_body("application/json", exchange.request.body))
    await exchange.respond(201, msgspec.json.encode(answered) + b"\n")


async def _use_object(api: Api, exchange: Exchange, collection: Collection, target: Target, verb: str) -> None:
    request, storage = exchange.request, api.storage
    form = negotiate_object(request.headers.get("accept", ""), is_list=False)
    rendering = rendering_for(collection.type, form, request.query)
    if verb == "get":
        asked = read_version(request.query.get("resourceVersion", "")) or 0
        if asked > storage.version:
            raise _status.version_too_large(asked, storage.version)
        status, obj = 200, storage.get(target.resource, target.key)
    else:
        status, obj = write_object(api.cluster, request, target, verb)
    if obj.get("kind") == "Status":
        await exchange.respond(status, msgspec.json.encode(obj) + b"\n")
        return
    body = rendering.object(collection.type.encode(obj))
    await exchange.respond(status, body + b"\n")
