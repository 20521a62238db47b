import math
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry
from tests.controller.harness import CONFIGMAPS
from tests.controller.http_probe import get

from kubeinformer import Cluster, UsageError
from kubeinformer.controller import serve_health
from kubeinformer.controller.metrics import Metrics

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1"


async def test_probes_follow_the_informers(cluster: Cluster) -> None:
    async with serve_health(cluster, host=HOST, port=0) as server:
        informer = cluster.informer(CONFIGMAPS)
        asked = await get(server.port, "/healthz")
        assert (asked.status, asked.text) == (200, "[+]informers ok\nhealthz check passed\n")
        await informer.synced(timeout=20)
        asked = await get(server.port, "/readyz?verbose")
        assert (asked.status, asked.text) == (200, "[+]informers-synced ok\nreadyz check passed\n")
        asked = await get(server.port, "/metrics")
        assert (asked.status, asked.text) == (404, "not found: there are /healthz, /readyz and /metrics\n")


async def test_checks_of_a_user_stand_beside_ours(cluster: Cluster) -> None:
    async with serve_health(
        cluster, host=HOST, port=0, checks={"db": lambda: False}, liveness_checks={"pump": lambda: True}
    ) as server:
        asked = await get(server.port, "/readyz")
        assert asked.status == 500
        assert asked.text == "[+]informers-synced ok\n[-]db failed: reason withheld\nreadyz check failed\n"
        assert (await get(server.port, "/healthz")).text == "[+]informers ok\n[+]pump ok\nhealthz check passed\n"


async def test_metrics_in_the_format_that_is_asked_for(cluster: Cluster) -> None:
    metrics = Metrics(cluster, registry=CollectorRegistry())
    async with serve_health(cluster, metrics=metrics, host=HOST, port=0) as server:
        await cluster.informer(CONFIGMAPS).synced(timeout=20)
        asked = await get(server.port, "/metrics")
        assert asked.status == 200
        assert asked.headers["content-type"].startswith("text/plain")
        assert "kubeinformer_live{" in asked.text
        asked = await get(server.port, "/metrics", "Accept: application/openmetrics-text;version=1.0.0")
        assert asked.headers["content-type"].startswith("application/openmetrics-text")
        assert asked.text.endswith("# EOF\n")


async def test_it_listens_on_all_addresses_by_default(cluster: Cluster) -> None:
    async with serve_health(cluster, port=0) as server:
        assert (await get(server.port, "/healthz")).status == 200


async def test_a_port_that_cannot_be_had(cluster: Cluster) -> None:
    async with serve_health(cluster, host=HOST, port=0) as server:
        with pytest.raises(
            UsageError, match=rf"^cannot listen on {HOST}:{server.port} for probes and metrics: .* in use"
        ):
            await serve_health(cluster, host=HOST, port=server.port).__aenter__()
    async with serve_health(cluster, host=HOST, port=server.port):
        pass  # it is free again


async def test_an_error_in_the_block_comes_out_as_itself(cluster: Cluster) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with serve_health(cluster, host=HOST, port=0):
            raise RuntimeError("mine")


async def test_a_cancelled_block_leaves_nothing_behind(cluster: Cluster) -> None:
    port = 0
    with anyio.move_on_after(0.05) as scope:
        async with serve_health(cluster, host=HOST, port=0) as server, await anyio.connect_tcp(HOST, server.port):
            port = server.port
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    with pytest.raises(OSError, match=r"(?i)connect|refused"):
        await get(port, "/healthz")


@pytest.mark.parametrize("option", ["staleness_limit", "stuck_after", "check_timeout"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
async def test_limits_that_are_none(cluster: Cluster, option: str, value: float) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=rf"^{option}=.* must be seconds, more than 0"):
        await serve_health(cluster, host=HOST, port=0, **options).__aenter__()


@pytest.mark.parametrize("port", [-1, 65536])
async def test_ports_that_are_none(cluster: Cluster, port: int) -> None:
    with pytest.raises(ValueError, match=rf"^port={port} must be 0 to 65535"):
        await serve_health(cluster, host=HOST, port=port).__aenter__()


async def test_a_name_that_is_taken(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="'informers-synced'"):
        await serve_health(cluster, port=0, checks={"informers-synced": lambda: True}).__aenter__()
