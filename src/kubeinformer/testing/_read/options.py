"""What a list or watch requests: its query, validated as a real server validates it.

Rules. Pure: query in, `ListOptions` or a refusal out. Parameters that contradict each other are refused with a 422 that
names the field, and values that cannot be parsed with a 400. Parameters that the fake does not know are ignored, as by
a real server. The resourceVersion is parsed after everything else. So if parameters contradict each other, it is not
looked at.

Theory. All values of a flag except ``false`` and ``0`` mean yes, even the empty one. A version that is not a number is
a 400 for a list. For a watch or a GET, it is a 500 without a reason, because Kubernetes does not turn that error into a
Status.

Source. ``pkg/apis/meta/internalversion/validation/validation.go`` and ``pkg/runtime/conversion.go`` in apimachinery at
1.37; seen on a real server.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from kubeinformer._protocol.selectors import FieldSelector, LabelSelector
from kubeinformer.resources import RawObject
from kubeinformer.testing import _status
from kubeinformer.testing._read.shards import ShardSelector
from kubeinformer.testing._store.collection import Stored
from kubeinformer.testing._types.fields import FieldConditions
from kubeinformer.testing._types.kinds import ResourceType

__all__ = ["ListOptions", "Selection", "flag", "read_version"]

_Selector = TypeVar("_Selector", LabelSelector, FieldSelector)

_AFTER_ALL_KEYS = "\U0010ffff"
_LARGEST_VERSION = 2**64 - 1


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Metadata


class _Identity(msgspec.Struct):
    uid: str = ""


class _Identified(msgspec.Struct):
    metadata: _Identity


_decode_labels = msgspec.json.Decoder(_Labelled).decode
_decode_identity = msgspec.json.Decoder(_Identified).decode


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects of a collection that a request selects."""

    type: ResourceType
    namespace: str
    labels: LabelSelector
    fields: FieldConditions
    shards: ShardSelector | None = None

    @property
    def selects_contents(self) -> bool:
        """Whether an object has to be read to decide whether it is selected."""
        return bool(self.labels or self.fields or self.shards)

    @property
    def start(self) -> str:
        """The first key that can be selected."""
        return f"{self.namespace}/" if self.namespace else ""

    @property
    def end(self) -> str:
        """The first key after those that can be selected."""
        return f"{self.namespace}0" if self.namespace else _AFTER_ALL_KEYS  # "0" comes after "/"

    def has_key(self, key: str) -> bool:
        """Whether an object with this key can be selected at all."""
        return key.startswith(self.start)

    def matches(self, key: str, stored: Stored | None) -> bool:
        """Whether an object is selected. An absent object never is."""
        if stored is None or not self.has_key(key):
            return False
        if self.labels and not self.labels.matches(_decode_labels(stored.body).metadata.labels or {}):
            return False
        if self.shards and not self.shards.matches(_decode_identity(stored.body).metadata.uid, key.rpartition("/")[0]):
            return False
        return not self.fields or self.fields.matches(self._facts(key, stored))

    def _facts(self, key: str, stored: Stored) -> RawObject:
        if self.fields.is_of_key:
            namespace, _, name = key.rpartition("/")
            return {"metadata": {"namespace": namespace, "name": name}}
        return self.type.decode(stored.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The query of a list or a watch.

    Attributes:
        selection: The objects that are selected.
        watch: Whether it is a watch.
        version_text: The resourceVersion as given.
        match: ``resourceVersionMatch``, or empty.
        limit: The maximum number of objects on a page; 0 for all.
        token: ``continue``, or empty.
        send_initial_events: ``sendInitialEvents``; None if it was not given.
        allow_bookmarks: ``allowWatchBookmarks``.
        timeout: Seconds after which the server ends the watch; None for never.
    """

    selection: Selection
    watch: bool
    version_text: str
    match: str
    limit: int
    token: str
    send_initial_events: bool | None
    allow_bookmarks: bool
    timeout: float | None

    @classmethod
    def parse(
        cls, type_: ResourceType, namespace: str, query: Mapping[str, str], *, sharding_enabled: bool = True
    ) -> "ListOptions":
        """Parse a query. `validate` then checks whether its parts may be combined.

        Raises:
            FakeApiError: 400: a value cannot be parsed. 500: the shard selector cannot be parsed.
        """
        timeout = _integer(query, "timeoutSeconds")
        limit = max(0, _integer(query, "limit") or 0)
        labels = _selector(LabelSelector, query, "labelSelector")
        fields = type_.select_fields(_selector(FieldSelector, query, "fieldSelector"))
        shards = query.get("shardSelector", "") if sharding_enabled else ""
        return cls(
            selection=Selection(type_, namespace, labels, fields, ShardSelector.parse(shards) if shards else None),
            watch=flag(query, "watch") or False,
            version_text=query.get("resourceVersion", ""),
            match=query.get("resourceVersionMatch", ""),
            limit=limit,
            token=query.get("continue", ""),
            send_initial_events=flag(query, "sendInitialEvents"),
            allow_bookmarks=flag(query, "allowWatchBookmarks") or False,
            timeout=float(timeout) if timeout else None,
        )

    @property
    def version(self) -> int | None:
        """The requested resourceVersion; None if none was given, which is not the same as 0.

        Raises:
            FakeApiError: It is not a number; 400 for a list, 500 for a watch.
        """
        if self.watch:
            return read_version(self.version_text)
        try:
            return read_version(self.version_text)
        except _status.FakeApiError as error:
            raise _status.bad_request(f"invalid resource version: {error.status['message']}") from None

    @property
    def is_exact(self) -> bool:
        """Whether a list is at exactly the requested version. Pages are, unless the query says otherwise."""
        return self.match == "Exact" or bool(self.limit and not self.match and self.version)

    @property
    def page(self) -> int | None:
        """The maximum number of objects to send. A list at version 0 (any version) has no pages."""
        return self.limit if self.limit and self.version != 0 else None

    def validate(self, *, watch_list_enabled: bool) -> None:
        """Refuse parameters that contradict each other, or need a feature gate that is off.

        Raises:
            FakeApiError: 422, with a cause for each field.
        """
        causes = self._watch_causes(watch_list_enabled=watch_list_enabled) if self.watch else self._list_causes()
        if causes:
            raise _status.invalid_list_options(causes)

    def _watch_causes(self, *, watch_list_enabled: bool) -> list[_status.Cause]:
        causes = []
        if self.token:
            text = "resourceVersionMatch is forbidden when continue is provided"
            causes.append(_forbidden("resourceVersionMatch", text))
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
            if not self.version_text:
                text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
                causes.append(_forbidden("resourceVersionMatch", text))
            if self.token:
                text = "resourceVersionMatch is forbidden when continue is provided"
                causes.append(_forbidden("resourceVersionMatch", text))
            if self.match not in {"Exact", "NotOlderThan"}:
                causes.append(_unsupported("resourceVersionMatch", self.match, "Exact", "NotOlderThan", ""))
            if self.match == "Exact" and self.version_text == "0":
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
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise _status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """Parse a parameter that is yes or no; None if it is absent."""
    text = query.get(name)
    return None if text is None else text.lower() not in {"false", "0"}


def read_version(text: str) -> int | None:
    """Parse a resourceVersion; None if it is empty.

    Raises:
        FakeApiError: 500: it is not a number.
    """
    if not text:
        return None
    is_number = text.isascii() and text.isdecimal()
    if is_number and int(text) <= _LARGEST_VERSION:
        return int(text)
    why = "value out of range" if is_number else "invalid syntax"
    raise _status.unclassified(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": {why}')


def _selector(type_: type[_Selector], query: Mapping[str, str], name: str) -> _Selector:
    try:
        return type_.parse(query.get(name, ""))
    except ValueError as error:
        raise _status.bad_request(f"unable to parse {name}: {error}") from None
