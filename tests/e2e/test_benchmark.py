"""The benchmark runs, and prints what its readers look for. Figures of a short run say nothing: none is checked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("assets")
def test_it_runs_and_prints_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sync", "--pods", "300", "--rounds", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=150,
    )
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert (result["pods"], result["rounds"], result["compressed"]) == (300, 1, True)
    assert result["ratio"] > 0
    assert 10 < result["peak_rss_mb"] < 1000
    assert result["json_mb"] > result["wire_mb"] > 0
