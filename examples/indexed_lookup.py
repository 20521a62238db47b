"""Counts pods by node, and looks up the pods of the three fullest nodes in an index."""

from collections import Counter

import anyio

from kubeinformer import RawObject, connect


def node_of(pod: RawObject) -> list[str]:
    """The node of a pod; none for a pod that is not scheduled yet."""
    node = pod["spec"].get("nodeName")
    return [node] if node else []


async def main() -> None:
    async with connect() as cluster:
        pods = cluster.informer("v1/pods", indexers={"node": node_of})
        await pods.synced()
        counts = Counter(node for pod in pods.store.values() for node in node_of(pod))
        for node, count in counts.most_common(3):
            print(f"{node}: {count} pods")
            for pod in pods.store.by_index("node", node):
                print(f"  {pod['metadata']['namespace']}/{pod['metadata']['name']}")


if __name__ == "__main__":
    anyio.run(main)
