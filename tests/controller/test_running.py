"""Several controllers as one program: names, failures, leases and signals."""

import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from tests.controller.harness import CONFIGMAPS, LIMIT, Recorder, configmap

from kubeinformer import Cluster, InformerClosed, LeadershipLost, UsageError, connect
from kubeinformer.controller import Controller, LeaderElection, Request, run_controllers
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).with_name("draining_program.py")
PODS = "v1/pods"
LEASES = "coordination.k8s.io/v1/leases"
START = 30.0  # seconds; to start an interpreter beside other tests


async def nothing(request: Request[Any]) -> None:
    assert request.key


async def test_bad_arguments_are_refused(cluster: Cluster) -> None:
    informer = cluster.informer(CONFIGMAPS)
    with pytest.raises(ValueError, match="no controllers to run"):
        await run_controllers()
    with pytest.raises(UsageError, match="was given a list: give each controller as an argument"):
        await run_controllers([])  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match="2 controllers are called 'configmaps': give them names"):
        await run_controllers(Controller(informer, nothing), Controller(informer, nothing))
    with pytest.raises(ValueError, match="grace_period=-1"):
        await run_controllers(Controller(informer, nothing), grace_period=-1)


def test_threads_without_signals_are_told(anyio_backend: str) -> None:
    told = list[UsageError]()

    async def main() -> None:
        async with FakeApiServer() as server, connect(server=server.url) as cluster:
            with pytest.raises(UsageError, match="the main thread alone") as caught:
                await run_controllers(Controller(cluster.informer(CONFIGMAPS), nothing))
            told.append(caught.value)

    thread = threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": anyio_backend})
    thread.start()
    thread.join(START)
    assert len(told) == 1


async def test_controllers_run_beside_each_other_until_a_signal(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    fake_api_server.create(PODS, configmap("b"))
    first, second = Recorder(), Recorder()
    controllers = (
        Controller(cluster.informer(CONFIGMAPS), first),
        Controller(cluster.informer(PODS), second),
    )
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, *controllers)
            await first.has(1)
            await second.has(1)
            os.kill(os.getpid(), signal.SIGTERM)
    assert all(controller.statistics().queue.is_shut_down for controller in controllers)


async def test_a_second_call_would_take_the_first_one_s_signals(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    first = Recorder()
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, Controller(cluster.informer(CONFIGMAPS), first))
            await first.has(1)
            with pytest.raises(UsageError, match="give it all controllers at once"):
                await run_controllers(Controller(cluster.informer(PODS), nothing))
            os.kill(os.getpid(), signal.SIGTERM)
        later = Controller(cluster.informer(PODS), nothing)
        later.drain()
        await run_controllers(later)


async def test_one_that_fails_for_good_ends_them_all(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    pods = cluster.informer(PODS)
    cancelled = anyio.Event()

    async def hang(_: Request[Any]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    reconcile = Recorder(hang)

    async def run() -> None:
        with pytest.raises(InformerClosed, match=PODS):
            await run_controllers(Controller(cluster.informer(CONFIGMAPS), reconcile), Controller(pods, nothing))

    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await reconcile.has(1)
            await pods.aclose()
    assert cancelled.is_set()


async def test_a_second_signal_cancels_at_once(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder(lambda _: anyio.sleep_forever())
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, controller)
            await reconcile.has(1)
            os.kill(os.getpid(), signal.SIGINT)
            await eventually(lambda: controller.statistics().queue.is_shut_down)
            assert controller.statistics().active == 1
            os.kill(os.getpid(), signal.SIGINT)
    assert controller.statistics().active == 0


def election(cluster: Cluster, identity: str) -> LeaderElection:
    return LeaderElection(cluster, "test", namespace="default", identity=identity, retry_period=0.05)


async def test_nothing_is_reconciled_before_the_lease_is_held(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            async with election(cluster, "other"):
                mine = election(cluster, "me")

                async def run() -> None:
                    await run_controllers(controller, leader_election=mine)

                tasks.start_soon(run)
                await eventually(lambda: mine.holder == "other")
                await anyio.wait_all_tasks_blocked()
                assert reconcile.keys == []
            await reconcile.has(1)
            assert mine.is_leader
            os.kill(os.getpid(), signal.SIGTERM)
    [lease] = fake_api_server.list(LEASES)
    assert not lease["spec"].get("holderIdentity")  # given back


async def test_a_signal_ends_the_wait_for_the_lease(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    assert fake_api_server.url
    controller = Controller(cluster.informer(CONFIGMAPS), nothing)
    with anyio.fail_after(LIMIT):
        async with election(cluster, "other"), anyio.create_task_group() as tasks:
            mine = election(cluster, "me")

            async def run() -> None:
                await run_controllers(controller, leader_election=mine)

            tasks.start_soon(run)
            await eventually(lambda: mine.holder == "other")
            os.kill(os.getpid(), signal.SIGTERM)


async def test_a_lost_lease_ends_in_its_error_and_no_reconcile_runs(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder(lambda _: anyio.sleep_forever())
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    mine = election(cluster, "me")

    async def run() -> None:
        with pytest.raises(LeadershipLost, match="thief"):
            await run_controllers(controller, leader_election=mine)

    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await reconcile.has(1)
            fake_api_server.patch(LEASES, "default/test", {"spec": {"holderIdentity": "thief"}})
    assert controller.statistics().active == 0


class Paused:
    """An election of a process that was stopped for too long: nothing is cancelled yet, but the clock knows."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await anyio.lowlevel.checkpoint()

    def check(self) -> None:
        raise LeadershipLost("default/test", "me", "other", "this process was stopped")


async def test_the_clock_is_asked_before_each_reconcile(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    reconcile = Recorder()
    controller = Controller(cluster.informer(CONFIGMAPS), reconcile)
    with anyio.fail_after(LIMIT), pytest.raises(LeadershipLost):
        await run_controllers(controller, leader_election=cast("LeaderElection", Paused()))
    assert reconcile.keys == []


async def test_an_exit_of_a_reconcile_ends_the_program_with_its_code(
    fake_api_server: FakeApiServer, cluster: Cluster
) -> None:
    async def leave(_: Request[Any]) -> None:
        sys.exit(7)

    fake_api_server.create(CONFIGMAPS, configmap("a"))
    with anyio.fail_after(LIMIT), pytest.raises(SystemExit) as caught:
        await run_controllers(Controller(cluster.informer(CONFIGMAPS), leave), leader_election=election(cluster, "me"))
    assert caught.value.code == 7
    [lease] = fake_api_server.list(LEASES)
    assert not lease["spec"].get("holderIdentity")  # given back


class Program:
    """The program in a process of its own, and what it says."""

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdout is not None
        self._process = process
        self._lines = BufferedByteReceiveStream(process.stdout)

    async def line(self) -> str:
        with anyio.fail_after(START):
            return (await self._lines.receive_until(b"\n", 1000)).decode()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def exit_code(self) -> int:
        with anyio.fail_after(START):
            return await self._process.wait()


@asynccontextmanager
async def program(server: FakeApiServer, backend: str, *, grace_period: float, hold: str) -> AsyncGenerator[Program]:
    command = [sys.executable, str(PROGRAM), server.url, backend, str(grace_period), hold]
    async with await anyio.open_process(command, stderr=None) as process:
        try:
            yield Program(process)
        finally:
            if process.returncode is None:
                process.kill()


async def test_sigterm_drains_and_exits_with_0(fake_api_server: FakeApiServer, anyio_backend: str) -> None:
    for name in "ab":
        fake_api_server.create(CONFIGMAPS, configmap(name))
    async with program(fake_api_server, anyio_backend, grace_period=START, hold="until labelled") as process:
        assert await process.line() == "began default/a"
        process.signal(signal.SIGTERM)
        assert await process.line() == "got SIGTERM: finishing within 30 s"
        fake_api_server.create(CONFIGMAPS, configmap("c"))  # comes too late
        for name in "ab":
            fake_api_server.patch(CONFIGMAPS, f"default/{name}", {"metadata": {"labels": {"go": "on"}}})
        assert await process.line() == "ended default/a"
        assert await process.line() == "began default/b"
        assert await process.line() == "ended default/b"
        assert await process.line() == "left"
        assert await process.exit_code() == 0


async def test_what_outlives_the_grace_period_is_cancelled_and_exits_with_0(
    fake_api_server: FakeApiServer, anyio_backend: str
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    async with program(fake_api_server, anyio_backend, grace_period=0.01, hold="forever") as process:
        assert await process.line() == "began default/a"
        process.signal(signal.SIGTERM)
        assert await process.line() == "got SIGTERM: finishing within 0.01 s"
        assert await process.line() == "cancelled default/a"
        assert "1 reconciles were cancelled, 0 keys were left" in await process.line()
        assert await process.line() == "left"
        assert await process.exit_code() == 0
