"""A controller with several replicas, of which one is active: when that one stops, another takes over.

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
        # For probes: a replica that waits is healthy and ready, too. Port 0 means any free port.
        async with serve_health(cluster, controllers=[controller], port=int(os.environ.get("PORT", "0"))):
            # Returns after SIGTERM or Ctrl-C. If the lease is lost, an exception ends the program with exit code 1.
            await run_controllers(controller, leader_election=election)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(main)
