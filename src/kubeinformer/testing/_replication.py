"""A second API server of the same cluster, whose watch cache is behind.

Rules. A follower is a separate storage. It holds the objects of the leader as they were some versions ago, and the
history until then. When it is told to, it takes over what has happened since, and its watches see that as it comes. If
the leader no longer has that history, the follower starts over with the newest state, and its watches get a 410.

Theory. In a real cluster, only the watch cache is behind. A list, and a watch that requests initial events at the
newest version, wait for etcd. So the leader answers whatever names no version (`served_by`).

A watch from a future version is refused here. Proxies in front of several servers and servers of other makes do the
same, and it is the harder case for a client. kube-apiserver 1.37 accepts the watch, and is silent until it has caught
up.

Source. ``apiserver/pkg/storage/cacher/cacher.go`` at 1.37: ``waitUntilFreshAndList``, and the 504 of a version from the
future.
"""

import dataclasses

import anyio

from kubeinformer.testing._api.handlers import Api
from kubeinformer.testing._cluster import Cluster
from kubeinformer.testing._store.collection import Collection, HistoryLost, View
from kubeinformer.testing._store.storage import Storage

__all__ = ["Follower", "served_by"]

_AFTER_ALL_KEYS = "\U0010ffff"


class Follower:
    """A copy of a storage, some versions behind.

    Args:
        api: The leader.
        versions: How many versions it is behind at first; fewer if the history of the leader is shorter.

    Attributes:
        api: Answers from the copy. Access rules and settings are those of the leader.
    """

    def __init__(self, api: Api, versions: int) -> None:
        self._leader = leader = api.storage
        oldest = max(collection.floor for collection in leader.collections.values())
        version = max(leader.version - versions, oldest)
        storage = Storage(version, _HISTORY_LIMIT, _HISTORY_BYTES)
        storage.refuses_unseen = True
        storage.collections = {
            resource: _copy(collection, version) for resource, collection in leader.collections.items()
        }
        self.api = dataclasses.replace(api, cluster=Cluster(storage, garbage_collection=False))

    @property
    def behind(self) -> int:
        """How many versions it is behind now."""
        return self._leader.version - self.api.storage.version

    def catch_up(self) -> None:
        """Take over everything that has happened since."""
        storage, leader = self.api.storage, self._leader
        since, storage.version = storage.version, leader.version
        for resource, collection in leader.collections.items():
            if resource in storage.collections:
                _follow(storage.collections[resource], collection, since, leader.version)
            else:
                storage.collections[resource] = _copy(collection, leader.version)
        for resource in storage.collections.keys() - leader.collections.keys():
            storage.collections.pop(resource).close()

    async def follow(self) -> None:
        """Catch up, and keep up until cancelled. Resources that are registered later are not followed."""
        async with anyio.create_task_group() as tasks:
            for collection in self._leader.collections.values():
                tasks.start_soon(self._follow_news, collection)

    async def _follow_news(self, collection: Collection) -> None:
        while True:
            self.catch_up()
            if collection.is_closed:
                return
            await collection.news.wait()


def served_by(follower: Follower, leader: Api, version: str | None, *, is_watch: bool) -> Api:
    """Which API answers a request that was sent to the follower. ``version`` is the version that it requests."""
    return follower.api if is_watch and version not in {None, "", "0"} else leader


def _copy(collection: Collection, version: int) -> Collection:
    copied = Collection(collection.type, collection.floor, _HISTORY_LIMIT, _HISTORY_BYTES)
    copied.load(dict(View(collection, collection.floor).items("", _AFTER_ALL_KEYS)), collection.floor)
    _follow(copied, collection, collection.floor, version)
    return copied


def _follow(copied: Collection, collection: Collection, since: int, version: int) -> None:
    try:
        changes = collection.changes_since(since)
    except HistoryLost:
        copied.entries.clear()
        copied.load(dict(View(collection, version).items("", _AFTER_ALL_KEYS)), version)
        return
    for change in changes:
        if change.rv > version:
            return
        if change.is_deletion:
            copied.remove(change.key, change.after)
        else:
            copied.put(change.key, change.after)


_HISTORY_LIMIT = 10_000  # changes
_HISTORY_BYTES = 64 * 1024 * 1024
