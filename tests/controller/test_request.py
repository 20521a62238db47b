import datetime as dt
from typing import Any

import pytest
from tests.controller.harness import CONFIGMAPS, LIMIT, configmap

from kubeinformer import Cluster, WaitTimeout
from kubeinformer.controller import Request, Result
from kubeinformer.testing import FakeApiServer
from kubeinformer.testing.pytest_plugin import InformerSynced

pytestmark = pytest.mark.anyio


async def test_a_request_knows_its_namespace_and_name(cluster: Cluster) -> None:
    request = Request("shop/web", cluster.informer(CONFIGMAPS))
    assert (request.namespace, request.name, request.attempt) == ("shop", "web", 1)
    node = Request("node-1", cluster.informer("v1/nodes"), attempt=3)
    assert (node.namespace, node.name) == (None, "node-1")
    assert repr(node) == "Request(key='node-1', attempt=3)"
    assert node.cluster is cluster


async def test_the_object_is_read_once_and_private(
    fake_api_server: FakeApiServer, informer_synced: InformerSynced
) -> None:
    fake_api_server.create(CONFIGMAPS, configmap("a"))
    informer = await informer_synced(CONFIGMAPS)
    request = Request("default/a", informer)
    item = request.object
    assert item is not None
    item["data"] = {"changed": "here"}
    assert request.object is item
    kept = request.store.get("default/a")
    assert kept is not None
    assert kept["data"] == {}


async def test_an_object_that_is_gone_is_none(informer_synced: InformerSynced) -> None:
    assert Request("default/a", await informer_synced(CONFIGMAPS)).object is None


async def test_wait_for_waits_for_the_primary(fake_api_server: FakeApiServer, informer_synced: InformerSynced) -> None:
    informer = await informer_synced(CONFIGMAPS)
    request = Request("default/a", informer)
    made = fake_api_server.create(CONFIGMAPS, configmap("a"))
    await request.wait_for(made["metadata"]["resourceVersion"], timeout=LIMIT)
    assert request.object is not None
    with pytest.raises(WaitTimeout):
        await request.wait_for("999999", timeout=0)


def test_a_result_is_some_seconds_or_none() -> None:
    assert Result().requeue_after is None
    assert Result(requeue_after=0).requeue_after == 0
    assert Result(2.5) == Result(requeue_after=2.5)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "5", dt.timedelta(seconds=5)])
def test_a_result_takes_no_other_numbers(seconds: Any) -> None:
    with pytest.raises(ValueError, match="requeue_after"):
        Result(requeue_after=seconds)
