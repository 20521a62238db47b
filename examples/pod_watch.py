"""Prints what happens to pods: first those that exist, then the changes."""

from contextlib import suppress

import anyio

from kubeinformer import Added, Deleted, RawObject, Synced, Updated, connect


async def main() -> None:
    async with connect() as cluster, cluster.informer("v1/pods").events() as events:
        async for event in events:
            match event:
                case Added(key=key):
                    print(f"+ {key}")
                case Updated(key=key, old=old, object=pod):
                    print(f"~ {key} {phase(old)} -> {phase(pod)}")
                case Deleted(key=key, final_state_known=known):
                    print(f"- {key}{'' if known else ' (some time ago)'}")
                case Synced():
                    print("-- that was all; now live")


def phase(pod: RawObject) -> str:
    """The phase that the kubelet reports; a new pod may have none."""
    return str(pod.get("status", {}).get("phase", "?"))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main)
