"""A process that wants to become the leader, started by `two_processes`. It prints what it does.

Each line that it prints is JSON with the time. It works in pieces, and only begins a piece while it holds the lease.
There are three modes. ``body``: in a loop in the body of the election. ``controller``: in reconciles of a `Controller`
under `run_controllers`; this needs an existing config map. ``theirs``: in a body that the election of
kubernetes_asyncio runs, and that SIGTERM cancels.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel

from kubeinformer import Cluster, connect
from kubeinformer.controller import Controller, LeaderElection, Request, Result, run_controllers

PIECE = 0.02  # seconds
PIECES = 25  # of a reconcile: so it is nearly always in the middle of one that something happens


def say(event: str) -> None:
    # One write of a short line: a process that is killed or stopped does not leave half of one.
    line = json.dumps({"event": event, "at": time.clock_gettime(time.CLOCK_MONOTONIC)}) + "\n"
    os.write(1, line.encode())


async def work(check: Any) -> None:
    say("leading")
    try:
        while True:
            check()
            say("work")
            await anyio.sleep(PIECE)
    finally:
        say("ended")


async def stop_on_sigterm(scope: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return


def election(cluster: Cluster, options: argparse.Namespace) -> LeaderElection:
    lease_duration, renew_deadline, retry_period = options.times
    return LeaderElection(
        cluster,
        options.lease,
        namespace=options.namespace,
        identity=options.identity,
        lease_duration=lease_duration,
        renew_deadline=renew_deadline,
        retry_period=retry_period,
    )


async def body(options: argparse.Namespace) -> None:
    async with anyio.create_task_group() as tasks:
        await tasks.start(stop_on_sigterm, tasks.cancel_scope)
        async with connect(options.kubeconfig) as cluster:
            mine = election(cluster, options)
            say("waiting")
            async with mine:
                await work(mine.check)


async def controller(options: argparse.Namespace) -> None:
    async def reconcile(_: Request) -> Result:
        for _piece in range(PIECES):
            await anyio.sleep(PIECE)
            if options.backend == "trio":
                await anyio.lowlevel.checkpoint()  # a step that must not be done is begun there, and ends here
            say("work")
        return Result(requeue_after=0)

    async with connect(options.kubeconfig) as cluster:
        config_maps = cluster.informer("v1/configmaps", namespace=options.namespace)
        say("waiting")
        await run_controllers(Controller(config_maps, reconcile), leader_election=election(cluster, options))


async def theirs(options: argparse.Namespace) -> None:
    from kubernetes_asyncio import client, config  # noqa: PLC0415 - 65 MB that the other mode does not need
    from kubernetes_asyncio.leaderelection import electionconfig, leaderelection  # noqa: PLC0415 - as above
    from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock  # noqa: PLC0415 - as above

    await config.load_kube_config(options.kubeconfig)

    async def stopped() -> None:
        say("ended")

    async with client.ApiClient() as api:
        lock = LeaseLock(options.lease, options.namespace, options.identity, api)
        lease_duration, renew_deadline, retry_period = map(int, options.times)  # "3.0" makes it raise ValueError
        settings = electionconfig.Config(
            lock, lease_duration, renew_deadline, retry_period, partial(work, lambda: None), stopped
        )
        running = asyncio.current_task()
        assert running is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        say("waiting")
        await leaderelection.LeaderElection(settings).run()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["body", "controller", "theirs"])
    parser.add_argument("--backend", default="asyncio")
    parser.add_argument("--kubeconfig")
    parser.add_argument("--namespace")
    parser.add_argument("--lease")
    parser.add_argument("--identity")
    parser.add_argument("--times", type=float, nargs=3)
    options = parser.parse_args()
    if options.program == "theirs":
        try:
            asyncio.run(theirs(options))
        except asyncio.CancelledError:
            sys.exit(0)
    else:
        try:
            anyio.run({"body": body, "controller": controller}[options.program], options, backend=options.backend)
        except ExceptionGroup as group:  # of the task group that waits for signals
            raise group.exceptions[0] from None


if __name__ == "__main__":
    main()
