"""The surface: what is public, what it is called, and what it takes. A change here is a change for users."""

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kubeinformer

LISTED = Path(__file__).with_name("public_api.txt")
REGENERATE = "KUBEINFORMER_WRITE_API=1 python -m pytest tests/test_api.py -k listed"

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(kubeinformer.__path__, "kubeinformer.")
    if module.name.rpartition(".")[2] != "__main__"
)
PUBLIC = ["kubeinformer", *(name for name in MODULES if not any(part.startswith("_") for part in name.split(".")))]

# What is promised to users, as the head of the package says; the modules behind these may move.
PROMISED = (
    "kubeinformer",
    "kubeinformer.connection",
    "kubeinformer.controller",
    "kubeinformer.controller.metrics",
    "kubeinformer.testing",
    "kubeinformer.testing.faults",
)

# Handed out, never called: how these are made is nobody else's business.
MADE_BY_US = {"Cluster", "Informer", "Replica", "Store", "Subscription"}


def names_of(module: str) -> list[str]:
    exported: list[str] = importlib.import_module(module).__all__
    return exported


@pytest.mark.parametrize("module", PUBLIC)
def test_all_names_what_is_there_and_once(module: str) -> None:
    exported = names_of(module)
    assert len(set(exported)) == len(exported)
    for name in exported:
        assert not name.startswith("_")
        assert hasattr(importlib.import_module(module), name)  # some are only imported when they are asked for


@pytest.mark.parametrize("module", PUBLIC)
def test_all_is_complete(module: str) -> None:
    """What a module defines without an underscore is exported, or should have one."""
    found = importlib.import_module(module)
    defined = {
        name
        for name, value in vars(found).items()
        if not name.startswith("_") and isinstance(value, (type, types.FunctionType)) and value.__module__ == module
    }
    assert defined <= set(found.__all__)


def test_everything_a_public_signature_names_can_be_imported_from_the_top() -> None:
    """A user who wants to annotate what our functions give them must not look for it in a private module."""
    missing = set()
    for name in kubeinformer.__all__:
        value = getattr(kubeinformer, name)
        members = (
            [value] if inspect.isfunction(value) else [f for _, f in inspect.getmembers(value, inspect.isfunction)]
        )
        for member in members:
            if member.__name__.startswith("_") or not member.__module__.startswith("kubeinformer"):
                continue
            for annotation in _parts(typing.get_type_hints(inspect.unwrap(member))):
                module = getattr(annotation, "__module__", "")
                if module.startswith("kubeinformer._") and annotation.__name__ not in kubeinformer.__all__:
                    missing.add(f"{name}.{member.__name__}: {annotation.__name__}")
    # Called by the informer only; nothing that users hold can make one.
    assert missing <= {"Subscription.push: Change"}


def _parts(hints: object) -> Iterator[type]:
    """All classes that a type hint is made of."""
    if isinstance(hints, dict):
        for hint in hints.values():
            yield from _parts(hint)
        return
    if isinstance(origin := typing.get_origin(hints) or hints, type):
        yield origin
    for argument in typing.get_args(hints):
        yield from _parts(argument)


def test_public_names_and_signatures_are_the_listed_ones() -> None:
    current = "\n".join(_lines()) + "\n"
    if os.environ.get("KUBEINFORMER_WRITE_API"):
        LISTED.write_text(current)
    assert current == LISTED.read_text(), f"the public API has changed; if that is meant: {REGENERATE}"


def test_importing_is_cheap() -> None:
    """Neither HTTP nor kubeconfigs are loaded by whoever only imports the package."""
    heavy = ["aiohttp", "kubernetes_asyncio", "trio", "h11", "typer", "rich", "yaml", "prometheus_client"]
    code = f"import sys, kubeinformer; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == "[]"


def test_the_package_is_typed() -> None:
    assert Path(kubeinformer.__file__).with_name("py.typed").exists()


def _lines() -> Iterator[str]:
    for module in PROMISED:
        found = importlib.import_module(module)
        for name in sorted(found.__all__):
            yield from _describe(f"{module}.{name}", getattr(found, name))


def _describe(path: str, value: object) -> Iterator[str]:
    if isinstance(value, type) and value.__module__.startswith("kubeinformer"):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {path}({bases})" if bases else f"class {path}"
        members: dict[str, str] = {}
        for base in reversed(value.__mro__):
            if base is value or (base.__name__.startswith("_") and base.__module__.startswith("kubeinformer")):
                members |= dict(_members(base))
        if value.__name__ in MADE_BY_US:
            members.pop("__init__", None)
        yield from (f"    {text}" for _, text in sorted(members.items()))
    elif inspect.isfunction(value):
        node = _source(inspect.unwrap(value)).body[0]
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        yield f"def {path}{_signature(node)}"
    else:
        yield f"{path}"  # an alias: its text differs between Python versions


def _members(value: type) -> Iterator[tuple[str, str]]:
    """Name and text of what a class declares, read from its source: the same on every Python."""
    (node,) = _source(value).body
    assert isinstance(node, ast.ClassDef)
    for member in node.body:
        match member:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                yield name, ast.unparse(member)
            case ast.Assign(targets=[ast.Name(id=name)]) if not name.startswith("_") or name == "__match_args__":
                yield name, f"{name} = {ast.unparse(member.value)}" if name == "__match_args__" else name
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_shown(member.name):
                yield from _method(member)
            case _:
                pass


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    text = f"{node.name}{_signature(node)}"
    if "property" in decorators:
        text = f"{node.name}: {ast.unparse(node.returns) if node.returns else '?'} (property)"
    elif any(decorator.endswith(".setter") for decorator in decorators):
        yield f"{node.name} set", f"{node.name}: settable"
        return
    elif isinstance(node, ast.AsyncFunctionDef):
        text = f"async {text}"
    is_overload = "overload" in decorators
    yield f"{node.name} {ast.unparse(node.args)}" if is_overload else node.name, text


def _is_shown(name: str) -> bool:
    return not name.startswith("_") or name in {
        "__init__",
        "__aenter__",
        "__anext__",
        "__contains__",
        "__iter__",
        "__len__",
    }


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"({ast.unparse(node.args)})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def _source(value: Any) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(value)))
