"""A store against a list of the server's metadata: what time explains is no difference, and all else is one."""

import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests._runtime.mirror import PODS
from tests._runtime.scripted import (
    GUARD,
    HANG,
    QUICK,
    Answer,
    Line,
    ScriptedTransport,
    added,
    end,
    modified,
    pod,
    refuse,
)
from tests._runtime.source import Source, drain

from kubeinformer import (
    Added,
    ConnectionLost,
    ConsistencyReport,
    Deleted,
    Forbidden,
    Informer,
    InformerClosed,
    ProtocolError,
    RawObject,
    ServerUnavailable,
    Synced,
    SyncTimeout,
    Updated,
    WaitTimeout,
    WrongKind,
    connect,
)
from kubeinformer._protocol.identity import Identity
from kubeinformer._protocol.steps import Upsert
from kubeinformer._runtime.consistency import ConsistencyCheck
from kubeinformer._runtime.limits import Limits
from kubeinformer._runtime.listing import Listing
from kubeinformer._runtime.sync_turns import SyncTurns

pytestmark = pytest.mark.anyio

SOON = 0.5  # seconds; for waits that are meant to fail, in which all that comes before them is done


def listed(objects: Iterable[dict[str, Any]], version: int, token: str = "") -> Answer:
    """One page of a list of metadata."""
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return Answer([json.dumps(head | {"items": [{"metadata": obj["metadata"]} for obj in objects]}).encode()])


@asynccontextmanager
async def informing(*script: Line, **options: Any) -> AsyncGenerator[tuple[Informer, ScriptedTransport]]:
    transport = ScriptedTransport(*script)
    async with connect(transport=transport, timing=QUICK, **options) as cluster:
        pods = cluster.informer("v1/pods")
        await pods.synced(timeout=GUARD)
        yield pods, transport


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(GUARD):
        while not condition():
            await anyio.lowlevel.checkpoint()


# The store has a and b, at version 10.
STORE = Answer([added("a", 5) + added("b", 6) + end(10), HANG])


class TestAgreement:
    async def test_the_same_is_consistent(self) -> None:
        async with informing(STORE, listed([pod("a", 5), pod("b", 6)], 10)) as (pods, transport):
            report = await pods.check_consistency(timeout=GUARD)
            assert report.is_consistent
            assert (report.resource, report.resource_version, report.objects) == ("v1/pods", "10", 2)
            assert (report.missing, report.surplus, report.different, report.repaired) == ((), (), (), False)
            assert (pods.statistics().checks, pods.statistics().divergences) == (1, 0)
            assert transport.kinds == ["watch-list", "page"]
        (accept,) = (value for name, value in transport.requests[1].headers if name == "accept")
        assert "as=PartialObjectMetadataList" in accept

    @pytest.mark.parametrize(
        ("version", "on_server"),
        [(4, [pod("a", 4)]), (5, [pod("a", 5)]), (4, [pod("b", 3), pod("a", 3, uid="another")]), (4, [])],
    )
    async def test_a_store_that_goes_on_while_the_list_is_read(self, version: int, on_server: list[RawObject]) -> None:
        """All that is newer than the list came later."""
        source, transport = Source(), ScriptedTransport(listed(on_server, version))
        source.delivery.reached(str(version))
        upsert(source, pod("a", 5))
        upsert(source, pod("b", 6))
        async with checking(source, transport) as check:
            await assert_consistent(check)
        assert len(transport.requests) == 1

    async def test_what_was_deleted_after_the_list(self) -> None:
        async with informing(STORE, listed([pod("a", 5), pod("b", 6), pod("c", 7)], 10), listed([], 10)) as (
            pods,
            sent,
        ):
            assert (await pods.check_consistency(timeout=GUARD)).is_consistent
            assert dict(sent.requests[2].query)["fieldSelector"] == "metadata.name=c"

    async def test_what_came_while_the_server_was_asked_again(self) -> None:
        source, transport = Source(), ScriptedTransport(listed([pod("c", 5)], 5), listed([pod("c", 5)], 6))
        source.delivery.reached("5")
        async with checking(source, transport) as check, anyio.create_task_group() as tasks:
            tasks.start_soon(assert_consistent, check)
            await anyio.wait_all_tasks_blocked()
            upsert(source, pod("c", 5))
            source.delivery.reached("6")

    async def test_a_list_of_many_pages(self) -> None:
        pages = [listed([pod("a", 5)], 10, token="more"), listed([pod("b", 6)], 10)]
        async with informing(STORE, *pages) as (pods, transport):
            report = await pods.check_consistency(timeout=GUARD)
            assert report.is_consistent
            assert report.objects == 2
            assert transport.kinds == ["watch-list", "page", "next page"]

    async def test_a_store_that_is_behind_is_waited_for(self) -> None:
        source, transport = Source(), ScriptedTransport(listed([pod("a", 2), pod("b", 9)], 9))
        source.put("a")
        source.put("gone")
        source.put("b")
        async with checking(source, transport) as check, anyio.create_task_group() as tasks:
            tasks.start_soon(assert_consistent, check)
            await anyio.wait_all_tasks_blocked()
            source.delete("gone")
            upsert(source, pod("a", 2))
            upsert(source, pod("b", 9))
            source.delivery.reached("9")


class TestDifferences:
    async def test_what_only_the_server_has(self) -> None:
        c = listed([pod("c", 7)], 10)
        again = Answer([added("a", 5) + added("b", 6) + added("c", 7) + end(10), HANG])
        async with informing(STORE, listed([pod("a", 5), pod("b", 6), pod("c", 7)], 10), c, again) as (pods, transport):
            async with pods.events() as events:
                assert [type(await anext(events)) for _ in range(3)] == [Added, Added, Synced]
                report = await pods.check_consistency(timeout=GUARD)
                assert (report.missing, report.differences, report.repaired) == (("default/c",), 1, True)
                assert not report.is_consistent
                assert "default/c" in pods.store
                event = await anext(events)
                assert isinstance(event, Added)
                assert event.key == "default/c"
            assert transport.kinds == ["watch-list", "page", "list", "watch-list"]
            assert pods.statistics().divergences == 1
            assert pods.is_live

    async def test_what_only_the_store_has(self) -> None:
        script = [STORE, listed([pod("a", 5)], 10), Answer([added("a", 5) + end(10), HANG])]
        async with informing(*script) as (pods, _), pods.events() as events:
            for _ in range(3):
                await anext(events)
            report = await pods.check_consistency(timeout=GUARD)
            assert (report.surplus, report.differences, report.repaired) == (("default/b",), 1, True)
            event = await anext(events)
            assert isinstance(event, Deleted)
            assert (event.key, event.final_state_known) == ("default/b", False)

    @pytest.mark.parametrize(
        "on_server", [pod("a", 9), pod("a", 9, uid="another"), pod("a", 5, uid="another"), pod("a", 3)]
    )
    async def test_an_older_state_and_another_object(self, on_server: dict[str, Any]) -> None:
        version = on_server["metadata"]["resourceVersion"]
        again = Answer([added("a", version, on_server["metadata"]["uid"]) + added("b", 6) + end(10), HANG])
        async with informing(STORE, listed([on_server, pod("b", 6)], 10), again) as (pods, _):
            report = await pods.check_consistency(timeout=GUARD)
            assert (report.different, report.differences, report.repaired) == (("default/a",), 1, True)
            kept = pods.store.get("default/a")
            assert kept is not None
            assert kept["metadata"] == on_server["metadata"]

    async def test_a_server_that_was_restored_to_before_the_store(self) -> None:
        """No time explains why a list is older than what was known when it was asked for."""
        async with informing(STORE, listed([pod("b", 2)], 3)) as (pods, _):
            report = await pods.check_consistency(repair=False, timeout=GUARD)
            assert (report.surplus, report.different) == (("default/a",), ("default/b",))

    async def test_they_are_logged_by_key(self, caplog: pytest.LogCaptureFixture) -> None:
        async with informing(STORE, listed([], 10)) as (pods, _):
            with caplog.at_level(logging.ERROR, "kubeinformer.consistency"):
                await pods.check_consistency(repair=False, timeout=GUARD)
        (record,) = caplog.records
        facts = vars(record)
        assert (facts["informer"], facts["differences"], facts["keys"]) == ("v1/pods", 2, ["default/a", "default/b"])

    async def test_only_reported_when_no_repair_is_wanted(self) -> None:
        async with informing(STORE, listed([], 10)) as (pods, transport):
            report = await pods.check_consistency(repair=False, timeout=GUARD)
            assert (report.differences, report.repaired) == (2, False)
            assert len(pods.store) == 2
            assert transport.kinds == ["watch-list", "page"]

    async def test_a_hundred_keys_are_named_and_all_are_counted(self) -> None:
        source = Source()
        for number in range(150):
            source.put(f"p{number}")
        source.delivery.reached("200")
        async with checking(source, ScriptedTransport(listed([], 200))) as check:
            report = await check.check(repair=False, patience=GUARD)
        assert (len(report.surplus), report.differences) == (100, 150)

    async def test_each_check_stands_for_itself(self) -> None:
        """What one confirmed, the next one may not find."""
        lists = [listed([pod("a", 5), pod("b", 6)], 10), listed([pod("a", 5)], 10)]
        async with informing(STORE, *lists) as (pods, _):
            assert (await pods.check_consistency(repair=False, timeout=GUARD)).is_consistent
            assert (await pods.check_consistency(repair=False, timeout=GUARD)).surplus == ("default/b",)


class TestTrouble:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (refuse(403), Forbidden),
            (refuse(503), ServerUnavailable),
            (ConnectionLost("cut"), ConnectionLost),
            (Answer([b"{}"]), WrongKind),
            (Answer([b"<html>"], headers={"content-type": "text/html"}), WrongKind),
            # Asked for metadata alone; whole objects are not stored here, but the answer is to another question.
            (Answer([json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "10"},
                                 "items": [{"metadata": pod("a", 5)["metadata"]}]}).encode()]), WrongKind),
            (Answer([b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","items":[']), ProtocolError),
        ],
    )  # fmt: skip
    async def test_a_list_that_cannot_be_had(self, answer: Line, error: type[Exception]) -> None:
        async with informing(STORE, answer) as (pods, _):
            with pytest.raises(error):
                await pods.check_consistency(timeout=GUARD)
            assert pods.statistics().checks == 0
            assert pods.is_live

    async def test_pages_that_expire_are_read_in_one_list(self) -> None:
        """And what the pages confirmed counts no more: it may be gone by the time of the list."""
        script: list[Line] = [listed([pod("a", 5)], 9, token="more"), refuse(410, "Expired"), listed([pod("b", 6)], 10)]
        async with informing(STORE, *script) as (pods, transport):
            report = await pods.check_consistency(repair=False, timeout=GUARD)
            assert (report.surplus, report.objects) == (("default/a",), 1)
            assert transport.kinds == ["watch-list", "page", "next page", "list"]

    async def test_pages_that_do_not_belong_together(self) -> None:
        script: list[Line] = [listed([pod("a", 5)], 9, token="more"), listed([pod("b", 6)], 10)]
        async with informing(STORE, *script) as (pods, _):
            with pytest.raises(ProtocolError, match="version"):
                await pods.check_consistency(timeout=GUARD)

    async def test_a_store_that_never_gets_there(self) -> None:
        async with informing(STORE, listed([pod("a", 5), pod("b", 6), pod("c", 12)], 20)) as (pods, _):
            with pytest.raises(WaitTimeout, match="20"):
                await pods.check_consistency(timeout=SOON)

    async def test_before_the_first_snapshot(self) -> None:
        transport = ScriptedTransport(HANG)
        async with connect(transport=transport, timing=QUICK) as cluster:
            with pytest.raises(SyncTimeout):
                await cluster.informer("v1/pods").check_consistency(timeout=SOON)

    async def test_an_informer_that_is_closed_under_way(self) -> None:
        async with informing(STORE, HANG) as (pods, _), anyio.create_task_group() as tasks:

            async def close() -> None:
                await anyio.wait_all_tasks_blocked()
                await pods.aclose()

            tasks.start_soon(close)
            with anyio.fail_after(GUARD), pytest.raises(InformerClosed):
                await pods.check_consistency(timeout=GUARD)

    @pytest.mark.parametrize("answer", [HANG, refuse(503)])
    async def test_whatever_ends_a_check_gives_its_turn_back(self, answer: Line) -> None:
        transport = ScriptedTransport(STORE, answer, STORE)
        async with connect(transport=transport, timing=QUICK, concurrent_syncs=1) as cluster:
            pods = cluster.informer("v1/pods")
            await pods.synced(timeout=GUARD)
            with anyio.move_on_after(SOON), contextlib.suppress(ServerUnavailable):
                await pods.check_consistency(timeout=GUARD)
            await cluster.informer("v1/pods", namespace="default").synced(timeout=GUARD)


class TestInterval:
    async def test_again_and_again_and_differences_are_mended(self) -> None:
        both = listed([pod("a", 5), pod("b", 6)], 10)
        script: list[Line] = [STORE, both, listed([pod("a", 5)], 10), Answer([added("a", 5) + end(10), HANG]), HANG]
        transport = ScriptedTransport(*script)
        async with connect(transport=transport, timing=QUICK, consistency_check_interval=1e-6) as cluster:
            pods = cluster.informer("v1/pods")
            await until(lambda: len(transport.requests) == len(script))
            assert set(pods.store) == {"default/a"}
            assert (pods.statistics().checks, pods.statistics().divergences) == (2, 1)

    async def test_a_failure_is_logged_and_tried_again(self, caplog: pytest.LogCaptureFixture) -> None:
        script: list[Line] = [STORE, refuse(401), refuse(503), listed([pod("a", 5), pod("b", 6)], 10), HANG]
        transport = ScriptedTransport(*script)
        with caplog.at_level(logging.WARNING, "kubeinformer.consistency"):
            async with connect(transport=transport, timing=QUICK, consistency_check_interval=1e-6) as cluster:
                pods = cluster.informer("v1/pods")
                await until(lambda: len(transport.requests) == len(script))
                assert pods.statistics().checks == 1
        assert [vars(record)["error"] for record in caplog.records] == ["Unauthorized", "ServerUnavailable"]
        assert transport.reauthentications == 1

    @pytest.mark.parametrize("interval", [0, -1.0, float("nan")])
    async def test_it_is_a_time(self, interval: float) -> None:
        with pytest.raises(ValueError, match="consistency_check_interval"):
            async with connect(transport=ScriptedTransport(), consistency_check_interval=interval):
                pass


# The judgement by itself, on a store that the test writes.


class NoResync:
    def resync(self) -> None:
        raise AssertionError("nothing was to be mended")


@asynccontextmanager
async def checking(source: Source, transport: ScriptedTransport) -> AsyncGenerator[ConsistencyCheck]:
    listing = Listing(PODS, transport, Limits(), QUICK)
    reflector: Any = NoResync()
    with anyio.fail_after(GUARD):
        yield ConsistencyCheck(listing, source.cache, source.delivery, reflector, SyncTurns().turn())


async def assert_consistent(check: ConsistencyCheck) -> None:
    report = await check.check(repair=True, patience=GUARD)
    assert report.is_consistent


def upsert(source: Source, obj: dict[str, Any]) -> None:
    metadata = obj["metadata"]
    identity = Identity(metadata["name"], "default", metadata["uid"], metadata["resourceVersion"], "Pod", "v1")
    source.delivery.apply(Upsert(identity, json.dumps(obj).encode()))


def version_of(obj: dict[str, Any]) -> int:
    return int(obj["metadata"]["resourceVersion"])


@given(
    steps=st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), min_size=1, max_size=25),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_planted_differences_are_found_and_nothing_else(steps: list[tuple[str, bool]], data: st.DataObject) -> None:
    """A history; a list at one version of it, a store at a later one, with or without something wrong in it."""
    states: list[dict[str, dict[str, Any]]] = [{}]
    for version, (name, is_deletion) in enumerate(steps, start=1):
        state = dict(states[-1])
        if is_deletion:
            state.pop(name, None)
        else:
            before = state.get(name)
            state[name] = pod(name, version, before["metadata"]["uid"] if before else f"uid-{version}")
        states.append(state)
    newest = len(states) - 1
    listed_at = data.draw(st.integers(0, newest))
    then, now = states[listed_at], dict(states[newest])
    unchanged = sorted(name for name in then if now.get(name) == then[name])
    absent = sorted(set("abcde") - set(then) - set(now))
    missing = data.draw(st.sets(st.sampled_from(unchanged))) if unchanged else set()
    surplus = data.draw(st.sets(st.sampled_from(absent))) if absent and listed_at else set()
    older = data.draw(st.sets(st.sampled_from(sorted(set(unchanged) - missing)))) if set(unchanged) - missing else set()
    stored = {
        name: pod(name, version_of(obj) - 1, obj["metadata"]["uid"]) if name in older else obj
        for name, obj in now.items()
        if name not in missing
    } | {name: pod(name, data.draw(st.integers(1, listed_at))) for name in surplus}
    asked_again = [listed([now[name]] if name in now else [], listed_at) for name in then if name not in stored]

    async def find() -> ConsistencyReport:
        source = Source()
        for obj in stored.values():
            upsert(source, obj)
        source.delivery.reached(str(listed_at))  # the rest has come since
        transport = ScriptedTransport(listed(then.values(), listed_at), *asked_again)
        async with checking(source, transport) as check:
            return await check.check(repair=False, patience=GUARD)

    report = anyio.run(find)
    assert set(report.missing) == {f"default/{name}" for name in missing}
    assert set(report.surplus) == {f"default/{name}" for name in surplus}
    assert set(report.different) == {f"default/{name}" for name in older}


async def test_a_resync_is_in_place() -> None:
    """Nothing but the difference is told, and the live stream goes on after it."""
    again = Answer([added("a", 5) + added("b", 6) + added("c", 7) + end(10), modified("a", 11), HANG])
    lists = [listed([pod("a", 5), pod("b", 6), pod("c", 7)], 10), listed([pod("c", 7)], 10)]
    async with informing(STORE, *lists, again) as (pods, transport), pods.events() as events:
        await pods.check_consistency(timeout=GUARD)
        await transport.idle()
        await anyio.wait_all_tasks_blocked()
        told = [type(event) for event in drain(events)]
        assert told == [Added, Added, Synced, Added]
        assert pods.store.resource_version == "11"
    assert Updated not in told
