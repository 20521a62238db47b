"""The results of `benchmarks.blog`, and the files made from them: blog.json (everything), blog.md and blog.png.

Growth is in percent of the start of the run, when there had been no informer yet. The steps of a run follow each other
on one server. What a step leaves behind until the next garbage collection of the server is no basis for a comparison.
"""

from pathlib import Path

import msgspec

__all__ = ["Report", "Run", "Step", "read", "write"]

_COLOURS = {"list": "#d62728", "watch-list": "#1f77b4", "paged": "#2ca02c"}
_LABELS = {
    "list": "list: one answer (classic informer)",
    "watch-list": "watch-list (kubeinformer)",
    "paged": "paged list (kubeinformer, server without watch-list)",
}

_METHOD = """\
How it was measured:

- The set-up is that of the Kubernetes blog's article on API streaming: {secrets} Secrets of {size} (random bytes), and
  {informers} informers at a time. Each informer starts over as soon as it is synced. Each number runs for {seconds} s.
- The server emulates Kubernetes 1.33 with `StreamingCollectionEncodingToJSON` and `…ToProtobuf` off, so it encodes a
  whole list into memory before it answers. `WatchList` is off for `paged` only. The server is restarted for each mode,
  with the same data.
- `list` sends client-go's first request and discards the answer. `watch-list` and `paged` are complete kubeinformer
  clients. All ask for JSON over TLS with gzip (the server compresses lists, not watches), and run on the server's
  machine.
- "Start" is the server's memory (VmRSS) at rest, after a LIST of one object and a garbage collection. "Peak" is its
  high-water mark (VmHWM) for that number of informers, compared with the start and with the peak for one informer. The
  line in the picture is VmRSS, taken every 0.25 s.
- Go's garbage collector runs when the heap has doubled, and returns memory late. So up to twice the start is the normal
  range, and memory that one number of informers leaves behind is still there when the next one starts. "Syncs" counts
  the complete syncs of all informers together.
"""


class Step(msgspec.Struct, kw_only=True, frozen=True):
    """So many informers for one window of time.

    Attributes:
        before_mb: The server's memory when they started.
        peak_mb: The most it had until they were gone.
        syncs: How many syncs were completed; None if the clients were stopped.
        failures: Failed requests by the error's name.
        stopped: Why they were stopped before their time.
        samples: (seconds since they started, server memory in MB); goes on until the next step.
    """

    informers: int
    before_mb: float
    peak_mb: float
    syncs: int | None
    failures: dict[str, int]
    stopped: str | None
    samples: list[tuple[float, float]]


class Run(msgspec.Struct, kw_only=True, frozen=True):
    """One mode, on a server that was started for it. A step that was stopped is the last one."""

    mode: str
    start_mb: float
    steps: list[Step]


class Report(msgspec.Struct, kw_only=True, frozen=True):
    """Everything; ``slot`` is from one step's start to the next one's, in seconds."""

    date: str
    machine: str
    versions: dict[str, str]
    secrets: int
    size: int
    informers: list[int]
    seconds: float
    slot: float
    runs: list[Run]


def read(folder: Path) -> Report:
    return msgspec.json.decode((folder / "blog.json").read_bytes(), type=Report)


def write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blog.json").write_bytes(msgspec.json.encode(report) + b"\n")
    (folder / "blog.md").write_text(markdown(report), encoding="utf-8")
    draw(report, folder / "blog.png")


def markdown(report: Report) -> str:
    table = [
        "| mode | informers | start, MB | peak, MB | over the start | over one informer | syncs |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for run in report.runs:
        table += [_row(run, step) for step in run.steps]
    notes = [
        f"- `{run.mode}`, {step.informers} at a time: {note}."
        for run in report.runs
        for step in run.steps
        if (note := _note(report, step))
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return "\n".join(
        [
            "# Server memory while informers restart in a loop",
            "",
            "![Server memory over time](blog.png)",
            "",
            *table,
            "",
            *([*notes, ""] if notes else []),
            f"{report.date}; {report.machine}; {versions}.",
            "",
            _METHOD.format(
                secrets=report.secrets,
                size=f"{report.size / 1e6:g} MB",
                informers=", ".join(map(str, report.informers)),
                seconds=f"{report.seconds:g}",
            ),
        ]
    )


def _row(run: Run, step: Step) -> str:
    growth, over_one = (100 * (step.peak_mb / before - 1) for before in (run.start_mb, run.steps[0].peak_mb))
    at_least = "≥ " if step.stopped else ""
    syncs = "" if step.syncs is None else f"{step.syncs:,}"
    return (
        f"| {run.mode} | {step.informers} | {run.start_mb:,.0f} | {at_least}{step.peak_mb:,.0f} "
        f"| {at_least}{growth:,.0f} % | {at_least}{over_one:,.0f} % | {syncs} |"
    )


def _note(report: Report, step: Step) -> str:
    notes = [f"{count} times {name}" for name, count in sorted(step.failures.items())]
    if step.stopped:
        left_out = [number for number in report.informers if number > step.informers]
        notes.append(f"stopped, {step.stopped}" + (f"; {', '.join(map(str, left_out))} not run" if left_out else ""))
    return "; ".join(notes)


def draw(report: Report, file: Path) -> None:
    """One line for each mode, over the time since its first informer started."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws needs matplotlib

    figure = Figure(figsize=(9, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for run in report.runs:
        # By slots, not by the clock: a step that began late is still drawn at its mark.
        points = [
            ((number * report.slot + seconds) / 60, mb / 1000)
            for number, step in enumerate(run.steps)
            for seconds, mb in step.samples
            if seconds <= report.slot
        ]
        axes.plot(*zip(*points, strict=True), color=_COLOURS[run.mode], linewidth=1.6, label=_LABELS[run.mode])
        if run.steps[-1].stopped:
            axes.plot(*points[-1], color=_COLOURS[run.mode], marker="x", markersize=9, markeredgewidth=2.5)
    for number, informers in enumerate(report.informers):
        minute = number * report.slot / 60
        axes.axvline(minute, color="0.6", linewidth=0.8, linestyle="--")
        text = f" {informers} informer{'s' if informers > 1 else ''}"
        axes.text(minute, 1.01, text, transform=axes.get_xaxis_transform(), fontsize=10, color="0.3")
    axes.set_xlim(0, len(report.informers) * report.slot / 60)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes")
    axes.set_ylabel("API server memory, GB")
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none", fontsize=10)
    figure.savefig(file)
