"""From what the server answered to the error that a user sees."""

from kubeinformer._protocol.requests import Collection
from kubeinformer._protocol.status import Status
from kubeinformer.errors import (
    Forbidden,
    KubeInformerError,
    NotFound,
    ServerRefused,
    ServerUnavailable,
    Unauthorized,
    WrongKind,
)

__all__ = ["refusal", "require_json"]

_KINDS = {401: Unauthorized, 403: Forbidden, 404: NotFound}
_PASSING = (408, 410, 429)  # of the 4xx codes, those that mean "not now" rather than "no"


def refusal(collection: Collection, verb: str, status: Status) -> KubeInformerError:
    """The error for an answer other than 200, or for an ERROR event."""
    if 400 <= status.code < 500 and status.code not in _PASSING:  # noqa: PLR2004 - HTTP's classes
        kind = _KINDS.get(status.code, ServerRefused)
        return kind(verb, str(collection), collection.namespace, status.code, status.reason, status.message)
    return ServerUnavailable(verb, str(collection), status.code, status.reason, status.message)


def require_json(resource: str, content_type: str | None) -> None:
    """Refuse a 200 answer that does not even claim to be JSON, such as a proxy's login page.

    Raises:
        WrongKind: It claims to be something else. No header at all is let pass: the body will tell.
    """
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongKind(resource, f"the answer is {media_type}, not application/json", 0)
