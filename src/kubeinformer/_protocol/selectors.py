"""Which objects a label selector or a field selector selects: parsing and matching.

Rules. These are pure functions of text and mappings. Whatever an API server accepts is accepted here, with the same
meaning. So filtering a store and asking the server give the same objects.

Theory. A selector is a list of requirements, separated by commas, and all of them must hold. The set-based form
contains commas, too (``env in (a,b)``), so a selector cannot be split at commas: it is read one requirement at a time.
Negative requirements (``!=``, ``notin``) also hold for objects without the label, because they are defined as "not in",
not as "has another value". ``>`` and ``<`` compare integers, and never hold for anything else. Field selectors have
only ``=``, ``==`` and ``!=``. A path that does not exist has the empty value, as on a server.

Not here. Which fields a server supports for a resource (it answers 400 for the others).

Source. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors and
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/; the order comparisons are only in
apimachinery's ``pkg/labels/selector.go``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from kubeinformer.resources import RawObject

__all__ = ["FieldRequirement", "FieldSelector", "LabelRequirement", "LabelSelector"]

LabelOperator: TypeAlias = Literal["in", "notin", "exists", "!exists", ">", "<"]

# A label key is a name of up to 63 characters, after an optional DNS prefix of up to 253. A label value is such a name,
# or empty (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_KEY = re.compile(rf"(?:(?=.{{1,253}}/){_DNS}(?:\.{_DNS})*/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_SPACE = " \t\r\n"

# One requirement, up to the comma after it. This pattern accepts almost any name; names are checked by the patterns
# above. So the message can distinguish a bad name from a bad form.
_GAP = rf"[{_SPACE}]"
_WORD = rf"[^{_SPACE},()=!<>]+"
_REQUIREMENT = re.compile(
    rf"""{_GAP}*(?:
      !{_GAP}*(?P<absent>{_WORD})
    | (?P<set_key>{_WORD}){_GAP}+(?P<set>in|notin){_GAP}*\((?P<members>[^()]*)\)
    | (?P<key>{_WORD}){_GAP}*(?P<operator>==|=|!=|>|<){_GAP}*(?P<value>{_WORD})?
    | (?P<present>{_WORD})
    ){_GAP}*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One condition on one label.

    Attributes:
        key: The label's key, with its prefix.
        operator: The operator. ``=`` and ``==`` become ``in`` with one value, ``!=`` becomes ``notin`` with one value.
        values: The values to compare with; empty for ``exists`` and ``!exists``.
    """

    key: str
    operator: LabelOperator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels meets the condition."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!exists":
                return value is None
            case ">" | "<":
                if value is None or not _INTEGER.fullmatch(value):
                    return False
                (bound,) = self.values
                return int(value) > int(bound) if self.operator == ">" else int(value) < int(bound)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements on labels, all of which must hold. Without any, it selects everything."""

    requirements: tuple[LabelRequirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a selector such as ``app=web,tier in (a, b),!legacy``.

        Raises:
            ValueError: The text is not a label selector; the message says where and why.
        """
        requirements: list[LabelRequirement] = []
        position, end = 0, len(text.rstrip(_SPACE))
        if text[:end].endswith(","):
            raise ValueError(f"not a label selector: {text!r}: nothing stands after the last comma")
        while position < end:
            found = _REQUIREMENT.match(text, position)
            if found is None:
                raise ValueError(f"not a label selector: {text!r}: cannot read {text[position:]!r}")
            requirements.append(_label_requirement(text, found))
            position = found.end()
        return cls(tuple(requirements))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)


def _label_requirement(text: str, found: re.Match[str]) -> LabelRequirement:
    parts = found.groupdict()
    operator: LabelOperator
    if key := parts["absent"]:
        operator, values = "!exists", frozenset[str]()
    elif key := parts["present"]:
        operator, values = "exists", frozenset()
    elif key := parts["set_key"]:
        operator = "in" if parts["set"] == "in" else "notin"
        values = frozenset(member.strip(_SPACE) for member in parts["members"].split(","))
    else:
        key, values = parts["key"], frozenset({parts["value"] or ""})
        match parts["operator"]:
            case ">" | "<" as comparison:
                operator = comparison
                if not _INTEGER.fullmatch(parts["value"] or ""):
                    raise ValueError(f"not a label selector: {text!r}: {comparison!r} needs an integer")
            case "!=":
                operator = "notin"
            case _:
                operator = "in"
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a label selector: {text!r}: {key!r} is no label key")
    if operator in {"in", "notin"}:
        for value in values:
            if not _VALUE.fullmatch(value):
                raise ValueError(f"not a label selector: {text!r}: {value!r} is no label value")
    return LabelRequirement(key, operator, values)


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on one field.

    Attributes:
        path: Keys from the object's root, such as ``("spec", "nodeName")``.
        value: The value to compare with, as text.
        equal: True if the field must have this value, False if it must not.
    """

    path: tuple[str, ...]
    value: str
    equal: bool = True

    def matches(self, obj: RawObject) -> bool:
        """Tell whether an object meets the condition."""
        found: object = obj
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return (_as_text(found) == self.value) is self.equal


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Requirements on fields, all of which must hold. Without any, it selects everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a selector such as ``metadata.name=web-0,spec.nodeName!=node-1``.

        A backslash escapes a comma, an equals sign or a backslash, as on a server. It is not allowed elsewhere.

        Raises:
            ValueError: The text is not a field selector; the message says which part and why.
        """
        requirements: list[FieldRequirement] = []
        # Empty parts are skipped, as on a server: "a=b," and "" are valid.
        for part in re.findall(r"(?:\\.|[^,])+", text):
            found = re.fullmatch(r"(?P<path>[^=!]*)(?P<operator>!=|==|=)(?P<value>(?:\\[,=\\]|[^=\\])*)", part)
            if found is None:
                raise ValueError(
                    f"not a field selector: {text!r}: {part!r} is not of the form path=value or path!=value, "
                    "in which a backslash stands before a comma, an equals sign or a backslash only"
                )
            path = tuple(found["path"].strip(_SPACE).split("."))
            if not all(path):
                raise ValueError(f"not a field selector: {text!r}: {found['path']!r} is no field path")
            value = re.sub(r"\\([,=\\])", r"\1", found["value"])
            requirements.append(FieldRequirement(path, value, equal=found["operator"] != "!="))
        return cls(tuple(requirements))

    def matches(self, obj: RawObject) -> bool:
        """Tell whether an object is selected."""
        return all(requirement.matches(obj) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)


def _as_text(value: object) -> str:
    """Convert a JSON value to text, as servers do for field selectors. Only scalars can be compared."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
