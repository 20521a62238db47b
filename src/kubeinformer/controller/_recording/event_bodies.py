"""Events as objects: what the server accepts, made from what a controller reports. Pure.

Rules. Nothing is refused because of its length: words, notes and names are cut to the limits of the server.
"""

import datetime as dt
import re
import uuid

from kubeinformer import RawObject
from kubeinformer.controller.timestamps import micro_time
from kubeinformer.resources import check_namespace

__all__ = ["WORD_LIMIT", "cut", "event_body", "is_reporter", "renamed"]

# All in bytes, although the server's message speaks of characters.
WORD_LIMIT = 128  # of reason, action and who reports
_NOTE_LIMIT = 1024
_NAME_LIMIT = 253
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_REPORTER = re.compile(rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")


def is_reporter(name: str) -> bool:
    """Whether the server accepts it as ``reportingController``: a name of up to 63 characters, maybe with a domain."""
    return len(name) <= WORD_LIMIT and _REPORTER.fullmatch(name) is not None


def cut(text: str, limit: int) -> str:
    """As much of the text as fits into that many bytes of UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")


def event_body(
    regarding: RawObject,
    type_: str,
    reason: str,
    note: str,
    action: str,
    related: RawObject | None,
    moment: dt.datetime,
) -> RawObject:
    """The Event, without the fields that say who reports it.

    Raises:
        ValueError: The object has no kind or name, or an invalid namespace, or a word is missing.
    """
    if type_ not in {"Normal", "Warning"}:
        raise ValueError(f"type_={type_!r} must be 'Normal' or 'Warning'")
    if not reason:
        raise ValueError("an event needs a reason")
    subject = _reference(regarding)
    body: RawObject = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        # Events about cluster-scoped objects are kept in this namespace, as client-go does.
        "metadata": {
            "name": _name(subject["name"]),
            "namespace": check_namespace(subject.get("namespace") or "default"),
        },
        "eventTime": micro_time(moment),
        "regarding": subject,
        "type": type_,
        "reason": cut(reason, WORD_LIMIT),
        "action": cut(action or reason, WORD_LIMIT),
        "note": cut(note, _NOTE_LIMIT),
    }
    return body if related is None else body | {"related": _reference(related)}


def renamed(body: RawObject) -> RawObject:
    """The same under a new name: the server has forgotten the old one."""
    return body | {"metadata": body["metadata"] | {"name": _name(body["regarding"]["name"])}}


def _reference(obj: RawObject) -> RawObject:
    metadata = obj.get("metadata") or {}
    facts = {
        "apiVersion": obj.get("apiVersion"),
        "kind": obj.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
    }
    if not facts["kind"] or not facts["name"]:
        raise ValueError("an event is about an object with kind and name")
    return {name: value for name, value in facts.items() if value}


def _name(subject: str) -> str:
    """Unique. It begins with the object's name if that is valid for an Event; a ClusterRole's may have a colon."""
    unique = uuid.uuid4().hex[:16]
    # A name that was cut may end in a separator.
    name = f"{subject[: _NAME_LIMIT - len(unique) - 1].rstrip('-.')}.{unique}"
    return name if _NAME.fullmatch(name) else str(uuid.uuid4())
