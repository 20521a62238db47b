"""One reconcile for a few namespaces: it needs a Role in each of them, and no rights in any other.

Run it with the namespaces: ``python examples/multi_namespace.py shop test``.
"""

import sys

import anyio

from kubeinformer import connect
from kubeinformer.controller import Controller, Request, run_controllers


async def reconcile(request: Request) -> None:
    pod = request.object
    phase = pod.get("status", {}).get("phase", "?") if pod else "gone"
    print(f"{request.namespace}: {request.name} is {phase}", flush=True)


async def main(*namespaces: str) -> None:
    async with connect() as cluster:
        pods = {namespace: cluster.informer("v1/pods", namespace=namespace) for namespace in namespaces}
        controllers = [Controller(informer, reconcile, name=f"pods-{name}") for name, informer in pods.items()]
        await run_controllers(*controllers)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    anyio.run(main, *sys.argv[1:])
