"""From what the server answered to the error that a user sees."""

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
    """An informer's error for an answer other than 200, or for an ERROR event.

    Args:
        collection: What was asked for.
        verb: What was tried.
        status: What the server said.
        location: The header of that name.
        retry_after: Seconds the server asks to be left alone.
    """
    if is_redirect(status.code):
        return Redirected(verb, str(collection), status.code, _origin(location))
    if 400 <= status.code < 500 and status.code not in _PASSING:  # noqa: PLR2004 - HTTP's classes
        kind = _KINDS.get(status.code, ServerRefused)
        # kubectl takes no notice of -n for nodes; a URL with a namespace and them in it is nothing that a server has.
        remedy = f"{kind.remedy}; {_NOT_NAMESPACED}" if kind is NotFound and collection.namespace else None
        return kind(
            verb, str(collection), collection.namespace, status.code, status.reason, status.message, remedy=remedy
        )
    return ServerUnavailable(verb, str(collection), status.code, status.reason, status.message, retry_after=retry_after)


def request_refusal(
    target: Target, status: Status, location: str | None = None, retry_after: float | None = None
) -> KubeInformerError:
    """The error for an answer other than 2xx to a single request, which nobody tries again. Arguments as above."""
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
    """What to do about it, where that depends on what was asked; None for what the error says by itself."""
    if kind is Forbidden:
        # RBAC's texts have "cannot"; quotas, admission and namespaces that are ending answer 403 as well.
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
    """Whether an answer of this code leads elsewhere. Its body is of no use: it repeats where to, query and all."""
    return 300 <= code < 400  # noqa: PLR2004 - HTTP's class


def _origin(location: str | None) -> str:
    """Where a redirect leads, without what may be a secret: paths and queries of logins carry states and tokens."""
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
    """Refuse a 200 answer that does not even claim to be JSON, such as a proxy's login page.

    Raises:
        WrongKind: It claims to be something else. No header at all is let pass: the body will tell.
    """
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongKind(resource, f"the answer is {media_type}, not application/json", 0)
