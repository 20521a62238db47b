"""What the demo prints: a live panel on a terminal, a line every two seconds elsewhere, and a summary at the end."""

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table

from kubeinformer.cli._meter import Figures
from kubeinformer.cli._text import megabytes

__all__ = ["panel", "status_line", "summary"]


def panel(figures: Figures, cut_every: float) -> RenderableType:
    """The live display."""
    statistics, memory = figures.statistics, figures.memory
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column()
    synced = "not yet" if figures.synced_after is None else f"after {figures.synced_after:.1f} s"
    cuts = f"every {cut_every:g} s" if cut_every else "never"
    for name, value in (
        ("objects", f"{statistics.objects:,} pods, synced: {synced}"),
        ("data mirrored", f"{megabytes(figures.mirrored)} of JSON, {megabytes(figures.mirrored_wire)} on the wire"),
        ("memory, this process", f"{_size(memory.now)} now, {_size(memory.peak)} at the peak ({_before(figures)})"),
        ("events read", f"{figures.rate:,.0f}/s, {figures.events:,} since the snapshot"),
        (
            "received so far",
            f"{megabytes(statistics.received_bytes)}, {megabytes(statistics.decoded_bytes)} decompressed",
        ),
        ("connection", f"{statistics.phase}; the server cuts it {cuts}"),
        ("resumed", f"{figures.resumes} times; snapshots: {statistics.syncs}"),
    ):
        grid.add_row(name, value)
    return Panel(grid, title="kubeinformer demo", subtitle=f"{figures.elapsed:.0f} s, Ctrl-C ends it", expand=False)


def status_line(figures: Figures) -> str:
    """One line for a log."""
    statistics = figures.statistics
    return (
        f"{figures.elapsed:5.1f} s: {statistics.phase}, {statistics.objects:,} pods, {figures.rate:,.0f} events/s, "
        f"memory {_size(figures.memory.now)}, snapshots {statistics.syncs}, resumes {figures.resumes}"
    )


def summary(figures: Figures) -> str:
    """The measurements of the whole run."""
    statistics, requests = figures.statistics, figures.statistics.requests
    synced = "not synced" if figures.synced_after is None else f"synced in {figures.synced_after:.2f} s"
    asked = ", ".join(f"{count} {name}" for name, count in sorted(requests.items())) or "none"
    memory = figures.memory
    return "\n".join(
        (
            f"pods        {statistics.objects:,}, {synced}",
            f"data        {megabytes(figures.mirrored)} of JSON, {megabytes(figures.mirrored_wire)} on the wire",
            f"memory      {_size(memory.peak)} at the peak, {_size(memory.now)} now ({_before(figures)})",
            f"events      {figures.events:,} after the first {figures.first_events:,} ({figures.mean_rate:,.0f}/s)",
            f"connection  {_survived(figures)}",
            f"            snapshots: {statistics.syncs}; requests: {asked}",
        )
    )


def _survived(figures: Figures) -> str:
    if not figures.resumes:
        return "cut, and not resumed yet" if figures.statistics.failures else "never cut"
    times = "once" if figures.resumes == 1 else f"{figures.resumes} times"
    resyncs = figures.statistics.syncs - 1
    if resyncs > 0:
        return f"resumed {times}, and {resyncs} more by a resync in place"
    return f"cut and resumed {times} without reading the pods again"


def _before(figures: Figures) -> str:
    before = figures.memory_before
    return f"{_size(before.peak if before.now is None else before.now)} before the informer"


def _size(size: int | None) -> str:
    return "unknown" if size is None else megabytes(size)
