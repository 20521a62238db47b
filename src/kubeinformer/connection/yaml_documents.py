"""YAML files that somebody else wrote, with a bound on what they may cost.

Rules. A file is read up to ``SIZE_LIMIT``; its nesting and what its aliases expand to are counted from the parser's
events, before anything is built. What is refused is told by its position: no message quotes the text, nor does an
exception of PyYAML's, which does, become part of one of ours. Only the plain types of YAML are made, no Python objects.

Theory. PyYAML's loader on libyaml composes nodes by recursion in C: 200,000 open brackets, 200 KB, end the process
with a segmentation fault. Its parser is a machine with a stack of its own, so events of any nesting are safe to count.
An alias costs nothing when the file is read, since it shares what it stands for, and everything when somebody walks it:
nine lines can say a billion values ("billion laughs"), and merge keys (``<<``) walk them at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NotYaml", "load_yaml"]

# A cluster's entry is 2 KB with its certificate: this is thousands of clusters. API servers take 3 MB of YAML at most.
SIZE_LIMIT = 8 * 2**20  # bytes

# A kubeconfig has six levels, and whatever `extensions` hold.
NESTING_LIMIT = 100

# Each context, cluster and user has some ten values: again thousands.
VALUES_LIMIT = 500_000


@dataclass(frozen=True, slots=True)
class NotYaml:
    """Why a file was refused, in words that follow its name."""

    problem: str


def load_yaml(file: Path) -> Mapping[str, Any] | NotYaml:
    """Read a mapping. Blocks.

    Returns:
        The mapping, empty for an empty file; or what is wrong. It is no exception, so that no frame with the content
        among its variables hangs on the one that the caller raises.

    Raises:
        OSError: The file cannot be read.
    """
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - the in-cluster path needs none; no stubs wanted

    with file.open("rb") as stream:
        content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        return NotYaml(f"is larger than {SIZE_LIMIT} bytes: is this the right file?")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # large files: seconds in Python, moments in C
    try:
        problem = _too_much(yaml.parse(content, Loader=loader))
        if problem is not None:
            return NotYaml(problem)
        found = yaml.load(content, Loader=loader)  # noqa: S506 - both loaders are safe ones
    except (yaml.YAMLError, ValueError) as error:  # the latter: what looks like a date, and is none
        mark = getattr(error, "problem_mark", None)
        return NotYaml("is not YAML" + (f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""))
    if found is None:
        return {}
    return found if isinstance(found, dict) else NotYaml("is not a mapping: is this the right file?")


def _too_much(events: Any) -> str | None:
    """Count what the events would build, aliases written out."""
    import yaml  # noqa: PLC0415 - as above

    sizes: dict[str, int] = {}  # of what anchors name
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and the count when it began
    count = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                return "has an alias for what it stands in, which never ends: is this the right file?"
            count += sizes.get(event.anchor, 1)  # unknown: the loader will say so
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
