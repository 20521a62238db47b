"""The quiet point: trouble is over, nobody writes, and everybody must come to say what the server says.

Theory. The server's list is asked for again in each round, because a write whose answer was lost may still take
effect. A side counts as equal from the first round on in which it was, and not if it has been unequal since. A stream
need be live once: those of a few seconds are between two of them now and then.
"""

import http.client
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Protocol, TypeVar

import anyio
from tests.e2e.api_client import ApiClient, UnexpectedAnswer
from tests.e2e.chaos.collections import Mirror, Seen, State, difference, summary
from tests.e2e.mirrors import ask

P = ParamSpec("P")
T = TypeVar("T")

_LIMIT = 120.0  # seconds; the default timing alone may wait 30 s, an API server for its etcd ten
_READERS = 3  # of each informer
_ROUND = 0.05  # seconds
_NEWS = 5.0  # seconds


class Client(Protocol):
    """The process under test."""

    async def ask(self, word: str) -> dict[str, Any]: ...


@dataclass
class Outcome:
    """What a quiet point showed. Times are seconds since trouble ended.

    Attributes:
        served: When the server answered for the first time.
        cached: When its watch cache had each final state: no watch can show it earlier.
        equal: When each store was equal.
        live: When each stream was live.
        folded: When each informer's readers were equal too.
        differences: For each side that is not equal in the end, the keys with the server's and its own state.
        late: Informers that were not equal and live in time, or one of their readers was not.
    """

    served: float
    cached: dict[str, float] = field(default_factory=dict)
    equal: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)
    folded: dict[str, float] = field(default_factory=dict)
    differences: dict[str, dict[str, tuple[Seen | None, Seen | None]]] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    @property
    def is_bad(self) -> bool:
        """Whether somebody was not right in time."""
        return bool(self.late)

    @property
    def recovered(self) -> dict[str, float]:
        """When each informer was right, and following again."""
        return {name: max(self.equal[name], self.live[name]) for name in self.equal.keys() & self.live.keys()}


async def settle(
    client: Client, server: ApiClient, mirrors: Iterable[Mirror], ended: float, say: Callable[[str], None]
) -> Outcome:
    """Wait until all are equal, for two minutes at most; now and then say who is not."""
    mirrors = list(mirrors)
    told = 0.0
    expected = await ask_server(server, mirrors, ended + _LIMIT)
    outcome = Outcome(served=time.monotonic() - ended)
    while True:
        late = [mirror for mirror in mirrors if mirror.name not in outcome.cached]
        for name, state in (await ask_server(server, late, ended + _LIMIT, cached=True)).items():
            _mark(outcome.cached, name, time.monotonic() - ended, is_equal=state == expected[name])
        said = await client.ask("state")
        now = time.monotonic() - ended
        for mirror in mirrors:
            wanted, found = summary(expected[mirror.name]), said[mirror.name]
            _mark(outcome.equal, mirror.name, now, is_equal=found["store"] == wanted)
            if mirror.name in outcome.equal:
                outcome.cached.setdefault(mirror.name, now)  # how else would the store know
            if found["is_live"]:
                outcome.live.setdefault(mirror.name, now)
            is_folded = set(found["readers"].values()) == {wanted} and len(found["readers"]) == _READERS
            _mark(outcome.folded, mirror.name, now, is_equal=is_folded)
        if len(outcome.recovered) == len(outcome.folded) == len(mirrors):
            return outcome
        if now > _LIMIT:
            break
        if now - told >= _NEWS:
            told = now
            for name in [mirror.name for mirror in mirrors if mirror.name not in outcome.recovered]:
                say(f"after {now:.1f} s {name} is not back yet: {said[name]['says']}")
        await anyio.sleep(_ROUND)
        expected = await ask_server(server, mirrors, ended + _LIMIT)
    _explain(outcome, mirrors, expected, await client.ask("dump"))
    return outcome


def _mark(times: dict[str, float], name: str, now: float, *, is_equal: bool) -> None:
    if is_equal:
        times.setdefault(name, now)
    else:
        times.pop(name, None)


def _explain(outcome: Outcome, mirrors: list[Mirror], expected: dict[str, State], dump: dict[str, Any]) -> None:
    for mirror in mirrors:
        said = dump[mirror.name]
        sides = {"store": said["store"], **said["readers"]}
        for side, state in sides.items():
            found = {key: Seen(*each) for key, each in state.items()}
            if differs := difference(expected[mirror.name], found):
                outcome.differences[f"{mirror.name} {side}"] = differs
    outcome.late = [
        mirror.name for mirror in mirrors if mirror.name not in outcome.recovered.keys() & outcome.folded.keys()
    ]


async def ask_server(
    server: ApiClient, mirrors: Iterable[Mirror], deadline: float, *, cached: bool = False
) -> dict[str, State]:
    """The server's own lists, by mirror; see `insist`."""
    return {mirror.name: await insist(deadline, mirror.expected, server, cached=cached) for mirror in mirrors}


async def insist(deadline: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the server until it can answer: it may have been back for no longer than a moment.

    Raises:
        OSError, http.client.HTTPException, UnexpectedAnswer: It could not until the deadline.
    """
    while True:
        try:
            return await ask(function, *args, **kwargs)
        except (OSError, http.client.HTTPException, UnexpectedAnswer):
            if time.monotonic() > deadline:
                raise
            await anyio.sleep(_ROUND)
