"""docs/how-to/install.md names the extras there are and what they install, and what it says of their lack is said."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
PAGE = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)}

# By extra: a module that is missing without it, a program that needs it, and the exit code.
LACKS = {
    "cli": ("typer", "import sys; from kubeinformer.cli import main; sys.exit(main(['--help']))", 2),
    "httpx": ("httpx2", "from kubeinformer.connection import HttpxTransport", 1),
    "testing": ("h11", "from kubeinformer.testing import FakeApiServer", 1),
    "metrics": ("prometheus_client", "import kubeinformer.controller.metrics", 1),
}


def test_the_page_names_every_extra_and_what_it_installs() -> None:
    assert {extra: cell.strip().split(", ") for extra, cell in ROWS.items()} == {
        extra: [Requirement(line).name for line in lines] for extra, lines in EXTRAS.items()
    }


@pytest.mark.parametrize("extra", EXTRAS)
def test_without_it_the_last_line_says_which(extra: str) -> None:
    missing, program, code = LACKS[extra]
    program = f"import sys; sys.modules[{missing!r}] = None; {program}"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)  # noqa: S603 - our own
    assert done.returncode == code
    assert f"pip install 'kubeinformer[{extra}]'" in done.stderr.splitlines()[-1]


def test_another_module_that_lacks_is_a_bug_and_keeps_its_name() -> None:
    program = "import sys; sys.modules['msgspec.json'] = None; import kubeinformer.testing"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)  # noqa: S603 - our own
    assert "msgspec" in done.stderr.splitlines()[-1]
    assert "pip install" not in done.stderr
