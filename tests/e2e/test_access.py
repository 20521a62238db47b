"""A user without access is told why; a user who gets access later needs no restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.credentials import ADMIN, NOBODY, READER, Authority, Token
from tests.e2e.mirrors import (
    IMPATIENT,
    ask,
    connected,
    described,
    failed,
    held,
    listed,
    next_event,
    upto_synced,
)

from kubeinformer import ConnectionFailed, Forbidden, NotFound, SyncTimeout, Timing, Unauthorized, connect

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


@asynccontextmanager
async def right_to_watch(plane: ControlPlane, who: Token, namespace: str) -> AsyncIterator[None]:
    """Within the block, and on neither side of it. Not list: a watch-list is a watch."""
    right = plane.client.granted(who, verbs=["watch"], resource="configmaps", namespace=namespace)
    await ask(right.__enter__)
    try:
        yield
    finally:
        await ask(right.__exit__, None, None, None)


async def test_without_rights_it_is_forbidden_and_says_what(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane, token=NOBODY) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Forbidden)
        with pytest.raises(Forbidden) as refusal:
            await informer.synced(timeout=0)
        assert (refusal.value.verb, refusal.value.resource, refusal.value.namespace) == ("watch", RESOURCE, namespace)
        text = str(refusal.value)
        assert text.startswith(f"server refused to watch v1/configmaps in namespace '{namespace}' (HTTP 403 Forbidden")
        assert 'User "e2e-nobody" cannot watch resource "configmaps"' in text, "the server's own words"
        assert NOBODY.value not in text


async def test_rights_granted_later_are_noticed(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    async with connected(control_plane, token=READER, timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            await failed(informer, Forbidden)
            assert not informer.is_live
            async with right_to_watch(control_plane, READER, namespace):
                assert await upto_synced(events) == [("Added", "one")]
                assert held(informer) == await listed(control_plane, RESOURCE, namespace)
                assert informer.statistics().last_error is None
                assert set(informer.statistics().requests) == {"watch-list"}


async def test_rights_taken_away_keep_the_store_and_are_told(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    short_streams = Timing(backoff_first=0.1, backoff_limit=0.5, healthy_after=0.5, watch_timeout=(1, 1))
    async with connected(control_plane, token=READER, timing=short_streams) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            async with right_to_watch(control_plane, READER, namespace):
                assert await upto_synced(events) == [("Added", "one")]
            # The watch that is open may go on; the next one is refused.
            await failed(informer, Forbidden)
            assert not informer.is_live
            assert set(informer.store) == {f"{namespace}/one"}
            await informer.synced(timeout=0)  # a snapshot was there
            await ask(control_plane.client.create, path, manifests.config_map("two"))
            async with right_to_watch(control_plane, READER, namespace):
                assert described(await next_event(events)) == ("Added", "two")
        assert informer.statistics().syncs == 1, "resumed from where it was"


async def test_a_token_the_server_does_not_know(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane, token=Token("wrong", "nobody")) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Unauthorized)
        with pytest.raises(Unauthorized, match=r"HTTP 401 Unauthorized.*check that the token") as refusal:
            await informer.synced(timeout=0)
        assert refusal.value.resource == RESOURCE


async def test_no_token_at_all(control_plane: ControlPlane, namespace: str) -> None:
    async with connect(server=control_plane.url, ca_file=control_plane.ca_file) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, Forbidden)
        with pytest.raises(Forbidden, match='User "system:anonymous" cannot watch'):
            await informer.synced(timeout=0)


@pytest.mark.parametrize("resource", ["v1/podz", "apps/v7/deployments", "example.invalid/v1/widgets"])
async def test_a_resource_the_server_does_not_have(control_plane: ControlPlane, resource: str) -> None:
    async with connected(control_plane) as cluster:
        informer = cluster.informer(resource)
        await failed(informer, NotFound)
        with pytest.raises(NotFound, match=rf"{resource} in all namespaces \(HTTP 404.*CRD is installed"):
            await informer.synced(timeout=0)


async def test_a_server_whose_authority_is_not_trusted(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    stranger = tmp_path / "ca.crt"
    await ask(stranger.write_bytes, Authority().certificate)
    async with connect(server=control_plane.url, token=ADMIN.value, ca_file=stranger) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await failed(informer, ConnectionFailed)
        with pytest.raises(SyncTimeout, match=r"v1/configmaps not synced.*(?i:certificate)") as timeout:
            await informer.synced(timeout=0)
        assert isinstance(timeout.value.__cause__, ConnectionFailed)
        assert informer.statistics().received_bytes == 0
