"""Makes pages from the figures of `benchmarks.scale`, `benchmarks.live` and `benchmarks.controller`.

    .venv/bin/python -m benchmarks.page docs/benchmarks

Reads ``scale.jsonl``, ``live.json``, ``live-profile.md`` and ``controller.json`` in that folder, if they exist.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.peers.machine import Setting, describe

Figures: TypeAlias = Mapping[str, Any]

_FIRST_SYNC = {
    "objects": "objects",
    "seconds": "sync, s",
    "drain_seconds": "drain, s",
    "objects_per_second": "objects/s",
    "cpu_seconds": "CPU, s",
    "connected_rss_mb": "RSS before, MB",
    "steady_rss_mb": "steady RSS, MB",
    "peak_rss_mb": "peak RSS, MB",
    "kb_per_object": "KB per object",
    "stored_bytes_per_object": "body, bytes",
}
_RESYNC = {
    "objects": "objects",
    "changed": "changed",
    "events": "events delivered",
    "seconds": "resync, s",
    "cpu_seconds": "CPU, s",
    "cpu_share_of_first_sync": "of the first sync's CPU",
    "steady_rss_mb": "steady RSS, MB",
    "peak_minus_steady_mb": "peak over steady, MB",
}
_LIVE = {
    "applied_per_second": "changes applied/s",
    "read_per_second": "events read/s",
    "cpu_us_per_event": "CPU per event, µs",
    "json_mb_per_second": "JSON, MB/s",
    "wire_mb_per_second": "wire, MB/s",
}
_PODS = {
    "reconciles_per_second": "reconciles/s",
    "cpu_us_per_reconcile": "CPU per reconcile, µs",
    "again_reconciles_per_second": "second round, reconciles/s",
    "start_to_done_seconds": "start to done, s",
    "idle_rss_mb": "idle RSS, MB",
    "peak_rss_mb": "peak RSS, MB",
}
_LATENCY = {
    "writes": "writes",
    "coalesced": "merged with a later write",
    "from_answer_p50_ms": "p50, ms",
    "from_answer_p99_ms": "p99, ms",
    "from_answer_max_ms": "max, ms",
    "from_request_p50_ms": "with the write: p50, ms",
    "from_request_p99_ms": "p99, ms",
}
_SCALE_METHOD = """\
`pods-*` come from a real API server over TLS, gzipped. The figures are medians of five syncs; the peak is the highest
of the five. `million` comes from the fake API server (1 KB per object, not gzipped). `unpaged-*` come from a server
that refuses watch-lists and ignores `limit`: one list of 400 Secrets of 1 MB (`retain="metadata"`), and one of a
million small objects (`retain="keys"`). "Drain" is a client that only reads the same bytes. Memory is the kernel's
count of the whole process (VmHWM, VmRSS). "KB per object" is the growth of the process since it connected, divided by
the number of objects. For a resync, the client is paused; the API server is killed and started, and killed again after
etcd was compacted; then the client continues and gets a 410. `make bench-scale` repeats all of this; the figures are
in [scale.jsonl](scale.jsonl)."""
_LIVE_METHOD = """\
An informer gets {events:,} events of {size:.1f} KB about {keys:,} objects, and one reader takes every event.
`memory` uses no sockets. `memory_decoded` is the same with a reader that decodes every object. `http_*` get the events
over loopback from a process that only writes. CPU is that of the whole process, including the reader. `make bench-live`
repeats the measurement; the figures are in [live.json](live.json)."""

_CONTROLLER_METHOD = """\
The queue: one task adds {keys:,} keys, then gets each and marks it as done. Each add, get and done is one operation.

Reconciles: an empty reconcile runs for each of {pods:,} pods of a real API server. The time counts from the moment when
the informer is in sync. In the second round, all keys are added to the queue again. Then the process idles.

Latency: another process patches {configmaps} ConfigMaps in turn, {rate:g} times a second for {seconds:g} s, at a fixed
rate that does not depend on the answers. A sample is the time from the server's answer to a write until the reconcile
that sees the write starts. It is below zero if the event arrived before the answer. "With the write" counts from when
the write was sent. `watch` only reads the lines of a bare watch; no controller can be faster. kopf runs an event
handler, the nearest thing that it has to a reconcile; it keeps no store.

`make bench-controller` repeats the measurements; the figures are in [controller.json](controller.json)."""


def main() -> None:
    folder = Path(sys.argv[1])
    scale, live, profile = (folder / name for name in ("scale.jsonl", "live.json", "live-profile.md"))
    controller = folder / "controller.json"
    if scale.exists():
        lines = [json.loads(line) for line in scale.read_text("utf-8").splitlines()]
        (folder / "scale.md").write_text(scale_page(lines), "utf-8")
    if live.exists():
        table = profile.read_text("utf-8") if profile.exists() else ""
        (folder / "live.md").write_text(live_page(json.loads(live.read_text("utf-8")), table), "utf-8")
    if controller.exists():
        (folder / "controller.md").write_text(controller_page(json.loads(controller.read_text("utf-8"))), "utf-8")


def scale_page(figures: list[Figures]) -> str:
    server = next((one["server"] for one in figures if "server" in one), "not used")
    syncs = [one for one in figures if "connected_rss_mb" in one]
    resyncs = [one for one in figures if "changed" in one]
    (imports,) = [one for one in figures if one["figure"] == "import"] or [{}]
    parts = [
        "# As collections grow",
        "## First sync\n\n" + _table(_FIRST_SYNC, ((one["figure"], one) for one in syncs)),
        "## Resync after a lost position\n\n" + _table(_RESYNC, ((one["figure"], one) for one in resyncs)),
    ]
    if imports:
        parts.append(
            f"## Import\n\n`import kubeinformer` takes {imports['import_ms']:.0f} ms. After it, the process "
            f"has a peak of {imports['peak_rss_mb']:g} MB. An interpreter that does nothing has "
            f"{imports['empty_peak_rss_mb']:g} MB."
        )
    parts += ["## Method\n\n" + _SCALE_METHOD, _setting(describe((), server))]
    return "\n\n".join(parts) + "\n"


def live_page(figures: Figures, profile: str) -> str:
    sides = ((name, side) for name, side in figures.items() if isinstance(side, dict))
    size = figures["json_mb"] * 1000 / figures["events"]
    parts = ["# Live events", _table(_LIVE, sides)]
    if profile:
        parts.append("## Where the time of `memory` goes\n\n" + profile.strip())
    method = _LIVE_METHOD.format(events=figures["events"], keys=figures["keys"], size=size)
    parts += ["## Method\n\n" + method, _setting(describe((), "not used"))]
    return "\n\n".join(parts) + "\n"


def controller_page(figures: Figures) -> str:
    queue, options = figures["queue"], figures["options"]
    rates = (
        f"The work queue does {queue['operations_per_second']:,} operations per second: "
        f"{queue['adds_per_second']:,} adds, or {queue['gets_and_dones_per_second']:,} pairs of get and done."
    )
    parts = [
        "# Controllers",
        rates,
        "## Reconciles\n\n" + _table(_PODS, figures["pods"].items()),
        "## From a write to its reconcile\n\n" + _table(_LATENCY, figures["latency"].items()),
        "## Method\n\n" + _CONTROLLER_METHOD.format_map(options),
        _setting(describe((), figures["server"])) + "".join(f" kopf {kopf}." for kopf in _kopf(figures)),
    ]
    return "\n\n".join(parts) + "\n"


def _kopf(figures: Figures) -> list[str]:
    """Its version, if it took part."""
    return [side["kopf"] for side in figures["pods"].values() if "kopf" in side]


def _table(columns: Mapping[str, str], rows: Iterable[tuple[str, Figures]]) -> str:
    lines = [["", *columns.values()], ["---", *["---:"] * len(columns)]]
    lines += [[f"`{name}`", *(_number(row.get(column)) for column in columns)] for name, row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def _setting(setting: Setting) -> str:
    return (
        f"{setting.date}; {setting.cpu}, {setting.cores} cores, {setting.memory_gb:g} GB; {setting.kernel}; "
        f"{setting.python}; server: {setting.server}."
    )


if __name__ == "__main__":
    main()
