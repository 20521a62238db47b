"""What Kubernetes servers may send, and in which pieces: strategies and helpers of several protocol tests.

JSON is drawn as *text*, not as values: numbers such as 1e400, duplicate keys and odd spaces have no Python value.
"""

import json
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

RESOURCE = "v1/pods"

# What has broken parsers: line ends that are none, the ends of the planes, what JSON must or may escape.
_CHARACTERS = st.one_of(
    st.sampled_from(list('\u2028\u2029\u0085\u0000\n\r\t"\\/{}[],: \u007f\ufeff\uffff\U0001f600\U0010ffff')),
    st.characters(exclude_categories=["Cs"]),
)
_NUMBERS = st.one_of(
    st.integers().map(str),
    st.sampled_from(["-0", "1e400", "-1E+400", "1e-400", "0.1", "123456789012345678901234567890", "9" * 4_400]),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
)
_SPACES = st.sampled_from(["", "", "", " ", "\n", "\r\n\t "])

chunk_sizes = st.lists(st.integers(1, 64), max_size=6)
"""Sizes to cut bytes into, over and over; empty for no cuts."""


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A JSON string, with or without escapes."""
    value = draw(st.text(_CHARACTERS, max_size=12))
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def _array(draw: st.DrawFn, children: st.SearchStrategy[str]) -> str:
    return "[" + ",".join(draw(st.lists(children, max_size=3))) + draw(_SPACES) + "]"


def _object(draw: st.DrawFn, children: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(texts(), _SPACES, children), max_size=3))
    return "{" + ",".join(f"{key}{space}:{space}{value}" for key, space, value in pairs) + "}"


def _containers(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.composite(_array)(children) | st.composite(_object)(children)


values = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), _NUMBERS, texts()), _containers, max_leaves=8
)
"""Any JSON value, as text."""


@st.composite
def objects(draw: st.DrawFn, name: st.SearchStrategy[str] | None = None) -> str:
    """An object with a name and a resource version, as text; members beside metadata are anything."""
    who = draw(name or st.from_regex(r"[a-z]{1,8}", fullmatch=True))
    version = draw(st.integers(1, 10**12))
    space = draw(_SPACES)
    metadata = f'"metadata":{space}{{"name":"{who}","resourceVersion":"{version}","x":{draw(values)}}}'
    members = [metadata, *(f'"x{index}":{draw(values)}{space}' for index in range(draw(st.integers(0, 2))))]
    return "{" + ("," + space).join(draw(st.permutations(members))) + "}"


@st.composite
def lists(draw: st.DrawFn, items: Sequence[str], kind: str = "PodList") -> str:
    """A list with these items, as text: members in any order but kind before items, spaces anywhere."""
    space = draw(_SPACES)
    members = ['"metadata":{"resourceVersion":"7"}', f'"unknown"{space}:{draw(values)}']
    body = f'"items"{space}:{space}[{space}' + f"{space},{space}".join(items) + f"{space}]"
    members.insert(draw(st.integers(0, 2)), body)
    head = [f'"kind":"{kind}"', '"apiVersion":"v1"']
    return space + "{" + f",{space}".join([*head, *members]) + space + "}" + space


def cut(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Yield the data in chunks of these sizes, over and over."""
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        yield data[position : position + size]
        position, turn = position + size, turn + 1
