"""A controller that runs in several replicas, of which one works: when it ends, another takes over.

Start it twice. The first reconciles; the second waits until you stop the first, by Ctrl-C or by ``kill``.
"""

import logging
import os

import anyio

from kubeinformer import connect
from kubeinformer.controller import Controller, LeaderElection, Request, run_controllers, serve_health


async def reconcile(request: Request) -> None:
    print(f"reconciled {request.key}, which is {'gone' if request.object is None else 'there'}", flush=True)


async def main() -> None:
    namespace = os.environ.get("POD_NAMESPACE", "default")  # where the lease and the config maps are
    async with connect() as cluster:
        controller = Controller(cluster.informer("v1/configmaps", namespace=namespace), reconcile)
        election = LeaderElection(cluster, "leader-elected-example", namespace=namespace)
        print(f"{election.identity} waits for its turn", flush=True)
        # For probes: one that waits is healthy and ready as well. Port 0 is any that is free.
        async with serve_health(cluster, controllers=[controller], port=int(os.environ.get("PORT", "0"))):
            # Returns after SIGTERM or Ctrl-C. A lease that is lost is an error that ends the program: exit code 1.
            await run_controllers(controller, leader_election=election)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(main)
