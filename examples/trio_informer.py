"""On trio, with trio's own tools: waits until a pod runs, or gives up.

Needs ``pip install 'kubeinformer[httpx]' trio``. Run it with the pod's namespace and name, and the seconds to wait for:
``python examples/trio_informer.py shop web-0 30``.
"""

import sys

import trio

from kubeinformer import Added, Updated, connect


async def main(namespace: str, name: str, seconds: float) -> None:
    async with connect() as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace, field_selector=f"metadata.name={name}")
        with trio.fail_after(seconds):
            async with pods.events() as events:
                async for event in events:
                    if isinstance(event, Added | Updated):
                        phase = event.object.get("status", {}).get("phase")
                        print(f"{event.key} is {phase}", flush=True)
                        if phase == "Running":
                            return


if __name__ == "__main__":
    match sys.argv[1:]:
        case [namespace, name, seconds]:
            trio.run(main, namespace, name, float(seconds))
        case _:
            sys.exit(__doc__)
