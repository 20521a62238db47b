"""Connections break, servers go away and come back: the store becomes right again, and no event is repeated."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.e2e import manifests
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.mirrors import (
    IMPATIENT,
    PATIENCE,
    ask,
    connected,
    described,
    eventually,
    held,
    listed,
    next_event,
    upto,
    upto_synced,
    version_of,
)
from tests.e2e.wire import Wire

from kubeinformer import Timing

pytestmark = pytest.mark.anyio

RESOURCE = "v1/configmaps"

# Streams of two seconds, and as much patience beyond that: a silent peer is noticed within a test, and a server is not
# taken for one that ends its stream a moment late, as a busy one does.
SHORT_STREAMS = Timing(backoff_first=0.1, backoff_limit=0.5, healthy_after=1, watch_timeout=(2, 2), read_margin=2)


def configmaps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def make_differences(plane: ControlPlane, namespace: str) -> None:
    """From a, b, c to a, another b, a changed c, d; and the marker."""
    path, client = configmaps(namespace), plane.client
    client.delete(f"{path}/b")
    client.create(path, manifests.config_map("b", {"life": "second"}))
    client.patch(f"{path}/c", {"data": {"changed": "yes"}})
    client.create(path, manifests.config_map("d"))
    client.create(path, manifests.config_map("last"))


def create_three(plane: ControlPlane, namespace: str) -> None:
    plane.client.create_many(configmaps(namespace), [manifests.config_map(name) for name in "abc"])


async def test_a_cut_connection_is_resumed_without_a_resync(control_plane: ControlPlane, namespace: str) -> None:
    await ask(create_three, control_plane, namespace)
    async with Wire(control_plane.url) as wire, connected(control_plane, server=wire.url, timing=IMPATIENT) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert len(await upto_synced(events)) == 3
            wire.unplug()
            await eventually(lambda: not informer.is_live)
            await ask(make_differences, control_plane, namespace)
            wire.plug()
            assert await upto(events, "last") == [("Deleted", "b"), ("Added", "b"), ("Updated", "c"), ("Added", "d")]
            assert held(informer) == await listed(control_plane, RESOURCE, namespace)
        numbers = informer.statistics()
        assert numbers.syncs == 1
        assert numbers.requests["watch-list"] == 1
        assert numbers.requests["watch"] >= 1
        assert set(numbers.failures) <= {"ConnectionLost", "ConnectionFailed"}
        assert informer.is_live


async def test_each_cut_costs_one_request_when_the_server_is_there(control_plane: ControlPlane, namespace: str) -> None:
    trustful = replace(IMPATIENT, proof_after=60)  # no proof, however busy the machine is
    async with Wire(control_plane.url) as wire, connected(control_plane, server=wire.url, timing=trustful) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == []
            for number in range(3):
                wire.cut()
                # Not `is_live`: the informer may be back before anybody looks.
                await eventually(lambda: informer.statistics().failures.get("ConnectionLost", 0) > number)  # noqa: B023
                path = configmaps(namespace)
                await ask(control_plane.client.create, path, manifests.config_map(f"c-{number}"))
                assert described(await next_event(events)) == ("Added", f"c-{number}")
        numbers = informer.statistics()
        assert numbers.requests == {"watch-list": 1, "watch": 3}
        assert numbers.failures == {"ConnectionLost": 3}
        assert (numbers.syncs, wire.connections) == (1, 4)


async def test_a_peer_that_falls_silent_is_left_for_a_new_connection(
    control_plane: ControlPlane, namespace: str
) -> None:
    async with (
        Wire(control_plane.url) as wire,
        connected(control_plane, server=wire.url, timing=SHORT_STREAMS) as cluster,
    ):
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == []
            await eventually(lambda: informer.is_live)  # two seconds may be over already
            wire.freeze()
            await ask(create_three, control_plane, namespace)
            assert [described(await next_event(events))[1] for _ in "abc"] == ["a", "b", "c"]
        numbers = informer.statistics()
        assert set(numbers.failures) == {"ReadDeadlineExceeded"}
        assert numbers.syncs == 1


async def test_streams_that_the_server_ends_in_time_are_followed_by_others(
    control_plane: ControlPlane, namespace: str
) -> None:
    async with connected(control_plane, timing=SHORT_STREAMS) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert await upto_synced(events) == []
            await eventually(lambda: informer.statistics().requests.get("watch", 0) >= 2)
            await ask(create_three, control_plane, namespace)
            assert [described(await next_event(events))[1] for _ in "abc"] == ["a", "b", "c"]
        numbers = informer.statistics()
        assert (numbers.syncs, numbers.failures) == (1, {}), "a clean end is no failure"


def stop(plane: ControlPlane) -> None:
    plane.api.stop()


def kill(plane: ControlPlane) -> None:
    plane.api.kill()


async def test_a_restarted_server_is_found_again_and_only_differences_are_told(
    private_control_plane: StartControlPlane,
) -> None:
    plane = await ask(private_control_plane)
    namespace = await ask(plane.client.create_namespace)
    await ask(create_three, plane, namespace)
    # The default timing for once: what users have.
    async with connected(plane) as cluster:
        informer = cluster.informer(RESOURCE, namespace=namespace)
        async with informer.events() as events:
            assert len(await upto_synced(events)) == 3
            ends: list[Callable[[ControlPlane], None]] = [stop, kill]
            for restarts, end in enumerate(ends, 1):
                before = informer.statistics()
                await ask(end, plane)
                await eventually(lambda: not informer.is_live)
                assert len(informer.store) == 3, "the store keeps what it has"
                await ask(plane.api.start)
                # Now or a moment later the informer is back, in the middle of these or before or after them.
                path = configmaps(namespace)
                await ask(plane.client.delete, f"{path}/b")
                await ask(plane.client.create, path, manifests.config_map("b", {"life": str(restarts)}))
                await ask(plane.client.patch, f"{path}/c", {"data": {"changed": str(restarts)}})
                await ask(plane.client.create, path, manifests.config_map("last"))
                told = [(word.replace("Vanished", "Deleted"), name) for word, name in await upto(events, "last")]
                assert told == [("Deleted", "b"), ("Added", "b"), ("Updated", "c")]
                await ask(plane.client.delete, f"{path}/last")
                assert described(await next_event(events)) == ("Deleted", "last")
                assert held(informer) == await listed(plane, RESOURCE, namespace)
                assert informer.is_live
                assert before.syncs <= informer.statistics().syncs <= restarts + 1


async def test_a_paused_server_goes_on_where_it_was(private_control_plane: StartControlPlane) -> None:
    plane = await ask(private_control_plane)
    namespace = await ask(plane.client.create_namespace)
    await ask(create_three, plane, namespace)
    async with connected(plane, timing=SHORT_STREAMS) as impatient, connected(plane) as patient:
        for cluster in (impatient, patient):
            await cluster.informer(RESOURCE, namespace=namespace).synced(timeout=PATIENCE)
        noticed = impatient.informer(RESOURCE, namespace=namespace)
        unnoticed = patient.informer(RESOURCE, namespace=namespace)
        plane.api.pause()
        await eventually(lambda: "ReadDeadlineExceeded" in noticed.statistics().failures)
        plane.api.resume()
        await ask(make_differences, plane, namespace)
        expected = await listed(plane, RESOURCE, namespace)
        newest = max(map(version_of, expected.values()), key=int)
        for informer in (noticed, unnoticed):
            await informer.wait_for(newest, timeout=PATIENCE)
            assert held(informer) == expected
            assert informer.statistics().syncs == 1
        assert unnoticed.statistics().requests == {"watch-list": 1}, "a pause alone breaks nothing"
