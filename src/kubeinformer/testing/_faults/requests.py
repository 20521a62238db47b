"""What a request is about, for the selection by faults.

Rules. Pure. ``watch`` and ``watch-list`` are two verbs here, because they fail in different ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubeinformer.resources import Resource
from kubeinformer.testing._api.routes import Target
from kubeinformer.testing._status import FakeApiError
from kubeinformer.testing._wire.http import HttpRequest

__all__ = ["COLLECTION", "STREAMS", "VERBS", "Asked"]

STREAMS = ("watch", "watch-list")
COLLECTION = ("list", *STREAMS)
VERBS = (*COLLECTION, "get", "create", "update", "patch", "delete", "other")

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_FALSE = frozenset({"false", "0", "f", "F", "FALSE", "False"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        verb: One of `VERBS`.
        resource: The resource; None for ``other``.
        path: The path, as received.
        query: The query, as received.
        page: The number of the page of a list, from 1; 0 for anything else.
    """

    verb: str
    resource: Resource | None
    path: str
    query: Mapping[str, str]
    page: int = 0

    @classmethod
    def parse(cls, request: HttpRequest, pages: dict[tuple[str, ...], int]) -> "Asked":
        """Parse a request. ``pages`` remembers the current page of the list of each collection."""
        try:
            target = Target.parse(request.path)
        except FakeApiError:
            return cls("other", None, request.path, request.query)
        query = request.query
        verb = _verb(request.method, target, query)
        page = 0
        if verb == "list":
            # A token does not say which page it leads to. Lists of one collection that are read at the same time
            # are counted as one.
            list_ = (request.path, query.get("labelSelector", ""), query.get("fieldSelector", ""))
            page = pages[list_] = pages.get(list_, 0) + 1 if query.get("continue") else 1
        return cls(verb, target.resource, request.path, query, page)


def _verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    if method != "GET":
        return _WRITES.get(method, "other")
    if target.name:
        return "get"
    if query.get("watch", "false") in _FALSE:
        return "list"
    return "watch" if query.get("sendInitialEvents", "false") in _FALSE else "watch-list"
