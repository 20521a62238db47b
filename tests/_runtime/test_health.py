"""One log line for each change of state, with facts and without secrets."""

import logging

import pytest

from kubeinformer import ConnectionFailed, ConnectionLost, Forbidden
from kubeinformer._runtime.health import Health


def facts(record: logging.LogRecord) -> dict[str, object]:
    usual = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
    return {name: value for name, value in record.__dict__.items() if name not in usual}


@pytest.fixture
def health() -> Health:
    return Health("v1/pods")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "kubeinformer.reflector")
    return caplog


def loud(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.msg) for record in log.records if record.levelno > logging.DEBUG]


def test_the_same_failure_is_one_warning_and_its_end_one_line(health: Health, log: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        health.failed(ConnectionFailed("GET http://h: refused"))
    health.is_live_again()
    health.is_live_again()
    assert loud(log) == [
        ("WARNING", "request failed, will be tried again: %s"),
        ("INFO", "the stream of %s is live again"),
    ]
    assert len(log.records) == 6
    assert health.failures == {"ConnectionFailed": 5}


def test_another_failure_is_another_warning(health: Health, log: pytest.LogCaptureFixture) -> None:
    health.failed(ConnectionLost("cut"))
    health.failed(ConnectionFailed("refused"))
    health.failed(ConnectionFailed("refused"))
    assert [level for level, _ in loud(log)] == ["WARNING", "WARNING"]


def test_after_it_was_live_the_same_failure_is_news(health: Health, log: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        health.failed(ConnectionLost("cut"))
        health.is_live_again()
        health.progressed()
    assert [level for level, _ in loud(log)] == ["WARNING", "INFO"] * 2


def test_a_stream_that_opens_and_brings_nothing_is_told_once(health: Health, log: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        health.failed(ConnectionLost("cut"))
        health.is_live_again()
        assert health.last_error is None
        health.failed(ConnectionFailed("refused"))
    assert [level for level, _ in loud(log)] == ["WARNING", "INFO", "WARNING"]


def test_being_live_without_a_failure_before_is_no_news(health: Health, log: pytest.LogCaptureFixture) -> None:
    health.is_live_again()
    assert not log.records


def test_facts_stand_beside_a_message_that_says_enough(health: Health, log: pytest.LogCaptureFixture) -> None:
    health.failed(ConnectionLost("cut"))
    health.waits(0.5)
    health.synced("17")
    health.synced("18")
    assert [(record.msg, facts(record)) for record in log.records] == [
        (
            "request failed, will be tried again: %s",
            {"informer": "v1/pods", "error": "ConnectionLost", "reason": "cut"},
        ),
        ("waiting before the next request", {"informer": "v1/pods", "seconds": 0.5}),
        ("%s synced", {"informer": "v1/pods", "resource_version": "17"}),
        ("%s resynced", {"informer": "v1/pods", "resource_version": "18"}),
    ]
    assert log.messages[0] == "request failed, will be tried again: cut"
    assert log.messages[2:] == ["v1/pods synced", "v1/pods resynced"]


def test_last_error_goes_when_the_stream_is_live(health: Health) -> None:
    error = ConnectionLost("cut")
    health.failed(error)
    assert health.last_error is error
    health.answered()
    assert health.last_error is error  # a lost connection says nothing about the server's opinion
    health.is_live_again()
    assert health.last_error is None


def test_a_refusal_stands_until_the_server_answers(health: Health) -> None:
    health.failed(Forbidden("watch", "v1/pods", None, 403, "Forbidden", ""))
    health.answered()
    assert health.last_error is None
    assert health.failures == {"Forbidden": 1}
