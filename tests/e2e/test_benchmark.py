"""The benchmarks run and print what their readers expect. The figures of a short run mean nothing; none is checked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run(module: str, *arguments: str) -> list[dict[str, Any]]:
    """What a benchmark prints: one JSON object a line."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=150,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("assets")
def test_the_first_sync() -> None:
    (result,) = run("sync", "--pods", "300", "--rounds", "1")
    assert (result["pods"], result["rounds"], result["compressed"]) == (300, 1, True)
    assert result["ratio"] > 0
    assert 10 < result["peak_rss_mb"] < 1000
    assert result["json_mb"] > result["wire_mb"] > 0


@pytest.mark.usefixtures("assets")
@pytest.mark.timeout(150)
def test_a_resync_on_the_real_server() -> None:
    (result,) = run("scale", "--quick", "--only", "resync-tenth")
    assert result["objects"] == 1_000
    assert result["changed"] == result["events_by_type"]["Updated"] == result["events"] == 100


@pytest.mark.timeout(150)
def test_what_needs_no_real_server() -> None:
    names = ("million", "unpaged-400mb", "unpaged-million", "import")
    results = run("scale", "--quick", *(word for name in names for word in ("--only", name)))
    assert tuple(result["figure"] for result in results) == names
    assert [result["objects"] for result in results[:3]] == [20_000, 20, 20_000]


def test_live_events() -> None:
    (result,) = run("live", "--events", "2000")
    for side in ("memory", "memory_decoded", "http_identity", "http_gzip"):
        assert result[side]["changes_applied"] == result[side]["events_received"] == 2_000
