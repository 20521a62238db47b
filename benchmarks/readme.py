"""Makes the picture and the table of the comparison in README, from docs/benchmarks/compare.json.

    .venv/bin/python -m benchmarks.readme

`make bench-compare` runs this after its measurements, and a test checks that README and the picture match the figures.
Bars are linear and start at zero: a hundred times as much is drawn a hundred times as long. The SVG is written by hand,
so this needs nothing but Python.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benchmarks.peers.catalogue import CLIENTS
from benchmarks.peers.figures import Figures

__all__ = ["COMPARED", "PICTURE", "README", "filled", "picture", "read", "table"]

ROOT = Path(__file__).parents[1]
COMPARED = ROOT / "docs" / "benchmarks" / "compare.json"
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "benchmarks" / "readme-memory.svg"
PODS = 20_000
BEGIN, END = "<!-- begin: benchmarks/readme.py -->\n", "<!-- end -->"

_WIDTH, _LEFT, _RIGHT, _LINE, _TOP = 720, 190, 60, 26, 44  # pixels
_STYLE = """\
  <style>
    text { font-family: system-ui, sans-serif; font-size: 13px; fill: #1c2733 }
    .title { font-size: 14px; font-weight: 600 }
    .client { text-anchor: end }
    .bar { fill: #8b98a5 }
    .ours { fill: #1f6feb }
  </style>"""


def main() -> None:
    rows = read(COMPARED)
    if not rows:
        raise SystemExit(f"{COMPARED} has no figures of {PODS:,} pods: README and its picture stay as they are")
    PICTURE.write_text(picture(rows), "utf-8")
    README.write_text(filled(README.read_text("utf-8"), rows), "utf-8")


def read(file: Path) -> list[Figures]:
    """The rows of `PODS` pods, with the least memory first."""
    rows = [Figures(**row) for row in json.loads(file.read_text("utf-8"))["rows"]]
    return sorted((row for row in rows if row.pods == PODS), key=lambda row: row.peak_mb or 0)


def picture(rows: Sequence[Figures]) -> str:
    rows = [row for row in rows if row.client != CLIENTS["drain"].name and row.peak_mb is not None]
    most = max(row.peak_mb or 0 for row in rows)
    height = _TOP + _LINE * len(rows) + 10
    title = f"Peak memory of a client that holds {PODS:,} pods, MB"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">',
        _STYLE,
        f'  <rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'  <text class="title" x="12" y="24">{title}</text>',
    ]
    for place, row in enumerate(rows):
        lines += _bar(row, _TOP + _LINE * place, most)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(row: Figures, top: int, most: float) -> list[str]:
    peak = row.peak_mb or 0
    length = max(1.0, (_WIDTH - _LEFT - _RIGHT) * peak / most)
    kind = "ours" if row.client == CLIENTS["kubeinformer"].name else "bar"
    return [
        f'  <text class="client" x="{_LEFT - 8}" y="{top + 14}">{escape(row.client)}</text>',
        f'  <rect class="{kind}" x="{_LEFT}" y="{top}" width="{length:.1f}" height="18"/>',
        f'  <text x="{_LEFT + length + 6:.1f}" y="{top + 14}">{peak:,.0f}</text>',
    ]


def table(rows: Sequence[Figures]) -> str:
    lines = ["| client | seconds | CPU, s | peak MB | what it does |", "|---|--:|--:|--:|---|"]
    notes = {client.name: client.note for client in CLIENTS.values()}
    for row in rows:
        name = f"**{row.client}**" if row.client == CLIENTS["kubeinformer"].name else row.client
        figures = (_number(row.seconds, 1), _number(row.cpu_seconds, 1), _number(row.peak_mb, 0))
        lines.append(f"| {name} | {' | '.join(figures)} | {notes[row.client]} |")
    return "\n".join(lines) + "\n"


def filled(readme: str, rows: Sequence[Figures]) -> str:
    """README with the table of these rows between its marks."""
    before, _, rest = readme.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"README.md has no place for the table: {BEGIN!r} and {END!r}")
    return before + BEGIN + "\n" + table(rows) + "\n" + END + after


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


if __name__ == "__main__":
    main()
