"""Status: what a server says when it says no, in a body, in a list page or inside a stream.

Rules. `decode_status` never raises: it is called when something has gone wrong already, and whatever came then (a
proxy's HTML, plain text, half a JSON document) must still become a message that somebody can act on. Nothing is
quoted from JSON that is no Status: it may be an object, and an object may be a Secret. No clock is at hand here, so
a Retry-After that names a date is as good as none.

Source. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/; causes and reasons from
apimachinery's ``api/errors`` at 1.37; seen on real servers: protocol.md, traps 3 to 5.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["Cause", "Status", "decode_status", "retry_after_seconds"]

_MESSAGE_LIMIT = 1_000  # characters of a Status' own message; validation errors list many fields
_FOREIGN_LIMIT = 200  # characters of what is no Status: enough for a proxy's headline
_FOREIGN_BYTES = 4_096  # bytes looked at for those: the head of an HTML page fits

# Seconds beyond which a Retry-After is taken for garbage: 31 years. It also keeps float() from overflowing.
_LONGEST_WAIT = 10**9

_TOO_LARGE = "ResourceVersionTooLarge"
_TOO_LARGE_MESSAGE = "too large resource version"  # all that servers before 1.18.6 give, says client-go's reflector

_INTEGER = re.compile(r"[0-9]{1,10}")
_MARKUP = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)|<[^>]*(>|\Z)", re.DOTALL | re.IGNORECASE)


class Cause(msgspec.Struct, frozen=True, gc=False):
    """One entry of ``details.causes``. All three may be empty."""

    reason: str
    message: str
    field: str


class Status(msgspec.Struct, frozen=True, gc=False):
    """Why a server refused. gc=False is safe: nothing in it can lead back to it.

    Attributes:
        code: The HTTP status code meant; 400 or more.
        reason: A word for machines, such as ``Expired``; empty when there is none.
        message: A text for people: printable, one line, at most 1,000 characters.
        causes: Details, such as the fields of an invalid request.
        retry_after: ``details.retryAfterSeconds``, None when missing or not above 0.
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
        """The version or continue token asked for is gone: only a new sync helps."""
        return self.code == 410 or self.reason in {"Expired", "Gone"}  # noqa: PLR2004 - HTTP 410 Gone

    @property
    def is_too_large_resource_version(self) -> bool:
        """The API server is behind the version asked for: waiting helps."""
        return (
            self.reason == _TOO_LARGE
            or any(cause.reason == _TOO_LARGE for cause in self.causes)
            or _TOO_LARGE_MESSAGE in self.message.lower()
        )

    @property
    def refuses_watch_list(self) -> bool:
        """As the answer to a watch-list: the server does not do it. 400, 415 or 422."""
        return self.code in {400, 415, 422}


def decode_status(body: bytes, http_status: int) -> Status:
    """Read a Status from whatever came. Never raises.

    Args:
        body: The body of an answer, or the object of an ERROR event.
        http_status: The code to assume when the body has none of its own.
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
        # Success has no business here: such a code is a mistake, and HTTP's own says more.
        code=code if isinstance(code, int) and 400 <= code <= 599 else http_status,  # noqa: PLR2004 - HTTP errors
        reason=_text(found.get("reason"), _FOREIGN_LIMIT),
        message=_text(found.get("message"), _MESSAGE_LIMIT),
        causes=tuple(_causes(details.get("causes"))),
        retry_after=_seconds(details.get("retryAfterSeconds")),
        continue_token=_token(_mapping(found.get("metadata")).get("continue")),
    )


def retry_after_seconds(headers: Mapping[str, str], status: Status) -> float | None:
    """How long the server asks to wait, in seconds; None when it does not.

    Args:
        headers: With names in lower case. A Retry-After that is no positive integer is ignored, dates included.
        status: What came with them. The longer of both times counts; there is no upper bound here.
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
    # Cut before the clean-up too: cleaning 10 MB to keep 1,000 characters of it is wasted.
    printable = "".join(char if char.isprintable() else " " for char in value[: 4 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _describe(body: bytes) -> str:
    """Say what came instead of a Status."""
    head = body[:_FOREIGN_BYTES].decode("utf-8", "replace").strip()
    if not head:
        return "empty answer"
    if head[0] in '{["':
        return "broken JSON"
    if head[0] != "<":
        return _text(head, _FOREIGN_LIMIT)
    headline = _MARKUP.sub(" ", head)
    return _text(f"text/html answer: {headline}", _FOREIGN_LIMIT)
