"""One request from its path to its answer: who asks, for what, may they, and then the matching part of the fake.

Rules. Every refusal is a Status; a bug of the fake itself is one too, with code 500, as on a real server, and is
logged. Every request is recorded before the first byte of its answer leaves, so that a client which has an answer
finds its request in the record, and an open watch stands there too.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._access import Access
from kubeinformer.testing._body import GZIP_THRESHOLD, ListBody, WatchBody
from kubeinformer.testing._collection import Collection
from kubeinformer.testing._http import Exchange
from kubeinformer.testing._listing import send_list
from kubeinformer.testing._options import ListOptions
from kubeinformer.testing._rendering import Rendering, negotiate
from kubeinformer.testing._routes import Target
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._storage import Storage
from kubeinformer.testing._watching import BookmarkClock, Watch

__all__ = ["RequestRecord", "Settings", "handle"]

_LOGGER = logging.getLogger("kubeinformer.testing")
_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that a server got.

    Attributes:
        method: Such as ``GET``.
        path: Without the query, percent-decoded.
        query: Decoded; of a repeated parameter the last one.
        user: Who asked, empty when the token was not known.
        status: The HTTP status of the answer, None when the connection ended before one was sent.
    """

    method: str
    path: str
    query: Mapping[str, str]
    user: str
    status: int | None


@dataclass(slots=True)
class Settings(BookmarkClock):
    """What may be changed while a server runs.

    Attributes:
        gzip: Whether clients that accept gzip get it.
        gzip_threshold: Bytes from which on a list is compressed.
        watch_list_enabled: Whether ``sendInitialEvents`` is accepted.
        bookmark_interval: Seconds between two bookmarks of one watch.
        bookmarks_asked: Counts the bookmarks that tests asked for.
        version_info: The answer to ``/version``.
    """

    gzip: bool = True
    gzip_threshold: int = GZIP_THRESHOLD
    watch_list_enabled: bool = True
    bookmark_interval: float = 60.0
    bookmarks_asked: int = 0
    version_info: RawObject = field(
        default_factory=lambda: {"major": "1", "minor": "37", "gitVersion": "v1.37.0-kubeinformer", "platform": "fake"}
    )


@dataclass(frozen=True, slots=True)
class Api:
    """Everything that answering a request needs."""

    storage: Storage
    access: Access
    settings: Settings
    record: Callable[[RequestRecord], None]


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
            # As in a real server, a bug must not take other clients down with it.
            _LOGGER.exception("the fake API server failed", extra={"path": request.path})
            if exchange.status is None:
                await _refuse(exchange, _status.internal_error(error))
    finally:
        if exchange.status is None:
            record(None)


async def _refuse(exchange: Exchange, error: FakeApiError) -> None:
    seconds = error.status.get("details", {}).get("retryAfterSeconds")
    headers = [("Retry-After", str(seconds))] if seconds else []
    await exchange.respond(error.code, msgspec.json.encode(error.status) + b"\n", headers)


async def _dispatch(api: Api, exchange: Exchange, user: str) -> None:
    request = exchange.request
    match request.path:
        case "/version":
            return await exchange.respond(200, msgspec.json.encode(api.settings.version_info))
        case "/readyz" | "/healthz" | "/livez":
            return await exchange.respond(200, b"ok", content_type="text/plain; charset=utf-8")
        case _:
            pass
    target = Target.parse(request.path)
    collection = api.storage.collection(target.resource)
    if target.namespace and not collection.type.namespaced:
        raise _status.unknown_path()
    if target.name and not target.namespace and collection.type.namespaced:
        raise _status.unknown_path()
    options = ListOptions.parse(collection.type, target.namespace, request.query)
    verb = _verb(request.method, target, options)
    api.access.authorize(user, verb, target.resource, target.namespace, target.name)
    if verb in {"list", "watch"}:
        await _read_collection(api, exchange, collection, options)
    else:
        await _use_object(api, exchange, collection, target, verb)
    return None


def _verb(method: str, target: Target, options: ListOptions) -> str:
    match method, bool(target.name):
        case "GET", True:
            return "get"
        case "GET", False:
            return "watch" if options.watch else "list"
        case "POST", False:
            return "create"
        case "PUT", True:
            return "update"
        case "PATCH", True:
            return "patch"
        case "DELETE", True:
            return "delete"
        case _:
            raise _status.method_not_allowed()


async def _read_collection(api: Api, exchange: Exchange, collection: Collection, options: ListOptions) -> None:
    headers, settings = exchange.request.headers, api.settings
    partial_kind = "PartialObjectMetadata" if options.watch else "PartialObjectMetadataList"
    partial = negotiate(headers.get("accept", ""), partial_kind=partial_kind)
    options.validate(watch_list_enabled=settings.watch_list_enabled)
    rendering = Rendering(collection.type, partial=partial)
    gzip = settings.gzip and "gzip" in headers.get("accept-encoding", "")
    if not options.watch:
        body = ListBody(exchange, settings.gzip_threshold if gzip else None)
        await send_list(api.storage, collection, options, rendering, body)
        return
    watch = Watch(api.storage, collection, options, rendering, settings)
    await exchange.until_disconnect(lambda: watch.run(WatchBody(exchange, gzip=gzip)))


async def _use_object(api: Api, exchange: Exchange, collection: Collection, target: Target, verb: str) -> None:
    request, storage, resource = exchange.request, api.storage, target.resource
    partial = negotiate(request.headers.get("accept", ""), partial_kind="PartialObjectMetadata")
    status = 200
    match verb:
        case "get":
            obj = storage.get(resource, target.key)
        case "create":
            obj, status = storage.create(resource, _decode(request.body), target.namespace or None), 201
        case "update":
            new = _decode(request.body)
            if isinstance(new.get("metadata"), dict) and new["metadata"].get("name") != target.name:
                raise _status.bad_request("the name of the object does not match the name on the URL")
            obj = storage.update(resource, new, target.namespace or None)
        case "patch":
            if request.headers.get("content-type", "").partition(";")[0] != _MERGE_PATCH:
                raise _status.unsupported_media_type(_MERGE_PATCH)
            obj = storage.patch(resource, target.key, _decode(request.body))
        case _:
            preconditions = _decode(request.body).get("preconditions") if request.body else None
            obj = storage.delete(resource, target.key, preconditions)
    body = Rendering(collection.type, partial=partial).object(collection.type.encode(obj))
    await exchange.respond(status, body + b"\n")


def _decode(body: bytes) -> RawObject:
    try:
        obj = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise _status.bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(obj, dict):
        raise _status.bad_request("couldn't get version/kind; json parse error: not an object")
    return obj
