"""What a user or a server calls things does not lead elsewhere: paths, queries, headers."""

import json
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.scripted import GUARD, HANG, JSON, QUICK, Answer, ScriptedTransport, end, event, page, status
from tests.security.peer import answering

from kubeinformer import Resource, WrongKind, connect
from kubeinformer._protocol.identity import identify
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

NAMESPACES = (
    *("..", ".", "../..", "a/b", "a/../b", "/", "a/", "%2e%2e", "a%2fb", "a?b", "a#b", "a b", "a\r\nb", "a\0"),
    *("A", "-a", "a-", "a_b", "a.b", "ä", "a" * 64, "a\n", "*"),
)


@pytest.mark.parametrize("namespace", NAMESPACES)
async def test_namespaces(namespace: str) -> None:
    transport = ScriptedTransport()
    async with connect(transport=transport) as cluster:
        with pytest.raises(ValueError, match=r"not a namespace: .*; accepted are up to 63 lower-case letters"):
            cluster.informer("v1/pods", namespace=namespace)
    assert transport.requests == []


@pytest.mark.parametrize("namespace", ["a", "0", "kube-system", "a" * 63])
async def test_good_namespaces(namespace: str) -> None:
    async with connect(transport=ScriptedTransport()) as cluster:
        cluster.informer("v1/pods", namespace=namespace)


@pytest.mark.parametrize(
    "resource",
    ["v1/../pods", "v1/pods/../secrets", "../v1/pods", "v1/pods?watch=1", "v1/pods#", "v1/pods%2f..", "v1/po ds",
     "v1/pods\r\n", "v1/pods\n", "/v1/pods", "v1//pods", "apps/v1/", "a..b/v1/pods", "-a/v1/pods", "v1/Pods"],
)  # fmt: skip
async def test_resources(resource: str) -> None:
    async with connect(transport=ScriptedTransport()) as cluster:
        with pytest.raises(ValueError, match="not a resource: "):
            cluster.informer(resource)


@pytest.mark.parametrize(
    "parts", [("..", "v1", "pods"), ("", "..", "pods"), ("", "v1", ".."), ("", "v1", "a/b"), ("a/b", "v1", "pods")]
)
def test_resources_made_of_parts(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="not a resource: "):
        Resource(*parts)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../a", "a/..", "a\n/b"])
def test_paths(name: str) -> None:
    pods = Resource.parse("v1/pods")
    with pytest.raises(ValueError, match="would lead elsewhere in a URL"):
        pods.path(name)
    with pytest.raises(ValueError, match="would lead elsewhere in a URL"):
        pods.path("default", name)
    assert pods.path("default", "system:a..b") == "/api/v1/namespaces/default/pods/system:a..b"


SELECTORS = ("a=b&watch=false", "a=b#c", "a=b?c", "a in (b,c)", "a=ä", "a=%26watch%3Dfalse", "a=b+c;d")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("selector", SELECTORS)
async def test_selectors_stay_one_parameter(selector: str) -> None:
    async with FakeApiServer() as server:
        async with connect(server=server.url) as cluster:
            cluster.informer("v1/pods", label_selector=selector, field_selector=selector)
            with anyio.fail_after(GUARD):
                while not server.requests:
                    await anyio.lowlevel.checkpoint()
        asked = server.requests[0]
    assert asked.path == "/api/v1/pods"
    query = dict(asked.query)
    assert (query["labelSelector"], query["fieldSelector"], query["watch"]) == (selector, selector, "true")


@pytest.mark.parametrize("selector", ["a=b\r\nX: y", "a\nb", "a\0", "a=\ud800"])
@pytest.mark.parametrize("which", ["label_selector", "field_selector"])
async def test_selectors_of_several_lines(which: str, selector: str) -> None:
    options: dict[str, Any] = {which: selector}
    async with connect(transport=ScriptedTransport()) as cluster:
        with pytest.raises(ValueError, match=f"{which}=.* must be one line of text"):
            cluster.informer("v1/pods", **options)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_the_server_says_stays_one_parameter() -> None:
    """Versions and continue tokens come back to it as they were."""
    hostile = "5&watch=false\r\nX-Other: 1#?/../"
    no = Answer([json.dumps(status(400, "BadRequest", "no")).encode()], status=400, headers=JSON)
    transport = ScriptedTransport(no, Answer([page([], 5, hostile)]), HANG)
    async with connect(transport=transport, timing=QUICK) as cluster:
        cluster.informer("v1/pods")
        await transport.idle()
    assert dict(transport.requests[-1].query)["continue"] == hostile
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as peer:
        sender = AiohttpTransport(ConnectionConfig(server=peer.url))
        async with sender.stream(HttpRequest(path="/api/v1/pods", query=(("continue", hostile),))):
            pass
        await sender.aclose()
    target = peer.heads[0].split(" ")[1]
    assert "X-Other" not in [line.partition(":")[0] for line in peer.heads[0].split("\r\n")]
    assert (urlsplit(target).path, urlsplit(target).query.count("&"), urlsplit(target).fragment) == (
        "/api/v1/pods",
        0,
        "",
    )


@pytest.mark.parametrize(
    "metadata",
    [{"name": "a/b"}, {"name": ".."}, {"name": "a", "namespace": "../x"}, {"name": "a", "namespace": "."}],
)
def test_objects_whose_key_could_be_anothers(metadata: dict[str, str]) -> None:
    raw = json.dumps({"metadata": metadata | {"resourceVersion": "5"}}).encode()
    with pytest.raises(WrongKind, match="name or namespace is no segment of a path"):
        identify("v1/pods", raw, 0)


async def test_a_server_that_names_objects_so_is_refused() -> None:
    bad = event("ADDED", {"metadata": {"name": "b", "namespace": "a/..", "resourceVersion": "5"}})
    transport = ScriptedTransport(Answer([bad + end(5)]))
    async with connect(transport=transport, timing=QUICK) as cluster:
        pods = cluster.informer("v1/pods")
        await transport.idle()
        assert pods.statistics().failures == {"WrongKind": 1}
        assert len(pods.store) == 0
