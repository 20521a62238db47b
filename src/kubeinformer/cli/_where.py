"""The options that all commands on a cluster share, how resources and a namespace are written, and checks of both."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kubeinformer import Cluster, Resource, connect
from kubeinformer.cli._completion import meant
from kubeinformer.cli._ending import CommandError
from kubeinformer.connection import ConnectionConfig, load_config
from kubeinformer.resources import check_namespace

__all__ = ["Where", "check_names"]


def check_names(resources: Iterable[str], namespace: str | None) -> None:
    """Check how resources and a namespace are written.

    An empty namespace is an error: it usually means that a variable of a script was not set.

    Raises:
        CommandError: One of them cannot be a name. The message says how names look, and what may be meant.
    """
    for resource in resources:
        try:
            Resource.parse(resource)
        except ValueError as error:
            found = " or ".join(meant(resource))
            raise CommandError(f"{error}{f'; did you mean {found}?' if found else ''}") from None
    if namespace is not None:
        try:
            check_namespace(namespace)
        except ValueError as error:
            raise CommandError(str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The options ``--kubeconfig``, ``--context``, ``--server`` and ``--ca-file``, as given.

    Raises:
        CommandError: They exclude each other.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    server: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse options that cannot be used, in the words of the command line."""
        if self.server is not None and (self.kubeconfig is not None or self.context is not None):
            raise CommandError("--server goes with neither --kubeconfig nor --context: give one way to the cluster")
        if self.ca_file is not None and self.server is None:
            raise CommandError("--ca-file goes with --server only: a kubeconfig names its own authority")

    @property
    def options(self) -> str:
        """The options that name a server without a kubeconfig; empty if none does."""
        if self.server is None:
            return ""
        return "--server" if self.ca_file is None else "--server and --ca-file"

    async def load(self) -> ConnectionConfig:
        """As `kubeinformer.connection.load_config`."""
        return await load_config(self.kubeconfig, self.context, server=self.server, ca_file=self.ca_file)

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Cluster]:
        """As `kubeinformer.connect`."""
        async with connect(config=await self.load()) as cluster:
            yield cluster
