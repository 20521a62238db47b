"""Names in docstrings: which are ours, which are others', and which nobody defines.

Docstrings write `Informer.synced` in single backticks from wherever they stand. Sphinx finds names from the module and
class around; here a name is found by its end, if only one public name ends so. What is not ours must be importable:
a builtin, or something of the standard library or of a library that we depend on, and is then shown as text: pages of
other projects are not fetched. All else stays unresolved, and `-n` makes that a warning.

What is private stays out of sight: base classes with an underscore, and how objects are made that users are handed.
"""

import builtins
import importlib
import re
import sys
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.pycode import ModuleAnalyzer, PycodeError

# Where signatures take their words from; they are written without a module there.
_SPOKEN = (
    *("typing", "collections.abc", "contextlib", "os", "pathlib", "types", "logging"),
    *("anyio", "msgspec", "kubernetes_asyncio.client"),
)
_TYPE_VARIABLE = re.compile(r"(.*\.)?[A-Z](_co|_contra)?")
_HANDED_OUT = re.compile(r"[Nn]ot made by users|[Mm]ade by `")


def setup(app: Sphinx) -> dict[str, Any]:
    """Say so to Sphinx."""
    app.connect("missing-reference", _find)
    app.connect("doctree-read", _keep_builtins)
    GoogleDocstring._consume_inline_attribute = _whole  # noqa: SLF001 - napoleon has no option for it
    app.connect("autodoc-process-docstring", _describe_alias)
    app.connect("autodoc-process-signature", _hide_how_it_is_made)
    app.connect("autodoc-process-bases", _hide_private_bases)
    return {"version": "1", "parallel_read_safe": True}


def _find(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement) -> nodes.Node | None:
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    domain = env.domains.python_domain
    # Annotations name the module that defines a class; users import it from the package that exports it.
    end = target.rpartition(".")[2] if target.startswith("kubeinformer.") else target
    ours = [name for name in domain.objects if name == end or name.endswith(f".{end}")]
    if len(ours) > 1:
        # A name that several classes have (`store`) means nothing without its class.
        ours = [name for name in ours if name.count(".") == min(other.count(".") for other in ours)]
    if len(ours) == 1:
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", ours[0], node, shown)
    return shown if _is_others(target) or _is_shape(target) else None


def _keep_builtins(_app: Sphinx, document: nodes.document) -> None:
    """`object` in an annotation is Python's, although some classes have an attribute of that name."""
    for node in list(document.findall(pending_xref)):
        if node.get("refdomain") == "py" and hasattr(builtins, str(node["reftarget"])):
            node.replace_self(nodes.inline("", str(node["reftarget"])))


def _whole(docstring: Any) -> tuple[str, list[str]]:
    """Napoleon takes what is before a colon in a property's first line for its type; here it is a sentence."""
    return "", docstring._consume_to_end()  # noqa: SLF001 - in the place of one of its own


def _is_others(target: str) -> bool:
    if _TYPE_VARIABLE.fullmatch(target) or hasattr(builtins, target):
        return True
    if target.startswith("kubeinformer."):
        return False
    return _exists(target) or any(_exists(f"{module}.{target}") for module in _SPOKEN)


def _is_shape(path: str) -> bool:
    """Whether it is a protocol of ours that says what an argument must have; its page would say no more."""
    module, _, name = path.rpartition(".")
    if not module or not _exists(path):
        return False
    return getattr(getattr(importlib.import_module(module), name), "_is_protocol", False) is True


def _exists(path: str) -> bool:
    """Whether Python can import this, as a module or out of one."""
    module, _, attributes = path.partition(".")
    while True:
        try:
            found: object = importlib.import_module(module)
        except (ImportError, ValueError):
            return False
        rest = attributes.split(".") if attributes else []
        while rest and hasattr(found, rest[0]):
            found = getattr(found, rest.pop(0))
        if not rest:
            return True
        # A submodule that nobody has imported yet.
        step, _, attributes = attributes.partition(".")
        module = f"{module}.{step}"


def _describe_alias(_app: Sphinx, what: str, name: str, _value: object, _options: object, lines: list[str]) -> None:
    """An alias has no docstring of its own: Python finds that of `dict`. What stands below its definition is meant."""
    if what != "data":
        return
    for module in sorted(module for module in sys.modules if module.startswith("kubeinformer")):
        try:
            found = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name.rpartition(".")[2]))
        except PycodeError:
            continue
        if found:
            lines[:] = [line.rstrip("\n") for line in found]
            return


def _hide_how_it_is_made(
    _app: Sphinx, what: str, _name: str, value: object, _options: object, _arguments: str | None, _returns: str | None
) -> tuple[str, None] | None:
    return ("", None) if what == "class" and _HANDED_OUT.search(getattr(value, "__doc__", None) or "") else None


def _hide_private_bases(_app: Sphinx, _name: str, _value: object, _options: object, bases: list[Any]) -> None:
    bases[:] = [base for base in bases if not getattr(base, "__name__", "").startswith("_")] or [object]
