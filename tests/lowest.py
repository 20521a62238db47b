"""Prints constraints for pip: each version that pyproject.toml names as the lowest, and the tests' own as tested.

`make lock` writes constraints-lowest.txt with it, and `make lowest` runs tests on that. Only the library's dependencies
and extras are set back. What those need in turn is free, and so the newest: to whom an old version stays installed, the
newest of the rest may come.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def lowest(project: dict[str, Any]) -> dict[str, str]:
    """By name, the version behind ``>=`` of every direct dependency, also of the extras'.

    Raises:
        ValueError: A dependency has no lower bound, or two different ones.
    """
    extras: dict[str, list[str]] = project.get("optional-dependencies", {})
    found: dict[str, str] = {}
    for line in [*project["dependencies"], *(line for lines in extras.values() for line in lines)]:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        bounds = [each.version for each in requirement.specifier if each.operator == ">="]
        name = canonicalize_name(requirement.name)
        if len(bounds) != 1 or found.setdefault(name, bounds[0]) != bounds[0]:
            raise ValueError(f"{line!r} must have one lower bound, the same wherever it stands")
    return found


def constraints(pyproject: dict[str, Any], tested: str) -> Iterator[str]:
    """The lowest versions of what users install, the tested versions of what the tests use beside it."""
    bounds = lowest(pyproject["project"])
    yield from (f"{name}=={version}" for name, version in sorted(bounds.items()))
    tools = {canonicalize_name(Requirement(line).name) for line in pyproject["dependency-groups"]["test"]} - set(bounds)
    for line in tested.splitlines():
        if canonicalize_name(Requirement(line).name) in tools:
            yield line


if __name__ == "__main__":
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in constraints(pyproject, tested))
