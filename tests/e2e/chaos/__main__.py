"""Chaos by hand: the plan as it happens on standard error, the figures as one JSON line on standard output.

KUBEBUILDER_ASSETS="$(tests/e2e/envtest/build)" .venv/bin/python -m tests.e2e.chaos --seconds 600 --seed 1
"""

import argparse
import functools
import random
import sys
from pathlib import Path

import anyio
from tests.e2e.chaos.report import Report
from tests.e2e.chaos.run import run
from tests.e2e.control_plane import ASSETS_VARIABLE, find_assets


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="about how long")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="replays a plan")
    parser.add_argument("--log", type=Path, help="a file for everything that the library logs")
    arguments = parser.parse_args()
    assets = find_assets()
    if assets is None:
        parser.error(f"no API server: set {ASSETS_VARIABLE} to $(tests/e2e/envtest/build)")
    say(f"seed {arguments.seed}")
    report: Report = anyio.run(
        functools.partial(run, assets, seconds=arguments.seconds, seed=arguments.seed, say=say, log=arguments.log),
        backend="asyncio",
    )
    print(report.line())  # noqa: T201 - its result
    for problem in report.problems():
        say(problem)
    return 1 if report.problems() else 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - for people


if __name__ == "__main__":
    sys.exit(main())
