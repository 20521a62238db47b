"""From what the server answered to the error that a user sees."""

import re
from urllib.parse import urlsplit

from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.status import Status
from kubeinformer.errors import (
    Forbidden,
    KubeInformerError,
    NotFound,
    Redirected,
    ServerRefused,
    ServerUnavailable,
    Unauthorized,
    WrongKind,
)

__all__ = ["is_redirect", "refusal", "require_json"]

_KINDS = {401: Unauthorized, 403: Forbidden, 404: NotFound}
_HOST = re.compile(r"[0-9a-z.:_-]{1,253}")
_PASSING = (408, 410, 429)  # of the 4xx codes, those that mean "not now" rather than "no"


def refusal(collection: Collection, verb: str, status: Status, location: str | None = None) -> KubeInformerError:
    """The error for an answer other than 200, or for an ERROR event.

    Args:
        collection: What was asked for.
        verb: What was tried.
        status: What the server said.
        location: The header of that name.
    """
    if is_redirect(status.code):
        return Redirected(verb, str(collection), status.code, _origin(location))
    if 400 <= status.code < 500 and status.code not in _PASSING:  # noqa: PLR2004 - HTTP's classes
        kind = _KINDS.get(status.code, ServerRefused)
        return kind(verb, str(collection), collection.namespace, status.code, status.reason, status.message)
    return ServerUnavailable(verb, str(collection), status.code, status.reason, status.message)


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
