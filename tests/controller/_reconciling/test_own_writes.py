"""Waiting for one's own writes: which stores, and how long."""

import anyio
import pytest
from tests.controller.harness import CONFIGMAPS, LIMIT, configmap

from kubeinformer import Cluster, Write, connect
from kubeinformer.controller._reconciling import own_writes
from kubeinformer.controller._reconciling.own_writes import OwnWrites
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import InformerSynced

pytestmark = pytest.mark.anyio

PATH = "/api/v1/namespaces/default/configmaps/a"
NEVER = "999999"


async def test_a_store_that_has_the_write_ends_the_wait(
    fake_api_server: FakeApiServer, cluster: Cluster, informer_synced: InformerSynced
) -> None:
    informer = await informer_synced(CONFIGMAPS)
    made = fake_api_server.create(CONFIGMAPS, configmap("a"))
    with anyio.fail_after(LIMIT):
        await OwnWrites("test", cluster, [informer]).seen("k", [Write(PATH, made["metadata"]["resourceVersion"])])
    assert "default/a" in informer.store


@pytest.mark.parametrize(
    "write",
    [
        Write("/api/v1/namespaces/default/secrets/a", NEVER),  # no informer has it
        Write("/api/v1/namespaces/other/configmaps/a", NEVER),  # nor this namespace
        Write(PATH, "abc"),  # not comparable
        Write(PATH, "\N{ARABIC-INDIC DIGIT NINE}"),  # nor this
    ],
)
async def test_what_no_store_will_show_is_not_waited_for(cluster: Cluster, write: Write) -> None:
    informer = cluster.informer(CONFIGMAPS, namespace="default")
    with anyio.fail_after(LIMIT):
        await OwnWrites("test", cluster, [informer], patience=10 * LIMIT).seen("k", [write])


async def test_another_cluster_s_store_is_not_waited_for(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    async with connect(server=fake_api_server.url) as other:
        informers = [other.informer(CONFIGMAPS)]
        with anyio.fail_after(LIMIT):
            await OwnWrites("test", cluster, informers, patience=10 * LIMIT).seen("k", [Write(PATH, NEVER)])


async def test_the_wait_is_bounded_and_told(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    informer = cluster.informer(CONFIGMAPS)
    await OwnWrites("test", cluster, [informer], patience=0.001).seen(
        "shop/k", [Write(PATH, NEVER), Write(PATH, NEVER)]
    )
    [record] = caplog.records
    assert "a store did not show within 0.001 s what the reconcile of shop/k wrote" in record.getMessage()
    assert vars(record)["key"] == "shop/k"


async def test_a_store_that_may_leave_the_write_out_holds_up_nobody_for_long(
    fake_api_server: FakeApiServer,
    cluster: Cluster,
    informer_synced: InformerSynced,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(own_writes, "PATIENCE_WITH_PARTIAL", 0.01)
    informer = await informer_synced(CONFIGMAPS, label_selector="app=web")
    made = fake_api_server.create(CONFIGMAPS, configmap("a"))
    with anyio.fail_after(LIMIT):
        written = [Write(PATH, made["metadata"]["resourceVersion"])]
        await OwnWrites("test", cluster, [informer], patience=10 * LIMIT).seen("k", written)
    assert "default/a" not in informer.store
    assert not caplog.records


async def test_a_store_with_selectors_shows_the_write_that_they_take(
    fake_api_server: FakeApiServer,
    cluster: Cluster,
    informer_synced: InformerSynced,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_writes, "PATIENCE_WITH_PARTIAL", LIMIT)  # a busy machine may be half a second late
    informer = await informer_synced(CONFIGMAPS, label_selector="app=web")
    labelled = configmap("a")
    labelled["metadata"]["labels"] = {"app": "web"}
    made = fake_api_server.create(CONFIGMAPS, labelled)
    await OwnWrites("test", cluster, [informer]).seen("k", [Write(PATH, made["metadata"]["resourceVersion"])])
    assert "default/a" in informer.store
