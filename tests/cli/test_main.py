"""Command lines that do not get as far as a command, and what importing costs."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kubeinformer import IndexerError, KubeInformerError, UsageError
from kubeinformer.cli import main
from kubeinformer.cli._ending import Notices, run_command

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Spawn


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=45, check=False)  # noqa: S603 - ourselves


def test_version(run: "Run") -> None:
    ended = run("--version")
    assert (ended.code, ended.out) == (0, f"kubeinformer {importlib.metadata.version('kubeinformer')}\n")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_names_the_commands_and_exit_codes(arguments: tuple[str, ...], run: "Run") -> None:
    ended = run(*arguments)
    assert ended.code == 0
    for word in ("watch", "doctor", "new-controller", "demo", "--version", "--install-completion", "130", "141"):
        assert word in ended.out


def test_help_of_a_command_says_what_an_option_is_when_left_out(run: "Run") -> None:
    ended = run("watch", "--help")
    assert ended.code == 0
    for word in ("RESOURCE", "--namespace", "--selector", "--output", "--once", "--timeout", "--ca-file", "30 with"):
        assert word in ended.out
    assert "--token" not in ended.out  # a command line is visible to everybody on the machine
    for word in ("--pods", "--churn", "--seconds", "--cut-every", "20000"):
        assert word in run("demo", "--help").out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nope",), "nope"),
        (("--nope",), "--nope"),
        (("watch",), "RESOURCE"),
        (("watch", "v1/pods", "v1/nodes"), "v1/nodes"),
        (("watch", "v1/pods", "-o", "yaml"), "'table', 'name', 'json'"),
        (("watch", "v1/pods", "--timeout", "soon"), "--timeout"),
        (("watch", "v1/pods", "--timeout", "-1"), "--timeout"),
        (("watch", "v1/pods", "--once=yes"), "--once"),
        (("new-controller",), "NAME"),
        (("demo", "--pods", "0"), "--pods"),
        (("demo", "--churn", "-1"), "--churn"),
        (("demo", "--seconds", "-1"), "--seconds"),
        (("demo", "--cut-every", "x"), "--cut-every"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(arguments: tuple[str, ...], named: str, run: "Run") -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert named in ended.error


def test_arguments_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubeinformer", "--version"])
    assert main() == 0
    assert capfd.readouterr().out.startswith("kubeinformer ")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    ended = python(
        f"import sys; sys.modules['{missing}'] = None; from kubeinformer.cli import main; sys.exit(main([]))"
    )
    assert ended.returncode == 2
    assert ended.stderr == f"kubeinformer: error: {missing} is not installed: pip install 'kubeinformer[cli]'\n"
    assert ended.stdout == ""


def test_another_module_that_lacks_is_a_bug_and_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kubeinformer.cli._app", raising=False)
    monkeypatch.setitem(sys.modules, "kubeinformer.cli._views", None)
    with pytest.raises(ModuleNotFoundError, match="_views"):
        main(["--help"])


@pytest.mark.parametrize("command", ["watch", "doctor", "new-controller", "demo"])
def test_help_imports_no_client(command: str) -> None:
    code = (
        f"import sys; from kubeinformer.cli import main; main(['{command}', '--help']); "
        "sys.exit(any(m.partition('.')[0] in ('aiohttp', 'kubernetes_asyncio', 'h11') for m in sys.modules))"
    )
    assert python(code).returncode == 0


def test_ctrl_c_while_modules_are_imported(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    for module in ("kubeinformer.cli._watch", "kubeinformer.cli._app"):
        monkeypatch.setitem(sys.modules, module, Interrupted())
        ended = run("watch", "v1/pods", "--server", "http://127.0.0.1:9")
        assert (ended.code, ended.out, ended.err.strip()) == (130, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_cannot_be_written_is_one_line(option: str, spawn: "Spawn") -> None:
    with Path("/dev/full").open("wb") as full:
        ended = spawn(option, stdout=full).end()
    assert ended.code == 1
    assert "No space left" in ended.error


def failing(error: BaseException) -> int:
    async def command(notices: Notices) -> None:
        del notices
        raise error

    return run_command(command)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KubeInformerError("it\nis\n\x1b[2Jso"), 1),
        (UsageError("it is so"), 2),
        (IndexerError("v1/pods", "i", "k", "p"), 2),
        (ExceptionGroup("two", [ExceptionGroup("one", [KubeInformerError("it is so")]), ValueError()]), 1),
        (FileNotFoundError(2, "none"), 1),
    ],
)
def test_what_ends_a_command_is_one_line(error: BaseException, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert failing(error) == code
    err = capfd.readouterr().err
    assert err.startswith("kubeinformer: error: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_an_error_where_stdout_is_closed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert failing(FileNotFoundError(2, "none")) == 1
    assert "none" in capfd.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(32, "gone"), 141)])
def test_what_needs_no_words_gets_none(error: BaseException, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert failing(error) == code
    assert capfd.readouterr() == ("", "")


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())
