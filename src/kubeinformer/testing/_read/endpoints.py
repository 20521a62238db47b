"""Answers to paths that are not resources: discovery, ``/version``, health.

Rules. Pure. Health and ``/apis`` answer any method, the others only GET, as on a real server. Access rules do not
apply: every known user may read all of it.

Not here. ``/openapi/v2``, ``/openapi/v3``, ``/metrics`` and ``/`` are a 404.

Source. ``apiserver/pkg/server/healthz/healthz.go`` and ``pkg/endpoints/discovery`` at 1.37; seen on a real server.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._read.discovery import Discovery
from kubeinformer.testing._read.negotiation import AGGREGATED_DISCOVERY, negotiate, negotiate_discovery
from kubeinformer.testing._store.storage import unserved
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._wire.http import HttpRequest

__all__ = ["TEXT", "Reply", "answer"]

TEXT = "text/plain; charset=utf-8"
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CHECKS = ("ping", "log", "etcd", "informer-sync")


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    body: bytes
    content_type: str = "application/json"
    varies: bool = False
    """Whether the form of the answer depends on the Accept header."""


def answer(request: HttpRequest, types: Iterable[ResourceType], version_info: RawObject) -> Reply | None:
    """Answer a request about the server itself; None if the path is about something else.

    Raises:
        FakeApiError: 404, 405 or 406.
    """
    match request.path.removeprefix("/").rstrip("/").split("/"):
        case ["version"]:
            return _version(request, version_info)
        case ["readyz" | "livez" | "healthz" as probe, *check]:
            return _health(probe, check, request.query)
        case ["api"]:
            _require_get(request)
            return _root(request, Discovery(types), core=True)
        case ["apis"]:
            return _root(request, Discovery(types), core=False)
        case ["apis", group]:
            return _document(request, Discovery(types).group(group), group)
        case ["api", version]:
            return _document(request, Discovery(types).resources("", version), "")
        case ["apis", group, version]:
            return _document(request, Discovery(types).resources(group, version), group)
        case _:
            return None


def _version(request: HttpRequest, version_info: RawObject) -> Reply:
    _require_get(request)
    # Only the media type counts here. A parameter that requests a form is ignored.
    negotiate(",".join(clause.partition(";")[0] for clause in request.headers.get("accept", "").split(",")))
    return Reply(msgspec.json.encode(version_info))


def _health(probe: str, check: list[str], query: Mapping[str, str]) -> Reply:
    if check and (len(check) > 1 or check[0] not in _CHECKS):
        raise _status.page_not_found()
    if check or "verbose" not in query:
        return Reply(b"ok", TEXT)
    lines = [f"[+]{name} ok\n" for name in _CHECKS]
    return Reply("".join([*lines, f"{probe} check passed\n"]).encode(), TEXT)


def _root(request: HttpRequest, discovery: Discovery, *, core: bool) -> Reply:
    if negotiate_discovery(request.headers.get("accept", "")) == AGGREGATED_DISCOVERY:
        return Reply(_encode(discovery.aggregated(core=core)), _AGGREGATED, varies=True)
    document = discovery.core_versions(request.headers.get("host", "")) if core else discovery.groups()
    return Reply(_encode(document), varies=True)


def _document(request: HttpRequest, document: RawObject | None, group: str) -> Reply:
    if document is None:
        raise unserved(group)
    _require_get(request)
    negotiate(request.headers.get("accept", ""))
    return Reply(_encode(document))


def _require_get(request: HttpRequest) -> None:
    if request.method != "GET":
        raise _status.method_not_allowed()


def _encode(document: RawObject) -> bytes:
    return msgspec.json.encode(document) + b"\n"
