"""What the comparison and the repair ask beside the stream; what they make of answers is in their own tests."""

import anyio
import pytest
from tests._runtime.mirror import PODS
from tests._runtime.scripted import FedTransport
from trio.testing import MockClock

from kubeinformer import ConnectionLost, Timing
from kubeinformer._protocol.pages import ListItem
from kubeinformer._protocol.requests import ListFetch
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Trio's clock, which jumps when all tasks sleep."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_a_list_that_drips_is_given_up() -> None:
    """It holds a turn that others wait for."""
    transport = FedTransport()
    found: list[ListItem] = []
    started = anyio.current_time()
    async with anyio.create_task_group() as tasks:

        async def drip() -> None:
            while True:
                transport.response.feed(b" ")
                await anyio.sleep(10)

        tasks.start_soon(drip)
        listing = Listing(PODS, transport, Limits(), Timing(list_timeout=100))
        with pytest.raises(ConnectionLost, match=r"v1/pods .* no end in time"):
            await listing.fetch(ListFetch(0), found.append)
        tasks.cancel_scope.cancel()
    await transport.aclose()
    assert anyio.current_time() - started == pytest.approx(100)
    assert found == []
