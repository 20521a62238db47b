"""kubeinformer as its users have it: `connect`, one informer, its store; then a resync, once the server forces one."""

import asyncio
from collections.abc import Callable

from benchmarks.peers.measured import Clock, hold, report, server

from kubeinformer import Informer, connect

# A resync is seen by asking for counters: often enough to be right within this time, seldom enough to cost nothing.
_LOOK = 0.002  # seconds


async def main() -> None:
    where = server()
    async with connect(server=where.url, token=where.token, ca_file=where.ca_file) as cluster:
        clock = Clock()
        pods = cluster.informer("v1/pods")
        first = asyncio.create_task(see_first_object(pods, clock))
        await pods.synced()
        figures = clock.synced(len(pods.store))
        await first
        report(figures)
        watching = asyncio.create_task(report_resync(pods))
        await asyncio.to_thread(hold)
        watching.cancel()


async def see_first_object(pods: Informer, clock: Clock) -> None:
    async with pods.events() as events:
        async for _ in events:
            clock.saw_object()
            return


async def report_resync(pods: Informer) -> None:
    """From the second watch-list request to the second complete snapshot."""
    await until(lambda: pods.statistics().requests["watch-list"] > 1)
    clock = Clock()
    await until(lambda: pods.statistics().syncs > 1)
    report(clock.synced(len(pods.store)))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - counters wake nobody
        await asyncio.sleep(_LOOK)


if __name__ == "__main__":
    asyncio.run(main())
