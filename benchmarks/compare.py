"""kubeinformer and other clients: the time, CPU and memory that each needs to hold all pods of a real API server.

One command runs every client with every size, each run in a process of its own. It writes a page, the figures and two
pictures: ``compare.md``, ``compare.json``, ``compare-memory.png``, ``compare-time.png``. They are rewritten after each
run, so an interrupted comparison keeps its results.

    make bench-compare                             # sets up, builds the servers, compares
    make bench-compare BENCH='--sizes 300 --clients drain,kubeinformer --output /tmp/bench'

To run it without make, use an environment with `pip install --editable . --group bench`, and Go >= 1.26 for client-go.
The environment of `make setup` does not fit, because the other clients need other versions of some packages:

    KUBEBUILDER_ASSETS="$(tests/e2e/envtest/build)" .venv-bench/bin/python -m benchmarks.compare

`benchmarks.peers.run` says how a run is measured, and `benchmarks.peers.catalogue` what the clients are.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.peers.catalogue import CLIENTS, Client
from benchmarks.peers.figures import Figures, over_rounds
from benchmarks.peers.golang import build_client
from benchmarks.peers.machine import Setting, describe
from benchmarks.peers.plots import draw
from benchmarks.peers.report import page
from benchmarks.peers.run import Limits, run
from benchmarks.plane import control_plane, fill_with_pods


def main() -> None:
    arguments = parse()
    sizes = sorted({int(size) for size in arguments.sizes.split(",")})
    try:
        clients = [CLIENTS[name] for name in arguments.clients.split(",")]
    except KeyError as unknown:
        sys.exit(f"no client {unknown}; there are: {', '.join(CLIENTS)}")
    limits = Limits(seconds=arguments.time_limit, memory_mb=arguments.memory_limit or default_memory_limit())
    arguments.output.mkdir(parents=True, exist_ok=True)
    compare(sizes, clients, arguments.rounds, limits, arguments.output)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,20000,100000", help="numbers of pods (default: %(default)s)")
    parser.add_argument("--clients", default=",".join(CLIENTS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each client and size (default: 1)")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="default: %(default)s")
    parser.add_argument("--time-limit", type=float, default=300.0, help="seconds for a sync (default: 300)")
    parser.add_argument("--memory-limit", type=float, help="MB for a client (default: 60%% of what is free)")
    return parser.parse_args()


def default_memory_limit() -> float:
    """What a client may take without pushing the servers out: 60% of what is available now, in MB."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return round(int(fields["MemAvailable"].split()[0]) * 1024 / 1e6 * 0.6)


def compare(sizes: Sequence[int], clients: Sequence[Client], rounds: int, limits: Limits, output: Path) -> None:
    go_program = build_client() if any(client.module is None for client in clients) else None
    results: list[Figures] = []
    with control_plane() as plane:
        setting = describe(clients, plane.api.version)
        filled = 0
        for pods in sizes:
            print(f"filling: {filled:,} to {pods:,} pods", file=sys.stderr)
            fill_with_pods(filled, pods)
            filled = pods
            for number in range(1, rounds + 1):
                for client in clients:
                    figures = run(plane, client, go_program, pods, limits)
                    print(f"{pods:,} pods, round {number}: {told(figures)}", file=sys.stderr)
                    results.append(figures)
                    write(setting, results, rounds, limits, output)
            draw(over_rounds(results), output)


def told(figures: Figures) -> str:
    """A line of progress."""
    took = f"{figures.seconds:.2f} s" if figures.seconds is not None else "no sync"
    return f"{figures.client}: {figures.error or took}, peak {figures.peak_mb} MB"


def write(setting: Setting, results: Sequence[Figures], rounds: int, limits: Limits, output: Path) -> None:
    rows = over_rounds(results)
    facts = {
        "setting": asdict(setting),
        "rounds": rounds,
        "limits": asdict(limits),
        "rows": [asdict(row) for row in rows],
        "runs": [asdict(figures) for figures in results],
    }
    (output / "compare.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    text = page(setting, rows, rounds=rounds, seconds_limit=limits.seconds, memory_limit_mb=limits.memory_mb)
    (output / "compare.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
