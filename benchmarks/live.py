"""How fast live events go through an informer to a reader. Prints one JSON line.

    .venv/bin/python -m benchmarks.live [--events 100000] [--profile FILE]

A recording (`benchmarks.recording`) is made once, and fed to an informer with one reader. ``memory`` uses no sockets.
``http_identity`` and ``http_gzip`` use loopback, from a process that only writes. ``memory_decoded`` is ``memory`` with
a reader that looks at every object. ``changes_applied`` are the changes of the store. ``events_read`` are the events
that the reader got. There are fewer of them if changes of one object came faster than the reader read them
(coalescing). Processor time is that of the whole process, including the reader. Each side is a process of its own
(`benchmarks.live_reader`).
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.children import child, run
from benchmarks.recording import EVENTS_FILE, KEYS, record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write where time goes in `memory`, as Markdown")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder, arguments.events)
        print(json.dumps(compare(folder, arguments.events)), flush=True)
        if arguments.profile:
            table = run("benchmarks.live_reader", "--folder", name, "--profile")["table"]
            arguments.profile.write_text(table + "\n", encoding="utf-8")


def compare(folder: Path, events: int) -> dict[str, Any]:
    memory = ["--folder", str(folder)]
    return {
        "events": events,
        "keys": KEYS,
        "json_mb": round((folder / EVENTS_FILE).stat().st_size / 1e6, 1),
        "memory": run("benchmarks.live_reader", *memory),
        "memory_decoded": run("benchmarks.live_reader", *memory, "--decode"),
        "http_identity": _over_http(folder),
        "http_gzip": _over_http(folder, "--gzip"),
        "python": platform.python_version(),
    }


def _over_http(folder: Path, *gzip: str) -> dict[str, Any]:
    with child("benchmarks.replay", str(folder), *gzip) as server:
        return run("benchmarks.live_reader", "--server", server.read()["url"], *gzip)


if __name__ == "__main__":
    main()
