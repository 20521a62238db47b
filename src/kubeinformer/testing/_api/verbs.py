"""What a request wants, as a verb of RBAC, and whether the resource supports that.

Rules. Pure. The verb depends only on method and path, so access can be decided before anything is looked up. Only after
that, what the resource does not support is refused. Methods without a verb in RBAC have the empty verb.

Theory. On a real server, two different programs serve built-in and custom resources, and they refuse differently. For a
built-in resource, the answer is a 405. For a custom resource, it is a 404 as for a path that does not exist. Only
custom resources accept a HEAD as a GET.

Source. ``apiserver/pkg/endpoints/request/requestinfo.go`` at 1.37; the refusals were seen on a real server.
"""

import contextlib

from kubeinformer._protocol.selectors import FieldSelector
from kubeinformer.testing import _status
from kubeinformer.testing._api.routes import Target
from kubeinformer.testing._read.options import flag
from kubeinformer.testing._store.storage import unserved
from kubeinformer.testing._types.kinds import ResourceType
from kubeinformer.testing._wire.http import HttpRequest

__all__ = ["access_namespace", "name_of", "require_allowed", "verb_of"]

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_OF_OBJECTS = frozenset({"get", "update", "patch", "delete"})
_OF_COLLECTIONS = frozenset({"list", "watch", "create", "deletecollection"})
_ACROSS_NAMESPACES = frozenset({"list", "watch"})
_SELECTING = frozenset({"list", "watch", "deletecollection"})


def verb_of(request: HttpRequest, target: Target) -> str:
    """The verb of RBAC; empty if there is none."""
    match request.method:
        case "GET" | "HEAD":
            return "get" if target.name else "watch" if flag(request.query, "watch") else "list"
        case "DELETE":
            return "delete" if target.name else "deletecollection"
        case method:
            return _WRITES.get(method, "")


def name_of(request: HttpRequest, target: Target) -> str:
    """The name that RBAC checks: the name in the path, or the only name that a field selector selects."""
    if not target.name and verb_of(request, target) in _SELECTING:
        with contextlib.suppress(ValueError):
            for requirement in FieldSelector.parse(request.query.get("fieldSelector", "")).requirements:
                if requirement.path == ("metadata", "name") and requirement.equal:
                    return requirement.value
    return target.name


def access_namespace(target: Target) -> str:
    """The namespace that RBAC checks. For a Namespace object, it is the object's own name."""
    is_namespace = (target.resource.group, target.resource.plural) == ("", "namespaces")
    return target.name if is_namespace else target.namespace


def require_allowed(request: HttpRequest, target: Target, type_: ResourceType, verb: str) -> None:
    """Refuse what this resource does not support at this path.

    Raises:
        FakeApiError: 404 or 405.
    """
    is_whole = bool(target.namespace) is type_.namespaced
    if not is_whole and (target.namespace or target.name):
        raise unserved(target.resource.group)
    possible = _OF_OBJECTS if target.name else _OF_COLLECTIONS if is_whole else _ACROSS_NAMESPACES
    if verb not in possible or verb not in type_.verbs or (request.method == "HEAD" and not type_.custom):
        raise _status.page_not_found() if type_.custom else _status.method_not_allowed()
