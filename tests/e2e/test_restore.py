"""The database is restored to an older state: the stores follow, although the versions go back."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.mirrors import IMPATIENT, ask, connected, eventually, held, key_of, listed, next_event

from kubeinformer import Deleted, RawObject, Subscription, Synced

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"

# A server starts within a second on a fast machine, and before it does its kernel takes connections already.
DISTRUSTFUL = replace(IMPATIENT, proof_after=0.5)


def save(plane: ControlPlane, copy: Path) -> None:
    """Both must be down for it: the database's files are copied as they lie there."""
    plane.api.stop()
    plane.etcd.stop()
    plane.etcd.save(copy)
    plane.etcd.start()
    plane.api.start()


def set_back(plane: ControlPlane, copy: Path) -> None:
    plane.api.kill()
    plane.etcd.kill()
    plane.etcd.restore(copy)
    plane.etcd.start()
    plane.api.start()


def make_history(plane: ControlPlane, namespace: str) -> None:
    """What will never have been: changed, deleted, replaced, new; and many versions."""
    client, path = plane.client, f"/api/v1/namespaces/{namespace}/configmaps"
    client.patch(f"{path}/changed", {"data": {"life": "second"}})
    client.delete(f"{path}/deleted")
    client.delete(f"{path}/replaced")
    client.create(path, manifests.config_map("replaced", {"life": "second"}))
    client.create_many(path, [manifests.config_map(f"new-{number}") for number in range(200)])


async def follow(events: Subscription[RawObject], state: dict[str, RawObject], wanted: dict[str, RawObject]) -> None:
    """Fold events until the state is the one that is wanted."""
    while state != wanted:
        event = await next_event(events)
        if isinstance(event, Deleted):
            del state[event.key]
        elif not isinstance(event, Synced):
            state[event.key] = event.object


async def test_a_database_set_back_takes_the_stores_with_it(
    private_control_plane: StartControlPlane, tmp_path: Path
) -> None:
    plane, copy = await ask(private_control_plane), tmp_path / "copy"
    namespace = await ask(plane.client.create_namespace)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in ("same", "changed", "deleted", "replaced"):
        await ask(plane.client.create, path, manifests.config_map(name, {"life": "first"}))
    before = await listed(plane, RESOURCE, namespace)
    await ask(save, plane, copy)
    async with connected(plane, timing=DISTRUSTFUL) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            state: dict[str, RawObject] = {}
            await follow(events, state, before)
            await ask(make_history, plane, namespace)
            await follow(events, state, await listed(plane, RESOURCE, namespace))
            assert len(state) == 203
            reached = informer.store.resource_version

            await ask(set_back, plane, copy)
            await follow(events, state, before)
            assert held(informer) == before
            await eventually(lambda: informer.is_live)
            assert int(informer.store.resource_version or 0) < int(reached or 0)

            # And on from there, under versions that were given before.
            made = await ask(plane.client.create, path, manifests.config_map("new-0", {"life": "other"}))
            await follow(events, state, {**before, key_of(made): made})
            assert held(informer) == await listed(plane, RESOURCE, namespace)
