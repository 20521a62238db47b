"""Random changes at a steady rate, as in a busy cluster.

Theory. Each tick makes as many changes as are due for the time that has passed. So the rate holds even if the event
loop is a little late, and a high rate does not need a wake-up for each change. A backlog of more than a few ticks is
dropped, because on a machine that cannot keep up, catching up would take all the time there is. Most changes are small
updates, like those of a pod's status. There are as many deletions as creations, so the collection keeps its size.
"""

from random import Random

import anyio

from kubeinformer.resources import RawObject
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._made.synthetic import timestamp
from kubeinformer.testing._patches.merge_patch import merge_patch
from kubeinformer.testing._store.collection import Collection
from kubeinformer.testing._write.deleting import Deletion
from kubeinformer.testing._write.rules import WriteOptions

__all__ = ["churn"]

_TICK = 0.02  # seconds; 50 bursts per second look continuous to a reader
_LONGEST_TICK = 0.1  # seconds; a longer delay is not made up for
_DELETIONS, _CREATIONS = 0.1, 0.1  # their shares of all changes


async def churn(cluster: Cluster, collection: Collection, per_second: float, random: Random) -> None:
    """Change objects until cancelled, or until the resource is gone."""
    made, owed, last = 0, 0.0, anyio.current_time()
    while not collection.is_closed:
        await anyio.sleep(_TICK)
        now = anyio.current_time()
        owed += min(now - last, _LONGEST_TICK) * per_second
        last = now
        while owed >= 1:
            change_once(cluster, collection, made, random)
            made, owed = made + 1, owed - 1


def change_once(cluster: Cluster, collection: Collection, number: int, random: Random) -> None:
    """Make one random change; ``number`` makes it different from all others."""
    resource, kind = collection.type.resource, random.random()
    if not collection.keys:
        return
    key = random.choice(collection.keys)
    if kind < _DELETIONS:
        cluster.deleting.delete(resource, key, Deletion(grace=0))
    elif kind < _DELETIONS + _CREATIONS:
        obj = _sibling(cluster.storage.get(resource, key), number)
        cluster.writing.create(resource, obj, options=WriteOptions(is_trusted=True))
    else:
        annotations = {"kubeinformer.testing/churned": str(number)}
        patch: RawObject = {"metadata": {"annotations": annotations}}
        if collection.type.kind == "Pod":
            patch["status"] = {"startTime": timestamp(number)}
        cluster.writing.change(resource, key, lambda old: _merged(old, patch), WriteOptions(is_trusted=True))


def _sibling(obj: RawObject, number: int) -> RawObject:
    metadata = obj["metadata"]
    stem = metadata["name"].rpartition("-")[0] or metadata["name"]
    kept = {name: metadata[name] for name in ("namespace", "labels", "annotations") if name in metadata}
    return obj | {"metadata": kept | {"name": f"{stem}-c{number}"}}


def _merged(old: RawObject, patch: RawObject) -> RawObject:
    merged = merge_patch(old, patch)
    assert isinstance(merged, dict)
    return merged
