"""One process' side of an election, against the fake server. Two processes: test_two_processes.py."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from kubeinformer import Cluster, Forbidden, LeadershipLost, NotFound, UsageError, connect
from kubeinformer.controller import LeaderElection
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.faults import RefuseConnections, Script, ServerError, Stall
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio

LEASES = "coordination.k8s.io/v1/leases"
GUARD = 20.0  # seconds; for what happens at once, unless something is broken
# Nothing ends by its time unless a test says so: a busy machine may keep a process from running for a second.
LASTING = {"lease_duration": 30.0, "renew_deadline": 20.0, "retry_period": 0.1}
# To be waited out, by tests that mean these times.
QUICK = {"lease_duration": 2.0, "renew_deadline": 1.2, "retry_period": 0.1}


@pytest.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer() as server:
        server.create("v1/namespaces", {"metadata": {"name": "system"}})
        yield server


@asynccontextmanager
async def connected(server: FakeApiServer) -> AsyncIterator[Cluster]:
    async with connect(server=server.url) as cluster:
        yield cluster


def election(cluster: Cluster, identity: str | None = None, **options: Any) -> LeaderElection:
    return LeaderElection(cluster, "lock", namespace="system", identity=identity, **(LASTING | options))


def spec(server: FakeApiServer) -> dict[str, Any]:
    return dict(server.get(LEASES, "system/lock")["spec"])


def take_it_away(server: FakeApiServer, holder: str = "thief") -> None:
    server.patch(LEASES, "system/lock", {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 1}})


async def renewed(server: FakeApiServer, eventually: Eventually) -> None:
    before = spec(server)["renewTime"]
    await eventually(lambda: spec(server)["renewTime"] != before)


def asked(server: FakeApiServer) -> list[str]:
    return [request.method for request in server.requests]


async def test_who_holds_the_lease_leads_and_gives_it_back(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        one = election(cluster, "one")
        with pytest.raises(LeadershipLost, match="it was never acquired; nobody is known to hold it now"):
            one.check()
        async with one as entered:
            assert entered is one
            assert one.is_leader
            one.check()
            assert (one.lease, one.identity, one.holder) == ("system/lock", "one", "one")
            assert spec(server)["holderIdentity"] == "one"
            assert spec(server)["leaseDurationSeconds"] == 30
            assert spec(server)["renewTime"].endswith("Z")
        assert not spec(server).get("holderIdentity")
        with pytest.raises(LeadershipLost, match="it was given back; nobody is known to hold it now"):
            one.check()


async def test_it_renews_for_as_long_as_the_body_runs(server: FakeApiServer, eventually: Eventually) -> None:
    async with connected(server) as cluster, election(cluster, lease_duration=3.0, renew_deadline=2.5) as one:
        first = spec(server)
        await renewed(server, eventually)
        assert spec(server)["acquireTime"] == first["acquireTime"]
        await anyio.sleep(3.0)  # the time that it would be valid for without renewals
        assert one.is_leader
        assert spec(server)["leaseTransitions"] == 0


async def test_names_are_unique_by_default(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        assert election(cluster).identity != election(cluster).identity


async def test_of_two_in_one_process_the_second_waits_for_the_first(
    server: FakeApiServer, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kubeinformer.leader_election")
    order: list[str] = []

    async def candidate(cluster: Cluster, name: str, leave: anyio.Event) -> None:
        async with election(cluster, name) as mine:
            order.append(f"+{name}")
            if name == "one":
                entered.set()
            await leave.wait()
            assert mine.is_leader
            order.append(f"-{name}")

    entered, leave = anyio.Event(), anyio.Event()
    async with connected(server) as cluster, anyio.create_task_group() as tasks:
        tasks.start_soon(candidate, cluster, "one", leave)
        with anyio.fail_after(GUARD):
            await entered.wait()
        tasks.start_soon(candidate, cluster, "two", leave)
        gets = asked(server).count("GET")
        await eventually(lambda: asked(server).count("GET") >= gets + 3)  # it asks, and waits
        leave.set()
    assert order == ["+one", "-one", "+two", "-two"]
    told = [vars(record)["holder"] for record in caplog.records if record.message == "waiting for the lease"]
    assert told.count("one") == 1, "once, however often it asks"
    assert spec(server)["leaseTransitions"] == 1


async def test_a_lease_that_was_not_given_back_is_waited_out(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        async with election(cluster, "one", release_on_exit=False, **QUICK):
            pass
        assert spec(server)["holderIdentity"] == "one"
        started = time.monotonic()
        async with election(cluster, "two", **QUICK) as two:
            assert time.monotonic() - started > QUICK["lease_duration"]
            assert two.holder == "two"


async def test_one_identity_goes_on_where_it_was(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        async with election(cluster, "pod-0", release_on_exit=False):
            pass
        started = time.monotonic()
        async with election(cluster, "pod-0"):
            assert time.monotonic() - started < LASTING["lease_duration"]
            assert spec(server)["leaseTransitions"] == 0


async def test_an_election_can_be_entered_again_but_not_twice(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        one = election(cluster)
        async with one:
            with pytest.raises(UsageError, match="the election for system/lock is entered already"):
                await one.__aenter__()
            assert one.is_leader
        async with one:
            assert one.is_leader


async def test_when_another_takes_it_the_body_is_cancelled_and_told_who(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    was_leader: list[bool] = []

    async def lead_until_taken(one: LeaderElection) -> None:
        async with one:
            take_it_away(server)
            try:
                await anyio.sleep_forever()
            finally:
                was_leader.append(one.is_leader)

    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost) as lost, anyio.fail_after(GUARD):
            await lead_until_taken(election(cluster, "one"))
    assert was_leader == [False]
    assert (lost.value.lease, lost.value.identity, lost.value.holder) == ("system/lock", "one", "thief")
    assert str(lost.value) == (
        "'one' does not hold the lease system/lock: somebody else has taken it; it is now held by 'thief'. "
        "Let this process end: started again, it is a new candidate"
    )
    assert spec(server)["holderIdentity"] == "thief", "what is another's is not given back"
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == ["lease lost"]


async def test_when_somebody_clears_the_holder_the_body_is_cancelled(server: FakeApiServer) -> None:
    """Before it could be written anew, another one may have led."""

    async def lead_until_cleared(one: LeaderElection) -> None:
        async with one:
            server.patch(LEASES, "system/lock", {"spec": {"holderIdentity": ""}})
            await anyio.sleep_forever()

    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost, match="it was given back; nobody is known to hold it now"):
            with anyio.fail_after(10):
                await lead_until_cleared(election(cluster, "one"))
    assert spec(server)["holderIdentity"] == ""


@pytest.mark.parametrize("trouble", [Stall(times=None), ServerError(times=None), RefuseConnections(times=None)])
async def test_when_the_server_is_away_the_body_ends_in_time(server: FakeApiServer, trouble: Any) -> None:
    # The first request that stalls has failed after half of the deadline: what is left is for a busy machine.
    times = {"lease_duration": 10.0, "renew_deadline": 2.0}
    began = ended = last_alive = 0.0

    async def lead_into_trouble(one: LeaderElection) -> None:
        nonlocal began, ended, last_alive
        began = time.monotonic()
        async with one:
            last_alive = time.monotonic()
            server.play(Script([trouble]))
            server.drop_connections()
            try:
                await anyio.sleep_forever()
            finally:
                ended = time.monotonic()
                assert not one.is_leader

    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost, match=r"not renewed within 2 s; last failure: .*nobody else is known"):
            await lead_into_trouble(election(cluster, "one", **times))
        # What was running when the trouble began was over before anybody else could lead.
        assert ended - began >= times["renew_deadline"]
        assert ended - last_alive < times["lease_duration"]
        assert time.monotonic() - ended < times["lease_duration"], "it does not wait for long to give it back"
        server.stop_faults()


async def test_a_short_trouble_is_lived_through(
    server: FakeApiServer, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(server) as cluster, election(cluster) as one:
        server.play(Script([ServerError(times=3)]))
        await eventually(lambda: len(server.faults) >= 3)
        await renewed(server, eventually)
        assert one.is_leader
    told = [record.levelname for record in caplog.records if record.message == "lease request failed"]
    assert told == ["WARNING"], "once"


async def test_a_lease_that_somebody_else_annotated_is_read_anew(server: FakeApiServer, eventually: Eventually) -> None:
    async with connected(server) as cluster, election(cluster, "one") as one:
        for number in range(3):
            server.patch(LEASES, "system/lock", {"metadata": {"annotations": {"x": str(number)}}})
            await renewed(server, eventually)
        assert one.is_leader
        assert server.get(LEASES, "system/lock")["metadata"]["annotations"] == {"x": "2"}


async def test_who_loses_every_race_ends_at_its_deadline(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Busy:
        """Somebody labels the lease before each of its renewals."""

        def __init__(self, cluster: Cluster) -> None:
            self._cluster, self._count = cluster, 0

        async def request(self, method: str, *args: Any, **options: Any) -> Any:
            if method == "PUT":
                self._count += 1
                server.patch(LEASES, "system/lock", {"metadata": {"labels": {"n": str(self._count)}}})
            return await self._cluster.request(method, *args, **options)

    async def lead(one: LeaderElection) -> None:
        async with one:
            await anyio.sleep_forever()

    async with connected(server) as cluster:
        busy: Any = Busy(cluster)
        with pytest.raises(LeadershipLost, match=r"within 1.2 s; last failure: .*HTTP 409 Conflict"):
            await lead(election(busy, "one", **QUICK))
    assert spec(server)["holderIdentity"] == "one"
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["lease request failed", "lease not released"]


async def test_a_namespace_that_is_ending_needs_no_role() -> None:
    class Ending:
        async def request(self, method: str, *_: Any, **__: Any) -> Any:
            if method == "GET":
                raise NotFound("get", LEASES, "system", 404, "NotFound", "")
            raise Forbidden("create", LEASES, "system", 403, "Forbidden", "it is being terminated", remedy="wait")

    ending: Any = Ending()
    with pytest.raises(Forbidden, match=r"it is being terminated\); wait$"):
        await election(ending).__aenter__()


async def test_a_deleted_lease_is_made_anew_by_its_holder(server: FakeApiServer, eventually: Eventually) -> None:
    async with connected(server) as cluster, election(cluster, "one") as one:
        server.delete(LEASES, "system/lock")
        await eventually(lambda: asked(server).count("POST") == 2)
        assert one.is_leader
        assert spec(server)["holderIdentity"] == "one"


async def test_a_blocked_loop_does_not_lead(server: FakeApiServer) -> None:
    went_on = False

    async def lead_and_block(one: LeaderElection) -> None:
        nonlocal went_on
        async with one:
            time.sleep(QUICK["renew_deadline"] + 0.1)  # noqa: ASYNC251 - that is the mistake
            assert not one.is_leader, "by the clock, before anything else could run"
            with pytest.raises(LeadershipLost, match="nobody else is known to hold it yet"):
                one.check()
            await anyio.sleep_forever()
            went_on = True

    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost, match=r"did not come to renew it within 1.2 s: it was stopped, or its"):
            await lead_and_block(election(cluster, "one", **QUICK))
    assert not went_on


async def test_a_body_that_ends_too_late_is_told(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost, match="it was stopped, or its event loop was blocked"):
            async with election(cluster, "one", **QUICK):
                time.sleep(QUICK["renew_deadline"] + 0.1)  # noqa: ASYNC251 - as above


async def test_the_body_s_error_comes_out_as_it_is(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        with pytest.raises(ZeroDivisionError) as raised:
            async with election(cluster):
                raise ZeroDivisionError
        assert raised.value.__cause__ is None
        assert not spec(server).get("holderIdentity")


async def test_an_error_of_a_body_that_was_lost_is_the_cause(server: FakeApiServer) -> None:
    async def fail_when_cancelled(one: LeaderElection) -> None:
        async with one:
            take_it_away(server)
            try:
                await anyio.sleep_forever()
            finally:
                raise ZeroDivisionError

    async with connected(server) as cluster:
        with pytest.raises(LeadershipLost) as lost, anyio.fail_after(GUARD):
            await fail_when_cancelled(election(cluster, "one"))
    assert isinstance(lost.value.__cause__, ZeroDivisionError)


async def test_cancelling_the_body_gives_the_lease_back(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        with anyio.CancelScope() as scope:
            async with election(cluster):
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert not spec(server).get("holderIdentity")


async def test_cancelling_one_that_waits_leaves_the_holder_alone(server: FakeApiServer) -> None:
    async with connected(server) as cluster, election(cluster, "one") as one:
        with anyio.move_on_after(0.5):
            async with election(cluster, "two"):
                pytest.fail("the first one leads")
        assert spec(server)["holderIdentity"] == "one"
        assert one.is_leader


async def test_cancelled_while_the_lease_is_being_written_gives_it_back(server: FakeApiServer) -> None:
    """The server has done it and the answer is on its way: nobody may have to wait for a lease that nobody uses."""

    class Halting:
        def __init__(self, cluster: Cluster, scope: anyio.CancelScope) -> None:
            self._cluster, self._scope = cluster, scope

        async def request(self, method: str, *args: Any, **options: Any) -> Any:
            answer = await self._cluster.request(method, *args, **options)
            if method == "POST":
                self._scope.cancel()
                await anyio.sleep_forever()
            return answer

    async with connected(server) as cluster:
        with anyio.CancelScope() as scope:
            halting: Any = Halting(cluster, scope)
            async with election(halting, "one"):
                pytest.fail("cancelled before")
        assert scope.cancelled_caught
        assert not spec(server).get("holderIdentity")


@pytest.mark.parametrize("trouble", [Stall(times=None), ServerError(times=None)])
async def test_giving_back_is_given_up_after_a_while(
    server: FakeApiServer, trouble: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(server) as cluster:
        async with election(cluster, "one", **QUICK) as one:
            server.play(Script([trouble]))
            started = time.monotonic()
        assert time.monotonic() - started < GUARD, "less than a request may take"
        assert not one.is_leader
        server.stop_faults()
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == ["lease not released"]


@pytest.mark.parametrize("verb", ["get", "create", "update"])
async def test_a_right_that_was_never_there_is_told_at_once(server: FakeApiServer, verb: str) -> None:
    if verb == "update":
        server.create(LEASES, {"metadata": {"name": "lock", "namespace": "system"}, "spec": {}})
    server.deny(verb, LEASES)
    async with connected(server) as cluster:
        with pytest.raises(Forbidden, match=rf"refused to {verb} .*with the verbs get, create and update on leases"):
            async with election(cluster):
                pytest.fail("it cannot have it")


async def test_rights_that_go_away_for_a_while_are_waited_for(server: FakeApiServer, eventually: Eventually) -> None:
    entered = anyio.Event()

    async def second(cluster: Cluster) -> None:
        async with election(cluster, "two"):
            entered.set()

    async with connected(server) as cluster, anyio.create_task_group() as tasks:
        async with election(cluster, "one"):
            tasks.start_soon(second, cluster)
            gets = asked(server).count("GET")
            await eventually(lambda: asked(server).count("GET") >= gets + 2)
            server.deny("get", LEASES)
            await eventually(lambda: [request.status for request in server.requests].count(403) >= 2)
            server.allow_all()
        with anyio.fail_after(GUARD):
            await entered.wait()


async def test_rights_taken_from_the_leader_end_it_at_its_deadline(server: FakeApiServer) -> None:
    async def lead_without_rights(one: LeaderElection) -> None:
        async with one:
            server.deny(None, LEASES)
            await anyio.sleep_forever()

    async with connected(server) as cluster:
        with pytest.raises(
            LeadershipLost, match=r"last failure: server refused to update .*with the verbs get"
        ) as lost:
            await lead_without_rights(election(cluster, "one", **QUICK))
    assert isinstance(lost.value.__cause__, Forbidden)


async def test_a_namespace_that_does_not_exist_is_told(server: FakeApiServer) -> None:
    async with connected(server) as cluster:
        with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
            async with LeaderElection(cluster, "lock", namespace="nowhere"):
                pytest.fail("there is no place for it")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lease_duration": 1.0}, "lease_duration=1.0 must be more than renew_deadline=1.2"),
        ({"renew_deadline": 0.1}, "renew_deadline=0.1 must be more than 1.2 times retry_period=0.1"),
        ({"namespace": "No"}, "not a namespace: 'No'"),
        ({"namespace": ""}, "not a namespace: ''"),
        ({"name": ""}, "a lease needs a name"),
        ({"name": "a/b"}, "would lead elsewhere"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    nobody: Any = None
    with pytest.raises(ValueError, match=message):
        LeaderElection(nobody, **({"name": "lock", "namespace": "system"} | QUICK | options))
