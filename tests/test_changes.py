"""The files in changes/ are what towncrier will find, and read as lines of CHANGELOG.md do."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
TYPES = [each["directory"] for each in CONFIG["type"]]
NAME = re.compile(rf"(\d+|\+[a-z0-9-]+)\.({'|'.join(TYPES)})\.md")
FRAGMENTS = sorted(path for path in (ROOT / CONFIG["directory"]).iterdir() if path.name != "README.md")


def problems(name: str, text: str) -> list[str]:
    found = {
        f"the name must be ISSUE.TYPE.md or +SLUG.TYPE.md with one of {TYPES}": not NAME.fullmatch(name),
        "must be a sentence": not text.strip().endswith((".", ":", ")")),
        "must have no heading": text.startswith("#") or "\n#" in text,
        "must be no list item: towncrier makes it one": text.startswith(("-", "*")),
    }
    return [problem for problem, is_so in found.items() if is_so]


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_well_formed(path: Path) -> None:
    assert problems(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("12.fix.md", "Right."),
        ("12.md", "Right."),
        ("Slug.feature.md", "Right."),
        ("+slug.feature.rst", "Right."),
        ("12.feature.md", ""),
        ("12.feature.md", "No end"),
        ("12.feature.md", "# A heading\n\nRight."),
        ("12.feature.md", "- Right."),
    ],
)
def test_what_is_wrong_is_found(name: str, text: str) -> None:
    assert len(problems(name, text)) == 1


def test_the_readme_says_all_types() -> None:
    text = (ROOT / "changes" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == TYPES


def test_there_is_a_place_for_what_is_new() -> None:
    assert (ROOT / CONFIG["filename"]).read_text(encoding="utf-8").count(CONFIG["start_string"].strip()) == 1
