"""Links of all Markdown pages: those within the repository lead somewhere, anchors included; others are well formed.

Nothing is fetched: tests never leave this machine.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]
FENCED = re.compile(r"^(```+)[^`]*?^\1$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def links(page: Path) -> Iterator[str]:
    text = CODE.sub("", FENCED.sub("", page.read_text("utf-8")))
    for match in LINK.finditer(text):
        yield match[1] or match[2]


def anchors(page: Path) -> set[str]:
    """A heading's anchor, as GitHub and MyST make it."""
    text = FENCED.sub("", page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}


def complaint(page: Path, link: str) -> str:
    """What is wrong with a link; empty when nothing is."""
    if re.match(r"[a-z]+:", link):
        parts = urlsplit(link)
        is_good = parts.scheme == "https" and HOST.fullmatch(parts.netloc) and not parts.username
        return "" if is_good else f"{link}: not an https address"
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT):
        return f"{link}: leaves the repository"
    if not target.exists():
        return f"{link}: nothing is there"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"{link}: no such heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [wrong for link in links(page) if (wrong := complaint(page, link))] == []


@pytest.mark.parametrize(
    "link", ["nowhere.md", "README.md#nowhere", "../x.md", "http://example.com/", "https://exa mple/", "https://u@a.b/"]
)
def test_a_bad_link_is_noticed(link: str) -> None:
    assert complaint(ROOT / "README.md", link)


def test_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](b.md) `[c](d)`\n\n```\n[e](f)\n```\n[![g](h.svg)](https://i.j)\n[k]: l.md\n")
    assert list(links(page)) == ["b.md", "h.svg", "https://i.j", "l.md"]


def test_every_page_of_the_manual_is_in_a_room() -> None:
    """A page that no index leads to is not found by anybody. (Sphinx holds it for the built manual.)"""
    for room in ("how-to", "explanation", "tutorial"):
        index = (ROOT / "docs" / room / "index.md").read_text("utf-8")
        pages = {page.stem for page in (ROOT / "docs" / room).glob("*.md")} - {"index"}
        assert {page for page in pages if not re.search(rf"^{page}$", index, re.MULTILINE)} == set()
