"""The programs of docs/how-to/migrate-*.md do, before and after, what their pages say."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from tests.docs import pages
from tests.docs.programs import started

from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio
GUIDES = sorted((pages.DOCS / "how-to").glob("migrate-*.md"))


# Python's own words in the tables, and those of their examples.
PYTHONS = {
    "async",
    "with",
    "await",
    "as",
    "except",
    "return",
    "raise",
    "main",
    "seconds",
    "delay",
    "owner",
    "child",
    "mapper",
}


@pytest.fixture
def anyio_backend() -> str:
    """The programs choose their own loop, in their own processes."""
    return "asyncio"


def pod(name: str, phase: str = "Pending", app: str = "web") -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "app"}]}
    return {"metadata": {"name": name, "labels": {"app": app}}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_what_is_only_shown_compiles(page: Path) -> None:
    for text in pages.only_shown(page):
        ast.parse(text)


@pytest.mark.parametrize(("name", "key"), [("before.py", "web-0"), ("after.py", "default/web-0")])
async def test_kubernetes_asyncio(name: str, key: str, tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("web-0"))
        server.create("v1/pods", pod("db-0", app="db"))
        async with started("how-to/migrate-from-kubernetes-asyncio.md", name, server, tmp_path) as program:
            assert await program.line() == f"ADDED {key} 1"
            server.patch("v1/pods", "default/web-0", {"status": {"phase": "Running"}})
            assert await program.line() == f"MODIFIED {key} 1"
            server.delete("v1/pods", "default/web-0")
            assert await program.line() == f"DELETED {key} 0"


async def test_kubernetes_asyncio_with_models(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        placed = pod("web-0")
        placed["spec"]["nodeName"] = "node-7"
        server.create("v1/pods", placed)
        async with started("how-to/migrate-from-kubernetes-asyncio.md", "models.py", server, tmp_path) as program:
            assert await program.line() == "web-0 node-7"


async def test_kr8s(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        server.create("v1/pods", pod("web-0"))
        server.create("v1/pods", pod("db-0", app="db"))
        async with started("how-to/migrate-from-kr8s.md", "after.py", server, tmp_path) as program:
            assert await program.line() == "ADDED default/web-0 Pending"
            server.patch("v1/pods", "default/web-0", {"status": {"phase": "Running"}})
            assert await program.line() == "MODIFIED default/web-0 Running"
            server.delete("v1/pods", "default/web-0")
            assert await program.line() == "DELETED default/web-0 Running"


async def test_client_go(tmp_path: Path) -> None:
    async with FakeApiServer() as server:
        web = {"metadata": {"name": "web"}, "spec": {"replicas": 1}, "status": {"readyReplicas": 0}}
        server.create("apps/v1/deployments", web)
        async with started("how-to/migrate-from-client-go.md", "after.py", server, tmp_path) as program:
            assert await program.line() == "default/web is not ready"
            server.patch("apps/v1/deployments", "default/web", {"status": {"readyReplicas": 1}})
            assert await program.line() == "default/web is ready"


async def test_kopf(tmp_path: Path) -> None:
    websites = "example.com/v1/websites"
    async with FakeApiServer() as server:
        server.register(websites, kind="Website", status_subresource=True)
        server.create(websites, {"metadata": {"name": "shop"}, "spec": {"title": "Open"}})
        async with started("how-to/migrate-from-kopf.md", "after.py", server, tmp_path) as program:
            assert await program.line() == "page default shop Open"
            server.patch(websites, "default/shop", {"spec": {"title": "Closed"}})
            while (line := await program.line()) != "page default shop Closed":
                assert line == "page default shop Open"  # the finalizer was a change, too
            assert server.get(websites, "default/shop")["metadata"]["finalizers"] == ["example.com/published"]
            server.delete(websites, "default/shop")
            while (line := await program.line()) != "no page default shop":
                assert line == "page default shop Closed"


@pytest.mark.parametrize("page", ["migrate-from-client-go.md", "migrate-from-kopf.md"])
def test_names_that_are_mapped_to_are_public(page: str) -> None:
    """In the second column of the tables: names, methods and arguments of ours."""
    text = (pages.DOCS / "how-to" / page).read_text("utf-8")
    cells = re.findall(r"^\|[^|]+\|((?:[^|]|\\\|)+)\|", text, re.MULTILINE)
    names = {
        name for cell in cells for code in re.findall(r"`([^`]+)`", cell) for name in re.findall(r"[A-Za-z_]+", code)
    }
    api = (pages.DOCS.parent / "tests" / "public_api.txt").read_text("utf-8")
    known = {*re.findall(r"\w+", api), *PYTHONS, "generation_changed", "store"}
    assert names - known == set()
    assert len(names) > 10
