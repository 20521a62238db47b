import pytest
from prometheus_client import CollectorRegistry
from tests.controller.harness import CONFIGMAPS, configmap

from kubeinformer import Cluster, connect
from kubeinformer.controller.metrics import Metrics
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import Eventually

pytestmark = pytest.mark.anyio

NONE = {"namespace": "", "label_selector": "", "field_selector": "", "informer": "1"}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"kubeinformer_{name}", {"resource": CONFIGMAPS, **NONE, **labels})


async def test_an_informer_in_figures(fake_api_server: FakeApiServer, cluster: Cluster) -> None:
    metrics = Metrics(cluster, registry=CollectorRegistry())
    for name in ("a", "b"):
        fake_api_server.create(CONFIGMAPS, configmap(name))
    informer = cluster.informer(CONFIGMAPS)
    assert value(metrics, "live") == 0
    assert value(metrics, "staleness_seconds") is None
    await informer.synced(timeout=20)
    found = informer.statistics()
    assert value(metrics, "live") == 1
    assert value(metrics, "objects") == 2
    assert value(metrics, "stored_bytes") == found.stored_bytes > 0
    assert value(metrics, "received_bytes_total") == found.received_bytes > 0
    assert value(metrics, "decoded_bytes_total") == found.decoded_bytes > 0
    assert value(metrics, "events_total") == found.events
    assert value(metrics, "changes_total") == 2
    assert value(metrics, "syncs_total") == 1
    assert value(metrics, "requests_total", kind="watch-list") == 1
    assert value(metrics, "subscriptions") == 0
    assert value(metrics, "pending") == 0
    assert value(metrics, "consistency_checks_total") == 0
    assert value(metrics, "divergences_total") == 0
    staleness = value(metrics, "staleness_seconds")
    assert staleness is not None
    assert 0 <= staleness < 60
    await informer.aclose()
    assert value(metrics, "live") is None


async def test_what_failed_and_why_it_began_anew(
    fake_api_server: FakeApiServer, cluster: Cluster, eventually: Eventually
) -> None:
    metrics = Metrics(cluster, registry=CollectorRegistry())
    await cluster.informer(CONFIGMAPS).synced(timeout=20)
    assert value(metrics, "resyncs_total", reason="expired") is None
    fake_api_server.create("v1/pods", {"metadata": {"name": "a"}})
    fake_api_server.compact()
    fake_api_server.drop_connections()
    await eventually(lambda: value(metrics, "resyncs_total", reason="expired") == 1)
    assert value(metrics, "failures_total", error="ConnectionLost") == 1
    await eventually(lambda: value(metrics, "syncs_total") == 2)


async def test_two_of_one_resource_do_not_clash(cluster: Cluster) -> None:
    metrics = Metrics(cluster, registry=CollectorRegistry())
    cluster.informer(CONFIGMAPS)
    second = cluster.informer(CONFIGMAPS, retain="keys")
    cluster.informer(CONFIGMAPS, namespace="web", label_selector="app=web", field_selector="metadata.name=a")
    assert value(metrics, "live") == 0
    assert value(metrics, "live", informer="2") == 0
    selected = {"namespace": "web", "label_selector": "app=web", "field_selector": "metadata.name=a"}
    assert value(metrics, "live", **selected) == 0
    assert len(metrics.render()[0].split(b"\nkubeinformer_live{")) == 1 + 3
    await second.aclose()
    assert value(metrics, "live", informer="2") is None


async def test_who_has_a_number_keeps_it(cluster: Cluster) -> None:
    metrics = Metrics(cluster, registry=CollectorRegistry())
    first = cluster.informer(CONFIGMAPS)
    second = cluster.informer(CONFIGMAPS, retain="keys")
    metrics.render()
    await first.aclose()
    await second.synced(timeout=20)
    third = cluster.informer(CONFIGMAPS, retain="bytes")
    assert value(metrics, "live", informer="2") == 1
    assert value(metrics, "live", informer="1") == 0
    await third.aclose()
    assert value(metrics, "live", informer="1") is None


async def test_several_clusters(fake_api_server: FakeApiServer) -> None:
    async with connect(server=fake_api_server.url) as one, connect(server=fake_api_server.url) as other:
        metrics = Metrics(one, other, registry=CollectorRegistry())
        await other.informer(CONFIGMAPS).synced(timeout=20)
        assert value(metrics, "live") == 1
        one.informer(CONFIGMAPS)
        assert value(metrics, "live") == 1
        assert value(metrics, "live", informer="2") == 0
