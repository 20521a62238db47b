"""The comparison in words and numbers: a Markdown page with what was measured, where, and how."""

from collections.abc import Sequence

from benchmarks.peers.catalogue import CLIENTS
from benchmarks.peers.figures import Figures
from benchmarks.peers.machine import Setting

__all__ = ["page"]

_METHOD = """\
1. A real API server with etcd holds the pods, with about 6.5 KB of JSON each. Before each run the server is restarted
   and warmed up by one drain. Clients and servers share the machine.
2. Each client is a separate process, which keeps all pods by key as its users would. The seconds run from the first
   request until it holds all pods; imports and credentials are not included. A wrong number of objects is shown as an
   error.
3. Memory is the kernel's count of the whole process: VmHWM at the end of the sync, VmRSS two seconds later. CPU is
   the client's user and system time during the sync.
4. Resync: the client loses its position (etcd is compacted, and the API server is restarted) and reads everything
   again while its cache is full. No pod has changed. This is measured for the informers that report when they are
   done: kubeinformer and client-go.
5. A client is stopped at {seconds:.0f} s or at {memory:.1f} GB. Rounds: {rounds}; times are medians, peaks are the
   highest of all rounds. "times drain" is the time divided by the time of only reading the stream."""

_COLUMNS = (
    "client",
    "sync, s",
    "times drain",
    "first object, s",
    "CPU, s",
    "peak RSS, MB",
    "steady RSS, MB",
    "API server RSS, MB: before → peak",
    "resync, s",
    "resync CPU, s",
    "resync peak RSS, MB",
)


def page(
    setting: Setting, rows: Sequence[Figures], *, rounds: int, seconds_limit: float, memory_limit_mb: float
) -> str:
    """The whole page; rows of one size stand together."""
    sizes = list(dict.fromkeys(row.pods for row in rows))
    method = _METHOD.format(seconds=seconds_limit, memory=memory_limit_mb / 1000, rounds=rounds)
    parts = [
        "# Comparison with other clients",
        "`make bench-compare` repeats the measurements. The figures of each run are in [compare.json](compare.json).",
        *(_section(pods, [row for row in rows if row.pods == pods]) for pods in sizes),
        "![Peak and steady memory of each client](compare-memory.png)",
        "![Time to sync and CPU time of each client](compare-time.png)",
        "## Clients\n\n" + _clients(rows),
        "## Method\n\n" + method,
        "## Setting\n\n" + _setting(setting),
    ]
    return "\n\n".join(parts) + "\n"


def _section(pods: int, rows: Sequence[Figures]) -> str:
    drain = next((row.seconds for row in rows if row.client == CLIENTS["drain"].name), None)
    lines = [_line(_COLUMNS), _line(["---", *["---:"] * (len(_COLUMNS) - 1)])]
    lines += [_line(_cells(row, drain)) for row in rows]
    return f"## {pods:,} pods\n\n" + "\n".join(lines)


def _cells(row: Figures, drain: float | None) -> list[str]:
    ratio = row.seconds / drain if row.seconds is not None and drain else None
    is_cut = row.error is not None and row.seconds is None
    return [
        row.client,
        _sync(row),
        _number(ratio, 2),
        _number(row.first_seconds, 3),
        _number(row.cpu_seconds, 2),
        # A client that was ended had no chance to show its peak.
        ("≥ " if is_cut and row.peak_mb is not None else "") + _number(row.peak_mb, 0),
        _number(row.steady_mb, 0),
        f"{_number(row.server_before_mb, 0)} → {_number(row.server_peak_mb, 0)}",
        _number(row.resync_seconds, 2),
        _number(row.resync_cpu, 2),
        _number(row.resync_peak_mb, 0),
    ]


def _sync(row: Figures) -> str:
    words = [] if row.seconds is None else [f"{row.seconds:,.2f}"]
    if row.error is not None:
        words.append(f"**{row.error}**".replace("|", "\\|"))
    return " ".join(words)


def _clients(rows: Sequence[Figures]) -> str:
    measured = {row.client for row in rows}
    return "\n".join(f"- **{client.name}**: {client.note}." for client in CLIENTS.values() if client.name in measured)


def _setting(setting: Setting) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in setting.versions.items())
    return "\n".join(
        [
            f"- Machine: {setting.cpu}, {setting.cores} cores, {setting.memory_gb:g} GB; {setting.kernel}.",
            f"- Server: {setting.server}. Python: {setting.python}.",
            f"- Versions: {versions}.",
            f"- Date: {setting.date}.",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
