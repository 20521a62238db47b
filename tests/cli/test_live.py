"""``watch`` as a process: live rows, Ctrl-C, readers that go away, servers that come and go, terminals."""

import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Running, Serve, Served, Spawn


def change(server: "Served") -> None:
    server.do("patch", "v1/pods", "default/web-0", {"metadata": {"labels": {"a": "b"}}})


def test_names_tell_what_happened(server: "Served", spawn: "Spawn") -> None:
    server.pod("web-0")
    running = spawn("watch", "v1/pods", "-o", "name", "--server", server.url)
    assert running.line() == "+ default/web-0"
    change(server)
    assert running.line() == "~ default/web-0"
    server.do("delete", "v1/pods", "default/web-0")
    assert running.line() == "- default/web-0"
    server.pod("web-1")
    assert running.line() == "+ default/web-1"
    ended = running.interrupt()
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_a_table_tells_what_happened(server: "Served", spawn: "Spawn") -> None:
    server.pod("web-0")
    running = spawn("watch", "v1/pods", "--server", server.url)
    assert running.line() == "EVENT     NAMESPACE NAME  VERSION    AGE"
    assert running.line().split()[:4] == ["ADDED", "default", "web-0", "1001"]
    change(server)
    assert running.line().startswith("MODIFIED  default   web-0 1002       ")
    server.do("delete", "v1/pods", "default/web-0")
    assert running.line().startswith("DELETED   default   web-0 1003       ")
    assert running.interrupt().code == 130


def test_json_tells_what_happened_as_kubectl_does(server: "Served", spawn: "Spawn") -> None:
    server.pod("web-0")
    running = spawn("watch", "v1/pods", "-o", "json", "--server", server.url)
    expected = server.do("get", "v1/pods", "default/web-0")
    assert json.loads(running.line()) == {"type": "ADDED", "object": expected}
    change(server)
    expected = server.do("get", "v1/pods", "default/web-0")
    assert json.loads(running.line()) == {"type": "MODIFIED", "object": expected}
    last = server.do("delete", "v1/pods", "default/web-0")
    assert json.loads(running.line()) == {"type": "DELETED", "object": last}
    assert running.interrupt().code == 130


def test_the_state_is_sorted_and_what_follows_comes_as_it_happens(server: "Served", spawn: "Spawn") -> None:
    for name, phase in (("a", "Running"), ("b", "Failed"), ("c", "Pending")):
        server.do("create", "v1/pods", {"metadata": {"name": name}, "status": {"phase": phase}})
    running = spawn("watch", "v1/pods", "-o", "name", "--sort", ".status.phase", "--server", server.url)
    assert [running.line() for _ in "abc"] == ["+ default/b", "+ default/c", "+ default/a"]
    server.do("patch", "v1/pods", "default/b", {"metadata": {"labels": {"a": "b"}}})
    assert running.line() == "~ default/b"
    server.do("delete", "v1/pods", "default/c")
    assert running.line() == "- default/c"
    server.pod("0")
    assert running.line() == "+ default/0"
    assert running.interrupt().code == 130


def test_a_large_state_is_sorted_while_it_changes(server: "Served", spawn: "Spawn") -> None:
    for number in range(150):
        server.pod(f"web-{number}", labels={"order": f"{(number * 7) % 150:03}"})
    running = spawn("watch", "v1/pods", "-o", "json", "--sort", ".metadata.labels.order", "--server", server.url)
    lines = [json.loads(running.line()) for _ in range(150)]
    assert [line["object"]["metadata"]["labels"]["order"] for line in lines] == [f"{n:03}" for n in range(150)]
    assert {line["type"] for line in lines} == {"ADDED"}
    server.do("delete", "v1/pods", "default/web-0")
    assert json.loads(running.line())["type"] == "DELETED"
    assert running.interrupt().code == 130


def test_an_older_server_is_nothing_to_talk_about(server: "Served", spawn: "Spawn") -> None:
    server.set("watch_list_enabled", value=False)
    server.pod("web-0")
    running = spawn("watch", "v1/pods", "-o", "name", "--server", server.url)
    assert running.line() == "+ default/web-0"
    server.pod("web-1")
    assert running.line() == "+ default/web-1"
    ended = running.interrupt()
    assert (ended.code, ended.err) == (130, "")


# Servers that come and go.


def test_a_server_that_is_not_there_yet_is_waited_for(serve: "Serve", spawn: "Spawn", free_port: int) -> None:
    running = spawn("watch", "v1/pods", "-o", "name", "--server", f"http://127.0.0.1:{free_port}")
    warning = running.error_line()
    assert warning.startswith("kubeinformer: warning: ")
    assert str(free_port) in warning
    serve(port=free_port).pod("web-0")
    assert running.error_line() == "kubeinformer: v1/pods is live again"
    assert running.line() == "+ default/web-0"
    ended = running.interrupt()
    assert (ended.code, ended.err) == (130, "")


def test_a_right_that_is_taken_away_is_told_once_and_so_is_its_return(server: "Served", spawn: "Spawn") -> None:
    server.pod("web-0")
    running = spawn("watch", "v1/pods", "-o", "name", "--server", server.url)
    assert running.line() == "+ default/web-0"
    server.do("deny")
    server.do("drop_connections")
    # The cut itself may be seen first.
    lines = [running.error_line()]
    while "HTTP 403" not in lines[-1]:
        lines.append(running.error_line())
    assert len(lines) <= 2
    assert all(line.startswith("kubeinformer: warning: ") for line in lines)
    server.do("allow_all")
    assert running.error_line() == "kubeinformer: v1/pods is live again"
    server.pod("web-1")
    assert running.line() == "+ default/web-1"
    ended = running.interrupt()
    assert (ended.code, ended.err) == (130, "")


# Ctrl-C, and readers that go away.


def test_ctrl_c_while_waiting_for_a_server(spawn: "Spawn", free_port: int) -> None:
    running = spawn("watch", "v1/pods", "--server", f"http://127.0.0.1:{free_port}")
    running.error_line()
    ended = running.interrupt()
    assert (ended.code, ended.out, ended.err) == (130, "", "")


@pytest.mark.parametrize("once", [("--once",), ()])
def test_ctrl_c_while_nobody_reads(once: tuple[str, ...], server: "Served", spawn: "Spawn") -> None:
    server.do("seed", "v1/pods", 2000)  # 13 MB; a pipe holds 64 KB
    running = spawn("watch", "v1/pods", *once, "-o", "json", "--server", server.url)
    running.line()
    running.press_ctrl_c()
    assert running.process.wait(timeout=45) == 130  # nobody reads meanwhile
    assert running.end().err == ""


@pytest.mark.parametrize("once", [("--once",), ()])
@pytest.mark.parametrize("form", ["name", "table", "json"])
def test_a_reader_that_has_seen_enough(form: str, once: tuple[str, ...], server: "Served", spawn: "Spawn") -> None:
    server.do("seed", "v1/pods", 5000)
    running = spawn("watch", "v1/pods", *once, "-o", form, "--server", server.url)
    assert running.line()
    running.close_stdout()
    if not once:
        server.pod("web-0")  # what fits into the pipe is written before; it is noticed at the next row
    ended = running.end()
    assert (ended.code, ended.err) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk(server: "Served", spawn: "Spawn") -> None:
    server.pod("web-0")
    with Path("/dev/full").open("wb") as full:
        ended = spawn("watch", "v1/pods", "--server", server.url, stdout=full).end()
    assert ended.code == 1
    assert "No space left" in ended.error


def test_a_stderr_that_nobody_reads_ends_nothing(serve: "Serve", spawn: "Spawn", free_port: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        running = spawn("watch", "v1/pods", "-o", "name", "--server", f"http://127.0.0.1:{free_port}", stderr=gone)
    serve(port=free_port).pod("web-0")
    assert running.line() == "+ default/web-0"
    assert running.interrupt().code == 130


# Terminals.


class Terminal:
    """A pseudo-terminal of which the test is the far end."""

    def __init__(self) -> None:
        far, near = pty.openpty()
        self.near = os.fdopen(near, "wb", buffering=0)
        self._far = far
        self._seen = b""

    def until(self, text: bytes) -> bytes:
        """All that was shown up to this text."""
        while text not in self._seen:
            self._seen += os.read(self._far, 65536)
        seen, _, self._seen = self._seen.partition(text)
        return seen

    def close(self) -> None:
        self.near.close()
        os.close(self._far)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals differ")
def test_events_have_colours_on_a_terminal_only(server: "Served", spawn: "Spawn", terminal: Terminal) -> None:
    server.pod("web-0")
    environment = {"TERM": "xterm-256color"}
    spawn("watch", "v1/pods", "--server", server.url, stdout=terminal.near, env=environment)
    assert terminal.until(b"web-0").endswith(b"\x1b[32mADDED    \x1b[0m default   ")
    plain: Running = spawn("watch", "v1/pods", "--server", server.url, env=environment)
    assert "ADDED" in plain.line() + plain.line()
    assert "\x1b" not in plain.interrupt().out


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals differ")
def test_progress_is_shown_on_a_terminal_and_gone_afterwards(
    serve: "Serve", spawn: "Spawn", terminal: Terminal, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    running = spawn(
        "watch", "v1/pods", "-o", "name", "--server", url, stderr=terminal.near, env={"TERM": "xterm", "COLUMNS": "200"}
    )
    terminal.until(b"kubeinformer: warning: ")  # a line of its own, above
    terminal.until(b"syncing v1/pods: 0 objects, 0.0 MB received, ")
    serve(port=free_port).pod("web-0")
    assert running.line() == "+ default/web-0"
    terminal.until(b"\x1b[?25h")  # the cursor is back
    assert running.interrupt().code == 130


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals differ")
def test_a_dumb_terminal_gets_no_progress(spawn: "Spawn", terminal: Terminal, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    running = spawn("watch", "v1/pods", "--server", url, stderr=terminal.near, env={"TERM": "dumb"})
    assert terminal.until(b"warning") == b"kubeinformer: "
    assert running.interrupt().code == 130
