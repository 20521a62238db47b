"""A server with a custom resource that has a status, and the objects that the tests of helpers write to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from kubeinformer import Cluster, connect
from kubeinformer.testing import FakeApiServer

Json = dict[str, Any]
WIDGETS = "example.com/v1/widgets"
KEY = "shop/web"


def widget(**content: Any) -> Json:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "web", "namespace": "shop"} | content.pop("metadata", {}),
    } | content


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[FakeApiServer, Cluster]]:
    async with FakeApiServer(managed_fields=True) as server:
        server.create("v1/namespaces", {"metadata": {"name": "shop"}})
        server.register(WIDGETS, kind="Widget", status_subresource=True)
        async with connect(server=server.url) as cluster:
            yield server, cluster
