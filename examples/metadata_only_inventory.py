"""Lists Secrets with their labels. Their data never leaves the API server."""

import anyio

from kubeinformer import connect


async def main() -> None:
    async with connect() as cluster:
        secrets = cluster.informer("v1/secrets", metadata_only=True)
        await secrets.synced()
        for key, secret in secrets.store.items():
            labels = secret["metadata"].get("labels", {})
            print(key, *(f"{name}={value}" for name, value in labels.items()))


if __name__ == "__main__":
    anyio.run(main)
