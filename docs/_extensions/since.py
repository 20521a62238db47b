"""Says of names that came after the first version since when they are there, out of ``docs/reference/since.txt``."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FIRST = "0.1.0"


def versions(file: Path) -> dict[str, str]:
    """The version of each public name. A line that begins with a digit is the version of the names below it."""
    found: dict[str, str] = {}
    version = FIRST
    for line in file.read_text(encoding="utf-8").splitlines():
        if line[:1].isdigit():
            version = line
        elif line and not line.startswith("#"):
            found[line] = version
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Say so to Sphinx."""
    known = versions(Path(app.srcdir) / "reference" / "since.txt")

    def say(_app: Sphinx, _what: str, name: str, _value: object, _options: object, lines: list[str]) -> None:
        version = known.get(name, FIRST)
        if version != FIRST:
            lines += ["", f"Since {version}.", ""]

    app.connect("autodoc-process-docstring", say)
    return {"version": "1", "parallel_read_safe": True}
