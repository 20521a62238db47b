"""Since which version each public name is there: noted once, and never changed afterwards."""

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTED = ROOT / "docs" / "reference" / "since.txt"
HEAD = """\
# Since which version each public name is there; a version stands above its names.
# KUBEINFORMER_WRITE_API=1 python -m pytest tests/docs/test_since.py -k listed adds what is new, under the version of
# pyproject.toml, and drops what is gone.
"""
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def public_names() -> set[str]:
    """Names and their members, as tests/public_api.txt has them."""
    names, holder = set(), ""
    for line in (ROOT / "tests" / "public_api.txt").read_text("utf-8").splitlines():
        member = re.match(r" {4}(?:async )?(\w+)", line)
        if member is None:
            match = re.match(r"(?:class |def |async def )?([\w.]+)", line)
            assert match is not None
            holder = match[1]
            names.add(holder)
        elif not member[1].startswith("__"):
            names.add(f"{holder}.{member[1]}")
    return names


def read() -> dict[str, str]:
    found: dict[str, str] = {}
    version = ""
    for line in LISTED.read_text("utf-8").splitlines() if LISTED.exists() else ():
        if line[:1].isdigit():
            version = line
        elif line and not line.startswith("#"):
            assert line not in found, f"{line} stands twice in {LISTED.name}"
            found[line] = version
    return found


def write(names: set[str], known: dict[str, str]) -> None:
    since = {name: known.get(name, VERSION) for name in names}
    text = HEAD
    for version in sorted(set(since.values()), key=numbers):
        text += f"\n{version}\n" + "".join(f"{name}\n" for name in sorted(names) if since[name] == version)
    LISTED.write_text(text, "utf-8")


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_the_listed_names_are_the_public_ones() -> None:
    names = public_names()
    if os.environ.get("KUBEINFORMER_WRITE_API"):
        write(names, read())
    listed = set(read())
    assert listed - names == set(), "these are gone from the public API; rewrite the list"
    assert names - listed == set(), "these are new: rewrite the list, as its head says"


def test_no_version_is_of_the_future() -> None:
    assert {version for version in read().values() if numbers(version) > numbers(VERSION)} == set()
