"""Converts a refusal by the server to the error that a user sees."""

import re
from urllib.parse import urlsplit

from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.status import Status
from kubeinformer._protocol.targets import Target
from kubeinformer.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    KubeInformerError,
    NotFound,
    Redirected,
    ServerRefused,
    ServerUnavailable,
    Unauthorized,
    WrongKind,
)

__all__ = ["is_redirect", "refusal", "request_refusal", "require_json"]

_KINDS: dict[int, type[ServerRefused]] = {401: Unauthorized, 403: Forbidden, 404: NotFound}
_KINDS_OF_REQUESTS: dict[int, type[ServerRefused]] = {**_KINDS, 409: Conflict, 422: Invalid}
_NOT_NAMESPACED = "if the resource is cluster-scoped, as nodes are, ask for it without a namespace"
_HOST = re.compile(r"[0-9a-z.:_-]{1,253}")
_PASSING = (408, 410, 429)  # of the 4xx codes, those that mean "not now" rather than "no"


def refusal(
    collection: Collection, verb: str, status: Status, location: str | None = None, retry_after: float | None = None
) -> KubeInformerError:
    """The error of an informer for an answer other than 200, or for an ERROR event.

    Args:
        collection: The collection that was requested.
        verb: The RBAC verb of the request.
        status: What the server said.
        location: The value of the Location header.
        retry_after: Seconds for which the server wants no request.
    """
    if is_redirect(status.code):
        return Redirected(verb, str(collection), status.code, _origin(location))
    if 400 <= status.code < 500 and status.code not in _PASSING:  # noqa: PLR2004 - HTTP's classes
        kind = _KINDS.get(status.code, ServerRefused)
        # kubectl ignores -n for cluster-scoped resources, but no server has a URL with a namespace for them.
        remedy = f"{kind.remedy}; {_NOT_NAMESPACED}" if kind is NotFound and collection.namespace else None
        return kind(
            verb, str(collection), collection.namespace, status.code, status.reason, status.message, remedy=remedy
        )
    return ServerUnavailable(verb, str(collection), status.code, status.reason, status.message, retry_after=retry_after)


def request_refusal(
    target: Target, status: Status, location: str | None = None, retry_after: float | None = None
) -> KubeInformerError:
    """The error for an answer other than 2xx to a single request, which is not retried. Arguments as in `refusal`."""
    if is_redirect(status.code):
        return Redirected(target.verb, target.resource, status.code, _origin(location), is_retried=False)
    if 400 <= status.code < 500 and status.code not in _PASSING:  # noqa: PLR2004 - HTTP's classes
        kind = _KINDS_OF_REQUESTS.get(status.code, ServerRefused)
        if kind is Conflict and status.reason == "AlreadyExists":
            kind = AlreadyExists
        return kind(
            target.verb,
            target.resource,
            target.namespace,
            status.code,
            status.reason,
            status.message,
            name=target.name,
            causes=tuple((cause.field, cause.reason, cause.message) for cause in status.causes),
            remedy=_remedy(kind, target, status),
        )
    return ServerUnavailable(
        target.verb,
        target.resource,
        status.code,
        status.reason,
        status.message,
        namespace=target.namespace,
        name=target.name,
        retry_after=retry_after,
        is_retried=False,
    )


def _remedy(kind: type[ServerRefused], target: Target, status: Status) -> str | None:
    """What to do, if that depends on the request; None for the standard text of the error."""
    if kind is Forbidden:
        # RBAC's messages contain "cannot". Quotas, admission and terminating namespaces answer 403 as well.
        if status.message and " cannot " not in status.message:
            return "what the server said names the rule: a quota, an admission policy, or a namespace that is ending"
        what = f"the URL {target.resource}" if target.is_path else f"this resource ({target.rbac_resource})"
        return f"bind a Role or ClusterRole with the verb {target.verb} on {what} to this user or service account"
    if kind is NotFound and target.is_path:
        return "this server has no such path"
    if kind is NotFound and target.name and target.verb != "create":
        needs_namespace = "" if target.namespace else "; and what is namespaced needs its namespace"
        return (
            "either there is no such object (any more), or its resource is not served: check group, version and "
            f"plural (`kubectl api-resources`){needs_namespace}"
        )
    if kind is NotFound and target.namespace:
        return "check that the namespace exists, and group, version and plural (`kubectl api-resources`)"
    if kind is Conflict and any(cause.reason == "FieldManagerConflict" for cause in status.causes):
        return "leave out the fields that others own, or take them over with force"
    return None


def is_redirect(code: int) -> bool:
    """Whether this is the code of a redirect. Its body is not used: it repeats the target, including the query."""
    return 300 <= code < 400  # noqa: PLR2004 - HTTP's class


def _origin(location: str | None) -> str:
    """Where a redirect leads, without path and query: those of a login may contain secrets, such as tokens."""
    if not location:
        return "no location"
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = "?", None, None
    if not host:
        return "a path on the same server"
    if parts is None or parts.scheme not in {"", "http", "https"} or not _HOST.fullmatch(host):
        return "what is no URL"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme or 'the same scheme'}://{shown}" + (f":{port}" if port is not None else "")


def require_json(resource: str, content_type: str | None) -> None:
    """Refuse an answer with status 200 that is not JSON according to its header, such as a proxy's login page.

    Raises:
        WrongKind: The header names another type. An answer without the header is accepted; its body will show the type.
    """
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongKind(resource, f"the answer is {media_type}, not application/json", 0)
