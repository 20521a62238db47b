"""What a list or watch asks for: its query, validated as a real server validates it.

Rules. Pure: query in, `ListOptions` or a refusal out. What contradicts itself is refused with a 422 that names the
field, what cannot be read with a 400; parameters unknown to the fake are ignored, as a real server does.

Source. ``pkg/apis/meta/internalversion/validation/validation.go`` in apimachinery at 1.37.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from kubeinformer._protocol.selectors import FieldSelector, LabelSelector
from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._collection import Stored
from kubeinformer.testing._kinds import ResourceType

__all__ = ["ListOptions", "Selection"]

_Selector = TypeVar("_Selector", LabelSelector, FieldSelector)

_AFTER_ALL_KEYS = "\U0010ffff"
_TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})  # Go's strconv.ParseBool
_FALSE = frozenset({"false", "0", "f", "F", "FALSE", "False"})
_FROM_KEY = frozenset({("metadata", "name"), ("metadata", "namespace")})


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Metadata


_decode_labels = msgspec.json.Decoder(_Labelled).decode


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a collection a request is about."""

    type: ResourceType
    namespace: str
    labels: LabelSelector
    fields: FieldSelector

    @property
    def selects_contents(self) -> bool:
        """Whether an object has to be read to know if it is selected."""
        return bool(self.labels or self.fields)

    @property
    def start(self) -> str:
        """The first key that can be selected."""
        return f"{self.namespace}/" if self.namespace else ""

    @property
    def end(self) -> str:
        """The first key behind those that can be selected."""
        return f"{self.namespace}0" if self.namespace else _AFTER_ALL_KEYS  # "0" comes after "/"

    def has_key(self, key: str) -> bool:
        """Whether an object with this key can be selected at all."""
        return key.startswith(self.start)

    def matches(self, key: str, stored: Stored | None) -> bool:
        """Whether an object is selected; an absent one never is."""
        if stored is None or not self.has_key(key):
            return False
        if self.labels and not self.labels.matches(_decode_labels(stored.body).metadata.labels or {}):
            return False
        return not self.fields or self.fields.matches(self._facts(key, stored))

    def _facts(self, key: str, stored: Stored) -> RawObject:
        if all(requirement.path in _FROM_KEY for requirement in self.fields.requirements):
            namespace, _, name = key.rpartition("/")
            return {"metadata": {"namespace": namespace, "name": name}}
        return self.type.decode(stored.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The query of a list or a watch.

    Attributes:
        selection: Which objects.
        watch: Whether it is a watch.
        version: The resourceVersion asked for; None when none was given, which is not the same as 0.
        match: ``resourceVersionMatch``, or empty.
        limit: Objects of one page, 0 for all.
        token: ``continue``, or empty.
        send_initial_events: As given, None when it was not.
        allow_bookmarks: ``allowWatchBookmarks``.
        timeout: Seconds after which the server ends the watch, None for never.
    """

    selection: Selection
    watch: bool
    version: int | None
    match: str
    limit: int
    token: str
    send_initial_events: bool | None
    allow_bookmarks: bool
    timeout: float | None

    @classmethod
    def parse(cls, type_: ResourceType, namespace: str, query: Mapping[str, str]) -> "ListOptions":
        """Read a query; whether its parts go together is `validate`'s business.

        Raises:
            FakeApiError: 400, a value cannot be read.
        """
        timeout = _integer(query, "timeoutSeconds")
        return cls(
            selection=Selection(
                type_,
                namespace,
                _selector(LabelSelector, query, "labelSelector"),
                _selector(FieldSelector, query, "fieldSelector"),
            ),
            watch=bool(_boolean(query, "watch")),
            version=_integer(query, "resourceVersion"),
            match=query.get("resourceVersionMatch", ""),
            limit=_integer(query, "limit") or 0,
            token=query.get("continue", ""),
            send_initial_events=_boolean(query, "sendInitialEvents"),
            allow_bookmarks=bool(_boolean(query, "allowWatchBookmarks")),
            timeout=None if timeout is None else float(timeout),
        )

    def validate(self, *, watch_list_enabled: bool) -> None:
        """Refuse what contradicts itself, or needs a feature gate that is off.

        Raises:
            FakeApiError: 422, with a cause for each field.
        """
        causes = self._watch_causes(watch_list_enabled=watch_list_enabled) if self.watch else self._list_causes()
        if causes:
            raise _status.invalid_list_options(causes)

    def _watch_causes(self, *, watch_list_enabled: bool) -> list[_status.Cause]:
        causes = []
        if self.send_initial_events is not None:
            if self.match != "NotOlderThan":
                text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                causes.append(_forbidden("resourceVersionMatch", text))
            if not watch_list_enabled:
                text = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
                causes.append(_forbidden("sendInitialEvents", text))
        if self.match:
            if self.send_initial_events is None:
                text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                causes.append(_forbidden("resourceVersionMatch", text))
            if self.match != "NotOlderThan":
                causes.append(_unsupported("resourceVersionMatch", self.match, "NotOlderThan"))
        return causes

    def _list_causes(self) -> list[_status.Cause]:
        causes = []
        if self.match:
            if self.version is None:
                text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
                causes.append(_forbidden("resourceVersionMatch", text))
            if self.token:
                text = "resourceVersionMatch is forbidden when continue is provided"
                causes.append(_forbidden("resourceVersionMatch", text))
            if self.match not in {"Exact", "NotOlderThan"}:
                causes.append(_unsupported("resourceVersionMatch", self.match, "Exact", "NotOlderThan"))
            if self.match == "Exact" and self.version == 0:
                text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
                causes.append(_forbidden("resourceVersionMatch", text))
        if self.send_initial_events is not None:
            causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
        return causes


def _forbidden(field: str, text: str) -> _status.Cause:
    return _status.Cause("FieldValueForbidden", f"Forbidden: {text}", field)


def _unsupported(field: str, value: str, *supported: str) -> _status.Cause:
    choices = ", ".join(f'"{choice}"' for choice in supported)
    return _status.Cause("FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {choices}', field)


def _integer(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise _status.bad_request(
            f'{name}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def _boolean(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name)
    if text is None:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    # An empty value of a flag counts as given: ?watch lists on no real server.
    if not text:
        return True
    raise _status.bad_request(f'{name}: Invalid value: "{text}": strconv.ParseBool: parsing "{text}": invalid syntax')


def _selector(type_: type[_Selector], query: Mapping[str, str], name: str) -> _Selector:
    try:
        return type_.parse(query.get(name, ""))
    except ValueError as error:
        raise _status.bad_request(f"unable to parse {name}: {error}") from None
