"""Records the versions that the writes of a task created, so that a controller can read its own writes.

Theory. A record is kept in a context variable. A task inherits the context of the task that started it. So the writes
of children are added to the list of their parent, and those of a sibling are not. There is one variable for all
clusters, because contexts keep their variables forever; each entry says to which cluster it belongs. A child that
outlives the block keeps its entry as well. So an entry is closed with its block; otherwise the list of a child that
lives forever would grow forever.
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
    """Records the writes of one cluster."""

    @contextmanager
    def record(self) -> Generator[list[Write]]:
        """Collect the writes that are confirmed in this block, by this task and by those that it starts."""
        record = _Record(self, [])
        token = _records.set((*_records.get(), record))
        try:
            yield record.writes
        finally:
            record.is_open = False
            _records.reset(token)

    def confirmed(self, write: Write) -> None:
        """Add a write to the lists of all blocks around it."""
        for record in _records.get():
            if record.log is self and record.is_open:
                record.writes.append(write)


_records: ContextVar[tuple[_Record, ...]] = ContextVar("kubeinformer_writes", default=())
