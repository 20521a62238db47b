"""Rows: what ``watch -o table|name|json`` prints for a snapshot and for an event.

Each view also says how little the informer has to keep for it. That decides how much memory the command takes. ``name``
needs only keys and ``table`` only metadata; for both, the server leaves out spec and status. ``json`` needs the
compressed bodies. Rows are made one at a time, and none is kept.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec
from rich.console import Console

from kubeinformer import Added, Deleted, RawObject, Retain, Store, Updated
from kubeinformer.cli._output import Output
from kubeinformer.cli._text import age, printable

__all__ = ["Format", "ObjectEvent", "View", "make_view"]

ObjectEvent: TypeAlias = Added[RawObject] | Updated[RawObject] | Deleted[RawObject]

_TYPES = {Added: "ADDED", Updated: "MODIFIED", Deleted: "DELETED"}  # the API's own words
_SIGNS = {Added: "+", Updated: "~", Deleted: "-"}
_STYLES = {Added: "green", Updated: "yellow", Deleted: "red"}


class Format(StrEnum):
    """The values of ``-o``."""

    TABLE = "table"
    NAME = "name"
    JSON = "json"


class View(Protocol):
    """Makes rows.

    Attributes:
        retain: What the informer has to keep for this view.
        metadata_only: Whether the server may leave out spec and status.
    """

    retain: Retain
    metadata_only: bool

    def begin(self, keys: Iterable[str], *, live: bool) -> None:
        """Prepare for the first row. ``keys`` are the current objects; ``live`` says that events will be printed."""

    def row(self, store: Store[RawObject], key: str) -> None:
        """Print an object of a snapshot."""

    def event(self, event: ObjectEvent) -> None:
        """Print an event."""


def make_view(form: Format, output: Output) -> View:
    """Make the view for a value of ``-o``."""
    match form:
        case Format.TABLE:
            return _TableView(output)
        case Format.NAME:
            return _NameView(output)
        case Format.JSON:
            return _JsonView(output)


class _NameView:
    """``namespace/name``; for events, after ``+``, ``~`` or ``-`` and a space, so that grep can tell them apart."""

    retain: Retain = "keys"
    metadata_only = True

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, keys: Iterable[str], *, live: bool) -> None:
        """Print no heading."""

    def row(self, store: Store[RawObject], key: str) -> None:  # noqa: ARG002 - the protocol's signature
        self._output.text(printable(key))

    def event(self, event: ObjectEvent) -> None:
        self._output.text(f"{_SIGNS[type(event)]} {printable(event.key)}")


class _TableView:
    """Columns as wide as the first snapshot needs. A longer name that comes later shifts the rest of its row."""

    retain: Retain = "metadata"
    metadata_only = True

    def __init__(self, output: Output) -> None:
        self._output = output
        self._namespace_width = 0  # 0: a cluster-scoped resource has no such column
        self._name_width = 0
        self._marks = _marks()

    def begin(self, keys: Iterable[str], *, live: bool) -> None:
        namespace_width, name_width = 0, len("NAME")
        for key in keys:
            namespace, _, name = printable(key).rpartition("/")
            namespace_width = max(namespace_width, len(namespace))
            name_width = max(name_width, len(name))
        self._name_width = name_width
        if namespace_width:
            self._namespace_width = max(namespace_width, len("NAMESPACE"))
        event = f"{'EVENT':9} " if live else ""
        namespace = "NAMESPACE" if namespace_width else ""
        self._output.text(event + self._columns(namespace, "NAME", "VERSION", "AGE"))

    def row(self, store: Store[RawObject], key: str) -> None:
        self._output.text(self._object(key, store.metadata(key) or {}))

    def event(self, event: ObjectEvent) -> None:
        self._output.text(f"{self._marks[type(event)]} {self._object(event.key, event.object['metadata'])}")

    def _object(self, key: str, metadata: RawObject) -> str:
        namespace, _, name = printable(key).rpartition("/")
        version = printable(str(metadata.get("resourceVersion", "")))
        return self._columns(namespace, name, version, age(metadata.get("creationTimestamp"), datetime.now(UTC)))

    def _columns(self, namespace: str, name: str, version: str, since: str) -> str:
        # An object with a namespace may come after a heading without that column. Its namespace is shown all the same.
        first = f"{namespace:{self._namespace_width}} " if namespace or self._namespace_width else ""
        return f"{first}{name:{self._name_width}} {version:10} {since}"


class _JsonView:
    """JSON lines. A snapshot is printed as objects as the server sent them; events as ``kubectl``'s watch events."""

    retain: Retain = "compressed"
    metadata_only = False

    def __init__(self, output: Output) -> None:
        self._output = output
        # The server may indent a list. Line ends inside JSON strings are escaped, so all others are just white space.
        self._unbroken = bytes.maketrans(b"\r\n", b"  ")

    def begin(self, keys: Iterable[str], *, live: bool) -> None:
        """Print no heading."""

    def row(self, store: Store[RawObject], key: str) -> None:
        body = store.raw(key)
        if body is not None:
            self._output.line(body.translate(self._unbroken))

    def event(self, event: ObjectEvent) -> None:
        self._output.line(_encode({"type": _TYPES[type(event)], "object": event.object}))


# Numbers that no Python float or int can hold are read as Decimals. In the server's JSON they were numbers.
_encode = msgspec.json.Encoder(decimal_format="number").encode


def _marks() -> dict[type[ObjectEvent], str]:
    """The words of the column EVENT, padded; coloured if stdout is a terminal with colours, unless NO_COLOR is set."""
    console = Console(highlight=False)
    marks: dict[type[ObjectEvent], str] = {}
    for kind, word in _TYPES.items():
        with console.capture() as captured:
            console.print(f"{word:9}", style=_STYLES[kind], end="")
        marks[kind] = captured.get()
    return marks
