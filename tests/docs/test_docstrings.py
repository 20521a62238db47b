"""What the reference is made of: every public name appears in it, and its docstring says what callers need."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PROMISED = (  # a name that several export is shown with the first of them
    "kubeinformer",
    "kubeinformer.connection",
    "kubeinformer.controller",
    "kubeinformer.testing",
    "kubeinformer.testing.faults",
)
SHOWN = re.compile(
    r"^\.\. (?:(?:auto|py:)(?:class|exception|function|data)):: (\S+)$"
    r"|^\.\. (?:py:module|currentmodule|automodule):: (\S+)$",
    re.MULTILINE,
)
# Imported by who wants them: these need an extra, or pytest.
ASKED_FOR = ("kubeinformer.controller.metrics", "kubeinformer.testing.pytest_plugin")
# Handed out, and called by the informer only.
OURS = {"Subscription.mark_synced", "Subscription.push", "Subscription.wake", "AiohttpTransport.failed"}
# What Python's own protocols ask for, and what no caller sees.
PYTHONS = {"StopAsyncIteration", "AttributeError", "NotImplementedError"}


AROUND: dict[Any, str] = {}
"""The docstrings of methods' classes, which may explain what all of them take."""


def shown() -> list[str]:
    """What the pages show, with its module."""
    found = []
    for page in sorted(REFERENCE.glob("*.md")):
        module = ""
        for match in SHOWN.finditer(page.read_text("utf-8")):
            module = match[2] or module
            if match[1]:
                found.append(f"{module}.{match[1]}")
    return found


def exported() -> Iterator[tuple[str, Any]]:
    known: set[int] = set()
    for module in PROMISED:
        found = importlib.import_module(module)
        for name in sorted(found.__all__):
            value = getattr(found, name)
            if not isinstance(value, type) or id(value) not in known:
                yield f"{module}.{name}", value
            known.add(id(value))


def callables() -> Iterator[ParameterSet]:
    """Every public function, class and method."""
    for path, value in exported():
        if not (inspect.isclass(value) or inspect.isfunction(value)) or not value.__module__.startswith("kubeinformer"):
            continue
        yield pytest.param(value, id=path)
        if not inspect.isclass(value):
            continue
        for name, member in inspect.getmembers(value):
            function = member.fget if isinstance(member, property) else inspect.unwrap(member)
            is_ours = inspect.isfunction(function) and function.__module__.startswith("kubeinformer")
            if is_ours and not name.startswith("_") and f"{value.__name__}.{name}" not in OURS:
                AROUND[function] = value.__doc__ or ""
                yield pytest.param(function, id=f"{path}.{name}")


def test_every_public_name_is_shown_once() -> None:
    pages = shown()
    names = {path for path, _ in exported()}
    assert names - set(pages) == set()
    assert {path for path in pages if pages.count(path) > 1} == set()


def test_nothing_else_is_shown() -> None:
    names = {path for path, _ in exported()}
    found = {path for path in shown() if path not in names}
    assert {path for path in found if path.rpartition(".")[0] not in ASKED_FOR} == set()


@pytest.mark.parametrize("value", list(callables()))
def test_the_first_line_is_a_sentence(value: Any) -> None:
    text = inspect.getdoc(value) or ""
    first = text.partition("\n\n")[0].rstrip(":")
    assert re.search(r"[.?!`]$", first), first


@pytest.mark.parametrize("value", list(callables()))
def test_arguments_are_explained(value: Any) -> None:
    text = described(value)
    if re.search(r"[Aa]rguments( and errors)? as|; see `|[Oo]therwise as `", text):
        return  # a page says them once
    names = parameters(value)
    assert [name for name in names if not explains(name, f"{text}\n{AROUND.get(value, '')}")] == []
    if len(names) > 3:  # more than a sentence can hold
        assert re.search(r"^\s*(Args|Attributes):$", text, re.MULTILINE)


@pytest.mark.parametrize("value", list(callables()))
def test_errors_are_named(value: Any) -> None:
    text = described(value)
    assert [error for error in raised(value) if error not in text] == []


def explains(name: str, text: str) -> bool:
    """As an entry of a list of arguments, alone or with others; or in a sentence."""
    entry = rf"^ *(\*?\w+, )*\*{{0,2}}{name}(, \w+)*:"
    said = rf"\b{name}\b" if name == "key" else rf"``{name}=?``"  # all pages speak of keys
    return re.search(f"{entry}|{said}", text, re.MULTILINE) is not None


def described(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    if inspect.isclass(value):
        for base in value.__mro__[1:]:
            if base.__module__.startswith("kubeinformer"):
                text += "\n" + (base.__doc__ or "")
    return text


def parameters(value: Any) -> list[str]:
    """What callers give. Of a class only what its `__init__` takes, and none where users are handed the objects."""
    if inspect.isclass(value):
        is_handed_out = re.search(r"[Nn]ot made by users|[Mm]ade by `", value.__doc__ or "")
        if is_handed_out or issubclass(value, BaseException) or getattr(value, "_is_protocol", False):
            return []
    try:
        names = list(inspect.signature(value).parameters)
    except ValueError:
        return []
    return [name for name in names if name != "self" and not name.startswith("_")]


def raised(value: Any) -> set[str]:
    """The exceptions that its own body raises, by name."""
    if inspect.isclass(value):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            names.add(node.exc.func.id)
    return {name for name in names if name[0].isupper()} - PYTHONS  # others are functions that give one
