"""The command ``demo``: an informer on thousands of pods that change, on a server that keeps hanging up.

Theory. The demo shows three claims at work, each with a figure that is measured in this run. Memory stays far below the
size of the mirrored data. A cut connection is resumed without a resync. Events keep coming. Server and informer speak
real HTTP. The informer runs as in production, except for one waiting time, which is shorter.
"""

import signal
import sys
from dataclasses import dataclass

import anyio
from rich.console import Console
from rich.live import Live

from kubeinformer import Informer, SyncTimeout, Timing, connect
from kubeinformer.cli._demo_server import demo_server
from kubeinformer.cli._demo_view import panel, status_line, summary
from kubeinformer.cli._ending import Notices
from kubeinformer.cli._memory import own_memory
from kubeinformer.cli._meter import Meter
from kubeinformer.cli._output import Output
from kubeinformer.cli._text import is_terminal

__all__ = ["DemoOptions", "demo"]

_REFRESH = 0.25  # seconds between two updates of the live display
_LINE_EVERY = 2.0  # seconds between two lines where there is no terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The command line of ``demo``. See its help."""

    pods: int
    churn: float
    seconds: float | None
    cut_every: float


async def demo(options: DemoOptions, notices: Notices) -> None:  # noqa: ARG001 - every command gets them
    """Run the command until Ctrl-C or the end of its time.

    Raises:
        CommandError: The server did not start, or died.
        SyncTimeout: The time was over before the first snapshot was complete.
    """
    with Output() as output:
        async with demo_server(pods=options.pods, churn=options.churn, cut_every=options.cut_every) as url:
            # By default, a stream counts as healthy after two minutes. A stream that is cut every ten seconds is never
            # healthy, so the delays between attempts would grow to half a minute. That is right for a sick server, but
            # dull to look at.
            timing = Timing(healthy_after=options.cut_every / 2) if options.cut_every else Timing()
            async with connect(server=url, timing=timing) as cluster:
                before = own_memory()
                informer = cluster.informer("v1/pods")
                meter = Meter(informer, before)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(meter.count)
                    tasks.start_soon(meter.note_sync)
                    await _until_the_end(options, meter, output)
                    tasks.cancel_scope.cancel()
                figures = meter.figures()
        output.text(summary(figures))
        output.flush()
        _check(informer, options)


def _check(informer: Informer, options: DemoOptions) -> None:
    statistics = informer.statistics()
    if not statistics.syncs and options.seconds is not None:
        raise SyncTimeout(informer.resource, options.seconds, statistics.last_error)


async def _until_the_end(options: DemoOptions, meter: Meter, output: Output) -> None:
    """Show figures until the time is over or Ctrl-C is pressed."""
    with anyio.move_on_after(options.seconds) as limit:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_interrupted, limit)
            console = Console()
            if is_terminal(sys.stdout) and not console.is_dumb_terminal:
                await _refresh(options, meter, console)
            else:
                await _report(meter, output)


async def _interrupted(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


async def _refresh(options: DemoOptions, meter: Meter, console: Console) -> None:
    # Drawn by this task, not by a thread. The panel is removed at the end, because the summary says the same.
    with Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False) as live:
        while True:
            live.update(panel(meter.figures(), options.cut_every), refresh=True)
            await anyio.sleep(_REFRESH)


async def _report(meter: Meter, output: Output) -> None:
    while True:
        output.text(status_line(meter.figures()))
        output.flush()
        await anyio.sleep(_LINE_EVERY)
