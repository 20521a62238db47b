"""The default times, on trio's clock that jumps: what happens when, to the fraction of a second.

The server is an object in memory, since a socket's answer takes time that such a clock does not see.
"""

import copy
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
import pytest
import trio.testing

from kubeinformer import AlreadyExists, ConnectionLost, LeadershipLost, NotFound
from kubeinformer.controller import LeaderElection

pytestmark = pytest.mark.anyio

LEASES = "coordination.k8s.io/v1/leases"
Trouble: TypeAlias = Callable[[str], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeinformer.controller._election.leader_election.boot_clock", anyio.current_time)


class Server:
    """One lease. ``trouble`` is awaited before each request, and may raise or hang."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.log: list[tuple[float, str, str]] = []
        self._version = 0

    def connection(self, trouble: Trouble | None = None, *, answer_takes: float = 0.0) -> Any:
        return Connection(self, trouble, answer_takes)

    def answer(self, method: str, body: Any) -> dict[str, Any]:
        if method == "GET" or (method == "PUT" and self.lease is None):
            if self.lease is None:
                raise NotFound("get", LEASES, "system", 404, "NotFound", "")
            return copy.deepcopy(self.lease)
        if method == "POST" and self.lease is not None:
            raise AlreadyExists("create", LEASES, "system", 409, "AlreadyExists", "")
        self._version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self._version)
        self.log.append((anyio.current_time(), method, body["spec"]["holderIdentity"]))
        return copy.deepcopy(self.lease)


class Connection:
    def __init__(self, server: Server, trouble: Trouble | None, answer_takes: float) -> None:
        self._server, self._trouble, self._answer_takes = server, trouble, answer_takes

    async def request(self, method: str, _path: str, body: Any = None, *, timeout: float) -> Any:  # noqa: ASYNC109 - as Cluster.request
        with anyio.move_on_after(timeout):
            if self._trouble is not None:
                await self._trouble(method)
            answer = self._server.answer(method, body)
            await anyio.sleep(self._answer_takes)
            return answer
        raise ConnectionLost(f"nothing for {timeout:g} s")


async def test_a_leader_that_is_cut_off_stops_five_seconds_before_the_next_one_starts() -> None:
    server = Server()
    cut_at = 100.0
    first_ended = second_began = 0.0

    async def hang(_: str) -> None:
        if anyio.current_time() >= start + cut_at:
            await anyio.sleep_forever()

    async def first() -> None:
        nonlocal first_ended
        with pytest.raises(LeadershipLost, match=r"not renewed within 10 s; last failure: nothing for 5 s"):
            await lead(LeaderElection(server.connection(hang), "lock", namespace="system", identity="a"))

    async def lead(one: LeaderElection) -> None:
        nonlocal first_ended
        async with one:
            try:
                await anyio.sleep_forever()
            finally:
                first_ended = anyio.current_time() - start

    start = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await anyio.sleep(1)
        async with LeaderElection(server.connection(), "lock", namespace="system", identity="b"):
            second_began = anyio.current_time() - start
    last_renewal = max(at for at, _, holder in server.log if holder == "a") - start
    assert first_ended == pytest.approx(last_renewal + 10, abs=1e-6)
    assert last_renewal + 15 <= second_began < last_renewal + 15 + 2 * 2.2 * 2
    assert second_began - first_ended >= 5


async def test_the_leader_renews_every_two_seconds_and_a_bit() -> None:
    server = Server()
    async with LeaderElection(server.connection(), "lock", namespace="system"):
        await anyio.sleep(1000)
    times = [at for at, _, _ in server.log[:-1]]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 2.0 <= min(pauses) < 2.1
    assert 2.3 < max(pauses) < 2.4 + 1e-6


async def test_those_who_wait_do_not_ask_in_step() -> None:
    server, asked = Server(), list[float]()

    async def note(_: str) -> None:
        asked.append(anyio.current_time())

    async with LeaderElection(server.connection(), "lock", namespace="system"):
        with anyio.move_on_after(1000):
            async with LeaderElection(server.connection(note), "lock", namespace="system"):
                pytest.fail("it is held")
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert 2.0 <= min(pauses) < 2.3
    assert 4.0 < max(pauses) < 4.4 + 1e-6


async def test_one_hanging_request_does_not_cost_the_lease() -> None:
    server, hung = Server(), list[str]()

    async def hang_once(method: str) -> None:
        if method == "PUT" and not hung:
            hung.append(method)
            await anyio.sleep_forever()

    async with LeaderElection(server.connection(hang_once), "lock", namespace="system") as one:
        await anyio.sleep(60)
        assert one.is_leader
    assert hung == ["PUT"]


async def test_a_candidate_waits_while_the_server_is_away() -> None:
    async def refuse(_: str) -> None:
        if anyio.current_time() < start + 3600:
            raise ConnectionLost("away")
        await anyio.lowlevel.checkpoint()

    start = anyio.current_time()
    async with LeaderElection(Server().connection(refuse), "lock", namespace="system") as one:
        assert one.is_leader
        assert anyio.current_time() >= start + 3600


async def test_a_leader_counts_from_when_it_asked_and_not_from_the_answer() -> None:
    server, start, ended = Server(), anyio.current_time(), 0.0

    async def hang(_: str) -> None:
        if anyio.current_time() >= start + 60:
            await anyio.sleep_forever()

    async def lead(one: LeaderElection) -> None:
        nonlocal ended
        async with one:
            try:
                await anyio.sleep_forever()
            finally:
                ended = anyio.current_time()

    with pytest.raises(LeadershipLost):
        await lead(LeaderElection(server.connection(hang, answer_takes=3), "lock", namespace="system"))
    asked, _, _ = server.log[-1]  # the server did it at once, and was slow to say so
    assert ended == pytest.approx(asked + 10, abs=1e-6)


async def test_who_waits_counts_from_the_answer_and_not_from_when_it_asked() -> None:
    server = Server()
    async with LeaderElection(server.connection(), "lock", namespace="system", release_on_exit=False):
        pass
    start = anyio.current_time()
    async with LeaderElection(server.connection(answer_takes=4), "lock", namespace="system"):
        taken, _, _ = server.log[-1]
    assert start + 4 + 15 <= taken < start + 4 + 15 + 4.4 + 4


@pytest.mark.parametrize("holder", ["a", "b", ""], ids=["nobody came", "b leads", "b led and gave it back"])
async def test_a_machine_that_sleeps_loses_the_lease_whoever_has_it_then(
    holder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the clock that counts sleep goes on: no deadline of the event loop has passed."""
    server, slept, woken, ended = Server(), 0.0, 0.0, 0.0
    monkeypatch.setattr(
        "kubeinformer.controller._election.leader_election.boot_clock", lambda: anyio.current_time() + slept
    )

    async def lead(one: LeaderElection) -> None:
        nonlocal slept, woken, ended
        async with one:
            await anyio.sleep(100)
            slept, woken = 3600.0, anyio.current_time()
            assert not one.is_leader
            assert server.lease is not None
            if holder != "a":
                server.lease["spec"] |= {"holderIdentity": holder, "leaseTransitions": 7}
                server.lease["metadata"]["resourceVersion"] += "0"
            try:
                await anyio.sleep_forever()
            finally:
                ended = anyio.current_time()
                assert not one.is_leader

    with pytest.raises(LeadershipLost):
        await lead(LeaderElection(server.connection(), "lock", namespace="system", identity="a"))
    assert ended - woken < 2.4 + 1e-6
    assert not [held for at, _, held in server.log if at >= woken and held], "it was not taken again behind the body"
    assert server.lease is not None
    assert server.lease["spec"]["holderIdentity"] == ("" if holder == "a" else holder)


async def test_a_body_that_is_slow_to_end_keeps_the_lease_until_then() -> None:
    server, holders = Server(), list[object]()
    with anyio.CancelScope() as outer:
        async with LeaderElection(server.connection(), "lock", namespace="system", identity="a") as one:
            outer.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(30)
                assert one.is_leader
                holders.append(server.log[-1][2])
            await anyio.sleep_forever()
    holders.append(server.log[-1][2])
    assert holders == ["a", ""]
    assert outer.cancelled_caught
