"""Events as objects: what the server takes, made of what a controller says. Pure.

Rules. Nothing is refused for its length: words, notes and names are cut to what the server has room for.
"""

import datetime as dt
import re
import uuid

from kubeinformer import RawObject
from kubeinformer.controller.timestamps import micro_time
from kubeinformer.resources import check_namespace

__all__ = ["WORD_LIMIT", "event_body", "renamed"]

WORD_LIMIT = 128  # characters of reason, action and who reports; this and the next as the server has them
_NOTE_LIMIT = 1024  # bytes
_NAME_LIMIT = 253  # characters
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def event_body(
    regarding: RawObject,
    type_: str,
    reason: str,
    note: str,
    action: str,
    related: RawObject | None,
    moment: dt.datetime,
) -> RawObject:
    """The Event, but for who reports it.

    Raises:
        ValueError: The object has no kind or name, or a namespace that is none, or a word is missing.
    """
    if type_ not in {"Normal", "Warning"}:
        raise ValueError(f"type_={type_!r} must be 'Normal' or 'Warning'")
    if not reason:
        raise ValueError("an event needs a reason")
    subject = _reference(regarding)
    body: RawObject = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        # Events about what has no namespace are kept in this one, as client-go does.
        "metadata": {
            "name": _name(subject["name"]),
            "namespace": check_namespace(subject.get("namespace") or "default"),
        },
        "eventTime": micro_time(moment),
        "regarding": subject,
        "type": type_,
        "reason": reason[:WORD_LIMIT],
        "action": (action or reason)[:WORD_LIMIT],
        "note": note.encode()[:_NOTE_LIMIT].decode(errors="ignore"),
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
    """Unique, and beginning with the object's name where an Event can be called so (a ClusterRole may have a colon)."""
    unique = uuid.uuid4().hex[:16]
    name = f"{subject[: _NAME_LIMIT - len(unique) - 1]}.{unique}"
    return name if _NAME.fullmatch(name) else str(uuid.uuid4())
