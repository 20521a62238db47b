"""What ends the wait, and what is said meanwhile, by an informer that fails as it is told to."""

from dataclasses import dataclass, field
from typing import cast

import anyio
import pytest

from kubeinformer import (
    ConfigError,
    ConnectionFailed,
    ConnectionLost,
    Forbidden,
    Informer,
    InformerStatistics,
    ServerRefused,
    ServerUnavailable,
    SyncTimeout,
    Unauthorized,
)
from kubeinformer.cli._ending import Notices
from kubeinformer.cli._sync import StateNotices, first_sync


@dataclass
class Scripted:
    """An informer whose last error is the next of a list at every look, and then is synced."""

    errors: list[Exception | None]
    resource: str = "v1/pods"
    last_error: Exception | None = None
    failures: dict[str, int] = field(default_factory=dict)

    async def synced(self, *, timeout: float) -> None:  # noqa: ASYNC109 - the informer's signature
        await anyio.lowlevel.checkpoint()
        if not self.errors:
            return
        self.last_error = self.errors.pop(0)
        if self.last_error is not None:
            name = type(self.last_error).__name__
            self.failures[name] = self.failures.get(name, 0) + 1
        raise SyncTimeout(self.resource, timeout, self.last_error)

    def statistics(self) -> InformerStatistics:
        return InformerStatistics(
            phase="waiting",
            objects=0,
            stored_bytes=0,
            received_bytes=0,
            decoded_bytes=0,
            events=0,
            changes=0,
            requests={},
            resyncs={},
            syncs=0,
            failures=self.failures,
            subscriptions=0,
            pending=0,
            last_error=self.last_error,
            last_activity=None,
            checks=0,
            divergences=0,
            resource_version=None,
        )


def refused(kind: type[ServerRefused], status: int, verb: str = "watch") -> ServerRefused:
    return kind(verb, "v1/pods", None, status, "Why", "")


async def wait(*errors: Exception | None, give_up_after: float | None = None) -> None:
    informer = cast("Informer", Scripted(list(errors)))
    notices = Notices()
    await first_sync(informer, notices, give_up_after=give_up_after, states=StateNotices(informer, notices))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error",
    [
        refused(Forbidden, 403),
        refused(ServerRefused, 405),
        refused(ServerRefused, 400, verb="list"),
        ConfigError("no plugin"),
    ],
)
async def test_what_only_a_person_can_repair_ends_the_wait(error: Exception, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)) as caught:
        await wait(None, error)
    assert caught.value is error
    assert capfd.readouterr().err == ""


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error", [refused(ServerRefused, status) for status in (400, 415, 422)] + [refused(Unauthorized, 401)]
)
async def test_what_the_informer_has_its_own_answer_to_does_not(
    error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    await wait(error)
    assert capfd.readouterr().err == ""


@pytest.mark.anyio
async def test_new_credentials_that_are_refused_as_well_do() -> None:
    first, second = refused(Unauthorized, 401), refused(Unauthorized, 401)
    with pytest.raises(Unauthorized) as caught:
        await wait(first, second)
    assert caught.value is second


@pytest.mark.anyio
async def test_the_time_is_up() -> None:
    with pytest.raises(SyncTimeout, match=r"not synced within 0 s; last failure: refused") as caught:
        await wait(ConnectionFailed("refused"), give_up_after=0)
    assert caught.value.seconds == 0


@pytest.mark.anyio
async def test_each_change_of_state_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    lost = ConnectionLost("cut")
    down = [ServerUnavailable("watch", "v1/pods", 503, "", f"{number}") for number in range(3)]
    await wait(None, None, lost, *down, ConnectionLost("cut"), None, None)
    lines = capfd.readouterr().err.splitlines()
    assert lines == [
        "kubeinformer: warning: cut",
        f"kubeinformer: warning: {down[0]}",
        "kubeinformer: warning: cut",
        "kubeinformer: v1/pods is live again",
    ]
