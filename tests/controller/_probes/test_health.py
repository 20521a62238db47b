import asyncio
import logging

import anyio
import anyio.lowlevel
import pytest
from tests.controller.harness import CONFIGMAPS

from kubeinformer import Cluster
from kubeinformer.controller import WorkQueue
from kubeinformer.controller._probes.health import Check, checks_by_name, health_checks, readiness_checks, run_checks
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


class Worker:
    """What has a name and a queue."""

    def __init__(self) -> None:
        self.name = "web"
        self.now = 0.0
        self.queue: WorkQueue[str] = WorkQueue("web", clock=lambda: self.now)


async def told(checks: dict[str, Check], patience: float = 5.0) -> tuple[bool, list[str]]:
    is_well, text = await run_checks("readyz", checks, patience)
    assert text.endswith("\n")
    return is_well, text.splitlines()


async def test_a_process_without_informers_is_healthy_and_ready(cluster: Cluster) -> None:
    assert await told(health_checks(cluster, [], 1, 1)) == (True, ["[+]informers ok", "readyz check passed"])
    assert await told(readiness_checks(cluster)) == (True, ["[+]informers-synced ok", "readyz check passed"])


async def test_ready_is_when_all_informers_are_in_sync(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    fake_api_server.create("v1/pods", {"metadata": {"name": "a"}})
    pods, maps = cluster.informer("v1/pods"), cluster.informer(CONFIGMAPS)
    assert await told(readiness_checks(cluster)) == (
        False,
        ["[-]informers-synced failed: not in sync yet: v1/pods, v1/configmaps", "readyz check failed"],
    )
    assert (await told(health_checks(cluster, [], 600, 600)))[0], "what has never been in sync is no reason to restart"
    await pods.synced(timeout=20)
    await maps.synced(timeout=20)
    assert (await told(readiness_checks(cluster)))[0]


async def test_an_informer_that_hears_nothing_is_not_healthy(cluster: Cluster) -> None:
    await cluster.informer(CONFIGMAPS).synced(timeout=20)
    assert (await told(health_checks(cluster, [], 60, 60)))[0]
    is_well, lines = await told(health_checks(cluster, [], 1e-9, 60))
    assert not is_well
    assert lines[0] == "[-]informers failed: v1/configmaps heard nothing for 0 s, more than 1e-09"


async def test_a_worker_that_does_not_come_back_is_not_healthy(cluster: Cluster) -> None:
    worker = Worker()
    checks = health_checks(cluster, [worker], 600, 60)
    worker.queue.add("default/a")
    key = await worker.queue.get()
    worker.now = 60
    assert (await told(checks))[0]
    worker.now = 61
    assert await told(checks) == (
        False,
        [
            "[+]informers ok",
            "[-]controller-web failed: a reconcile has been running for 61 s, more than 60",
            "readyz check failed",
        ],
    )
    worker.queue.done(key)
    assert (await told(checks))[0]


async def test_checks_of_a_user_may_wait_and_may_raise(caplog: pytest.LogCaptureFixture) -> None:
    async def waits() -> bool:
        await anyio.lowlevel.checkpoint()
        return True

    def raises() -> bool:
        raise OSError("db.internal: password 'hunter2' rejected")

    checks: dict[str, Check] = {"waits": waits, "says-no": lambda: False, "raises": raises, "well": lambda: True}
    with caplog.at_level(logging.WARNING, "kubeinformer.controller"):
        is_well, lines = await told(checks)
    assert not is_well
    assert lines == [
        "[+]waits ok",
        "[-]says-no failed: reason withheld",
        "[-]raises failed: reason withheld, see the log",
        "[+]well ok",
        "readyz check failed",
    ]
    assert [(record.message, vars(record)["check"]) for record in caplog.records] == [
        ("a health check raised", "raises")
    ]


async def cancelled_by_itself() -> bool:
    await anyio.lowlevel.checkpoint()
    raise asyncio.CancelledError  # as who awaits a task that somebody else has cancelled


def cancelled_plainly() -> bool:
    raise asyncio.CancelledError


@pytest.mark.parametrize("check", [cancelled_by_itself, cancelled_plainly])
async def test_a_cancellation_that_nobody_asked_for_is_a_failure(
    check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    assert await told({"odd": check, "well": lambda: True}) == (
        False,
        ["[-]odd failed: reason withheld, see the log", "[+]well ok", "readyz check failed"],
    )
    assert [vars(record)["error"] for record in caplog.records] == ["CancelledError"]


async def test_checks_that_do_not_end_have_failed() -> None:
    async def hangs() -> bool:
        await anyio.sleep_forever()
        raise AssertionError

    is_well, lines = await told({"first": lambda: True, "hangs": hangs, "behind": lambda: True}, patience=0.05)
    assert not is_well
    assert lines == [
        "[+]first ok",
        "[-]hangs failed: not done within 0.05 s",
        "[-]behind failed: not done within 0.05 s",
        "readyz check failed",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("taken", "there is one of that name"), ("", "printable"), (" ", "printable"), ("a\nb", "printable")],
)
def test_names_that_cannot_be(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^a check cannot be called .*{problem}"):
        checks_by_name({"taken": lambda: True}, {name: lambda: True})


def test_names_that_can() -> None:
    found = checks_by_name({"ours": lambda: True}, {"theirs": lambda: True})
    assert list(found) == ["ours", "theirs"]
