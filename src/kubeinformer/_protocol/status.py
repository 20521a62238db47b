"""Status: what a server says when it refuses, in a body, in a list page or inside a stream.

Rules. `decode_status` never raises. It is called when something has already gone wrong, and whatever arrived then (a
proxy's HTML, plain text, half a JSON document) must still become a useful message. Nothing is quoted from JSON that is
not a Status, because it may be an object, and an object may be a Secret. There is no clock here, so a Retry-After with
a date is ignored.

Source. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/; causes and reasons from
apimachinery's ``api/errors`` at 1.37; seen on real servers: protocol.md, traps 3 to 5.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["Cause", "Status", "decode_status", "retry_after_seconds"]

_MESSAGE_LIMIT = 1_000  # characters of the message of a Status; validation errors list many fields
_FOREIGN_LIMIT = 200  # characters of what is not a Status: enough for a proxy's headline
_FOREIGN_BYTES = 4_096  # bytes looked at for those: the head of an HTML page fits

# Seconds. A longer Retry-After, more than 31 years, is ignored as nonsense. So float() cannot overflow either.
_LONGEST_WAIT = 10**9

_TOO_LARGE = "ResourceVersionTooLarge"
_TOO_LARGE_MESSAGE = "too large resource version"  # all that servers before 1.18.6 give, says client-go's reflector

_INTEGER = re.compile(r"[0-9]{1,10}")
_MARKUP = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)|<[^>]*(>|\Z)", re.DOTALL | re.IGNORECASE)


class Cause(msgspec.Struct, frozen=True, gc=False):
    """One entry of ``details.causes``. All three attributes may be empty."""

    reason: str
    message: str
    field: str


class Status(msgspec.Struct, frozen=True, gc=False):
    """Why a server refused. gc=False is safe: nothing in it can lead back to it.

    Attributes:
        code: The HTTP status code; 400 or more.
        reason: A word for programs, such as ``Expired``; empty if there is none.
        message: A text for people: printable, one line, at most 1,000 characters.
        causes: Details, such as the fields of an invalid request.
        retry_after: ``details.retryAfterSeconds``; None if it is missing or not greater than 0.
        continue_token: ``metadata.continue``, which comes with a 410 inside a paged list.
    """

    code: int
    reason: str = ""
    message: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after: float | None = None
    continue_token: str = ""

    @property
    def is_expired(self) -> bool:
        """Whether the server no longer has the requested version or continue token. Only a new sync helps."""
        return self.code == 410 or self.reason in {"Expired", "Gone"}  # noqa: PLR2004 - HTTP 410 Gone

    @property
    def is_too_large_resource_version(self) -> bool:
        """Whether the API server has not reached the requested version yet. Waiting helps."""
        return (
            self.reason == _TOO_LARGE
            or any(cause.reason == _TOO_LARGE for cause in self.causes)
            or _TOO_LARGE_MESSAGE in self.message.lower()
        )

    @property
    def refuses_watch_list(self) -> bool:
        """Whether it means, as the answer to a watch-list, that the server does not support it: 400, 415 or 422."""
        return self.code in {400, 415, 422}


def decode_status(body: bytes, http_status: int) -> Status:
    """Read a Status from whatever arrived. Never raises.

    Args:
        body: The body of an answer, or the object of an ERROR event.
        http_status: The code to use if the body does not contain one.
    """
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # all of msgspec's errors, and UnicodeDecodeError, are ValueErrors
        return Status(http_status, message=_describe(body))
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return Status(http_status, message="JSON that is no Status")
    details = _mapping(found.get("details"))
    code = found.get("code")
    return Status(
        # A code of success would be a mistake here; then the status code of the response says more.
        code=code if isinstance(code, int) and 400 <= code <= 599 else http_status,  # noqa: PLR2004 - HTTP errors
        reason=_text(found.get("reason"), _FOREIGN_LIMIT),
        message=_text(found.get("message"), _MESSAGE_LIMIT),
        causes=tuple(_causes(details.get("causes"))),
        retry_after=_seconds(details.get("retryAfterSeconds")),
        continue_token=_token(_mapping(found.get("metadata")).get("continue")),
    )


def retry_after_seconds(headers: Mapping[str, str], status: Status) -> float | None:
    """How many seconds the server asks clients to wait; None if it does not ask.

    Args:
        headers: The headers, with names in lower case. A Retry-After that is not a positive integer is ignored; so are
            dates.
        status: The status of the same answer. The longer of both times counts; there is no upper limit here.
    """
    header = headers.get("retry-after", "").strip()
    from_header = _seconds(int(header)) if _INTEGER.fullmatch(header) else None
    return max((seconds for seconds in (from_header, status.retry_after) if seconds is not None), default=None)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _causes(value: Any) -> Iterator[Cause]:
    for item in value if isinstance(value, list) else ():
        cause = _mapping(item)
        yield Cause(
            _text(cause.get("reason"), _FOREIGN_LIMIT),
            _text(cause.get("message"), _MESSAGE_LIMIT),
            _text(cause.get("field"), _FOREIGN_LIMIT),
        )


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _LONGEST_WAIT else None


def _token(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text(value: Any, limit: int) -> str:
    """One printable line of at most ``limit`` characters."""
    if not isinstance(value, str):
        return ""
    # Cut before the clean-up, too: it would be a waste to clean 10 MB and keep 1,000 characters.
    printable = "".join(char if char.isprintable() else " " for char in value[: 4 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _describe(body: bytes) -> str:
    """Describe what arrived instead of a Status."""
    head = body[:_FOREIGN_BYTES].decode("utf-8", "replace").strip()
    if not head:
        return "empty answer"
    if head[0] in '{["':
        return "broken JSON"
    if head[0] != "<":
        return _text(head, _FOREIGN_LIMIT)
    headline = _MARKUP.sub(" ", head)
    return _text(f"text/html answer: {headline}", _FOREIGN_LIMIT)
