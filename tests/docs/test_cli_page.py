"""docs/reference/cli.md is made of the commands themselves, so it cannot say anything else than their help.

KUBEINFORMER_WRITE_API=1 python -m pytest tests/docs/test_cli_page.py -k generated
"""

import argparse
import inspect
import os
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main

from kubeinformer.cli._app import app
from kubeinformer.testing.__main__ import make_parser

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
HEAD = """\
# Command line

`pip install 'kubeinformer[cli]'` installs the command `kubeinformer`; `python -m kubeinformer.cli` is the same.
Results go to standard output, messages to standard error.

<!-- What follows is made of the commands' own help: see tests/docs/test_cli_page.py. -->
"""


def page() -> str:
    parts = [HEAD]
    root: Any = typer.main.get_command(app)
    parts += command("kubeinformer", root)
    for name, each in root.commands.items():
        if not each.hidden:
            parts += command(f"kubeinformer {name}", each)
    parts += server(make_parser())
    return "\n".join(parts)


def command(name: str, found: Any) -> Iterator[str]:
    yield f"## {name}\n"
    yield prose(found.help)
    arguments = [one for one in found.params if one.param_type_name == "argument"]
    options = [one for one in found.params if one.param_type_name == "option" and not one.hidden]
    yield from table("argument", ((f"`{one.metavar or one.name.upper()}`", text(one.help)) for one in arguments))
    yield from table("option", ((spelled(one), about(one)) for one in options if one.name != "help"))


def spelled(option: Any) -> str:
    takes = "" if option.is_flag else f" {takes_of(option)}"
    return ", ".join(f"`{name}{takes if name.startswith('--') else ''}`" for name in sorted(option.opts, key=len))


def takes_of(option: Any) -> str:
    if isinstance(option.default, Enum):
        return "\\|".join(one.value for one in type(option.default))
    return str(option.metavar or option.name.upper())


def about(option: Any) -> str:
    """The help, and the default where the help does not speak of it."""
    default = option.default.value if isinstance(option.default, Enum) else option.default
    is_silent = default is None or callable(default) or option.is_flag or "default" in option.help.lower()
    return text(option.help) + ("" if is_silent else f" Default: {default}.")


def server(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {parser.prog}\n"
    yield prose(f"{parser.description} Its first line of output is its address, as JSON; it ends with its input.")
    rows = []
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction):
            takes = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
            rows.append((f"`{action.option_strings[0]}{takes}`", text(action.help)))
    yield from table("option", iter(rows))


def table(head: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    if lines := [f"| {name} | {words} |" for name, words in rows]:
        yield "\n".join([f"| {head} | |", "|---|---|", *lines]) + "\n"


def prose(help_text: str | None) -> str:
    """Paragraphs as they are; a block of aligned lines, such as that of exit codes, as a list."""
    paragraphs = []
    for paragraph in inspect.cleandoc(help_text or "").replace("\b", "").split("\n\n"):
        lines = paragraph.strip().splitlines()
        rows = [re.sub(r"^(\S+)  +(.+)", r"- `\1`: \2", line) for line in lines]
        if rows != lines and rows[0] == lines[0]:
            rows.insert(1, "")  # a list begins after an empty line
        paragraphs.append("\n".join(rows))
    return "\n\n".join(paragraphs) + "\n"


def text(help_text: str | None) -> str:
    return (help_text or "").strip().replace("|", "\\|").replace("<", "&lt;")


def test_the_page_is_what_is_generated() -> None:
    made = page()
    if os.environ.get("KUBEINFORMER_WRITE_API"):
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, f"the commands have changed; if that is meant: {__doc__}"
