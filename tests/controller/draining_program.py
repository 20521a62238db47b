"""The program of a controller, for tests of signals. It prints on stdout what it does.

Usage: ``python draining_program.py SERVER BACKEND GRACE_PERIOD HOLD``. Each reconcile prints ``began KEY``, and waits
until the object has a label (for ever, if HOLD is ``forever``). Then it prints ``ended KEY`` or ``cancelled KEY``.
"""

import logging
import sys

import anyio

from kubeinformer import Informer, Synced, connect
from kubeinformer.controller import Controller, Request, run_controllers


def say(*words: str) -> None:
    print(*words, flush=True)  # noqa: T201 - what the test reads


async def labelled(configmaps: Informer, key: str) -> None:
    async with configmaps.events() as events:
        async for event in events:
            if not isinstance(event, Synced) and event.key == key and event.metadata.get("labels"):
                return


async def main(server: str, grace_period: str, hold: str) -> None:
    async with connect(server=server) as cluster:
        configmaps = cluster.informer("v1/configmaps")

        async def reconcile(request: Request) -> None:
            say("began", request.key)
            try:
                await (anyio.sleep_forever() if hold == "forever" else labelled(configmaps, request.key))
            except anyio.get_cancelled_exc_class():
                say("cancelled", request.key)
                raise
            say("ended", request.key)

        await run_controllers(Controller(configmaps, reconcile), grace_period=float(grace_period))
    say("left")


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(message)s")
    logging.getLogger("kubeinformer.controller").addHandler(logging.StreamHandler(sys.stdout))
    anyio.run(main, sys.argv[1], sys.argv[3], sys.argv[4], backend=sys.argv[2])
