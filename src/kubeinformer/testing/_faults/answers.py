"""Faults in which something else answers: refusals, and the answers of a proxy or a misconfigured endpoint.

Rules. Each of these replaces the answer of the server, and the request is recorded with the status of the fault. A
Status has the text and the details of a real server.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec
from typing_extensions import override

from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.effects import Canned, Effect, Flush, Line
from kubeinformer.testing._faults.requests import COLLECTION, STREAMS
from kubeinformer.testing._wire.http import Put

__all__ = ["Deny", "Empty", "Html", "ServerError", "TableAnswer", "TooManyRequests", "Unauthenticated"]

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""The reason that a real server gives with each code (``StatusReason`` in apimachinery)."""

_MESSAGES = {
    401: "Unauthorized",
    410: "The provided resource version is too old",
    429: "storage is (re)initializing",
    500: "Internal error occurred: etcdserver: request timed out",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}


def status(code: int, reason: str = "", message: str = "", *, retry_after: int | None = None) -> RawObject:
    """Make a Status of a failure. By default, reason and message are those of a real server."""
    details = None if retry_after is None else {"retryAfterSeconds": retry_after}
    reason = reason or REASONS.get(code, "")
    message = message or _MESSAGES.get(code, reason)
    return _status.failure(code, reason, message, details=details).status


class Answering(Effect):
    """Answers instead of the server."""

    def __init__(self, line: Line, canned: Canned) -> None:
        super().__init__(line)
        self._canned = canned

    def answer(self) -> Canned | None:
        self.line.happened()
        return self._canned


def refusal(line: Line, told: RawObject, retry_after: int | None = None) -> Effect:
    """Answers with a Status."""
    return Answering(line, Canned(told["code"], msgspec.json.encode(told) + b"\n", retry_after=retry_after))


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyRequests(Fault):
    """429: the server is busy, or its watch cache is not ready.

    Attributes:
        retry_after: How many seconds the server asks the client to wait; None to leave this out.
        where: Where it says so: in the ``Retry-After`` ``header``, in the ``details`` of the Status, or ``both``.
    """

    kind: ClassVar[str] = "too_many_requests"
    _replaces: ClassVar[bool] = True

    retry_after: int | None = checks.option(1, checks.optional(checks.count))
    where: Literal["header", "details", "both"] = checks.option("both", checks.one_of("header", "details", "both"))

    def _effect(self, line: Line) -> Effect:
        told = status(429, retry_after=None if self.where == "header" else self.retry_after)
        return refusal(line, told, None if self.where == "details" else self.retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError(Fault):
    """An HTTP status from 500 to 599, with a Status object.

    Attributes:
        code: The HTTP status.
        retry_after: The seconds in the ``Retry-After`` header; None for no such header.
    """

    kind: ClassVar[str] = "server_error"
    _replaces: ClassVar[bool] = True

    code: int = checks.option(500, checks.whole(500, 599))
    retry_after: int | None = checks.option(None, checks.optional(checks.count))

    def _effect(self, line: Line) -> Effect:
        return refusal(line, status(self.code), self.retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthenticated(Fault):
    """401, as if a credential has expired or was revoked."""

    kind: ClassVar[str] = "unauthenticated"
    _replaces: ClassVar[bool] = True

    def _effect(self, line: Line) -> Effect:
        return refusal(line, status(401))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny(Fault):
    """403, as if a RoleBinding is missing. ``for_seconds`` and ``times`` limit how long."""

    kind: ClassVar[str] = "deny"
    _replaces: ClassVar[bool] = True

    def _effect(self, line: Line) -> Effect:
        asked = line.asked
        what = f"{asked.resource.plural} is" if asked.resource else asked.path
        return refusal(line, status(403, message=f"{what} forbidden: User cannot {asked.verb} at the cluster scope"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Html(Fault):
    """A proxy answers with an HTML page.

    Attributes:
        code: 200 for a login page; 502, 503 or 504 for a proxy that cannot reach the server.
    """

    kind: ClassVar[str] = "html"
    _replaces: ClassVar[bool] = True

    code: Literal[200, 502, 503, 504] = checks.option(502, checks.one_of(200, 502, 503, 504))

    def _effect(self, line: Line) -> Effect:
        title = "Sign in" if self.code == _OK else f"{self.code} Bad Gateway"
        page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1></body></html>\n"
        return Answering(line, Canned(self.code, page.encode(), "text/html; charset=utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty(Fault):
    """200 with a JSON header, and an empty body."""

    kind: ClassVar[str] = "empty"
    _replaces: ClassVar[bool] = True

    def _effect(self, line: Line) -> Effect:
        return Answering(line, Canned(_OK, b""))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer(Fault):
    """A ``Table``, as for kubectl, instead of objects: as the answer to a list, or in each event of a watch."""

    kind: ClassVar[str] = "table"
    verbs: ClassVar[tuple[str, ...]] = COLLECTION
    _replaces: ClassVar[bool] = True

    def _effect(self, line: Line) -> Effect:
        return _TableOfEvent(line) if line.asked.verb in STREAMS else _TableOfList(line)


class _TableOfList(Effect):
    def answer(self) -> Canned | None:
        self.line.happened()
        storage, resource = self.line.api.storage, self.line.asked.resource
        collection = storage.collections.get(resource) if resource else None
        if collection is None:
            return None
        objects = [collection.type.decode(collection.entries[key].body) for key in collection.keys]
        return Canned(_OK, msgspec.json.encode(_table(objects, str(storage.version))) + b"\n")


class _TableOfEvent(Effect):
    @override
    async def event(self, event: bytes, put: Put, flush: Flush) -> None:
        self.line.happened()
        told: dict[str, Any] = msgspec.json.decode(event)
        if told["type"] != "ERROR":
            told["object"] = _table([told["object"]], told["object"]["metadata"]["resourceVersion"])
            event = msgspec.json.encode(told) + b"\n"
        await put(event)


def _table(objects: list[RawObject], version: str) -> RawObject:
    columns = [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns,
        "rows": [
            {"cells": [obj["metadata"].get("name", "")], "object": partial | {"metadata": obj["metadata"]}}
            for obj in objects
        ],
    }


_OK = 200
