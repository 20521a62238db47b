"""The position is lost: everything is read again in place, and readers are told what happened in between."""

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.mirrors import (
    IMPATIENT,
    ask,
    connected,
    described,
    eventually,
    held,
    listed,
    next_event,
    upto_synced,
)
from tests.e2e.wire import Wire

from kubeinformer import Added, Deleted, RawObject

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"


def life(item: RawObject) -> list[str]:
    return [item["data"]["life"]]


def make_differences(plane: ControlPlane, path: str) -> None:
    """Of 100 objects ten are deleted, ten replaced, ten changed; ten come."""
    client = plane.client
    for number in range(10):
        client.delete(f"{path}/c-{number:03}")
        client.delete(f"{path}/c-{number + 10:03}")
        client.create(path, manifests.config_map(f"c-{number + 10:03}", {"life": "second"}))
        client.patch(f"{path}/c-{number + 20:03}", {"data": {"life": "changed"}})
        client.create(path, manifests.config_map(f"c-{number + 100:03}", {"life": "first"}))


async def test_a_compaction_alone_is_not_noticed_and_with_a_restart_means_a_resync_in_place(
    private_control_plane: StartControlPlane,
) -> None:
    plane = await ask(private_control_plane)
    namespace = await ask(plane.client.create_namespace)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await ask(
        plane.client.create_many, path, [manifests.config_map(f"c-{i:03}", {"life": "first"}) for i in range(100)]
    )
    async with Wire(plane.url) as wire, connected(plane, server=wire.url, timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace, indexers={"life": life})
        async with informer.events() as events:
            assert len(await upto_synced(events)) == 100
            # The watch cache still has the history: a cut across a compaction is resumed as ever.
            wire.unplug()
            await eventually(lambda: not informer.is_live)
            await ask(plane.client.patch, f"{path}/c-099", {"data": {"seen": "yes"}})
            await ask(plane.compact)
            wire.plug()
            assert described(await next_event(events)) == ("Updated", "c-099")
            assert informer.statistics().syncs == 1

            before = held(informer)
            wire.unplug()
            await eventually(lambda: not informer.is_live)
            await ask(make_differences, plane, path)
            await ask(plane.compact)
            await ask(plane.api.restart)
            assert held(informer) == before, "the store keeps what it has"
            wire.plug()
            expected = {
                **{f"c-{number:03}": ["Vanished"] for number in range(10)},
                **{f"c-{number:03}": ["Vanished", "Added"] for number in range(10, 20)},
                **{f"c-{number:03}": ["Updated"] for number in range(20, 30)},
                **{f"c-{number:03}": ["Added"] for number in range(100, 110)},
            }
            told: dict[str, list[str]] = {}
            folded = dict(before)
            for _ in range(sum(map(len, expected.values()))):
                event = await next_event(events)
                word, name = described(event)
                told.setdefault(name, []).append(word)
                if isinstance(event, Deleted):
                    assert folded.pop(event.key) == event.object, "the last state that was known"
                else:
                    assert not isinstance(event, Added) or event.key not in folded
                    folded[f"{namespace}/{name}"] = event.object  # type: ignore[union-attr]  # no Synced: it has a name
            assert told == expected
            # Nothing else is told: what comes next is what is done next.
            await ask(plane.client.create, path, manifests.config_map("last", {"life": "first"}))
            assert described(await next_event(events)) == ("Added", "last")
        after = await listed(plane, RESOURCE, namespace)
        assert held(informer) == after
        assert folded == {key: item for key, item in after.items() if not key.endswith("/last")}
        assert len(list(informer.store.by_index("life", "second"))) == 10
        assert len(list(informer.store.by_index("life", "changed"))) == 10
        assert len(list(informer.store.by_index("life", "first"))) == 100 - 30 + 10 + 1
        numbers = informer.statistics()
        assert numbers.syncs == 2
        assert numbers.requests["watch-list"] == 2
        assert numbers.failures["ServerUnavailable"] == 1, "the 410, within the stream"
