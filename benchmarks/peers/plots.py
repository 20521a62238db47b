"""The comparison in two pictures: a dot for each figure, on a logarithmic axis, with its number beside it.

Dots, not bars: clients differ by two orders of magnitude, and the length of a bar on such an axis means nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.figures import Figures

__all__ = ["draw"]

_OURS, _THEIRS = "#1f6feb", "#57606a"
_WHOLE = 10  # from here on decimals are noise


class _Plot(NamedTuple):
    file: str
    label: str
    main: Callable[[Figures], float | None]
    beside: Callable[[Figures], float | None]
    legend: tuple[str, str]


_PLOTS = (
    _Plot(
        "compare-memory.png",
        "MB, logarithmic",
        lambda row: row.peak_mb,
        lambda row: row.steady_mb,
        ("peak RSS", "steady RSS, two seconds after the sync"),
    ),
    _Plot(
        "compare-time.png",
        "seconds, logarithmic",
        lambda row: row.seconds,
        lambda row: row.cpu_seconds,
        ("time to sync", "CPU time of the client"),
    ),
)


def draw(rows: Sequence[Figures], folder: Path) -> None:
    """Write both pictures into a folder."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a second to import, and is wanted at the end only

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above, and after the choice of backend

    sizes = list(dict.fromkeys(row.pods for row in rows))
    clients = list(dict.fromkeys(row.client for row in rows))
    for plot in _PLOTS:
        size = (3 + 3.6 * len(sizes), 1.6 + 0.38 * len(clients))
        figure, axes = plt.subplots(1, len(sizes), figsize=size, sharey=True, squeeze=False, layout="constrained")
        for axis, pods in zip(axes[0], sizes, strict=True):
            _panel(axis, plot, {row.client: row for row in rows if row.pods == pods}, clients)
            axis.set_title(f"{pods:,} pods", fontsize=10)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
        figure.savefig(folder / plot.file, dpi=150)
        plt.close(figure)


def _panel(axis: Any, plot: _Plot, rows: dict[str, Figures], clients: Sequence[str]) -> None:
    """One size: a line for each client, first on top."""
    values = [value for row in rows.values() for pick in (plot.main, plot.beside) if (value := pick(row))]
    axis.set_xscale("log")
    if values:
        axis.set_xlim(min(values) / 1.6, max(values) * 4)  # room for the numbers
    for place, client in enumerate(clients):
        if client not in rows:
            continue
        row = rows[client]
        color = _OURS if client == "kubeinformer" else _THEIRS
        main, beside = plot.main(row), plot.beside(row)
        if beside:
            axis.plot(beside, place, "o", mfc="white", mec=color, ms=6, zorder=2)
        if main:
            axis.plot(main, place, "o", color=color, ms=7, zorder=3)
        words = f"{main:,.0f}" if main and main >= _WHOLE else f"{main:.2g}" if main else ""
        if row.error and not row.error.startswith("resync"):
            words = f"{words} ({row.error[:24]})" if words else row.error[:24]
        style = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        if main:
            axis.annotate(words, (max(main, beside or 0), place), xytext=(7, 0), **style)
        else:  # more than anything that is drawn
            axis.annotate(words, (axis.get_xlim()[1], place), xytext=(-4, 0), ha="right", **style)
    axis.plot([], [], "o", color=_THEIRS, ms=7, label=plot.legend[0])
    axis.plot([], [], "o", mfc="white", mec=_THEIRS, ms=6, label=plot.legend[1])
    axis.set_yticks(range(len(clients)), clients, fontsize=9)
    axis.set_ylim(len(clients) - 0.5, -0.5)
    axis.set_xlabel(plot.label, fontsize=8)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")  # on a short axis they would run into each other
    axis.grid(axis="both", color="#d8dee4", lw=0.6, zorder=0)
    axis.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
