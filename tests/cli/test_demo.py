"""The demo as a process, and what becomes of the server's."""

import json
import os
import pty
import re
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Running, Spawn

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def children(running: "Running") -> list[int]:
    pid = running.process.pid
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text("ascii").split()
    ]


@contextmanager
def server_of(running: "Running") -> Iterator[int]:
    """A file descriptor that becomes readable when the demo's server process is gone."""
    (server,) = children(running)
    assert b"kubeinformer.testing" in Path(f"/proc/{server}/cmdline").read_bytes()
    watched = os.pidfd_open(server)
    yield watched
    os.close(watched)


def is_gone(watched: int) -> bool:
    return bool(select.select([watched], [], [], 45)[0])


def test_it_measures_and_survives_cuts(spawn: "Spawn") -> None:
    running = spawn("demo", "--seconds", "8", "--pods", "500", "--churn", "100", "--cut-every", "2")
    ended = running.end()
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    lines = ended.out.splitlines()
    assert len(lines) >= 8
    assert all(re.match(r" *\d+\.\d s: ", line) for line in lines[:-6])
    summary = {line[:12].strip(): line[12:] for line in lines[-6:]}
    assert list(summary) == ["pods", "data", "memory", "events", "connection", ""]
    assert re.fullmatch(r"\d{3}, synced in \d+\.\d\d s", summary["pods"])
    assert re.fullmatch(r"[3-4]\.\d MB of JSON, 0\.\d MB on the wire", summary["data"])
    memory = re.fullmatch(r"(\S+) MB at the peak, (\S+) MB now \((\S+) MB before the informer\)", summary["memory"])
    assert memory
    peak, now, before = map(float, memory.groups())
    assert 10 < before < now <= peak < 200
    events = re.fullmatch(r"(\d+) after the first (\d+) \((\d+)/s\)", summary["events"])
    assert events
    assert int(events[1]) > 100
    assert 450 <= int(events[2]) <= 800  # what changes meanwhile, and on a busy machine the first cut, make it more
    assert 30 <= int(events[3]) <= 170
    resumed = re.fullmatch(r"cut and resumed (\d+ times|once) without reading the pods again", summary["connection"])
    assert resumed
    asked = re.fullmatch(r"snapshots: 1; requests: (?:\d+ proof, )?(\d+) watch, [1-3] watch-list", summary[""])
    assert asked
    assert resumed[1] == ("once" if asked[1] == "1" else f"{asked[1]} times")


@linux
def test_ctrl_c_ends_it_with_the_summary_and_without_the_server(spawn: "Spawn") -> None:
    running = spawn("demo", "--pods", "300", "--cut-every", "0")
    assert "0.0 s: " in running.line()
    while "snapshots 1" not in running.line():
        pass
    with server_of(running) as watched:
        ended = running.interrupt()
        assert is_gone(watched)
    assert (ended.code, ended.err) == (0, "")
    assert "connection  never cut\n" in ended.out


@linux
def test_a_server_that_dies_is_an_error(spawn: "Spawn") -> None:
    running = spawn("demo", "--pods", "300")
    assert running.line()
    (server,) = children(running)
    os.kill(server, signal.SIGKILL)
    ended = running.end()
    assert ended.code == 1
    assert ended.err == "kubeinformer: error: the demo's API server ended by itself (exit code -9)\n"


@linux
@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_does_not_outlive_a_demo_that_is_killed(deadly: signal.Signals, spawn: "Spawn") -> None:
    running = spawn("demo", "--pods", "300")
    assert running.line()
    with server_of(running) as watched:
        running.process.send_signal(deadly)
        assert running.process.wait(45) == -deadly
        assert is_gone(watched)


@linux
def test_a_reader_that_has_seen_enough(spawn: "Spawn") -> None:
    running = spawn("demo", "--pods", "300")
    assert running.line()
    with server_of(running) as watched:
        running.close_stdout()
        ended = running.end()
        assert is_gone(watched)
    assert (ended.code, ended.err) == (141, "")


def stand_in(folder: Path, script: str) -> str:
    """What the demo starts in Python's place."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o700)
    return str(file)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo trace >&2; echo 'No module named h11' >&2; exit 3", "(exit code 3): No module named h11"),
        ("exit 4", "(exit code 4)"),
        ("echo hello; cat", "did not say where it listens, but b'hello\\n'"),
        ("echo '[]'; cat", "did not say where it listens"),
        ("yes | tr -d '\\n'", "did not say where it listens"),
        ('echo \'{"url": "http://127.0.0.1:9"}\'; exit 5', "(exit code 5)"),
    ],
)
def test_a_server_that_does_not_start(
    script: str, said: str, run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, script))
    ended = run("demo")
    assert ended.code == 1
    assert ended.err.startswith("kubeinformer: error: the demo's API server ")
    assert ended.err.count("\n") == 1
    assert said in ended.err


def test_a_server_that_does_not_listen_to_a_polite_word(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubeinformer.cli._demo_server._FAREWELL", 0.1)
    file = tmp_path / "pid"
    script = (
        f"trap '' TERM; echo $$ > {file}; echo '{json.dumps({'url': 'http://127.0.0.1:9'})}'; while :; do read x; done"
    )
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, script))
    ended = run("demo", "--seconds", "0.1")
    assert ended.code == 1
    assert "v1/pods not synced within 0.1 s" in ended.err
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_a_server_is_asked_politely_first(run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "asked"
    url = json.dumps({"url": "http://127.0.0.1:9"})
    script = f"trap 'echo TERM > {file}; exit 0' TERM; echo '{url}'; while :; do sleep 0.05; done"
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, script))
    assert run("demo", "--seconds", "0.1").code == 1
    assert file.read_text() == "TERM\n"


def test_options_reach_the_server(run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, 'echo "$@" >&2; exit 1'))
    ended = run("demo", "--pods", "1234567", "--churn", "0.25", "--cut-every", "1000000")
    assert "-m kubeinformer.testing --port 0 --pods 1234567 --churn 0.25 --cut-every 1000000\n" in ended.err


def shown_on_a_terminal(spawn: "Spawn", kind: str) -> bytes:
    far, near = pty.openpty()
    environment = {"TERM": kind, "COLUMNS": "110", "LINES": "40"}
    with os.fdopen(near, "wb", buffering=0) as terminal:
        running = spawn("demo", "--pods", "300", "--seconds", "2", stdout=terminal, env=environment)
    shown = b""
    try:
        while piece := os.read(far, 65536):
            shown += piece
    except OSError:  # Linux's way to say that the near end is closed
        pass
    os.close(far)
    assert running.end().code == 0
    return shown


@linux
def test_a_dumb_terminal_sees_lines_then_the_summary(spawn: "Spawn") -> None:
    first, *_ = lines = shown_on_a_terminal(spawn, "dumb").decode().splitlines()
    assert first.startswith("  0.0 s: ")
    assert lines[-6].startswith("pods        ")


@linux
def test_a_terminal_sees_a_panel_then_the_summary(spawn: "Spawn") -> None:
    shown = shown_on_a_terminal(spawn, "xterm")
    panel, _, summary = shown.rpartition(b"\x1b[2K")
    for text in (b"kubeinformer demo", b"Ctrl-C ends it", b"memory, this process", b"the server cuts it every 10 s"):
        assert text in panel
    assert summary.startswith(b"pods        ")
