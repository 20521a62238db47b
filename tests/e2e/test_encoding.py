"""With and without compression, the state is the same; with compression, fewer bytes are sent."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import PATIENCE, ask, connected, held, listed, version_of

pytestmark = pytest.mark.anyio


async def test_gzip_and_identity_give_the_same_state(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    await ask(control_plane.client.create_many, path, [manifests.pod(f"p-{i}", padding=3000) for i in range(200)])
    async with (
        connected(control_plane, compressed=True) as small,
        connected(control_plane, compressed=False) as large,
    ):
        gzip, identity = (cluster.informer("v1/pods", namespace=namespace) for cluster in (small, large))
        for informer in (gzip, identity):
            await informer.synced(timeout=PATIENCE)
        # Live events come as gzip members of their own, long after the first ones.
        for number in range(5):
            await ask(control_plane.client.patch, f"{path}/p-{number}", {"metadata": {"labels": {"n": str(number)}}})
            await ask(control_plane.client.delete, f"{path}/p-{number + 10}")
        last = await ask(control_plane.client.create, path, manifests.pod("last", padding=100_000))
        for informer in (gzip, identity):
            await informer.wait_for(version_of(last), timeout=PATIENCE)
        assert held(gzip) == held(identity) == await listed(control_plane, "v1/pods", namespace)
        zipped, plain = gzip.statistics(), identity.statistics()
        assert zipped.decoded_bytes >= zipped.received_bytes * 5
        assert plain.decoded_bytes == plain.received_bytes
        # Not equal: bookmarks may come to one of the two.
        assert abs(zipped.decoded_bytes - plain.decoded_bytes) < 2_000
        assert (zipped.failures, plain.failures) == ({}, {})
