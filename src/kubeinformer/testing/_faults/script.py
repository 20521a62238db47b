"""`Script`: faults that are played together. A script is made in code, from plain data, or at random.

Rules. A script is data. Equal scripts inject the same faults on servers that get equal requests in equal order. The
seed is only for random decisions (``probability``). If a script was drawn at random, it is printed as data that plays
it again.

As data, a script is a list of faults, or an object with ``faults`` and ``seed``. A fault is an object with its kind in
``fault``, and its fields. Texts of that in JSON and YAML are accepted as well.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from kubeinformer.testing._faults import checks
from kubeinformer.testing._faults.base import Fault
from kubeinformer.testing._faults.drawing import draw
from kubeinformer.testing._faults.kinds import KINDS

__all__ = ["Script"]

_KEYS = {"faults", "seed"}


@dataclass(frozen=True, slots=True)
class Script:
    """A list of faults for `FakeApiServer.play`.

    All faults that match a request apply to it, in their order. If several of them replace the server's answer, only
    the first of these applies.

    Example::

        Script([Cut(on="watch", after_events=3, times=None, probability=0.5), TooManyRequests(retry_after=2)], seed=7)

    Attributes:
        faults: The faults.
        seed: The seed for ``probability``.

    Raises:
        ValueError: One of the faults is not a fault, or the seed is not an integer.
    """

    faults: tuple[Fault, ...]
    seed: int

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        faults = tuple(faults)
        for fault in faults:
            if type(fault) not in KINDS.values():
                raise ValueError(f"a script's faults are {checks.names(KINDS)}; got {fault!r}")
        if type(seed) is not int:
            raise ValueError(f"seed must be a whole number, got {seed!r}")
        object.__setattr__(self, "faults", faults)
        object.__setattr__(self, "seed", seed)

    @classmethod
    def parse(cls, data: str | bytes | Mapping[str, Any] | Iterable[Mapping[str, Any]], *, seed: int = 0) -> "Script":
        """Make a script from plain data, or from JSON or YAML text.

        Example::

            Script.parse([{"fault": "cut", "after_bytes": 100, "on": "watch", "times": 2}])

        Args:
            data: A list of faults, or an object with ``faults`` and ``seed``.
            seed: The seed, if the data has none.

        Raises:
            ValueError: The data has another form, unknown faults or fields, or values out of range. The message says
                what is wrong, where, and what is accepted.
        """
        told: Any = _load(data) if isinstance(data, (str, bytes)) else data
        if isinstance(told, Mapping):
            if unknown := sorted(map(str, told.keys() - _KEYS)):
                raise ValueError(f"unknown field {unknown[0]!r} of a script; accepted: {checks.names(_KEYS)}")
            seed, told = told.get("seed", seed), told.get("faults", ())
        if isinstance(told, (str, bytes)) or not isinstance(told, Iterable):
            # Not a TypeError: every mistake here is a mistake in the data of the script.
            raise ValueError(f"a script is a list of objects such as {{'fault': 'cut'}}, got {type(told).__name__}")  # noqa: TRY004
        return cls([_fault(index, each) for index, each in enumerate(told)], seed=seed)

    @classmethod
    def random(cls, seed: int, kinds: Iterable[str] | None = None, *, count: int = 3) -> "Script":
        """Make a random mixture that an informer has to survive: each fault ends, or permits progress.

        Args:
            seed: Equal seeds make equal scripts.
            kinds: The kinds to choose from, such as ``["cut", "stall"]``; None for all.
            count: The number of faults, at least 1.

        Raises:
            ValueError: A kind is unknown, there are no kinds, or the count is out of range.
        """
        chosen = sorted(KINDS) if kinds is None else list(kinds)
        for kind in chosen:
            _known(kind)
        if not chosen or not checks.count.holds(count):
            raise ValueError(f"count must be {checks.count.accepted} and kinds of {checks.names(KINDS)}")
        generator = random.Random(seed)  # noqa: S311 - no secrets here
        faults = (_make(kind, draw(kind, generator)) for kind in (generator.choice(chosen) for _ in range(count)))
        return cls(faults, seed=seed)

    def as_data(self) -> dict[str, Any]:
        """Return the script as data for `parse`, which can be written as JSON."""
        return {"seed": self.seed, "faults": [fault.as_data() for fault in self.faults]}


def _load(text: str | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - few scripts are YAML

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"a script must be JSON or YAML; this is neither{where}") from None


def _fault(index: int, told: object) -> Fault:
    if not isinstance(told, Mapping):
        raise ValueError(f"fault {index} of the script must be an object such as {{'fault': 'cut'}}, got {told!r}")  # noqa: TRY004 - as above
    # YAML 1.1 reads the word `on` as true.
    named = {"on" if name is True else str(name): value for name, value in told.items()}
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in named.items()}
    return _make(options.pop("fault", None), options)


def _make(kind: Any, options: dict[str, Any]) -> Fault:
    known = _known(kind)
    names = [field.name for field in fields(known)]
    for name in options:
        if name not in names:
            raise ValueError(f"unknown field {name!r} of fault {kind!r}; accepted: {checks.names(names)}")
    return known(**options)


def _known(kind: Any) -> type[Fault]:
    known = KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise ValueError(f"unknown fault {kind!r}; accepted: {checks.names(KINDS)}")
    return known
