"""What a shell gets for the beginning of a word."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from kubeinformer import Resource
from kubeinformer.cli import main
from kubeinformer.cli._completion import complete_resource

Complete: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Complete:
    """As bash does it: the words in the environment, the last one to be completed."""

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_KUBEINFORMER_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(("kubeinformer", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        out, err = capfd.readouterr()
        assert err == ""
        return out.split()

    return complete


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    contexts = [{"name": name, "context": {"cluster": "c"}} for name in ("prod-eu", "prod-us", "staging")]
    file = tmp_path / "config"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "contexts": contexts}))
    return file


def test_commands_and_resources(complete: Complete) -> None:
    assert complete("wat") == ["watch"]
    assert complete("watch", "apps/v1/de") == ["apps/v1/deployments"]
    assert "v1/pods" in complete("watch", "v1/")
    assert complete("watch", "example.com/") == []


def test_every_resource_offered_is_one() -> None:
    offered = complete_resource("")
    assert [str(Resource.parse(name)) for name in offered] == offered
    assert len(set(offered)) == len(offered) > 20


def test_contexts_of_the_kubeconfig(complete: Complete, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete("watch", "v1/pods", "--kubeconfig", str(kubeconfig), "--context", "prod") == ["prod-eu", "prod-us"]
    assert complete("watch", "v1/pods", "--context", "s") == []
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig.parent / 'none'}:{kubeconfig}")
    assert complete("watch", "v1/pods", "--context", "s") == ["staging"]


def test_a_kubeconfig_that_cannot_be_read_completes_nothing(complete: Complete, kubeconfig: Path) -> None:
    kubeconfig.write_text("{")
    assert complete("watch", "v1/pods", "--kubeconfig", str(kubeconfig), "--context", "p") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(
    shell: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise the shell is that among the ancestors of this process, and there may be none.
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", shell])
    assert ended.value.code == 0
    assert "_KUBEINFORMER_COMPLETE" in capfd.readouterr().out
