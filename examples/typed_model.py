"""Reads pods as a msgspec Struct: only the fields that it declares are decoded, and the type checker knows them."""

import anyio
import msgspec

from kubeinformer import connect


class Metadata(msgspec.Struct):
    name: str
    namespace: str


class Spec(msgspec.Struct):
    nodeName: str = "not scheduled"  # noqa: N815 - the API's name


class Pod(msgspec.Struct):
    metadata: Metadata
    spec: Spec


async def main() -> None:
    async with connect() as cluster:
        pods = cluster.informer("v1/pods", model=Pod)
        await pods.synced()
        for pod in pods.store.values():
            print(f"{pod.metadata.namespace}/{pod.metadata.name}: {pod.spec.nodeName}")


if __name__ == "__main__":
    anyio.run(main)
