import logging
from typing import Any, cast

import anyio
import pytest
from tests.controller.virtual_time import run

from kubeinformer import Cluster, ConfigError, ConnectionLost, Forbidden, ProtocolError, RawObject, ServerUnavailable
from kubeinformer.controller._intake.kinds import Kind, discover
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("apps/v1/deployments", Kind("apps", "Deployment", is_namespaced=True)),
        ("v1/nodes", Kind("", "Node", is_namespaced=False)),
    ],
)
async def test_discovery_tells_kind_and_scope(cluster: Cluster, resource: str, kind: Kind) -> None:
    assert await discover(cluster, resource) == kind


async def test_it_needs_no_right_on_any_resource(cluster: Cluster, fake_api_server: FakeApiServer) -> None:
    fake_api_server.deny()
    assert (await discover(cluster, "v1/pods")).kind == "Pod"


class Answers:
    """A cluster that gives these, one after the other."""

    def __init__(self, *answers: RawObject | Exception) -> None:
        self._answers = list(answers)

    async def request(self, _method: str, path: str, **_: Any) -> RawObject:
        assert path == "/apis/example.com/v1"
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_it_asks_until_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    served = {"resources": [{"name": "gadgets"}, {"name": "widgets", "kind": "Widget", "namespaced": True}]}
    cluster = Answers(
        ConnectionLost("reset"),
        ServerUnavailable("get", "x", 503, "", ""),
        Forbidden("get", "x", None, 403, "", ""),
        ProtocolError("x", "not JSON"),
        ConfigError("the exec plugin failed"),
        {},
        served,
    )
    found = await discover(cast("Cluster", cluster), "example.com/v1/widgets", pause=0)
    assert found == Kind("example.com", "Widget", is_namespaced=True)
    assert [vars(record)["error"] for record in caplog.records] == [
        "ConnectionLost",
        "ServerUnavailable",
        "Forbidden",
        "ProtocolError",
        "ConfigError",
        "ProtocolError",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_it_waits_longer_each_time(anyio_backend_name: str) -> None:
    served = {"resources": [{"name": "widgets", "kind": "Widget", "namespaced": True}]}
    cluster = Answers(*[ConnectionLost("reset")] * 9, served)

    async def main() -> float:
        began = anyio.current_time()
        await discover(cast("Cluster", cluster), "example.com/v1/widgets")
        return anyio.current_time() - began

    assert run(anyio_backend_name, main) == pytest.approx(0.5 + 1 + 2 + 4 + 8 + 16 + 30 + 30 + 30)
