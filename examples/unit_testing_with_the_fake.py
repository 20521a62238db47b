"""Tests a reader of events without a cluster: run it, or let pytest collect it.

Needs ``pip install 'kubeinformer[testing]' pytest``.
"""

import anyio
import pytest

from kubeinformer import Added, Informer, Updated, connect
from kubeinformer.testing import FakeApiServer


async def first_failed_pod(pods: Informer) -> str:
    """The code under test: waits for a failed pod and returns its key."""
    async with pods.events() as events:
        async for event in events:
            if isinstance(event, Added | Updated) and event.object.get("status", {}).get("phase") == "Failed":
                return event.key
    raise RuntimeError("the informer was closed")


@pytest.mark.anyio
async def test_finds_a_failed_pod() -> None:
    async with FakeApiServer() as server, connect(server=server.url) as cluster:
        server.create("v1/pods", {"metadata": {"name": "good", "namespace": "default"}, "status": {"phase": "Running"}})
        server.create("v1/pods", {"metadata": {"name": "bad", "namespace": "default"}, "status": {"phase": "Failed"}})
        with anyio.fail_after(10):
            assert await first_failed_pod(cluster.informer("v1/pods")) == "default/bad"


if __name__ == "__main__":
    anyio.run(test_finds_a_failed_pod)
    print("passed")
