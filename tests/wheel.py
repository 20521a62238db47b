"""Installs what was built into empty environments, and uses it there: `python tests/wheel.py dist`.

The wheel alone, the wheel with each of its extras alone, and the sdist alone: so that an import which only the
development environment satisfies, a file that was not packed, or an extra that lacks something, is found. An extra
without a use below is an error.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
CONSTRAINTS = ROOT / "constraints.txt"
PODS = 3
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # which may lead to the source

IMPORTS = """
import sys
import kubeinformer, kubeinformer.connection
from kubeinformer import Resource
assert Resource.parse("apps/v1/deployments").path("x") == "/apis/apps/v1/namespaces/x/deployments"
extras = {"kubernetes_asyncio", "typer", "h11", "httpx2", "prometheus_client"}
assert not extras & set(sys.modules), extras & set(sys.modules)
assert "site-packages" in kubeinformer.__file__, kubeinformer.__file__
"""

INFORMER = """
import sys, anyio
from kubeinformer import connect
async def main(url):
    async with connect(server=url) as cluster:
        pods = cluster.informer("v1/pods")
        await pods.synced(timeout=20)
        print(len(pods.store))
anyio.run(main, sys.argv[1], backend=sys.argv[2])
"""

METRICS = """
import sys, anyio
from kubeinformer import connect
from kubeinformer.controller.metrics import Metrics
async def main(url):
    async with connect(server=url) as cluster:
        await cluster.informer("v1/pods").synced(timeout=20)
        assert b'resource="v1/pods' in Metrics(cluster).render()[0]
anyio.run(main, sys.argv[1])
"""

FIXTURES = """
import pytest
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend(): return "asyncio"

async def test_fixtures(fake_api_server, informer_synced, eventually):
    pods = await informer_synced("v1/pods")
    fake_api_server.create("v1/pods", {"metadata": {"name": "a"}})
    await eventually(lambda: "default/a" in pods.store)
"""


class Environment:
    """An empty environment, with one requirement installed."""

    def __init__(self, folder: Path, *requirements: str) -> None:
        self.folder = folder
        venv.create(folder)
        pip = (sys.executable, "-m", "pip", "--python", str(folder), "--disable-pip-version-check", "install")
        _run(*pip, "--quiet", "--constraint", str(CONSTRAINTS), *requirements, cwd=folder)

    def run(self, program: str, *arguments: str, expect: int = 0) -> str:
        """What a program of this environment printed, on both streams."""
        return _run(str(self.folder / "bin" / program), *arguments, expect=expect, cwd=self.folder)

    def python(self, *arguments: str, expect: int = 0) -> str:
        return self.run("python", *arguments, expect=expect)

    def last_line(self, *arguments: str) -> str:
        """What is read when an import fails: the last line of the traceback."""
        return self.python(*arguments, expect=1).rstrip().rpartition("\n")[2]


def _run(*command: str, cwd: Path, expect: int = 0) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=ENVIRON)  # noqa: S603 - ours
    if done.returncode != expect:
        sys.exit(f"{command} exited with {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _check(fact: object, problem: str) -> None:
    if not fact:
        sys.exit(problem)


@contextmanager
def served_by(environment: Environment) -> Iterator[str]:
    """The URL of a fake API server that runs in that environment."""
    command = [str(environment.folder / "bin" / "python"), "-m", "kubeinformer.testing", "--pods", str(PODS)]
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=environment.folder, env=ENVIRON
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.stdin.close()


def use_nothing(environment: Environment, url: str) -> None:
    """Without an extra: an informer works, and what needs an extra says which one, in one line."""
    environment.python("-c", IMPORTS)
    _check(environment.python("-c", INFORMER, url, "asyncio").split() == [str(PODS)], "the informer saw other pods")
    command = environment.run("kubeinformer", "--help", expect=2)
    _check(command.count("\n") == 1 and "pip install 'kubeinformer[cli]'" in command, command)
    for module, extra in {
        "import kubeinformer.testing": "testing",
        "from kubeinformer.testing import FakeApiServer": "testing",
        "import kubeinformer.testing.faults": "testing",
        "from kubeinformer.connection import HttpxTransport": "httpx",
        "import kubeinformer.controller.metrics": "metrics",
    }.items():
        said = environment.last_line("-c", module)
        _check(f"pip install 'kubeinformer[{extra}]'" in said, f"{module}: {said}")


def use_cli(environment: Environment, url: str) -> None:
    installed = environment.python("-c", "import importlib.metadata as m; print(m.version('kubeinformer'))")
    said = environment.run("kubeinformer", "--version")
    _check(said.split()[-1:] == installed.split(), f"--version says {said}")
    _check("watch" in environment.run("kubeinformer", "--help"), "--help does not name watch")
    rows = environment.run("kubeinformer", "watch", "v1/pods", "--server", url, "--once", "--output", "name")
    _check(len(rows.splitlines()) == PODS, rows)


def use_httpx(environment: Environment, url: str) -> None:
    _check(environment.python("-c", INFORMER, url, "trio").split() == [str(PODS)], "the informer saw other pods")


def use_metrics(environment: Environment, url: str) -> None:
    environment.python("-c", METRICS, url)


def use_testing(environment: Environment, url: str) -> None:
    with urllib.request.urlopen(f"{url}/version") as response:  # noqa: S310 - loopback
        _check("gitVersion" in json.load(response), "the fake server does not say its version")
    (environment.folder / "test_it.py").write_text(FIXTURES)
    # By its entry point: nothing names the plugin.
    said = environment.python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_it.py")
    _check("1 passed" in said, said)


USES: dict[str, Callable[[Environment, str], None]] = {
    "": use_nothing,
    "cli": use_cli,
    "httpx": use_httpx,
    "metrics": use_metrics,
    "testing": use_testing,
}
BESIDE = {"httpx": "trio", "testing": "pytest"}  # what users of an extra have installed


def _with(wheel: Path, extra: str) -> str:
    return f"{wheel}[{extra}]" if extra else str(wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_files(wheel: Path, sdist: Path, empty: Path) -> None:
    """All of the source is packed, nothing else, and the sdist makes the same wheel as the tree does."""
    packed = contents(wheel)
    sources = {
        str(path.relative_to(SOURCE)): path.read_bytes()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }
    code = {name: content for name, content in packed.items() if ".dist-info/" not in name}
    _check(code == sources, f"not the same in src and in the wheel: {sorted(differing(code, sources))}")
    # The wheel in dist was made from the sdist: that is how `python -m build` does it.
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(empty), str(ROOT), cwd=empty)
    (direct,) = empty.glob("*.whl")
    _check(contents(direct) == packed, f"tree and sdist make different wheels: {differing(contents(direct), packed)}")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "Makefile", "constraints.txt", "tests/wheel.py"}
    _check(wanted <= names, f"not in the sdist: {wanted - names}")
    left = {name for name in names if "__pycache__" in name or name.startswith((".venv", ".git/"))}
    _check(not left, f"must not be in the sdist: {left}")


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def metadata(wheel: Path) -> Message:
    (name,) = (name for name in contents(wheel) if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(contents(wheel)[name])


def check_metadata(found: Message) -> None:
    _check(found["Requires-Python"] == ">=3.11", f"Requires-Python is {found['Requires-Python']}")
    _check(found["Description-Content-Type"] == "text/markdown", "the README is not said to be Markdown")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    description = found.get_payload(decode=True)
    is_readme = isinstance(description, bytes) and description.decode().strip() == readme.strip()
    _check(is_readme, "the description is not the README")
    _check(found["License-Expression"] == "Apache-2.0" and found["License-File"] == "LICENSE", "no licence")
    extras = set(found.get_all("Provides-Extra", []))
    _check(extras == set(USES) - {""}, f"extras without a use here, or uses without an extra: {extras ^ set(USES)}")


def main(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    check_metadata(metadata(wheel))
    with tempfile.TemporaryDirectory() as base:
        empty = Path(base)
        check_files(wheel, sdist, empty)
        environments = {
            extra: Environment(empty / (extra or "nothing"), _with(wheel, extra), *BESIDE.get(extra, "").split())
            for extra in USES
        }
        from_sdist = Environment(empty / "sdist", str(sdist))
        with served_by(environments["testing"]) as url:
            for extra, use in USES.items():
                use(environments[extra], url)
                sys.stdout.write(f"used {_with(wheel, extra).rpartition('/')[2]} alone\n")
            use_nothing(from_sdist, url)
            sys.stdout.write(f"used {sdist.name} alone\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
