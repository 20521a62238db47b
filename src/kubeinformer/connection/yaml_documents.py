"""YAML files that somebody else wrote, with limits on what they may cost.

Rules. A file is read up to ``SIZE_LIMIT``. Its nesting, and the values to which its aliases expand, are counted from
the events of the parser before anything is built. An error gives the position of what is refused. No message quotes the
text, and an exception of PyYAML, which does, is never chained to one of this library. Only the plain types of YAML are
built, no Python objects.

Theory. PyYAML's loader on libyaml builds nodes by recursion in C. 200,000 opening brackets, 200 KB, end the process
with a segmentation fault. Its parser is a state machine with its own stack, so events of any nesting can be counted
safely. An alias costs nothing when the file is read, because it shares what it stands for. But it may cost everything
when somebody walks the result: nine lines can stand for a billion values ("billion laughs"), and merge keys (``<<``)
are walked immediately.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NotYaml", "load_yaml"]

# The entry of a cluster with its certificate has 2 KB, so this is enough for thousands of clusters. API servers accept
# at most 3 MB of YAML.
SIZE_LIMIT = 8 * 2**20  # bytes

# A kubeconfig has six levels, and those inside of `extensions`.
NESTING_LIMIT = 100

# Each context, cluster and user has about ten values, so this is also enough for thousands.
VALUES_LIMIT = 500_000


@dataclass(frozen=True, slots=True)
class NotYaml:
    """Why a file was refused, as a text that follows its name."""

    problem: str


def load_yaml(file: Path) -> Mapping[str, Any] | NotYaml:
    """Read a mapping. Blocks.

    Returns:
        The mapping, empty for an empty file; or what is wrong. This is not an exception, so that the caller's exception
        does not hold a frame with the content among its variables.

    Raises:
        OSError: The file cannot be read.
    """
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - the in-cluster path needs none; no stubs wanted

    with file.open("rb") as stream:
        content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        return NotYaml(f"is larger than {SIZE_LIMIT} bytes: is this the right file?")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # large files take seconds in Python, but not in C
    try:
        problem = _too_much(yaml.parse(content, Loader=loader))
        if problem is not None:
            return NotYaml(problem)
        found = yaml.load(content, Loader=loader)  # noqa: S506 - both loaders are safe ones
    except (yaml.YAMLError, ValueError) as error:  # the latter: a value that looks like a date, but is not
        mark = getattr(error, "problem_mark", None)
        return NotYaml("is not YAML" + (f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""))
    if found is None:
        return {}
    return found if isinstance(found, dict) else NotYaml("is not a mapping: is this the right file?")


def _too_much(events: Any) -> str | None:
    """Count what the events would build, with all aliases expanded."""
    import yaml  # noqa: PLC0415 - as above

    sizes: dict[str, int] = {}  # the number of values below each anchor
    open_nodes: list[tuple[str | None, int]] = []  # the anchor, and the count when the node began
    count = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                return "has an alias for what it stands in, which never ends: is this the right file?"
            count += sizes.get(event.anchor, 1)  # if the anchor is unknown, the loader will report it
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
            sizes.pop(event.anchor, None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = count - before
        if len(open_nodes) > NESTING_LIMIT:
            return f"is nested more than {NESTING_LIMIT} levels deep: is this the right file?"
        if count > VALUES_LIMIT:
            return f"says more than {VALUES_LIMIT} values, with its aliases written out: is this the right file?"
    return None
