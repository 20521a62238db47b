"""What faults do to an informer, in figures; prints one JSON object.

``survived``: every kind of fault, and mixtures of them, with many seeds, on a fake API server. What must hold is in
``tests/faults/scenario.py``. Each seed uses the next of four ways: watch-list or pages, compressed or not.

``recovery``: the time from the moment at which a connection goes silent, until a change that is made at that moment is
in the store; together with the deadline that applied. With short deadlines, it is measured in real time. With the
default deadlines, it is measured in the time of the event loop, whose clock jumps forwards whenever nothing happens.

``requests``: how many requests the informer sends to servers that end everything immediately, in real time with the
default delays.

    .venv/bin/python -m benchmarks.faults --seeds 50
"""

import argparse
import collections
import json
import logging
import platform
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

import anyio
from tests.faults.scenario import Divergence, hurrying, survive

from kubeinformer import Informer, RawObject, Timing, connect
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import KINDS, Cut, Empty, Fault, RefuseConnections, Script, Stall, StreamError

PODS = "v1/pods"
OBJECTS = 10
SYNCED = OBJECTS + 1  # events of an initial stream: the objects and the bookmark
MIXTURE = "mixture"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50, help="of each kind of fault")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--rounds", type=int, default=20, help="of each recovery")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which requests are counted")
    arguments = parser.parse_args()
    logging.getLogger().addHandler(logging.NullHandler())  # the informers' warnings are what is meant to happen
    print(
        json.dumps(
            {
                "survived": survived(arguments.first, arguments.seeds),
                "recovery": anyio.run(recovery, arguments.rounds),
                "requests": anyio.run(requests, arguments.seconds),
                "python": platform.python_version(),
            },
            indent=1,
        )
    )


def survived(first: int, seeds: int) -> dict[str, Any]:
    """Play scripts, each in an event loop of its own."""
    injected: collections.Counter[str] = collections.Counter()
    diverged: list[dict[str, Any]] = []
    most_requests, begin = 0, time.monotonic()
    for kind in [*sorted(KINDS), MIXTURE]:
        for seed in range(first, first + seeds):
            kinds, count = (None, 4) if kind == MIXTURE else ([kind], 2)
            script = Script.random(seed, kinds, count=count)
            way = {"paged": bool(seed % 2), "compressed": bool(seed // 2 % 2)}
            try:
                outcome = anyio.run(partial(survive, script, **way))
            except Divergence as divergence:
                diverged.append(way | {"script": script.as_data(), "problem": str(divergence)})
            else:
                injected.update(outcome.injected)
                most_requests = max(most_requests, outcome.requests)
    return {
        "kinds": len(KINDS),
        "seeds": seeds,
        "scenarios": (len(KINDS) + 1) * seeds,
        "injected": dict(sorted(injected.items())),
        "divergences": len(diverged),
        "diverged": diverged,
        "most_requests": most_requests,
        "seconds": round(time.monotonic() - begin, 1),
    }


SHORT = Timing(watch_timeout=(1, 1), read_margin=1.0, initial_silence=2.0, shortest_read_deadline=2.0)
DEFAULT = Timing()
# Where the connection goes silent, and the longest deadline that then counts.
SILENCES: dict[str, tuple[Stall, str]] = {
    "before the head": (Stall(on="watch-list", before_head=True), "initial_silence"),
    "in the initial stream": (Stall(on="watch-list", after_events=3), "initial_silence"),
    "live": (Stall(on="watch-list", after_events=SYNCED), "watch_timeout"),
    "live, after bookmarks": (Stall(on="watch-list", after_events=SYNCED + 2), "bookmarks"),
}


async def recovery(rounds: int) -> list[dict[str, Any]]:
    """From silence to life."""
    told = []
    for timing, name in ((SHORT, "short"), (DEFAULT, "default")):
        for place, (stall, limit) in SILENCES.items():
            measured = [await recovered(stall, timing, limit) for _ in range(rounds)]
            told.append(
                {
                    "timing": name,
                    "silent": place,
                    "longest_deadline": round(max(deadline for deadline, _ in measured), 2),
                    "longest": round(max(seconds for _, seconds in measured), 2),
                    "most_over": round(max(seconds - deadline for deadline, seconds in measured), 2),
                    "rounds": rounds,
                }
            )
    return told


async def recovered(stall: Stall, timing: Timing, limit: str) -> tuple[float, float]:
    """The deadline, and seconds from the silence to a change of that moment in the store."""
    interval = 0.3 if timing is SHORT else 60.0
    async with informed([stall], timing, interval) as (server, pods):
        jumping = hurrying(server, pods) if timing is DEFAULT else nullcontext()
        async with jumping:
            while not server.faults:  # noqa: ASYNC110 - a record tells nobody when it comes
                await anyio.sleep(0.001)
            server.create(PODS, {"metadata": {"name": "late"}})
            await pods.wait_for(server.resource_version)
            seconds = anyio.current_time() - server.faults[0].time
    deadlines = {
        "initial_silence": timing.initial_silence,
        "watch_timeout": int(server.faults[0].query["timeoutSeconds"]) + timing.read_margin,
        "bookmarks": max(timing.shortest_read_deadline, timing.bookmark_patience * interval),
    }
    return deadlines[limit], seconds


@asynccontextmanager
async def informed(
    faults: Sequence[Fault], timing: Timing, bookmark_interval: float = 60.0
) -> AsyncGenerator[tuple[FakeApiServer, Informer[RawObject]]]:
    server = FakeApiServer(bookmark_interval=bookmark_interval)
    for number in range(OBJECTS):
        server.create(PODS, {"metadata": {"name": f"pod-{number}"}})
    async with server:
        server.play(Script(faults))
        async with connect(server=server.url, timing=timing) as cluster:
            yield server, cluster.informer(PODS)


ENDS: dict[str, list[Fault]] = {
    "answers 200 and closes": [Cut(times=None, how="close")],
    "answers 200 and resets": [Cut(times=None)],
    "answers 200 with nothing": [Empty(times=None)],
    "closes once in sync, and every watch": [
        Cut(times=None, how="close", on="watch-list", after_events=SYNCED),
        Cut(times=None, how="close", on="watch"),
    ],
    "expires after each sync": [StreamError(times=None, code=410, after_events=SYNCED)],
    "expires everything at once": [StreamError(times=None, code=410)],
    "refuses connections": [RefuseConnections(seconds=1e9)],
}


async def requests(seconds: float) -> dict[str, dict[str, float]]:
    """Requests to servers that end everything at once, all of them at the same time."""
    told: dict[str, dict[str, float]] = {}

    async def count(name: str, faults: list[Fault]) -> None:
        async with informed(faults, DEFAULT) as (_, pods):
            await anyio.sleep(1.0)
            first = sum(pods.statistics().requests.values())
            await anyio.sleep(seconds - 1.0)
            sent = sum(pods.statistics().requests.values())
        told[name] = {"in_the_first_second": first, "sent": sent, "per_second": round(sent / seconds, 2)}

    async with anyio.create_task_group() as tasks:
        for name, faults in ENDS.items():
            tasks.start_soon(count, name, faults)
    return {"seconds": {"counted": seconds}, **told}


if __name__ == "__main__":
    main()
