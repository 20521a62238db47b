"""Equal informers share one watch, as counted by the server."""

import re

import pytest
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import PATIENCE, ask, connected
from tests.e2e.polling import wait_until

pytestmark = pytest.mark.anyio

# Nobody else watches these: neither the API server itself nor another test.
RESOURCE = "v1/podtemplates"


def open_watches(plane: ControlPlane) -> int:
    found = re.findall(
        r'^apiserver_longrunning_requests\{.*resource="podtemplates".*verb="WATCH".*\} (\d+)$',
        plane.api.metrics(),
        re.MULTILINE,
    )
    return sum(map(int, found))


async def test_equal_arguments_make_one_watch_and_different_ones_two(
    control_plane: ControlPlane, namespace: str
) -> None:
    assert await ask(open_watches, control_plane) == 0
    async with connected(control_plane) as cluster:
        first = cluster.informer(RESOURCE, namespace=namespace)
        second = cluster.informer(RESOURCE, namespace=namespace)
        assert first is second
        await first.synced(timeout=PATIENCE)
        await second.synced(timeout=PATIENCE)
        assert await ask(open_watches, control_plane) == 1
        third = cluster.informer(RESOURCE, namespace=namespace, label_selector="app=web")
        await third.synced(timeout=PATIENCE)
        assert await ask(open_watches, control_plane) == 2
        await third.aclose()
        await ask(wait_for_open_watches, control_plane, 1)
        again = cluster.informer(RESOURCE, namespace=namespace, label_selector="app=web")
        await again.synced(timeout=PATIENCE)
        assert await ask(open_watches, control_plane) == 2
    await ask(wait_for_open_watches, control_plane, 0)


def wait_for_open_watches(plane: ControlPlane, count: int) -> None:
    """The server notices the end of a connection a moment after the client has made it."""
    assert wait_until(lambda: open_watches(plane) == count)
