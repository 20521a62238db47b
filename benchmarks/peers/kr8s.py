"""kr8s: one LIST through `get`, its objects in a dict. Their fields are boxes, made when the object is made."""

import asyncio

import kr8s.asyncio
from benchmarks.peers.measured import Clock, Server, hold, report, server


async def main() -> None:
    api = await kr8s.asyncio.api(kubeconfig=kubeconfig(server()))
    clock = Clock()
    pods = {}
    async for pod in api.get("pods", namespace=kr8s.ALL):
        clock.saw_object()
        pods[f"{pod.namespace}/{pod.name}"] = pod
    report(clock.synced(len(pods)))
    hold()


def kubeconfig(where: Server) -> dict[str, object]:
    """What it takes in place of a file: its other ways in know of no certificate authority."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": {"server": where.url, "certificate-authority": where.ca_file}}],
        "users": [{"name": "bench", "user": {"token": where.token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "current-context": "bench",
    }


if __name__ == "__main__":
    asyncio.run(main())
