"""Does what docs/tutorial says, page after page, in an empty folder: a learner with no judgement of their own.

    python -m tests.docs.tutorial dist/kubeinformer-0.1.0-py3-none-any.whl     # in an environment made as the page says

What a page's blocks mean:

- ``file=NAME`` after a block's language: the reader saves the block as that file.
- ``console``: lines that begin with ``$`` are typed, the others are what comes out. ``...`` stands for any text within
  a line, and alone on a line for any lines. What comes out must be exactly that.
- ``console terminal=NAME``: a terminal of its own, whose command goes on running. Its output is waited for. A later
  block of the same terminal begins with more output, or with ``^C``.

Rules. Standard library alone: the environment that it makes has nothing else yet. Nothing sleeps: it waits for output,
and says what it has seen when that does not come. The fake server's port, 8001 on the pages, is a free one here.
"""

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "tutorial"
ALLOWED = 60.0  # seconds for one line of output, or for one command; most take one
PORT = "8001"

_BLOCK = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PAGE = re.compile(r"^(\d\S*)$", re.MULTILINE)
# What makes an environment. Where the tests run there is one already.
_MAKES_ENVIRONMENT = re.compile(r"python3? -m venv |pip install |\. \.venv/")
_STAYS = re.compile(r"export |cd |\. ")  # changes the shell, and so all that follows


@dataclass(frozen=True)
class Block:
    """One block of a page. Options are the words after its language: ``file=x`` is ``{"file": "x"}``."""

    language: str
    options: Mapping[str, str]
    text: str
    place: str


class TutorialError(Exception):
    """A page says something that does not happen."""


def pages() -> list[Path]:
    """In the order in which the index names them."""
    index = (FOLDER / "index.md").read_text("utf-8")
    return [FOLDER / f"{name}.md" for name in _PAGE.findall(index)]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        words = (word.partition("=") for word in found[2].split())
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found[1], {name: value for name, _, value in words}, found[3], f"{page.name}:{line}")


class Terminal:
    """A running command, and what it says."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.seen: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(  # noqa: S603 - what our own pages say
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str | None:
        """The next line; None at the end. Raises TutorialError when none comes."""
        try:
            line = self._lines.get(timeout=ALLOWED)
        except queue.Empty:
            raise TutorialError(f"nothing more came within {ALLOWED:g} s; before that:\n" + self.told()) from None
        if line is not None:
            self.seen.append(line)
        return line

    def expect(self, lines: list[str]) -> None:
        """Wait for these lines, in this order; ``...`` lets others pass until the next one comes."""
        skips = False
        for wanted in lines:
            if wanted == "...":
                skips = True
                continue
            while (line := self.line()) is not None and not matches(wanted, line):
                if not skips:
                    self._wait_for_more()
                    raise TutorialError(f"the page says {wanted!r}, but there came {line!r}, in:\n{self.told()}")
            if line is None:
                raise TutorialError(f"the page says {wanted!r}, but it has ended, after:\n{self.told()}")
            skips = False

    def _wait_for_more(self) -> None:
        """The rest of a traceback says what the matter is."""
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=1)) is not None:
                self.seen.append(line)

    def rest(self) -> list[str]:
        """All that still comes, until it ends."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def end(self) -> int:
        """Wait for its end, and give its exit code."""
        return self._process.wait(ALLOWED)

    def press_ctrl_c(self) -> None:
        """As a terminal does: a signal to all of its processes."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Whatever it does. Its children go with it: nothing else is in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def told(self) -> str:
        return "\n".join(f"    {line}" for line in self.seen[-30:])


class Reader:
    """Follows pages.

    Args:
        folder: An empty one.
        wheel: Installed where a page says ``pip install kubeinformer``; None when what runs this has it, and no
            environment is made.
    """

    def __init__(self, folder: Path, wheel: Path | None = None) -> None:
        self._folder = folder
        self._wheel = wheel
        self._environment = self._variables()
        self._shell: list[str] = []
        self._terminals: dict[str, Terminal] = {}
        self._port = free_port()

    def _variables(self) -> dict[str, str]:
        variables = os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "80"}
        variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
        variables.pop("KUBECONFIG", None)
        if self._wheel is None:
            return variables
        variables.pop("PYTHONPATH", None)
        pins = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_FIND_LINKS": str(self._wheel.resolve().parent)}
        return variables | pins | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}

    def follow(self, page: Path) -> None:
        """Do all that a page says.

        Raises:
            TutorialError: Something else happened.
        """
        for block in blocks(page):
            try:
                self._do(block)
            except TutorialError as error:
                others = "".join(f"\n{name}:\n{each.told()}" for name, each in self._terminals.items())
                raise TutorialError(f"{block.place}: {error}{others}") from None

    def close(self) -> None:
        """End what still runs."""
        for terminal in self._terminals.values():
            terminal.kill()

    def _do(self, block: Block) -> None:
        text = block.text.replace(PORT, str(self._port))
        if name := block.options.get("file"):
            file = self._folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        elif block.language == "console" and (name := block.options.get("terminal")):
            self._in_terminal(name, text.splitlines())
        elif block.language == "console":
            for command, output in commands(text.splitlines()):
                self._run(command, output)

    def _run(self, command: str, output: list[str]) -> None:
        if self._wheel is None and _MAKES_ENVIRONMENT.match(command):
            return
        if _STAYS.match(command):
            self._shell.append(command)
            return
        terminal = self._start(command)
        try:
            terminal.expect(output)
            more = terminal.rest()
            code = terminal.end()
        finally:
            terminal.kill()
        if code or (more and output[-1:] != ["..."]):
            raise TutorialError(f"{command!r} ended with {code}; it said:\n{terminal.told()}")

    def _in_terminal(self, name: str, lines: list[str]) -> None:
        if lines and lines[0].startswith("$ "):
            ((command, output),) = commands(lines)
            if name in self._terminals:
                self._terminals[name].kill()
            self._terminals[name] = self._start(command)
            lines = output
        terminal = self._terminals[name]
        if "^C" in lines:
            place = lines.index("^C")
            terminal.expect(lines[:place])
            terminal.press_ctrl_c()
            terminal.expect(lines[place + 1 :])
            if (more := terminal.rest()) and lines[-1] != "...":
                raise TutorialError(f"after Ctrl-C there came {more}")
            self._terminals.pop(name).kill()
        else:
            terminal.expect(lines)

    def _start(self, command: str) -> Terminal:
        # exec: what is started is the program itself, and not a shell that waits for it.
        shell = [*self._shell, command if "|" in command else f"exec {command}"]
        return Terminal("\n".join(["set -e", *shell]), self._folder, self._environment)


def commands(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each command with what comes out of it."""
    command, output = "", list[str]()
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], []
        else:
            output.append(line)
    if command:
        yield command, output


def matches(wanted: str, line: str) -> bool:
    """Whether a line is what a page says, where ``...`` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, line) is not None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def follow_all(folder: Path, wheel: Path | None = None) -> None:
    """Follow the whole tutorial in an empty folder."""
    reader = Reader(folder, wheel)
    try:
        for page in pages():
            reader.follow(page)
            sys.stdout.write(f"followed {page.name}\n")
    finally:
        reader.close()


def main() -> None:
    # A shell's background job ignores Ctrl-C, and so would every program that it starts. In a terminal none does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "tutorial"
        folder.mkdir()
        try:
            follow_all(folder, Path(sys.argv[1]))
        except TutorialError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
