"""A controller with metrics and probes: ``/metrics``, ``/healthz``, ``/readyz``, on a port of your choice.

Needs ``pip install 'kubeinformer[metrics]'``. Run it with the port, 8080 by default:
``python examples/prometheus.py 8080``.
"""

import sys

import anyio

from kubeinformer import connect
from kubeinformer.controller import Controller, Request, run_controllers, serve_health
from kubeinformer.controller.metrics import Metrics


async def reconcile(request: Request) -> None:
    print("~" if request.key in request.store else "-", request.key, flush=True)


async def main(port: int) -> None:
    async with connect() as cluster:
        metrics = Metrics(cluster)
        controller = Controller(cluster.informer("v1/pods"), reconcile, observer=metrics)
        async with serve_health(cluster, controllers=[controller], metrics=metrics, port=port) as server:
            print(f"http://127.0.0.1:{server.port}/metrics", flush=True)
            await run_controllers(controller)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
