"""Every example runs as its README says, against the fake server, as the program that it is."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from tests.kubeconfigs import write_kubeconfig

from kubeinformer.testing import FakeApiServer

EXAMPLES = Path(__file__).parent.parent / "examples"
LIMIT = 50.0  # seconds; a program that starts beside others was seen to take four of them
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The examples choose their own loop, in their own processes; what differs here would be the fake's only."""
    return "asyncio"


def pod(name: str, node: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"nodeName": node}, "status": {"phase": "New"}}


@contextmanager
def started(name: str, server: FakeApiServer, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    kubeconfig = write_kubeconfig(folder / "kubeconfig", server.url)
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - our own examples
        [sys.executable, str(EXAMPLES / name), *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def output(name: str, server: FakeApiServer, folder: Path, *arguments: str) -> str:
    with started(name, server, folder, *arguments) as process, anyio.fail_after(LIMIT):
        out, _ = await anyio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
        assert process.returncode == 0, out
        return out


@asynccontextmanager
async def lines_of(
    name: str, server: FakeApiServer, folder: Path, *arguments: str
) -> AsyncGenerator[Callable[[], Awaitable[str]]]:
    """What gives the next line of an example that runs until SIGTERM, and then ends well."""
    with started(name, server, folder, *arguments) as process, anyio.fail_after(LIMIT):

        async def line() -> str:
            assert process.stdout is not None
            return (await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)).rstrip("\n")

        yield line
        process.terminate()
        assert await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True) == 0


async def test_pod_watch_tells_what_happens(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("a", "n1"))
        with started("pod_watch.py", server, tmp_path) as process, anyio.fail_after(LIMIT):
            assert process.stdout is not None

            async def line() -> str:
                assert process.stdout is not None
                return await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)

            assert await line() == "+ default/a\n"
            assert await line() == "-- that was all; now live\n"
            server.patch("v1/pods", "default/a", {"status": {"phase": "Running"}})
            assert await line() == "~ default/a New -> Running\n"
            server.delete("v1/pods", "default/a")
            assert await line() == "- default/a\n"


async def test_indexed_lookup_finds_the_pods_of_each_node(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        for name, node in (("a", "n1"), ("b", "n2"), ("c", "n2")):
            server.create("v1/pods", pod(name, node))
        assert await output("indexed_lookup.py", server, tmp_path) == (
            "n2: 2 pods\n  default/b\n  default/c\nn1: 1 pods\n  default/a\n"
        )


async def test_metadata_only_inventory_sees_labels_and_no_content(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        metadata = {"name": "s", "namespace": "default", "labels": {"app": "web"}}
        server.create("v1/secrets", {"metadata": metadata, "data": {"password": "aHVudGVyMg=="}})
        assert await output("metadata_only_inventory.py", server, tmp_path) == "default/s app=web\n"


async def test_typed_model_reads_structs(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("a", "n1"))
        assert await output("typed_model.py", server, tmp_path) == "default/a: n1\n"


async def test_leader_elected_works_in_one_process_and_then_in_the_other(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/configmaps", {"metadata": {"name": "one", "namespace": "default"}})

        async def line(process: subprocess.Popen[str]) -> str:
            assert process.stdout is not None
            return await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)

        with started("leader_elected.py", server, tmp_path) as first, anyio.fail_after(LIMIT):
            assert (await line(first)).endswith(" waits for its turn\n")
            assert await line(first) == "reconciled default/one, which is there\n"
            with started("leader_elected.py", server, tmp_path) as second:
                assert (await line(second)).endswith(" waits for its turn\n")
                server.delete("v1/configmaps", "default/one")
                assert await line(first) == "reconciled default/one, which is gone\n"
                server.create("v1/configmaps", {"metadata": {"name": "two", "namespace": "default"}})
                assert await line(first) == "reconciled default/two, which is there\n"
                first.terminate()
                assert await line(second) == "reconciled default/two, which is there\n"
                assert await anyio.to_thread.run_sync(first.wait, abandon_on_cancel=True) == 0


async def test_unit_testing_with_the_fake_passes(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        assert await output("unit_testing_with_the_fake.py", server, tmp_path) == "passed\n"


async def test_unit_testing_with_respx_passes(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        assert await output("unit_testing_with_respx.py", server, tmp_path) == "passed\n"


async def test_configmap_replicator_makes_mends_and_takes_away_copies(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        for namespace in ("shop", "test"):
            server.create("v1/namespaces", {"metadata": {"name": namespace}})
        metadata = {"name": "prices", "annotations": {"example.com/copy-to": "shop, test"}}
        server.create("v1/configmaps", {"metadata": metadata, "data": {"tea": "3"}})
        async with lines_of("configmap_replicator.py", server, tmp_path) as line:
            assert {await line(), await line()} == {"+ shop/prices", "+ test/prices"}
            assert server.get("v1/configmaps", "shop/prices")["data"] == {"tea": "3"}
            server.delete("v1/configmaps", "shop/prices")
            assert await line() == "+ shop/prices"
            server.patch(
                "v1/configmaps", "default/prices", {"metadata": {"annotations": {"example.com/copy-to": "shop"}}}
            )
            assert await line() == "- test/prices"
            server.delete("v1/configmaps", "default/prices")
            assert await line() == "- shop/prices"
        assert [obj["metadata"]["name"] for obj in server.list("v1/configmaps")] == []


async def test_configmap_replicator_leaves_others_alone(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/configmaps", {"metadata": {"name": "prices", "namespace": "shop"}, "data": {"tea": "4"}})
        metadata = {"name": "prices", "annotations": {"example.com/copy-to": "shop,nowhere"}}
        server.create("v1/configmaps", {"metadata": metadata, "data": {"tea": "3"}})
        async with lines_of("configmap_replicator.py", server, tmp_path) as line:
            assert await line() == "! shop/prices is no copy of default/prices: left alone"
            assert await line() == "! nowhere/prices: no such namespace"
        assert server.get("v1/configmaps", "shop/prices")["data"] == {"tea": "4"}


async def test_crd_operator_owns_a_deployment_and_tells_how_it_goes(tmp_path: Path) -> None:
    websites, deployments = "example.com/v1/websites", "apps/v1/deployments"
    async with FakeApiServer() as server:
        async with lines_of("crd_operator.py", server, tmp_path) as line:
            assert await line() == "the server knows websites"
            website = {"metadata": {"name": "shop"}, "spec": {"image": "nginx", "replicas": 2}}
            server.create(websites, website)
            assert await line() == "~ default/shop: 0 of 2 ready"
            deployment = server.get(deployments, "default/shop")
            assert deployment["spec"]["replicas"] == 2
            server.update_status(deployments, deployment | {"status": {"readyReplicas": 2}})
            assert await line() == "~ default/shop: 2 of 2 ready"
            [condition] = server.get(websites, "default/shop")["status"]["conditions"]
            assert (condition["type"], condition["status"]) == ("Ready", "True")
            server.delete(websites, "default/shop")
            assert await line() == "- shop"
        assert server.list(websites) == []
        assert server.list(deployments) == []


async def test_multi_namespace_asks_for_no_other_namespace(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.deny(namespace="")
        for namespace in ("shop", "test", "other"):
            metadata = {"name": "p", "namespace": namespace}
            server.create("v1/pods", {"metadata": metadata, "status": {"phase": "Running"}})
        async with lines_of("multi_namespace.py", server, tmp_path, "shop", "test") as line:
            assert {await line(), await line()} == {"shop: p is Running", "test: p is Running"}
            server.delete("v1/pods", "test/p")
            assert await line() == "test: p is gone"


async def test_trio_informer_waits_for_a_pod(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("a", "n1"))
        with started("trio_informer.py", server, tmp_path, "default", "a", "30") as process, anyio.fail_after(LIMIT):
            assert process.stdout is not None
            first = await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)
            assert first == "default/a is New\n"
            server.patch("v1/pods", "default/a", {"status": {"phase": "Running"}})
            rest, _ = await anyio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
            assert (rest, process.returncode) == ("default/a is Running\n", 0)


async def test_prometheus_serves_metrics_and_probes(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("a", "n1"))
        async with lines_of("prometheus.py", server, tmp_path, "0") as line:
            url = await line()
            assert await line() == "~ default/a"
            metrics = await page(url)
            ready = await page(url.replace("metrics", "readyz"))
    assert 'controller_runtime_reconcile_total{controller="pods",result="success"}' in metrics
    assert 'workqueue_depth{controller="pods"' in metrics
    assert "kubeinformer_" in metrics
    assert "[+]informers-synced ok" in ready


async def page(url: str) -> str:
    """What stands there."""

    def read() -> str:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode())

    return await anyio.to_thread.run_sync(read)


def test_the_table_of_examples_is_complete() -> None:
    told = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if f"python examples/{path.name}" not in told] == []
