"""What follows from reconciles: on the real queue, without an informer."""

import asyncio
import logging
from typing import Any

import pytest

from kubeinformer import (
    AlreadyExists,
    Cluster,
    Conflict,
    ConnectionLost,
    ReconcileTimeout,
    ServerUnavailable,
    Terminal,
)
from kubeinformer.controller import Request, Result
from kubeinformer.controller._queue.queue import LOW_PRIORITY, WorkQueue
from kubeinformer.controller._reconciling.outcomes import OnError, Outcomes

pytestmark = pytest.mark.anyio

KEY = "default/a"


class World:
    """A queue that has handed a key out, and what a reconcile of it comes to."""

    def __init__(self, cluster: Cluster) -> None:
        self.now = 0.0
        self.queue: WorkQueue[str] = WorkQueue("test", clock=lambda: self.now)
        self.informer = cluster.informer("v1/configmaps")
        self.outcomes = self.made()

    def made(self, on_error: OnError | None = None) -> Outcomes[Any]:
        self.outcomes = Outcomes("test", "reconcile", self.queue, on_error)
        return self.outcomes

    async def take(self, priority: int = 0) -> None:
        self.queue.add(KEY, priority=priority)
        assert await self.queue.get() == KEY

    def failed(self, error: Exception) -> str:
        return self.outcomes.failed(self.request(), error)

    def request(self) -> Request:
        return Request(KEY, self.informer, attempt=self.outcomes.attempt(KEY))

    def after(self, seconds: float) -> int:
        """How many keys are ready when the key is done and some seconds have passed."""
        self.now += seconds
        return len(self.queue)


@pytest.fixture
async def world(cluster: Cluster) -> World:
    world = World(cluster)
    await world.take()
    return world


def conflict() -> Conflict:
    return Conflict("update", "v1/configmaps", "default", 409, "Conflict", "the object has been modified")


def unavailable(retry_after: float | None) -> ServerUnavailable:
    return ServerUnavailable("update", "v1/configmaps", 503, "", "", retry_after=retry_after)


async def test_success_waits_for_the_next_change(world: World) -> None:
    assert world.outcomes.succeeded(KEY, None) == "success"
    assert world.outcomes.succeeded(KEY, Result()) == "success"
    world.queue.done(KEY)
    assert world.after(10_000) == 0
    assert world.outcomes.counts == {"success": 2}


async def test_a_result_brings_the_key_back_with_its_priority(cluster: Cluster) -> None:
    world = World(cluster)
    await world.take(LOW_PRIORITY)
    assert world.outcomes.succeeded(KEY, Result(requeue_after=5)) == "requeue_after"
    world.queue.done(KEY)
    assert world.after(4.9) == 0
    assert world.after(0.2) == 1
    await world.queue.get()
    assert world.queue.priority_of(KEY) == LOW_PRIORITY


async def test_an_error_is_logged_with_its_key_and_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("x")
    assert world.failed(error) == "error"
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "reconcile of default/a failed, it is tried again in 0.005 s"
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    facts = {"controller": "test", "function": "reconcile", "key": KEY, "error": "KeyError", "attempt": 1}
    assert facts.items() <= vars(record).items()
    world.queue.done(KEY)
    assert world.after(0.004) == 0
    assert world.after(0.002) == 1


class Mute(Exception):
    def __str__(self) -> str:
        raise AttributeError("no text")


async def test_an_error_that_cannot_be_told_is_that_keys_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (Mute(), ExceptionGroup("tasks", [Mute()])):
        assert world.failed(error) == "error"
    assert all("reconcile of default/a failed, it is tried again" in message for message in caplog.messages)
    world.queue.done(KEY)
    assert world.after(1) == 1


async def test_each_failure_waits_longer_and_success_forgets(world: World) -> None:
    delays = list[float]()
    for _ in range(4):
        began = world.now
        world.failed(KeyError())
        world.queue.done(KEY)
        while not world.after(0.001):
            pass
        delays.append(world.now - began)
        await world.queue.get()
    assert delays == pytest.approx([0.005, 0.01, 0.02, 0.04], abs=0.0015)
    assert world.outcomes.attempt(KEY) == 5
    assert world.outcomes.attempt("default/other") == 1
    world.outcomes.succeeded(KEY, None)
    assert world.outcomes.attempt(KEY) == 1
    assert world.queue.retries(KEY) == 0


async def test_a_terminal_error_is_logged_and_not_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.failed(KeyError())
    assert world.failed(Terminal("no such region")) == "terminal"
    assert caplog.records[-1].getMessage() == "reconcile of default/a failed and is not tried again"
    assert world.outcomes.attempt(KEY) == 1
    assert world.outcomes.counts == {"error": 1, "terminal": 1}


@pytest.mark.parametrize(
    ("parts", "outcome"), [([Terminal(), Terminal()], "terminal"), ([Terminal(), KeyError()], "error")]
)
async def test_a_group_is_terminal_if_all_of_it_is(world: World, parts: list[Exception], outcome: str) -> None:
    assert world.failed(ExceptionGroup("tasks", [ExceptionGroup("inner", parts)])) == outcome


async def test_a_timeout_is_counted_as_one_and_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert world.failed(ReconcileTimeout("reconcile", KEY, 3)) == "timeout"
    [record] = caplog.records
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert record.getMessage().startswith("reconcile of default/a failed, it is tried again in 0.005 s: reconcile ")
    world.queue.done(KEY)
    assert world.after(1) == 1


async def test_conflicts_are_usual_at_first(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(4):
        assert world.failed(conflict()) == "error"
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 3 + [logging.ERROR]
    assert "met a conflict, it is tried again in 0.005 s" in caplog.records[0].getMessage()
    assert caplog.records[0].exc_info is None
    there = AlreadyExists("create", "v1/configmaps", "default", 409, "AlreadyExists", "")
    world.outcomes.succeeded(KEY, None)
    world.failed(ExceptionGroup("tasks", [there]))
    assert caplog.records[-1].levelno == logging.INFO


@pytest.mark.parametrize("error", [unavailable(None), ConnectionLost("reset")])
async def test_a_server_that_is_away_makes_no_traceback(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.failed(error)
    [record] = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.getMessage().startswith("the server failed the reconcile of default/a, it is tried again in 0.005 s")


async def test_the_server_may_say_when_to_come_back(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.failed(unavailable(7.0))
    assert "it is tried again in 7 s" in caplog.text
    world.queue.done(KEY)
    assert world.after(6.9) == 0
    assert world.after(0.2) == 1
    assert world.outcomes.attempt(KEY) == 2


async def test_on_error_may_choose_the_time(world: World) -> None:
    seen = list[tuple[str, Exception]]()
    error = KeyError()

    def on_error(request: Request, raised: Exception) -> Result:
        seen.append((request.key, raised))
        return Result(requeue_after=60)

    world.made(on_error)
    assert world.failed(error) == "error"
    assert seen == [(KEY, error)]
    world.queue.done(KEY)
    assert world.after(59) == 0
    assert world.after(1.1) == 1


async def test_on_error_may_give_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.made(lambda _request, _error: Result())
    assert world.failed(KeyError()) == "error"
    assert "it is not tried again" in caplog.text
    world.queue.done(KEY)
    assert world.after(10_000) == 0
    assert world.outcomes.attempt(KEY) == 1


async def test_on_error_may_leave_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.made(lambda _request, _error: None)
    world.failed(KeyError())
    assert caplog.messages == ["reconcile of default/a failed, it is tried again in 0.005 s"]
    world.queue.done(KEY)
    assert world.after(0.006) == 1


async def test_on_error_may_call_it_terminal(world: World) -> None:
    def on_error(_request: Request, error: Exception) -> None:
        raise Terminal("give up") from error

    world.made(on_error)
    assert world.failed(KeyError()) == "terminal"


async def test_on_error_is_not_asked_about_terminal_errors(world: World) -> None:
    def on_error(_request: Request, error: Exception) -> None:
        raise AssertionError(error)

    world.made(on_error)
    assert world.failed(Terminal()) == "terminal"


def raises(_request: Request, _error: Exception) -> None:
    raise ZeroDivisionError


def returns(_request: Request, _error: Exception) -> Any:
    return 30


def asks_one_that_was_cancelled(_request: Request, _error: Exception) -> None:
    raise asyncio.CancelledError  # as the result() of a task does


@pytest.mark.parametrize(
    ("on_error", "mistake"),
    [(raises, "ZeroDivisionError"), (returns, "UsageError"), (asks_one_that_was_cancelled, "CancelledError")],
)
async def test_an_on_error_that_fails_is_logged_and_the_key_tried_again(
    world: World, on_error: OnError, mistake: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.made(on_error)
    assert world.failed(KeyError()) == "error"
    about_it, about_the_key = caplog.records
    assert about_it.getMessage() == "on_error failed for default/a, which is tried again as without it"
    assert vars(about_it)["error"] == mistake
    assert vars(about_the_key)["error"] == "KeyError"
    world.queue.done(KEY)
    assert world.after(0.006) == 1


@pytest.mark.parametrize("error", [KeyError(), unavailable(7)])
async def test_nothing_is_promised_while_the_queue_shuts_down(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.queue.shut_down()
    world.failed(error)
    assert "it is not tried again" in caplog.text
