"""The tests that docs/how-to shows run as they stand, under pytest, on both event loops.

A block that begins with ``file=NAME`` is that file; all of a page lie in one folder.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubeinformer.testing.faults import KINDS

FOLDER = Path(__file__).parents[1] / "docs" / "how-to"
BLOCK = re.compile(r"^```python file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTER = """
import pytest

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request): return request.param
"""


@pytest.mark.parametrize("page", ["test-under-faults.md", "unit-test-a-controller.md"])
def test_page(page: str, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(OUTER)
    files = dict(BLOCK.findall((FOLDER / page).read_text(encoding="utf-8")))
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    done = pytester.runpytest_subprocess(
        *("-p", "kubeinformer.testing.pytest_plugin", "-p", "no:cacheprovider"),
        *("-W", "error", "-W", "ignore::pytest.PytestUnknownMarkWarning", "--import-mode=importlib"),
        *("-o", "pythonpath=."),
    )
    tests = "".join(files.values()).count("async def test_")
    done.assert_outcomes(passed=2 * tests)


def test_the_page_about_faults_names_every_kind() -> None:
    text = (FOLDER / "test-under-faults.md").read_text(encoding="utf-8")
    assert [kind.__name__ for kind in KINDS.values() if f"`{kind.__name__}`" not in text] == []
