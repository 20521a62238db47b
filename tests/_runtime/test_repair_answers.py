"""What else the server, or the network, may answer to who wants to mend an entry: it mends nothing and ends nothing."""

import gzip
from typing import Any

import pytest
from tests._runtime.damage import KEY, NOTE, answer, damage, is_damaged, kept_bytes, read, repairing, settled
from tests._runtime.scripted import JSON, Answer, ScriptedTransport, page, pod, refuse
from tests._runtime.source import Source

from kubeinformer import ConfigError, ConnectionFailed, ConnectionLost, ReadDeadlineExceeded, Timing
from kubeinformer._protocol.backoff import backoff_delay
from kubeinformer._runtime import repair
from kubeinformer._runtime.limits import Limits

pytestmark = pytest.mark.anyio

BAD_ANSWERS: dict[str, Any] = {
    "another version": answer(pod("a", 8, note="newer")),
    "another object of that name": answer(pod("a", 1, uid="another")),
    "another name": answer(pod("b", 1, uid="uid-a")),
    "none": answer(),
    "not there": refuse(404, "NotFound"),
    "not allowed": refuse(403, "Forbidden"),
    "busy": refuse(429, "TooManyRequests"),
    "broken": refuse(500),
    "an error that looks like an answer": Answer([page([pod("a", 1)], 99)], status=500),
    "refused": ConnectionFailed("refused"),
    "lost before the answer": ConnectionLost("reset"),
    "lost within the answer": Answer([page([pod("a", 1)], 99)[:80], ConnectionLost("reset")]),
    "silent": Answer([b"{", ReadDeadlineExceeded(60.0)]),
    "no credentials": ConfigError("the token file is gone"),
    "cut": Answer([page([pod("a", 1)], 99)[:-1]]),
    "no JSON": Answer([b"<html>"]),
    "no list": Answer([b"{}"]),
    "empty": Answer([]),
    "compressed and cut": Answer(
        [gzip.compress(page([pod("a", 1)], 99))[:-4]], headers={**JSON, "content-encoding": "gzip"}
    ),
    "not compressed": Answer([page([pod("a", 1)], 99)], headers={**JSON, "content-encoding": "gzip"}),
}


@pytest.mark.parametrize("bad", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_a_bad_answer_mends_nothing_and_is_tried_again(bad: Any) -> None:
    source = Source()
    a = source.put("a", note=NOTE)
    transport = ScriptedTransport(bad)
    async with repairing(source, transport):
        damage(source)
        assert is_damaged(source)
        await transport.idle()  # in the second request, which is never answered
        assert len(transport.requests) == 2
        assert is_damaged(source)
        assert source.cache.entries[KEY].resource_version == "1"
    transport = ScriptedTransport(bad, bad, answer(a))
    async with repairing(source, transport):
        assert is_damaged(source)
        await settled()
        assert read(source) == a
        assert source.cache.stored_bytes == kept_bytes(source)
    assert len(transport.requests) == 3


async def test_an_object_over_the_limit_is_not_taken() -> None:
    source = Source()
    a = source.put("a", note=NOTE)
    transport = ScriptedTransport(answer(a))
    async with repairing(source, transport, limits=Limits(object_size=100)):
        damage(source)
        assert is_damaged(source)
        await transport.idle()
        assert is_damaged(source)


async def test_tries_come_after_a_growing_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []

    def recorded(*args: Any, **options: Any) -> float:
        delays.append(backoff_delay(*args, **options))
        return 0.0

    monkeypatch.setattr(repair, "backoff_delay", recorded)
    source = Source()
    a = source.put("a")
    for _ in range(2):  # the second time from the beginning
        damage(source)
        transport = ScriptedTransport(*[refuse(500)] * 9, answer(a))
        async with repairing(source, transport, timing=Timing(), jitter=lambda: 0.5):
            assert is_damaged(source)
            await settled()
            assert read(source) == a
        assert delays == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0, 15.0]
        delays.clear()


@pytest.mark.parametrize(
    ("bad", "error", "reason"),
    [
        (ConnectionLost("reset"), "ConnectionLost", "reset"),
        (refuse(403), "Forbidden", "server refused to list v1/pods in namespace 'default' (HTTP 403)"),
        (refuse(500), "ServerUnavailable", "server could not list v1/pods now (HTTP 500)"),
    ],
)
async def test_the_log_says_why(bad: Any, error: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    source.put("a")
    transport = ScriptedTransport(bad)
    async with repairing(source, transport):
        damage(source)
        assert is_damaged(source)
        await transport.idle()
    (record,) = (record for record in caplog.records if record.levelname == "WARNING")
    facts = vars(record)
    assert (facts["informer"], facts["key"], facts["error"]) == ("v1/pods", KEY, error)
    assert reason in facts["reason"]


async def test_credentials_that_are_not_known_any_more_are_renewed() -> None:
    source = Source()
    source.put("a")
    transport = ScriptedTransport(refuse(401))
    async with repairing(source, transport):
        damage(source)
        assert is_damaged(source)
        await transport.idle()
    assert transport.reauthentications == 1


async def test_silence_is_bounded_as_for_a_list() -> None:
    source = Source()
    a = source.put("a")
    transport = ScriptedTransport(answer(a))
    async with repairing(source, transport, timing=Timing(initial_silence=7)):
        damage(source)
        assert is_damaged(source)
        await settled()
    assert set(transport.deadlines) == {7}
