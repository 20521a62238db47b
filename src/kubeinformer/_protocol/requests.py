"""What is requested from the server: collections, the kinds of request, and their URLs.

Source. https://kubernetes.io/docs/reference/using-api/api-concepts/ for list, watch and metadata-only answers; KEP-3157
for ``sendInitialEvents``. A list never asks for ``resourceVersion=0``, because the answer may be older than what was
already seen. Only a proof names a version, and nothing of its answer is kept.
"""

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias, assert_never

import msgspec

from kubeinformer._protocol.shards import Shard
from kubeinformer.resources import Resource

__all__ = [
    "Collection",
    "Fetch",
    "HttpRequest",
    "ListFetch",
    "ProofFetch",
    "WatchFetch",
    "WatchListFetch",
    "build_request",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to the API server. It never contains credentials; the transport adds them.

    Attributes:
        path: The absolute path without the query, such as ``/api/v1/pods``. Not percent-encoded.
        query: Pairs of name and value, not percent-encoded.
        headers: Pairs of name and value, in addition to those of the transport (host, authorization, user agent).
        head_timeout: The time limit for the status line and headers of the answer, in seconds.
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        body: The body of the request. Its Content-Type is one of ``headers``.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    head_timeout: float = 60.0
    method: str = "GET"
    body: bytes = field(default=b"", repr=False)  # may be a Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The set of objects an informer mirrors.

    Attributes:
        resource: The resource type.
        namespace: One namespace, or None for all of them (and for cluster-scoped resources).
        label_selector: As in the API, such as ``app=web,tier in (a,b)``; empty for all objects.
        field_selector: As in the API, such as ``spec.nodeName=node-7``; empty for all objects.
        metadata_only: Ask the server for ``PartialObjectMetadata``: no spec, no status.
        compressed: Ask the server for gzip.
        shard: The part to mirror, None for the whole.
    """

    resource: Resource
    namespace: str | None = None
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    compressed: bool = True
    shard: Shard | None = None

    def __str__(self) -> str:
        return str(self.resource)


class WatchListFetch(msgspec.Struct, frozen=True):
    """All objects as a stream of events, then live events on the same stream."""

    name: ClassVar[str] = "watch-list"
    timeout_seconds: int


class WatchFetch(msgspec.Struct, frozen=True):
    """Live events after a known version."""

    name: ClassVar[str] = "watch"
    resource_version: str
    timeout_seconds: int


class ListFetch(msgspec.Struct, frozen=True):
    """One page of the newest state; ``limit`` 0 asks for everything in one answer."""

    name: ClassVar[str] = "list"
    limit: int
    continue_token: str = ""


class ProofFetch(msgspec.Struct, frozen=True):
    """At most one object, of a state that is not older than a version: can the server be resumed from there?"""

    name: ClassVar[str] = "proof"
    resource_version: str


Fetch: TypeAlias = WatchListFetch | WatchFetch | ListFetch | ProofFetch

_PARTIAL = "application/json;as={kind};g=meta.k8s.io;v=v1"


def build_request(collection: Collection, fetch: Fetch, head_timeout: float = 60.0) -> HttpRequest:
    """Turn what the machine wants into an HTTP request.

    Args:
        collection: The collection of objects.
        fetch: What is wanted from it.
        head_timeout: See `HttpRequest`.
    """
    query = list(_selectors(collection))
    match fetch:
        case WatchListFetch(timeout_seconds=seconds):
            query += [
                ("watch", "true"),
                ("sendInitialEvents", "true"),
                ("resourceVersionMatch", "NotOlderThan"),
                # Empty means "the newest": the server asks etcd which version its cache has to reach (KEP-3157).
                ("resourceVersion", ""),
                ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", str(seconds)),
            ]
        case WatchFetch(resource_version=version, timeout_seconds=seconds):
            query += [
                ("watch", "true"),
                ("resourceVersion", version),
                ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", str(seconds)),
            ]
        case ListFetch(limit=limit, continue_token=token):
            query += [("limit", str(limit))] if limit else []
            query += [("continue", token)] if token else []
        case ProofFetch(resource_version=version):
            # Without selectors: any object is enough, and the server need not search for one that matches.
            query = [("limit", "1"), ("resourceVersion", version), ("resourceVersionMatch", "NotOlderThan")]
        case _:
            assert_never(fetch)
    return HttpRequest(
        path=collection.resource.path(collection.namespace),
        query=tuple(query),
        headers=(
            ("accept", _accept(collection, is_list=isinstance(fetch, ListFetch | ProofFetch))),
            ("accept-encoding", "gzip" if collection.compressed else "identity"),
        ),
        head_timeout=head_timeout,
    )


def _selectors(collection: Collection) -> list[tuple[str, str]]:
    pairs = (
        ("labelSelector", collection.label_selector),
        ("fieldSelector", collection.field_selector),
        ("shardSelector", collection.shard.selector if collection.shard else ""),
    )
    return [(name, value) for name, value in pairs if value]


def _accept(collection: Collection, *, is_list: bool) -> str:
    if not collection.metadata_only:
        return "application/json"
    return _PARTIAL.format(kind="PartialObjectMetadataList" if is_list else "PartialObjectMetadata")
