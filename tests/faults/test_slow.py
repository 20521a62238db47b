"""Answers that come so slowly that they might as well not come, a byte now and then: no deadline of silence ends them.

Times are of the event loop's clock, which is moved forwards: seconds of it are milliseconds.
"""

import anyio
import pytest
from tests.faults.scenario import FAST, hurrying

from kubeinformer import connect
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import Drip, Fault, Script, ServerError

pytestmark = pytest.mark.anyio

PODS = "v1/pods"
PAUSE = 0.9  # seconds; less than any deadline of FAST
LIMIT = 60.0  # seconds; a hundred bytes would take longer


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([ServerError(code=503), Drip(seconds=PAUSE)], id="refusal"),
        pytest.param([Drip(seconds=PAUSE, on="watch-list", times=None)], id="initial-stream"),
        pytest.param([Drip(seconds=PAUSE, on="watch", times=3)], id="live"),
    ],
)
async def test_a_drip_does_not_hold_up_the_informer(faults: list[Fault]) -> None:
    server = FakeApiServer()
    if faults[-1].on == "watch":
        server.watch_list_enabled = False
    for number in range(20):
        server.create(PODS, {"metadata": {"name": f"pod-{number}"}})
    async with server:
        server.play(Script(faults))
        async with connect(server=server.url, timing=FAST) as cluster:
            pods = cluster.informer(PODS)
            async with hurrying(server, pods):
                await pods.synced(timeout=LIMIT)
                with anyio.fail_after(LIMIT):
                    while not pods.is_live:  # noqa: ASYNC110 - tells nobody
                        await anyio.sleep(0.01)
                server.create(PODS, {"metadata": {"name": "late"}})
                await pods.wait_for(server.resource_version, timeout=LIMIT)
        assert server.faults
