"""The command ``watch``: the state of a collection, then its changes, until somebody presses Ctrl-C.

``--once`` prints after the connection is closed, because the store can still be read then. So the output is one
snapshot, however long its reader takes, and a slow reader keeps nothing open on the server.

The informer keeps what the rows need or what their order needs, whichever is more. For example, a table shows only
metadata, but in the order of ``.status.phase`` it needs whole objects.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from kubeinformer import Added, Informer, Retain, Subscription, Synced
from kubeinformer.cli._ending import CommandError, Notices
from kubeinformer.cli._output import Output
from kubeinformer.cli._sort import SortedState, SortKey
from kubeinformer.cli._sync import StateNotices, first_sync
from kubeinformer.cli._views import Format, View, make_view
from kubeinformer.cli._where import Where, check_names

__all__ = ["ONCE_TIMEOUT", "WatchOptions", "watch"]

# Long enough for 100,000 pods on a slow link. Short enough for a person or a script that waits for a dead server.
ONCE_TIMEOUT = 30.0  # seconds


_MOST_FIRST: tuple[Retain, ...] = ("compressed", "metadata", "keys")
_TURN = 64  # sorted rows in a row; then the event loop gets a turn to read the server's stream


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """The command line of ``watch``, as given. See its help.

    Raises:
        CommandError: The options cannot be used. The message says what to write instead.
    """

    resource: str
    where: Where = field(default_factory=Where)
    namespace: str | None = None
    all_namespaces: bool = False
    selector: str | None = None
    field_selector: str | None = None
    metadata_only: bool = False
    order: SortKey | None = None
    form: Format = Format.TABLE
    once: bool = False
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Refuse options that cannot be used, in the words of the command line."""
        check_names([self.resource], self.namespace)
        if self.all_namespaces and self.namespace is not None:
            raise CommandError("--all-namespaces and --namespace exclude each other: give one of them, or neither")
        if self.metadata_only and self.order is not None and self.order.needs == "compressed":
            raise CommandError("--metadata-only leaves nothing to sort by but .metadata: give --sort another path")


async def watch(options: WatchOptions, notices: Notices) -> None:
    """Run the command.

    Raises:
        KubeInformerError: The command cannot go on.
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
                    await _follow(options, informer, view, output)
                    tasks.cancel_scope.cancel()
        if options.once:
            _print_snapshot(options, informer, view, output)
            if options.form is Format.TABLE and not informer.store:
                notices.say(_nothing_found(options))  # as kubectl does; a heading alone would look like an error


@asynccontextmanager
async def _informer(options: WatchOptions, view: View) -> AsyncGenerator[Informer]:
    ordered: Retain = "keys" if options.order is None else options.order.needs
    async with options.where.connect() as cluster:
        try:
            informer = cluster.informer(
                options.resource,
                namespace=options.namespace,
                label_selector=options.selector,
                field_selector=options.field_selector,
                metadata_only=options.metadata_only or (view.metadata_only and ordered != "compressed"),
                retain=next(kept for kept in _MOST_FIRST if kept in {view.retain, ordered}),
            )
        except ValueError as error:  # from a selector; the message says which one
            raise CommandError(str(error)) from None
        yield informer


async def _follow(options: WatchOptions, informer: Informer, view: View, output: Output) -> None:
    view.begin(informer.store.keys(), live=True)
    output.flush()
    async with informer.events() as events:
        state = None if options.order is None else SortedState(options.order, informer.store)
        if state is not None:
            await _print_sorted_state(state, events, view)
            output.flush()
        async for event in events:
            if not isinstance(event, Synced) and (state is None or state.tells(event)):
                view.event(event)
            if events.pending == 0:
                output.flush()


async def _print_sorted_state(state: SortedState, events: Subscription, view: View) -> None:
    async for event in events:
        if not isinstance(event, Added):
            break  # at Synced: a reader that starts after the first snapshot gets the whole snapshot first
        state.collect(event)
    for number, row in enumerate(state.rows(), 1):
        view.event(row)
        if number % _TURN == 0:
            await anyio.lowlevel.checkpoint()


def _print_snapshot(options: WatchOptions, informer: Informer, view: View, output: Output) -> None:
    view.begin(informer.store.keys(), live=False)
    keys = informer.store.keys() if options.order is None else options.order.keys(informer.store)
    for key in keys:
        view.row(informer.store, key)
    output.flush()


def _nothing_found(options: WatchOptions) -> str:
    where = "" if options.namespace is None else f" in namespace {options.namespace!r}"
    selected = " that match the selector" if options.selector or options.field_selector else ""
    return f"found no {options.resource}{where}{selected}"
