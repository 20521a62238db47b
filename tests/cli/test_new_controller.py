"""``new-controller``: the project it writes passes its tests and checks, runs, and writes over nothing."""

import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from tests.kubeconfigs import write_kubeconfig

from kubeinformer.cli._new_controller import NewControllerOptions

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Served

Make: TypeAlias = Callable[..., Path]

NAME = "widget-controller"
WIDGETS = "example.com/v1/widgets"
SOURCES = Path(__file__).parents[2] / "src"
PATIENCE = 45.0  # seconds


@pytest.fixture
def make(run: "Run", tmp_path: Path) -> Make:
    def make(name: str = NAME, *options: str) -> Path:
        target = tmp_path / "made"
        ended = run("new-controller", name, "--directory", target, *options)
        assert (ended.code, ended.err) == (0, "")
        return target

    return make


def python(project: Path, *arguments: str) -> None:
    """Run a module of this environment on the project; it must end well."""
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_made(make: Make) -> None:
    project = make()
    found = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert found == {
        ".dockerignore",
        ".gitignore",
        "Dockerfile",
        "README.md",
        "manifests/access.yaml",
        "manifests/crd.yaml",
        "manifests/deployment.yaml",
        "pyproject.toml",
        "src/widget_controller/__init__.py",
        "src/widget_controller/__main__.py",
        "src/widget_controller/reconcile.py",
        "tests/conftest.py",
        "tests/test_reconcile.py",
    }
    for path in found:
        text = (project / path).read_text()
        assert "$" not in text, path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == NAME


def test_what_is_said(run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("new-controller", NAME)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "widget-controller: 13 files, a controller for example.com/v1/widgets. Next:",
        "    cd widget-controller",
        "    pip install -e '.[dev]'",
        "    pytest",
        "    kubectl apply -f manifests/crd.yaml",
        "    python -m widget_controller",
    ]
    assert (tmp_path / NAME / "README.md").is_file()


@pytest.mark.timeout(180)  # an interpreter with pytest in it, beside other tests
def test_its_tests_pass(make: Make) -> None:
    python(make(), "pytest", "-q", "-p", "no:cacheprovider")


# Long names and short ones: the code must be laid out well with either.
@pytest.mark.timeout(180)  # three programs, one after the other: half a minute was seen
@pytest.mark.parametrize(
    ("name", "options"),
    [
        (NAME, ()),
        ("a", ("--resource", "b.c/v1/ds")),
        ("n" * 63, ("--resource", f"{'g' * 60}.example.com/v1alpha1/{'p' * 60}", "--kind", "K" * 59)),
    ],
)
def test_its_code_is_clean(name: str, options: tuple[str, ...], make: Make) -> None:
    pytest.importorskip("ruff")
    project = make(name, *options)
    python(project, "ruff", "check", "--no-cache", ".")
    python(project, "ruff", "format", "--no-cache", "--check", ".")
    python(project, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.timeout(180)  # mypy reads all of kubeinformer
def test_its_types_are_right(make: Make) -> None:
    pytest.importorskip("mypy")
    python(make(), "mypy")


def eventually(condition: Callable[[], Any]) -> Any:
    """For what another process does."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("elects", [False, True])
def test_the_program_reconciles_until_sigterm(
    elects: bool,  # noqa: FBT001 - a case
    make: Make,
    server: "Served",
    tmp_path: Path,
    free_port: int,
) -> None:
    project = make()
    server.do("register_crd", project / "manifests" / "crd.yaml")
    kubeconfig = write_kubeconfig(tmp_path / "config", server.url)
    environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{project / 'src'}", "KUBECONFIG": str(kubeconfig)}
    environment |= {"POD_NAMESPACE": "default", "PROBES_PORT": str(free_port)} if elects else {}
    command = [sys.executable, "-m", "widget_controller"]

    def messages() -> list[str]:
        return [found["data"]["message"] for found in server.do("list", "v1/configmaps")]

    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            server.do("create", WIDGETS, {"metadata": {"name": "hello"}, "spec": {"message": "one"}})
            eventually(lambda: messages() == ["one"])
            server.do("patch", WIDGETS, "default/hello", {"spec": {"message": "two"}})
            eventually(lambda: messages() == ["two"])
            leases = server.do("list", "coordination.k8s.io/v1/leases")
            assert [lease["metadata"]["name"] for lease in leases] == ([NAME] if elects else [])
            if elects:
                with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/readyz") as answer:
                    assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert "Traceback" not in log


def test_the_program_says_what_is_wrong(make: Make, tmp_path: Path) -> None:
    project = make()
    environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{project / 'src'}", "KUBECONFIG": str(tmp_path / "none")}
    command = [sys.executable, "-m", "widget_controller"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_manifests_name_one_another(make: Make, server: "Served") -> None:
    folder = make("shop-operator", "--resource", "shop.example.com/v2beta1/policies") / "manifests"
    crd = yaml.safe_load((folder / "crd.yaml").read_text())
    assert crd["metadata"]["name"] == "policies.shop.example.com"
    assert crd["spec"]["names"] == {
        "kind": "Policy",
        "listKind": "PolicyList",
        "plural": "policies",
        "singular": "policy",
    }
    documents = list(yaml.safe_load_all((folder / "access.yaml").read_text()))
    deployment = yaml.safe_load((folder / "deployment.yaml").read_text())
    assert {document["metadata"]["name"] for document in [*documents, deployment]} == {"shop-operator"}
    pod = deployment["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "shop-operator"
    server.do("register_crd", crd)
    server.do("create", "shop.example.com/v2beta1/policies", {"metadata": {"name": "x"}, "spec": {"message": "m"}})


def test_the_manifests_can_be_applied_as_a_folder(make: Make) -> None:
    """kubectl takes files by name and documents as they come, and a namespace must be there before what is in it."""
    made: set[str] = set()
    for file in sorted((make() / "manifests").iterdir()):
        for document in yaml.safe_load_all(file.read_text()):
            assert document["metadata"].get("namespace") in {None, *made}, f"{file.name}: {document['kind']}"
            if document["kind"] == "Namespace":
                made.add(document["metadata"]["name"])
    assert made == {NAME}


@pytest.mark.parametrize(
    ("plural", "kind"),
    [
        ("widgets", "Widget"),
        ("policies", "Policy"),
        ("boxes", "Box"),
        ("classes", "Class"),
        ("patches", "Patch"),
        ("sheep", "Sheep"),
        ("s", "S"),
        ("back-ups", "Backup"),
    ],
)
def test_the_kind_is_made_of_the_plural(plural: str, kind: str) -> None:
    assert NewControllerOptions(name="x1", resource=f"example.com/v1/{plural}").values["kind"] == kind


# What is refused.


@pytest.mark.parametrize(
    "name",
    [
        "Widget",
        "",
        "-a",
        "a-",
        "a--b",
        "a_b",
        "a.b",
        "1a",
        "a" * 64,
        "é",
        "a/b",
        "..",
        "json",
        "class",
        "test",
        "tests",
        "null",
    ],
)
def test_what_is_no_name(name: str, run: "Run", tmp_path: Path) -> None:
    ended = run("new-controller", "--directory", tmp_path / "x", "--", name)
    assert ended.code == 2
    assert "name" in ended.error
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resource", "widgets"), "not a resource"),
        (("--resource", "v1/pods"), "built in"),
        (("--resource", "apps/v1/deployments"), "built in"),
        (("--resource", "networking.k8s.io/v1/ingresses"), "built in"),
        (("--resource", "example.com/v1/1widgets"), "cannot be defined"),
        (("--resource", "example.com/on/widgets"), "cannot be defined"),
        (("--resource", f"{'.'.join(['g' * 60] * 5)}/v1/widgets"), "cannot be defined"),
        (("--kind", "widget"), "not a kind"),
        (("--kind", "W" * 60), "not a kind"),
        (("--kind", "Null"), "not a kind"),
    ],
)
def test_what_cannot_be_reconciled(options: tuple[str, ...], said: str, run: "Run", tmp_path: Path) -> None:
    ended = run("new-controller", NAME, "--directory", tmp_path / "x", *options)
    assert ended.code == 2
    assert said in ended.error
    assert not (tmp_path / "x").exists()


def test_nothing_is_written_over(make: Make, run: "Run") -> None:
    project = make()
    (project / "README.md").write_text("mine")
    ended = run("new-controller", NAME, "--directory", project)
    assert ended.code == 2
    assert "not an empty directory" in ended.error
    assert (project / "README.md").read_text() == "mine"


def test_nothing_is_written_where_nothing_can_be_said(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # the shell's >&-
    ended = run("new-controller", NAME, "--directory", tmp_path / "x")
    assert ended.code == 2
    assert "stdout is closed" in ended.error
    assert not (tmp_path / "x").exists()


def test_a_file_is_in_the_way(run: "Run", tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    ended = run("new-controller", NAME, "--directory", tmp_path / "x")
    assert ended.code == 2
    assert "not an empty directory" in ended.error


def test_an_empty_directory_will_do(make: Make, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    assert (make() / "README.md").is_file()


def test_a_directory_that_cannot_be_made(run: "Run", tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    ended = run("new-controller", NAME, "--directory", tmp_path / "x" / "y")
    assert ended.code == 1
    assert "Not a directory" in ended.error
