"""Changes arrive when they are made: as events, and in the store by key, by index and by version."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane
from tests.e2e.mirrors import (
    PATIENCE,
    ask,
    connected,
    described,
    held,
    listed,
    next_event,
    upto,
    upto_synced,
    version_of,
)

from kubeinformer import Added, Deleted, RawObject, Updated, WaitTimeout

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


def configmaps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


async def test_create_update_delete(control_plane: ControlPlane, namespace: str) -> None:
    path, key = configmaps(namespace), f"{namespace}/one"
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == []

            made = await ask(control_plane.client.create, path, manifests.config_map("one", {"a": "1"}))
            event = await next_event(events)
            assert event == Added(key, made)
            assert informer.store.get(key) == made

            changed = await ask(control_plane.client.patch, f"{path}/one", {"data": {"a": "2"}})
            event = await next_event(events)
            assert event == Updated(key, made, changed)
            assert informer.store.get(key) == changed

            await ask(control_plane.client.delete, f"{path}/one")
            event = await next_event(events)
            assert isinstance(event, Deleted)
            assert (event.key, event.final_state_known, event.object["data"]) == (key, True, {"a": "2"})
            assert key not in informer.store
            assert int(version_of(event.object)) > int(version_of(changed)), (
                "the final state has the deletion's version"
            )
        assert informer.statistics().requests == {"watch-list": 1}


async def test_deleted_and_recreated_under_the_same_name(control_plane: ControlPlane, namespace: str) -> None:
    path, key = configmaps(namespace), f"{namespace}/one"
    first = await ask(control_plane.client.create, path, manifests.config_map("one", {"life": "first"}))
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == [("Added", "one")]
            # Nothing is read meanwhile: both changes wait under the same key, and still are two.
            await ask(control_plane.client.delete, f"{path}/one")
            second = await ask(control_plane.client.create, path, manifests.config_map("one", {"life": "second"}))
            await informer.wait_for(version_of(second), timeout=PATIENCE)
            gone, came = await next_event(events), await next_event(events)
            assert isinstance(gone, Deleted)
            assert gone.object["metadata"]["uid"] == first["metadata"]["uid"]
            assert came == Added(key, second)
            assert first["metadata"]["uid"] != second["metadata"]["uid"]
            assert informer.store.get(key) == second


async def test_a_reader_that_was_away_gets_the_latest_state_of_each_key(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = configmaps(namespace)
    await ask(control_plane.client.create, path, manifests.config_map("changing", {"n": "0"}))
    await ask(control_plane.client.create, path, manifests.config_map("going"))
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert sorted(await upto_synced(events)) == [("Added", "changing"), ("Added", "going")]
            for number in range(1, 20):
                await ask(control_plane.client.patch, f"{path}/changing", {"data": {"n": str(number)}})
            await ask(control_plane.client.create, path, manifests.config_map("short-lived"))
            await ask(control_plane.client.delete, f"{path}/short-lived")
            await ask(control_plane.client.patch, f"{path}/going", {"data": {"n": "1"}})
            await ask(control_plane.client.delete, f"{path}/going")
            last = await ask(control_plane.client.create, path, manifests.config_map("last"))
            await informer.wait_for(version_of(last), timeout=PATIENCE)
            update = await next_event(events)
            assert isinstance(update, Updated)
            assert (update.old["data"]["n"], update.object["data"]["n"]) == ("0", "19")
            assert await upto(events, "last") == [("Deleted", "going")]
        assert held(informer) == await listed(control_plane, RESOURCE, namespace)


async def test_two_readers_each_get_everything_and_a_late_one_catches_up(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = configmaps(namespace)
    await ask(control_plane.client.create, path, manifests.config_map("one"))
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as early:
            assert await upto_synced(early) == [("Added", "one")]
            await ask(control_plane.client.create, path, manifests.config_map("two"))
            assert described(await next_event(early)) == ("Added", "two")
            async with informer.events() as late:
                assert await upto_synced(late) == [("Added", "one"), ("Added", "two")]
                await ask(control_plane.client.delete, f"{path}/one")
                assert described(await next_event(early)) == described(await next_event(late)) == ("Deleted", "one")


async def test_own_writes_can_be_read_once_waited_for(control_plane: ControlPlane, namespace: str) -> None:
    path = configmaps(namespace)
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        # From before the first snapshot on, and after every single write.
        for number in range(20):
            written = await ask(control_plane.client.create, path, manifests.config_map(f"c-{number}"))
            await informer.wait_for(version_of(written), timeout=PATIENCE)
            assert informer.store.get(f"{namespace}/c-{number}") == written


async def test_a_version_that_nobody_wrote_is_not_reached(control_plane: ControlPlane, namespace: str) -> None:
    async with connected(control_plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        await informer.synced(timeout=PATIENCE)
        version = str(int(informer.store.resource_version or "0") + 10**9)
        with pytest.raises(WaitTimeout, match=f"v1/configmaps did not reach resource version {version}"):
            await informer.wait_for(version, timeout=0.1)


def tier(item: RawObject) -> list[str]:
    return [value] if (value := item["metadata"].get("labels", {}).get("tier")) else []


async def test_indexes_follow_live_objects(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    for name, value in (("a", "front"), ("b", "back"), ("c", "back")):
        await ask(control_plane.client.create, path, manifests.pod(name, labels={"tier": value}))
    async with connected(control_plane) as cluster:
        pods = cluster.informer("v1/pods", namespace=namespace, indexers={"tier": tier})

        def names(value: str) -> set[str]:
            return {pod["metadata"]["name"] for pod in pods.store.by_index("tier", value)}

        await pods.synced(timeout=PATIENCE)
        assert (names("front"), names("back")) == ({"a"}, {"b", "c"})
        await ask(control_plane.client.patch, f"{path}/b", {"metadata": {"labels": {"tier": "front"}}})
        await ask(control_plane.client.delete, f"{path}/a")
        made = await ask(control_plane.client.create, path, manifests.pod("d", labels={"tier": "front"}))
        await pods.wait_for(version_of(made), timeout=PATIENCE)
        assert (names("front"), names("back"), names("none")) == ({"b", "d"}, {"c"}, set())
        assert set(pods.store.index_keys("tier", "front")) == {f"{namespace}/b", f"{namespace}/d"}
