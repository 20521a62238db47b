"""Which shard of a collection a request is about: ``shardSelector``.

Rules. Pure. A selector consists of one or more ``shardRange(FIELD, START, END)`` joined by ``||``. An object is
selected if the FNV-1a hash of its field is in one of the ranges, including START and excluding END. Bounds are 16
hexadecimal digits in lower case; only 2^64 has 17.

Theory. The hash depends only on the text. So a client can compute it, and knows which shard an object belongs to. A
real server parses the selector as a CEL expression. It refuses what it cannot parse with a 500 that has no reason,
because the feature is alpha. The fake only accepts the grammar above, with either kind of quotes.

Source. Behind the gate ShardedListAndWatch of 1.36; the hash, the bounds and each refusal were seen on a real 1.37.
"""

import functools
import re
from dataclasses import dataclass

from kubeinformer.testing import _status

__all__ = ["ShardSelector"]

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF  # FNV-1a, 64 bits
_FIELDS = {"object.metadata.uid": "uid", "object.metadata.namespace": "namespace"}
_DIGITS = 16
_ARGUMENTS = 3
_CALL = re.compile(r"\s*shardRange\s*\(([^()]*)\)\s*")


@functools.lru_cache(maxsize=65_536)  # a watch needs the hash at every change of an object
def _hash(text: str) -> int:
    value = _OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _PRIME & _MASK
    return value


@dataclass(frozen=True, slots=True)
class _Range:
    field: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"shardRange({self.field}, '{self.start:#018x}', '{self.end:#018x}')"


@dataclass(frozen=True, slots=True)
class ShardSelector:
    """Some ranges of hashes. An object is selected if it is in any of them."""

    ranges: tuple[_Range, ...]

    @classmethod
    def parse(cls, text: str) -> "ShardSelector":
        """Parse a selector.

        Raises:
            FakeApiError: 500: it is malformed.
        """
        return cls(tuple(_parse_call(part) for part in text.split("||")))

    def matches(self, uid: str, namespace: str) -> bool:
        """Whether an object is in one of the ranges."""
        facts = {"uid": uid, "namespace": namespace}
        return any(each.start <= _hash(facts[_FIELDS[each.field]]) < each.end for each in self.ranges)

    def __str__(self) -> str:
        """The selector in the spelling of the server, as in ``shardInfo``."""
        return " || ".join(map(str, self.ranges))


def _parse_call(text: str) -> _Range:
    call = _CALL.fullmatch(text)
    if call is None:
        raise _invalid("unexpected expression; expected shardRange() call or || operator")
    arguments = [argument.strip() for argument in call[1].split(",")] if call[1].strip() else []
    if len(arguments) != _ARGUMENTS:
        raise _invalid(f"shardRange() requires exactly {_ARGUMENTS} arguments, got {len(arguments)}")
    field, start, end = arguments
    if field not in _FIELDS:
        raise _invalid(f'unsupported field path "{field}"; supported: {", ".join(_FIELDS)}')
    found = _Range(field, _parse_bound("hexStart", start), _parse_bound("hexEnd", end))
    if found.start >= found.end:
        raise _invalid(f"shard range start {found.start:#018x} must be less than end {found.end:#018x}")
    return found


def _parse_bound(name: str, literal: str) -> int:
    quoted = re.fullmatch(r"'([^']*)'|\"([^\"]*)\"", literal)
    if quoted is None:
        raise _invalid(f"{name} must be a string literal, got {literal}")
    text = quoted[1] or quoted[2] or ""
    if not text.startswith("0x"):
        raise _invalid(f"{name} must have '0x' prefix, got \"{text}\"")
    digits = text[2:]
    if wrong := re.search(r"[^0-9a-f]", digits):
        raise _invalid(f'{name}: invalid hex character "{wrong[0]}" in "{text}"')
    if len(digits) != _DIGITS and text != f"{1 << 64:#x}":
        raise _invalid(f'{name} must be a 0x-prefixed {_DIGITS}-digit hex value, got "{text}"')
    return int(digits, 16)


def _invalid(why: str) -> _status.FakeApiError:
    return _status.unclassified(f"invalid shard selector: {why}")
