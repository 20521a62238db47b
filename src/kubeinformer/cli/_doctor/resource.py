"""Facts about one resource: whether it is served, what this user may do with it, and what the server supports.

Theory. What a server supports is tried out, not concluded from its version. A watch-list depends on a feature gate, and
it may differ between resources, because aggregated API servers answer for themselves. The watch-list is requested for
one object that does not exist (``metadata.name=…``). So the whole first state is the bookmark that ends it, however
many objects there are. The first list asks for one object. Its answer tells how many objects there are, and how many of
them make a page of a megabyte.
"""

import difflib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from kubeinformer import KubeInformerError, RawObject, Resource
from kubeinformer.cli._doctor.asking import SILENCE_LIMIT, Answer, Asking, NotAnswered
from kubeinformer.cli._doctor.report import ResourceReport
from kubeinformer.cli._doctor.sizes import estimate, measure
from kubeinformer.cli._text import one_line
from kubeinformer.connection import Response

__all__ = ["look_at_resource"]

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NOBODY = {"fieldSelector": "metadata.name=kubeinformer-doctor"}  # selects no object, or an irrelevant one
_WATCH = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "10"}
_INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "resourceVersion": ""}
_HALF = {"shardSelector": "shardRange(object.metadata.uid, '0x0000000000000000', '0x8000000000000000')"}
_REFUSED = frozenset({400, 415, 422})  # the answers of a server that does not know watch-lists
_NOT_FOUND = 404

_PAGE_BYTES = 2**20  # of a sample
_PAGE_LIMIT = 4 * _PAGE_BYTES  # more than a page, because objects differ in size
_PAGE_OBJECTS = 200
_STREAM_LIMIT = 2**20  # bytes of a watch that should send no objects
_COMPRESSED_FROM = 128 * 1024  # bytes; API servers compress lists of at least this size


class _PageMetadata(msgspec.Struct, rename="camel"):
    token: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None
    shard_info: dict[str, Any] | None = None


class _Page(msgspec.Struct):
    metadata: _PageMetadata
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: dict[str, Any]


async def look_at_resource(asking: Asking, found: ResourceReport) -> None:
    """Find the facts about a resource, and record them."""
    resource = Resource.parse(found.resource)
    async with _noting(found, "discovery"):
        await _discover(asking, resource, found)
    if found.served is False:
        return
    if found.namespaced is False:
        found.namespace = None
    async with _noting(found, "access"):
        await _ask_for_access(asking, resource, found)
    path = resource.path(found.namespace)
    if found.access.watch is not False:
        async with _noting(found, "watch"):
            await _try_watch_list(asking, path, found)
    if found.access.list is not False:
        async with _noting(found, "list"):
            await _try_lists(asking, path, found)


@asynccontextmanager
async def _noting(found: ResourceReport, what: str) -> AsyncGenerator[None]:
    try:
        yield
    except NotAnswered as error:
        found.failures[what] = error.why


def _require_success(answer: Answer, what: str) -> None:
    if not answer.is_success:
        raise NotAnswered("http", f"{what}: {answer.said}")


# Is it served?


async def _discover(asking: Asking, resource: Resource, found: ResourceReport) -> None:
    root = f"/apis/{resource.group}" if resource.group else "/api"
    answer = await asking.get(f"{root}/{resource.version}")
    if answer.status == _NOT_FOUND:
        found.served, found.suggestion = False, await _other_version(asking, resource, root)
        return
    _require_success(answer, f"GET {root}/{resource.version}")
    document: RawObject = answer.decode(dict[str, Any]) or {}
    known = {str(entry.get("name")): entry for entry in _entries(document, "resources")}
    entry = known.get(resource.plural)
    found.served = entry is not None
    if entry is None:
        plurals = [name for name in known if "/" not in name]
        close = difflib.get_close_matches(resource.plural, plurals, 1)
        found.suggestion = f"{resource.api_version}/{one_line(close[0])}" if close else ""
        return
    found.kind = one_line(str(entry.get("kind", "")))
    found.namespaced = bool(entry.get("namespaced"))
    verbs = entry.get("verbs")
    found.verbs = [one_line(str(verb)) for verb in verbs] if isinstance(verbs, list) else []


async def _other_version(asking: Asking, resource: Resource, root: str) -> str:
    """The group's preferred version, if the group is served."""
    answer = await asking.get(root)
    document: RawObject = answer.decode(dict[str, Any]) or {}
    preferred = document.get("preferredVersion")
    version = preferred.get("groupVersion") if isinstance(preferred, dict) and resource.group else None
    return f"{one_line(version)}/{resource.plural}" if isinstance(version, str) else ""


def _entries(document: RawObject, name: str) -> list[RawObject]:
    value = document.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


# What is this user allowed to do?


async def _ask_for_access(asking: Asking, resource: Resource, found: ResourceReport) -> None:
    for verb in ("get", "list", "watch"):
        attributes = {
            "verb": verb,
            "group": resource.group,
            "version": resource.version,
            "resource": resource.plural,
            "namespace": found.namespace or "",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        try:
            answer = await asking.review(_REVIEWS, review)
        except KubeInformerError as error:
            raise asking.not_answered(error) from None
        status = answer.get("status")
        setattr(found.access, verb, isinstance(status, dict) and status.get("allowed") is True)


# Can the server stream the first state?


async def _try_watch_list(asking: Asking, path: str, found: ResourceReport) -> None:
    started = anyio.current_time()
    query = _WATCH | _NOBODY | _INITIAL
    async with asking.open(path, query) as response:
        if response.status in _REFUSED:
            found.watch_list = "refused"
            query = _WATCH | _NOBODY
        elif response.status != 200:  # noqa: PLR2004 - HTTP's word for yes
            body = await asking.receive(response)
            _require_success(Answer(response.status, response.headers, body), f"watch {path}")
        else:
            with anyio.move_on_after(SILENCE_LIMIT):
                await _read_first_state(asking, response, found)
            found.watch_list = found.watch_list or "ignored"
    if found.watch_list == "supported":
        found.watch_list_seconds = round(anyio.current_time() - started, 4)
    found.gzip_watch = await asking.would_compress(path, query)


async def _read_first_state(asking: Asking, response: Response, found: ResourceReport) -> None:
    rest, read = b"", 0
    while read < _STREAM_LIMIT and found.watch_list != "supported":
        chunk = await asking.receive(response)
        if not chunk:
            return
        read += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _note_event(line, found)


def _note_event(line: bytes, found: ResourceReport) -> None:
    try:
        event = msgspec.json.decode(line, type=_Event)
    except (ValueError, RecursionError):
        raise NotAnswered("http", "the stream of a watch is not one of JSON events") from None
    if event.type == "ERROR":
        raise NotAnswered("http", f"watch: {one_line(str(event.object.get('message', 'an error without a message')))}")
    if event.type == "BOOKMARK":
        found.bookmarks = True
        metadata = event.object.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        if isinstance(annotations, dict) and annotations.get("k8s.io/initial-events-end") == "true":
            found.watch_list = "supported"


# How many objects are there, and how large are they?


async def _try_lists(asking: Asking, path: str, found: ResourceReport) -> None:
    first = await _page(asking, path, {"limit": "1"})
    items = first.items or []
    found.limit_obeyed = len(items) <= 1
    remaining = first.metadata.remaining_item_count
    if remaining is not None or not first.metadata.token:
        found.objects = len(items) + (remaining or 0)
    found.sharding = await _obeys_shards(asking, path)
    if not items or found.objects is None:
        return
    if found.objects > len(items) and found.limit_obeyed:
        count = min(_PAGE_OBJECTS, max(2, _PAGE_BYTES // max(1, len(bytes(items[0])))))
        query = {"limit": str(count)}
        items = (await _page(asking, path, query)).items or items
        if sum(len(bytes(item)) for item in items) > _COMPRESSED_FROM:
            found.gzip_list = await asking.would_compress(path, query)
    found.sample = await anyio.to_thread.run_sync(measure, [bytes(item) for item in items], found.objects)
    found.memory = estimate(found.objects, found.sample)


async def _page(asking: Asking, path: str, query: dict[str, str]) -> _Page:
    answer = await asking.get(path, query, limit=_PAGE_LIMIT)
    _require_success(answer, f"list {path}")
    if not answer.is_whole:
        why = f"more than {_PAGE_LIMIT // 2**20} MiB came for a page of {query['limit']}"
        raise NotAnswered("http", f"list {path}: {why}: the server ignores limit, or objects are that large")
    page = answer.decode(_Page)
    if page is None:
        raise NotAnswered("http", f"list {path}: what came is no list of objects ({answer.said})")
    return page


async def _obeys_shards(asking: Asking, path: str) -> bool:
    answer = await asking.get(path, {"limit": "1"} | _HALF, limit=_PAGE_LIMIT)
    page = answer.decode(_Page) if answer.is_success else None
    return page is not None and page.metadata.shard_info is not None
