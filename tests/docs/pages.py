"""The code of a page: its files, and what it only shows."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FILE = re.compile(r"^```(?:python|yaml|toml|text) file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```python before\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files(page: str) -> dict[str, str]:
    """What blocks that begin with ``file=NAME`` hold, by name."""
    return dict(FILE.findall((DOCS / page).read_text("utf-8")))


def only_shown(page: Path) -> list[str]:
    """Code for libraries that are not installed here."""
    return SHOWN.findall(page.read_text("utf-8"))
