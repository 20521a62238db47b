"""Tests code against a server that misbehaves, played by respx: run it, or let pytest collect it.

Needs ``pip install 'kubeinformer[httpx]' pytest-httpx2``. In your own tests, use pytest-httpx2's fixture
``httpx2_mock`` instead of ``respx.mock(using="httpcore2")``.
"""

import json
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest_httpx2  # noqa: F401  # pyright: ignore[reportUnusedImport] - teaches respx to patch httpcore2
import respx

from kubeinformer import Informer, RawObject, connect
from kubeinformer.connection import ConnectionConfig, HttpxTransport

POD: RawObject = {"apiVersion": "v1", "kind": "Pod"}


class Watch(httpx.AsyncByteStream):
    """The body of a watch: some lines, then silence until the client leaves, as in a quiet cluster."""

    def __init__(self, *events: RawObject) -> None:
        self.events, self.left = events, anyio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self.events:
            yield json.dumps(event).encode() + b"\n"
        await self.left.wait()

    async def aclose(self) -> None:
        """Called when the client has left."""
        self.left.set()


async def count_of_pods(pods: Informer) -> int:
    """The code under test: counts the pods once the informer is in sync."""
    await pods.synced(timeout=10)
    return len(pods.store)


async def test_a_server_that_is_busy_at_first() -> None:
    pod = POD | {"metadata": {"name": "web-0", "namespace": "default", "uid": "1", "resourceVersion": "5"}}
    end = POD | {"metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}}
    watch = Watch({"type": "ADDED", "object": pod}, {"type": "BOOKMARK", "object": end})
    config = ConnectionConfig(server="https://kube.example")
    with respx.mock(using="httpcore2", base_url=config.server) as router:
        pods = router.get("/api/v1/pods")
        pods.side_effect = [
            httpx.Response(429, headers={"Retry-After": "1"}),
            httpx.Response(200, headers={"Content-Type": "application/json"}, stream=watch),
        ]
        async with connect(transport=HttpxTransport(config)) as cluster:
            assert await count_of_pods(cluster.informer("v1/pods")) == 1
        assert pods.call_count == len(["busy", "the watch"])
    assert watch.left.is_set()


if __name__ == "__main__":
    anyio.run(test_a_server_that_is_busy_at_first)
    print("passed")
