"""The client under test, alone in its process, so that its memory, tasks, sockets and log are its own.

Started as ``python -m tests.e2e.chaos.client CONFIGURATION`` (JSON). It is asked in single words on standard input and
answers each with one line of JSON:

- ``hurry`` and ``dawdle``: a quiet point begins, ends;
- ``state``: summaries of what stores and readers hold, and whether the streams flow;
- ``dump``: the same in full;
- ``end`` (or the end of input): close everything, and say what was counted, what went wrong and what was left.
"""

import gc
import json
import random
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from tests.e2e.chaos.collections import COLOURS, Json, Mirror, mirrors, state_of, summary
from tests.e2e.chaos.readers import Hurry, Readers
from tests.e2e.chaos.watchman import Watchman

from kubeinformer import Informer, RawObject, connect

_CLOSING = 10.0  # seconds; milliseconds are normal


def colour(item: RawObject) -> list[str]:
    return [item["spec"]["colour"]]


class Member:
    """One informer with its readers."""

    def __init__(self, mirror: Mirror, informer: Informer[Json], readers: Readers, watchman: Watchman) -> None:
        self._mirror = mirror
        self._informer = informer
        self._note = watchman.note
        self.readers = readers

    def state(self, *, whole: bool) -> dict[str, Any]:
        """What the store and the readers hold: as summaries, or in full."""
        show = dict if whole else summary
        store = state_of(self._informer.store.values())
        self._check_index()
        numbers = self._informer.statistics()
        return {
            "is_live": self._informer.is_live,
            "says": f"{numbers.phase} at {numbers.resource_version}, last error {numbers.last_error}",
            "store": show(store),
            "readers": {name: show(state) for name, state in self.readers.states().items()},
        }

    def counted(self) -> dict[str, Any]:
        numbers = self._informer.statistics()
        return {
            "objects": numbers.objects,
            "syncs": numbers.syncs,
            "requests": numbers.requests,
            "failures": numbers.failures,
            "received_events": numbers.events,
            "changes": numbers.changes,
            "received_mb": round(numbers.received_bytes / 1e6, 2),
            "delivered": dict(self.readers.events),
            "visits": self.readers.visits,
            "looks": self.readers.looks,
        }

    def _check_index(self) -> None:
        if not self._mirror.is_indexed:
            return
        store = self._informer.store
        for value in COLOURS:
            filed = set(store.index_keys("colour", value))
            meant = {key for key, item in store.items() if colour(item) == [value]}
            if filed != meant:
                self._note(f"{self._mirror.name}: the index has {sorted(filed)} as {value}, the store {sorted(meant)}")


async def run(configuration: Json) -> None:
    watchman, hurry = Watchman(Path(configuration["log"])), Hurry()
    members: dict[str, Member] = {}
    async with anyio.create_task_group() as reading:
        async with AsyncExitStack() as scopes:
            for number, mirror in enumerate(mirrors(configuration["namespace"])):
                cluster = await scopes.enter_async_context(
                    connect(
                        server=configuration["wire" if mirror.is_wired else "server"],
                        token=configuration["token"],
                        ca_file=configuration["ca_file"],
                        timing=mirror.timing,
                        compressed=mirror.is_compressed,
                    )
                )
                informer = cluster.informer(
                    mirror.resource,
                    namespace=mirror.namespace,
                    label_selector=mirror.label_selector,
                    metadata_only=mirror.metadata_only,
                    retain=mirror.retain,
                    indexers={"colour": colour} if mirror.is_indexed else None,
                )
                chance = random.Random(f"{configuration['seed']}-visitor-{number}")  # noqa: S311 - to be replayed
                readers = Readers(informer, hurry, watchman.note, chance)
                members[mirror.name] = Member(mirror, informer, readers, watchman)
                reading.start_soon(readers.run)
            await answer(members, hurry)
            counted = {name: member.counted() for name, member in members.items()}
        reading.cancel_scope.deadline = anyio.current_time() + _CLOSING
    if reading.cancel_scope.cancelled_caught:
        watchman.note(f"readers still read {_CLOSING:g} s after their informers were closed")
    gc.collect()  # what asyncio says of tasks and futures that failed unseen, it says when they are freed
    say({"informers": counted} | await watchman.report())


async def answer(members: dict[str, Member], hurry: Hurry) -> None:
    """Do what standard input asks, until it ends."""
    while True:
        word = (await anyio.to_thread.run_sync(sys.stdin.readline)).strip()
        match word:
            case "hurry":
                hurry.begin()
                say({})
            case "dawdle":
                hurry.end()
                say({})
            case "state" | "dump":
                say({name: member.state(whole=word == "dump") for name, member in members.items()})
            case "end" | "":
                return
            case _:
                raise ValueError(f"not a word of the client's: {word!r}")


def say(line: Json) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    anyio.run(run, json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
