"""The results below the line of docs/explanation/mutation.md: what each module's last run found, and what survived."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.mutation.mutants import RULES

__all__ = ["write_page"]

_LINE = "<!-- Below this line tests/mutation/run.py writes. -->\n"
_COLUMNS = ("mutants", "killed", "hung", "equivalent", "survived")


def write_page(page: Path, results: Path, equivalents: Mapping[str, Mapping[tuple[str, str, str], str]]) -> None:
    """Write the results of all modules."""
    above = page.read_text().partition(_LINE)[0]
    found = [json.loads(path.read_text()) for path in results.glob("*.json") if ".verdicts" not in path.name]
    found = [result for result in found if result["mutants"]]
    found.sort(key=lambda result: (not result["module"].startswith("_protocol"), result["module"]))
    page.write_text(above + _LINE + "\n" + _table(found) + _excluded(found) + _survivors(equivalents))


def _table(found: list[dict[str, Any]]) -> str:
    rows = [[result["module"], *(str(result[column]) for column in _COLUMNS)] for result in found]
    total = ["**all**", *(f"**{sum(result[column] for result in found)}**" for column in _COLUMNS)]
    excluded = [str(sum(result["excluded"].values())) for result in found]
    excluded.append(f"**{sum(map(int, excluded))}**")
    lines = [
        "| module | " + " | ".join(_COLUMNS) + " | excluded | run on |",
        "|---" * (len(_COLUMNS) + 3) + "|",
        *(
            f"| {' | '.join(row)} | {count} | {date} |"
            for row, count, date in zip(
                [*rows, total], excluded, [*(result["date"] for result in found), ""], strict=True
            )
        ),
    ]
    return "## Results\n\n" + "\n".join(lines) + "\n\n"


def _excluded(found: list[dict[str, Any]]) -> str:
    lines = [
        f"| {name} | {text} | {sum(result['excluded'].get(name, 0) for result in found)} |"
        for name, text in RULES.items()
    ]
    return "## Excluded by rule\n\n| rule | what | mutants |\n|---|---|---|\n" + "\n".join(lines) + "\n\n"


def _survivors(equivalents: Mapping[str, Mapping[tuple[str, str, str], str]]) -> str:
    parts = ["## Survivors, and why each changes nothing\n"]
    for module, mutants in equivalents.items():
        parts.append(f"### {module}\n")
        for (scope, before, after), reason in mutants.items():
            diff = [*(f"- {line}" for line in before.splitlines()), *(f"+ {line}" for line in after.splitlines())]
            where = f"In `{scope}`: " if scope else ""
            parts.append(f"{where}{reason}\n\n```diff\n" + "\n".join(diff) + "\n```\n")
    return "\n".join(parts)
