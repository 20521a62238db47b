"""Faults that do not end: what an informer says of them, and that it comes back when they do."""

import re

import anyio
import pytest
from tests.faults.scenario import FAST, hurrying

from kubeinformer import ServerRefused, SyncTimeout, connect
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import (
    Cut,
    Deny,
    Empty,
    Fault,
    HalfClose,
    Html,
    RefuseConnections,
    Reset,
    Script,
    ServerError,
    Stall,
    TableAnswer,
    TooManyRequests,
    Unauthenticated,
)

pytestmark = pytest.mark.anyio

PODS = "v1/pods"
FOR_EVER = [
    (Deny(times=None), "Forbidden"),
    (Unauthenticated(times=None), "Unauthorized"),
    (TooManyRequests(times=None), "ServerUnavailable"),
    (ServerError(times=None), "ServerUnavailable"),
    (Html(times=None, code=502), "ServerUnavailable"),
    (Html(times=None, code=200), "WrongKind"),
    (Empty(times=None), "ConnectionLost|MalformedData"),
    (TableAnswer(times=None), "WrongKind"),
    (Reset(times=None), "ConnectionLost"),
    (RefuseConnections(seconds=1e9), "ConnectionFailed"),
    (Stall(times=None, before_head=True), "ReadDeadlineExceeded"),
    (Stall(times=None), "ReadDeadlineExceeded"),
    (Stall(times=None, after_bytes=20), "ReadDeadlineExceeded"),
    (HalfClose(times=None, after_bytes=20), "ConnectionLost"),
    (Cut(times=None, after_bytes=20), "ConnectionLost"),
    (Cut(times=None, inside="member"), "ConnectionLost"),
    (Cut(times=None, inside="character", how="close"), "ConnectionLost"),
]


@pytest.mark.parametrize(("paged", "compressed"), [(False, True), (True, False)], ids=["watch-list-gzip", "paged"])
@pytest.mark.parametrize(("fault", "failure"), FOR_EVER, ids=lambda value: getattr(value, "kind", None))
async def test_synced_says_no_and_the_informer_comes_back(
    fault: Fault, failure: str, *, paged: bool, compressed: bool
) -> None:
    server = FakeApiServer(gzip_threshold=512)
    server.watch_list_enabled = not paged
    for number in range(20):
        server.create(PODS, {"metadata": {"name": f"pod-{number}", "annotations": {"text": "漢" * 30}}})
    async with server:
        server.play(Script([fault]))
        async with connect(server=server.url, timing=FAST, compressed=compressed) as cluster:
            pods = cluster.informer(PODS)
            async with hurrying(server, pods):
                with pytest.raises((ServerRefused, SyncTimeout)):
                    await pods.synced(timeout=10)
                assert re.search(failure, " ".join(pods.statistics().failures))
                assert len(server.requests) < 300, "it waits between two tries"
                server.stop_faults()
                await pods.synced()
                assert len(pods.store) == 20


async def test_a_credential_that_expires_is_asked_for_again() -> None:
    """As far as a clock of the day that jumps can be played: the server says that the token is over."""
    server = FakeApiServer()
    async with server:
        server.create(PODS, {"metadata": {"name": "a"}})
        server.play(Script([Unauthenticated(on="watch", times=2), Cut(on="watch-list", after_events=2)]))
        async with connect(server=server.url, timing=FAST) as cluster:
            pods = cluster.informer(PODS)
            async with hurrying(server, pods):
                await pods.synced()
                with anyio.fail_after(600):
                    while not pods.is_live or len(server.faults) < 3:  # noqa: ASYNC110 - tells nobody
                        await anyio.sleep(0.01)
                server.create(PODS, {"metadata": {"name": "b"}})
                await pods.wait_for(server.resource_version)
        assert pods.statistics().failures == {"Unauthorized": 2, "ConnectionLost": 1}
        assert pods.statistics().syncs == 1
