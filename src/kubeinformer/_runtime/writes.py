"""Which versions the writes of a task made: how a controller reads its own writes.

Theory. A record is a context variable's business: a task inherits the context of the one that started it, so writes of
children land in the list of their parent, and those of a sibling do not. One variable for all clusters, since contexts
keep their variables for ever; each entry says whose it is. A child that outlives the block keeps its entry, too: so an
entry is closed with its block, or the list of one that lives for ever would grow for ever.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from kubeinformer._protocol.targets import target_of

__all__ = ["Write", "WriteLog"]


@dataclass(frozen=True, slots=True)
class Write:
    """One write that the server confirmed.

    Attributes:
        path: The path of the request, such as ``/api/v1/namespaces/shop/configmaps/prices``.
        resource_version: ``metadata.resourceVersion`` of the answer, for `Informer.wait_for`.
    """

    path: str
    resource_version: str

    @property
    def resource(self) -> str:
        """The resource as in `Informer.resource`, such as ``v1/configmaps``, without the subresource."""
        target = target_of("POST", self.path)
        parts = 2 if not target.group else 3
        return "/".join(target.resource.split("/")[:parts])

    @property
    def namespace(self) -> str | None:
        """The namespace of the object; None if it has none."""
        return target_of("POST", self.path).namespace


@dataclass(slots=True, eq=False)
class _Record:
    log: "WriteLog"
    writes: list[Write]
    is_open: bool = True


class WriteLog:
    """What one cluster's writes are told to."""

    @contextmanager
    def record(self) -> Generator[list[Write]]:
        """A list of the writes that are confirmed in here, in this task and in those it starts."""
        record = _Record(self, [])
        token = _records.set((*_records.get(), record))
        try:
            yield record.writes
        finally:
            record.is_open = False
            _records.reset(token)

    def confirmed(self, write: Write) -> None:
        """Add a write to the lists of all contexts around it."""
        for record in _records.get():
            if record.log is self and record.is_open:
                record.writes.append(write)


_records: ContextVar[tuple[_Record, ...]] = ContextVar("kubeinformer_writes", default=())
