"""Links from pages to files outside ``docs`` become links to the source repository.

A page says ``[errors](../../src/kubeinformer/errors.py)``, so that it can be followed on GitHub and in a clone. In the
built manual there is no such file: what leaves ``docs``, and what is no page or picture, leads to the repository. A
link to nothing is a warning, thus an error of `make docs`.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCE = re.compile(r"^\s*(```+|~~~+|:::+)")
SHOWN = {".md", ".png", ".svg"}  # what a built page may link to or show

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Say so to Sphinx."""
    app.add_config_value("repository_url", "", "env")
    app.connect("source-read", _lead_out)
    return {"version": "1", "parallel_read_safe": True}


def _lead_out(app: Sphinx, page: str, source: list[str]) -> None:
    docs = Path(app.srcdir)
    folder = (docs / page).parent

    def replace(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve()
        if not target.exists():
            logger.warning("%s: links to %s, which is not there", page, match[1])
        if target.is_relative_to(docs) and target.suffix in SHOWN:
            return match[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"{app.config.repository_url}/{kind}/main/{target.relative_to(docs.parent)}{match[2] or ''}"

    lines, fence = [], ""
    for line in source[0].splitlines(keepends=True):
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and fence:
            fence = ""
        lines.append(line if fence or mark else LINK.sub(replace, line))
    source[0] = "".join(lines)
