"""The command ``watch``: a collection's state, then its changes, until somebody presses Ctrl-C.

``--once`` prints after the connection is closed: the store outlives it, the output is one snapshot however long its
reader takes, and a slow reader holds nothing open on the server.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from kubeinformer import Informer, Resource, Synced, connect
from kubeinformer.cli._ending import CommandError, Notices
from kubeinformer.cli._output import Output
from kubeinformer.cli._sync import StateNotices, first_sync
from kubeinformer.cli._views import Format, View, make_view

__all__ = ["ONCE_TIMEOUT", "WatchOptions", "watch"]

# Long enough for 100,000 pods on a slow link, short enough for a person or a script to wait for a server that is down.
ONCE_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """The command line of ``watch``, as given. See its help."""

    resource: str
    namespace: str | None = None
    selector: str | None = None
    form: Format = Format.TABLE
    once: bool = False
    timeout: float | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    server: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, in the words of the command line.

        Raises:
            CommandError: With what to write instead.
        """
        try:
            Resource.parse(self.resource)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if self.server is not None and (self.kubeconfig is not None or self.context is not None):
            raise CommandError("--server goes with neither --kubeconfig nor --context: give one way to the cluster")
        if self.ca_file is not None and self.server is None:
            raise CommandError("--ca-file goes with --server only: a kubeconfig names its own authority")


async def watch(options: WatchOptions, notices: Notices) -> None:
    """Run the command.

    Raises:
        KubeInformerError: It cannot go on.
        OSError: Stdout cannot be written to.
    """
    with Output() as output:
        view = make_view(options.form, output)
        async with _informer(options, view) as informer:
            states = None if options.once else StateNotices(informer, notices)
            timeout = ONCE_TIMEOUT if options.once and options.timeout is None else options.timeout
            await first_sync(informer, notices, give_up_after=timeout, states=states)
            if states is not None:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(states.watch)
                    await _follow(informer, view, output)
                    tasks.cancel_scope.cancel()
        if options.once:
            _print_snapshot(informer, view, output)


@asynccontextmanager
async def _informer(options: WatchOptions, view: View) -> AsyncGenerator[Informer]:
    async with connect(options.kubeconfig, options.context, server=options.server, ca_file=options.ca_file) as cluster:
        yield cluster.informer(
            options.resource,
            namespace=options.namespace,
            label_selector=options.selector,
            metadata_only=view.metadata_only,
            retain=view.retain,
        )


async def _follow(informer: Informer, view: View, output: Output) -> None:
    view.begin(informer.store.keys(), live=True)
    output.flush()
    async with informer.events() as events:
        async for event in events:
            if not isinstance(event, Synced):
                view.event(event)
            if events.pending == 0:
                output.flush()


def _print_snapshot(informer: Informer, view: View, output: Output) -> None:
    view.begin(informer.store.keys(), live=False)
    for key in informer.store.keys():  # noqa: SIM118 - says that no object is decoded here
        view.row(informer.store, key)
    output.flush()
