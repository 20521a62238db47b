"""Which mutants a module has: one small mistake each, and the rules by which some are not worth a test.

Theory. mutmut finds the mistakes but plants them behind a switch inside each function, which reaches neither
properties nor constants nor the defaults of a class; those are half of what `_protocol` decides. So its operators
are used here on the whole syntax tree, and each mutant is a whole source. `_MORE` adds mistakes that mutmut does not
make: a step left out, a condition turned round or dropped, a result lost, an exception that is not caught.

What is excluded is excluded by one of `RULES`, is counted, and is nothing that a test should pin.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import libcst as cst
from mutmut.mutation.file_mutation import deep_replace
from mutmut.mutation.mutators import mutation_operators, operator_string

__all__ = ["RULES", "Mutant", "mutants_of"]

# Any: libcst and mutmut are not installed where the types are checked (pyproject.toml says so).
Node: TypeAlias = Any
Operator: TypeAlias = Callable[[Node], Iterable[Node]]

RULES = {
    "types": "annotations, type aliases, type variables and the first argument of `cast`",
    "flags": "decorators, `gc=`, `slots=`, `frozen=`, `__slots__` and `__all__`: data is handled the same",
    "asserts": "`assert`: it tells readers and type checkers something that is true anyway",
    "falsehoods": "`None` in place of `False`, where types are checked and only truth is tested (`True` is tried)",
    "wording": "the wording and the case of an error's text (but its presence and its values are mutated)",
    "versions": "branches for other Python versions than the one that runs",
}

_FLAGS = {"gc", "slots", "frozen", "kw_only"}
_TEXT_MAKERS = re.compile(r"_malformed|_peek|problem|remedy")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes:
        scope: The class and function it is in, such as ``LineFramer.feed``; empty for a module's own statements.
        before: The lines that are changed, without their indentation.
        after: What they become.
        source: The whole module with the mistake.
        part: Of these, the function with the mistake, or the statement outside of all functions.
    """

    scope: str
    before: str
    after: str
    source: str
    part: str


def mutants_of(source: str) -> tuple[list[Mutant], Counter[str]]:
    """All mutants of a module that no rule excludes, and how many each rule excludes."""
    module = cst.parse_module(source)
    found: dict[str, Mutant] = {}
    excluded: Counter[str] = Counter()
    for node, mutated, above, rule in _mutations(module, (), None):
        code = deep_replace(module, node, mutated).code
        if code in found or not _compiles(code):
            continue
        if rule is not None:
            excluded[rule] += 1
            continue
        scope = ".".join(outer.name.value for outer in above if isinstance(outer, cst.ClassDef | cst.FunctionDef))
        part = next((outer for outer in (*above, node) if isinstance(outer, _PARTS)), above[1])  # a class's own line
        mutated_part = module.code_for_node(deep_replace(part, node, mutated))
        found[code] = Mutant(scope, *_difference(source, code), code, mutated_part)
    return list(found.values()), excluded


_PARTS = (cst.FunctionDef, cst.SimpleStatementLine, cst.If, cst.Try)


def _mutations(
    node: Node, above: tuple[Node, ...], rule: str | None
) -> Iterator[tuple[Node, Node, tuple[Node, ...], str | None]]:
    rule = rule or _rule(node, above)
    for kind, operator in (*mutation_operators, *_MORE):
        if isinstance(node, kind):
            is_wording = operator is operator_string and _is_wording(above)
            for mutated in operator(node):
                yield node, mutated, above, rule or ("wording" if is_wording else _rule_of_change(node, mutated))
    for child in node.children:
        yield from _mutations(child, (*above, node), rule)


def _rule(node: Node, above: tuple[Node, ...]) -> str | None:
    parent = above[-1] if above else None
    match node:
        case cst.Annotation():
            return "types"
        case cst.AnnAssign(annotation=cst.Annotation(annotation=cst.Name("TypeAlias"))):
            return "types"
        case cst.Assign(value=cst.Call(func=cst.Name("TypeVar"))):
            return "types"
        case cst.Arg() if isinstance(parent, cst.Call) and _name(parent.func) == "cast" and parent.args[0] is node:
            return "types"
        case cst.Decorator():
            return "flags"
        case cst.Arg(keyword=cst.Name(name)) if isinstance(parent, cst.ClassDef) and name in _FLAGS:
            return "flags"
        case cst.Assign(targets=[cst.AssignTarget(cst.Name("__all__" | "__slots__"))]):
            return "flags"
        case cst.Assert():
            return "asserts"
        case cst.If() if "version_info" in cst.Module([]).code_for_node(node.test):
            return "versions"
    return None


def _rule_of_change(node: Node, mutated: Node) -> str | None:
    match node, mutated:
        case cst.Call(cst.Name("cast")), cst.Call(args=[cst.Arg(cst.Name("None")), _]):
            return "types"
        case cst.Assign() | cst.AnnAssign(), _ if _name(node.value) == "False" and _name(mutated.value) == "None":
            return "falsehoods"
        case cst.Return(), cst.Return() if _name(node.value) == "False" and _name(mutated.value) == "None":
            return "falsehoods"
        case cst.Call(), cst.Call():
            pairs = zip(node.args, mutated.args, strict=False)
            if any((_name(old.value), _name(new.value)) == ("False", "None") for old, new in pairs):
                return "falsehoods"
    return None


def _is_wording(above: tuple[Node, ...]) -> bool:
    """Whether a string there is the text of an error."""
    for outer in above:
        match outer:
            case cst.Raise():
                return True
            case cst.Call(func=cst.Name("decode")):  # its last argument begins the error's text
                return True
            case cst.Call() if _TEXT_MAKERS.search(_name(outer.func)) or _name(outer.func) in _ERRORS:
                return True
            case cst.Assign() if _TEXT_MAKERS.search(cst.Module([]).code_for_node(outer.targets[0])):
                return True
            case cst.FunctionDef() if _TEXT_MAKERS.search(outer.name.value):
                return True
    return False


_ERRORS = {"MalformedData", "WrongKind", "ObjectTooLarge", "ProtocolError", "ModelMismatch", "IndexerError", "warn"}


def _name(node: Node) -> str:
    match node:
        case cst.Name(name) | cst.Attribute(attr=cst.Name(name)):
            return str(name)
    return ""


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, on each side."""
    old, new = before.splitlines(), after.splitlines()
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            return "\n".join(map(str.strip, old[a:b])), "\n".join(map(str.strip, new[c:d]))
    raise AssertionError("a mutant that is no mutant")


# What mutmut's operators leave out.


def _leave_out(node: Node) -> Iterator[Node]:
    """A step is missing. (Assignments have mutants of their own.)"""
    match node:
        case cst.Expr(cst.BaseString() | cst.Ellipsis()):
            return
        case cst.Expr() | cst.Raise() | cst.Del():
            yield cst.Pass()


def _negate(node: Node) -> Iterator[Node]:
    """A condition is the wrong way round. (Comparisons and ``not`` have mutants of their own.)"""
    if not isinstance(node.test, cst.Comparison | cst.UnaryOperation):
        inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        space = cst.SimpleWhitespace(" ")
        yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner), **_after_keyword(node, space))


def _after_keyword(node: Node, space: Node) -> dict[str, Node]:
    return {"whitespace_after_while" if isinstance(node, cst.While) else "whitespace_before_test": space}


def _one_operand(node: Node) -> Iterator[Node]:
    """Half of a condition does not count."""
    for operand in (node.left, node.right):
        yield operand.with_changes(lpar=[cst.LeftParen(), *operand.lpar], rpar=[*operand.rpar, cst.RightParen()])


def _return_nothing(node: Node) -> Iterator[Node]:
    """A result is lost."""
    if node.value is not None and _name(node.value) != "None":
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


def _no_guard(node: Node) -> Iterator[Node]:
    """A case is taken whatever its condition says."""
    if node.guard is not None:
        yield node.with_changes(guard=None)


_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _opposite(node: Node) -> Iterator[Node]:
    """The wrong end of a range, or of a set of conditions."""
    if _name(node.func) in _OPPOSITES and isinstance(node.func, cst.Name):
        yield node.with_changes(func=cst.Name(_OPPOSITES[node.func.value]))


def _catch_less(node: Node) -> Iterator[Node]:
    """An exception is not caught."""
    space = cst.SimpleWhitespace(" ")
    if isinstance(node.type, cst.Tuple):
        for index in range(len(node.type.elements)):
            rest = [*node.type.elements[:index], *node.type.elements[index + 1 :]]
            rest = [element.with_changes(comma=cst.Comma()) for element in rest]
            yield node.with_changes(type=node.type.with_changes(elements=rest), whitespace_after_except=space)
    elif node.type is not None:
        nothing = cst.Tuple([], lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield node.with_changes(type=nothing, whitespace_after_except=space)


_MORE: tuple[tuple[Any, Operator], ...] = (
    ((cst.Expr, cst.Raise, cst.Del), _leave_out),
    ((cst.If, cst.While, cst.CompIf), _negate),
    (cst.BooleanOperation, _one_operand),
    (cst.Return, _return_nothing),
    (cst.MatchCase, _no_guard),
    (cst.Call, _opposite),
    (cst.ExceptHandler, _catch_less),
)
