"""An informer on a server that speaks real HTTP: what its owner sees, whatever the server and the network do."""

import logging
import random
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests._runtime.scripted import (
    GUARD,
    HANG,
    QUICK,
    Answer,
    FedTransport,
    ScriptedTransport,
    added,
    bookmark,
    end,
    refuse,
)

from kubeinformer import (
    Added,
    Cluster,
    ConnectionFailed,
    Deleted,
    Event,
    Forbidden,
    Informer,
    NotFound,
    RawObject,
    ServerRefused,
    Subscription,
    Synced,
    SyncTimeout,
    Unauthorized,
    Updated,
    WaitTimeout,
    WrongKind,
    connect,
)
from kubeinformer.testing import FakeApiServer, synthetic_pods

pytestmark = pytest.mark.anyio

PODS = "v1/pods"
SOON = 0.2  # seconds; for waits that are meant to fail


@pytest.fixture
async def server() -> AsyncGenerator[FakeApiServer]:
    async with FakeApiServer() as server:
        yield server


@asynccontextmanager
async def connected(server: FakeApiServer, **options: Any) -> AsyncGenerator[Cluster]:
    async with connect(server=server.url, timing=QUICK, **options) as cluster:
        yield cluster


def pod(name: str, labels: dict[str, str] | None = None, namespace: str = "default", **spec: Any) -> RawObject:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": spec}


def version(obj: RawObject) -> str:
    return str(obj["metadata"]["resourceVersion"])


async def reached(informer: Informer[Any], server: FakeApiServer) -> None:
    """Wait until the store has everything that the server has."""
    if server.connection_count:
        server.bookmark()
    await informer.wait_for(server.resource_version, timeout=GUARD)


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(GUARD):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def failed(informer: Informer[Any], error: str) -> None:
    """Wait for a failure of that kind: with ``timeout=0``, `Informer.synced` then raises or tells it."""
    await until(lambda: type(informer.statistics().last_error).__name__ == error)


async def take(events: Subscription[Any], count: int) -> list[Event[Any]]:
    with anyio.fail_after(GUARD):
        return [await anext(events) for _ in range(count)]


def proven_at(informer: Informer[Any]) -> float:
    """When the store was known to be current, on the event loop's clock."""
    staleness = informer.staleness
    assert staleness is not None
    return anyio.current_time() - staleness


def contents(informer: Informer[Any]) -> list[RawObject]:
    return sorted(informer.store.values(), key=_key)


def on_server(server: FakeApiServer, resource: str = PODS) -> list[RawObject]:
    return sorted(server.list(resource), key=_key)


def _key(obj: RawObject) -> tuple[str, str]:
    return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def kinds(server: FakeApiServer) -> list[str]:
    """What was asked: ``watch-list``, ``watch``, ``page``, ``next page`` or ``list``."""
    return [
        "watch-list"
        if "sendInitialEvents" in query
        else "watch"
        if "watch" in query
        else "next page"
        if "continue" in query
        else "page"
        if "limit" in query
        else "list"
        for query in (request.query for request in server.requests)
    ]


class TestSync:
    async def test_store_equals_the_server(self, server: FakeApiServer) -> None:
        server.seed(PODS, 500)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            assert contents(pods) == on_server(server)
            assert pods.store.resource_version == server.resource_version
            assert kinds(server) == ["watch-list"]

    async def test_empty_collection(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            assert contents(pods) == []
            assert pods.is_live

    @pytest.mark.parametrize("watch_list", [True, False])
    @pytest.mark.parametrize("compressed", [True, False])
    async def test_pages_and_streams_plain_and_compressed_give_the_same(
        self, server: FakeApiServer, *, watch_list: bool, compressed: bool
    ) -> None:
        server.watch_list_enabled = watch_list
        server.seed(PODS, 300)
        async with connected(server, compressed=compressed) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            server.create(PODS, pod("late"))
            await reached(pods, server)
            assert contents(pods) == on_server(server)
            statistics = pods.statistics()
        assert (statistics.received_bytes < statistics.decoded_bytes) == compressed
        assert kinds(server)[0] == "watch-list"
        assert ("next page" in kinds(server)) != watch_list

    async def test_a_list_over_the_page_budget(self, server: FakeApiServer) -> None:
        server.watch_list_enabled = False
        server.seed(PODS, 200)
        async with connected(server, page_budget=10_000) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            assert contents(pods) == on_server(server)

    async def test_custom_resources(self, server: FakeApiServer) -> None:
        server.register("example.com/v1/widgets", kind="Widget", namespaced=False)
        server.create("example.com/v1/widgets", {"metadata": {"name": "w"}, "spec": {"size": 10**30}})
        for watch_list in (True, False):
            server.watch_list_enabled = watch_list
            async with connected(server) as cluster:
                widgets = cluster.informer("example.com/v1/widgets")
                await widgets.synced(timeout=GUARD)
                assert contents(widgets) == on_server(server, "example.com/v1/widgets")
                assert list(widgets.store.keys()) == ["w"]

    async def test_an_expired_continue_token_becomes_one_unpaged_list(self, server: FakeApiServer) -> None:
        server.watch_list_enabled = False
        server.seed(PODS, 100)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 1)  # the first page is there, and its token is out
                server.delete(PODS, next(iter(pods.store.keys())))
                server.compact()
                server.expire_continue_tokens()
                await pods.synced(timeout=GUARD)
            assert contents(pods) == on_server(server)
        assert kinds(server)[:4] == ["watch-list", "page", "next page", "list"]
        assert pods.statistics().failures["ServerUnavailable"] == 1

    @pytest.mark.parametrize("watch_list", [True, False])
    async def test_object_over_the_cap(self, server: FakeApiServer, *, watch_list: bool) -> None:
        server.watch_list_enabled = watch_list
        server.create(PODS, pod("large", note="x" * 5_000))
        async with connected(server, object_size_limit=4_000) as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "ObjectTooLarge")
            with pytest.raises(SyncTimeout, match="object_size_limit") as caught:
                await pods.synced(timeout=0)
            assert type(caught.value.__cause__).__name__ == "ObjectTooLarge"
            assert pods.statistics().failures["ObjectTooLarge"] >= 1
            server.patch(PODS, "default/large", {"spec": {"note": None}})
            await pods.synced(timeout=GUARD)
            assert contents(pods) == on_server(server)


class TestSelecting:
    async def test_namespace(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a", namespace="shop"))
        server.create(PODS, pod("b"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, namespace="shop")
            await pods.synced(timeout=GUARD)
            assert list(pods.store.keys()) == ["shop/a"]

    async def test_an_object_enters_and_leaves_a_label_selector(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a", {"app": "web"}))
        server.create(PODS, pod("b", {"app": "db"}))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, label_selector="app in (web),app")
            async with pods.events() as events:
                assert [type(event) for event in await take(events, 2)] == [Added, Synced]
                server.patch(PODS, "default/b", {"metadata": {"labels": {"app": "web"}}})
                server.patch(PODS, "default/a", {"metadata": {"labels": {"app": "db"}}})
                entered, left = await take(events, 2)
            assert isinstance(entered, Added)
            assert entered.key == "default/b"
            assert isinstance(left, Deleted)
            assert left.key == "default/a"
            assert left.final_state_known
            assert list(pods.store.keys()) == ["default/b"]

    async def test_field_selector(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a", nodeName="n1"))
        server.create(PODS, pod("b", nodeName="n2"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, field_selector="spec.nodeName=n2")
            await pods.synced(timeout=GUARD)
            assert list(pods.store.keys()) == ["default/b"]

    @pytest.mark.parametrize("watch_list", [True, False])
    async def test_metadata_only(self, server: FakeApiServer, *, watch_list: bool) -> None:
        server.watch_list_enabled = watch_list
        server.create(PODS, pod("a", {"app": "web"}, nodeName="n1"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, metadata_only=True)
            await pods.synced(timeout=GUARD)
            server.create(PODS, pod("b"))
            await reached(pods, server)
            expected = [
                {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
                for obj in on_server(server)
            ]
            assert contents(pods) == expected

    @pytest.mark.parametrize("selector", ["app in (", "=web", "a=b,,c"])
    async def test_a_selector_that_the_server_cannot_read(self, server: FakeApiServer, selector: str) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, label_selector=selector)
            await failed(pods, "ServerRefused")
            with pytest.raises(ServerRefused, match="HTTP 400"):
                await pods.synced(timeout=0)


class TestChanges:
    async def test_create_update_delete(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                assert await take(events, 1) == [Synced()]
                made = server.create(PODS, pod("a"))
                assert await take(events, 1) == [Added("default/a", made)]
                changed = server.patch(PODS, "default/a", {"spec": {"nodeName": "n1"}})
                assert await take(events, 1) == [Updated("default/a", made, changed)]
                gone = server.delete(PODS, "default/a")
                assert await take(events, 1) == [Deleted("default/a", gone, final_state_known=True)]
                assert version(gone) == server.resource_version

    async def test_an_update_that_changes_nothing_is_none(self, server: FakeApiServer) -> None:
        made = server.create(PODS, pod("a"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 2)
                server.update(PODS, made)
                other = server.create(PODS, pod("b"))
                assert await take(events, 1) == [Added("default/b", other)]

    async def test_deleted_and_made_again_is_two_events(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 2)
                gone = server.delete(PODS, "default/a")
                made = server.create(PODS, pod("a"))
                await reached(pods, server)
                assert await take(events, 2) == [Deleted("default/a", gone), Added("default/a", made)]
                assert gone["metadata"]["uid"] != made["metadata"]["uid"]

    async def test_finalizers_delete_in_two_steps(self, server: FakeApiServer) -> None:
        server.create(PODS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 2)
                server.delete(PODS, "default/a")
                (marked,) = await take(events, 1)
                assert isinstance(marked, Updated)
                assert "deletionTimestamp" in marked.object["metadata"]
                server.patch(PODS, "default/a", {"metadata": {"finalizers": None}})
                (gone,) = await take(events, 1)
                assert isinstance(gone, Deleted)
                assert gone.final_state_known

    async def test_a_slow_reader_gets_the_latest_of_each_key(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 1)
                latest = server.create(PODS, pod("a"))
                for number in range(100):
                    latest = server.patch(PODS, "default/a", {"spec": {"number": number}})
                await reached(pods, server)
                assert pods.statistics().pending == 1
                assert await take(events, 1) == [Added("default/a", latest)]

    async def test_the_store_is_written_before_the_event(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 1)
                server.create(PODS, pod("a"))
                (event,) = await take(events, 1)
                assert isinstance(event, Added)
                assert pods.store.get(event.key) == event.object

    async def test_bookmarks_move_the_version_and_make_no_event(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            server.create("v1/secrets", {"metadata": {"name": "elsewhere"}})
            async with pods.events() as events:
                await reached(pods, server)
                assert pods.store.resource_version == server.resource_version
                assert await take(events, 1) == [Synced()]
                assert events.pending == 0


class TestConnections:
    @pytest.mark.parametrize("how", ["reset", "close"])
    async def test_a_cut_resumes_where_it_was(self, server: FakeApiServer, how: Any) -> None:
        server.seed(PODS, 50)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            async with pods.events() as events:
                await take(events, 51)
                for number in range(3):
                    assert server.drop_connections(how=how) == 1
                    server.create(PODS, pod(f"new-{number}"))
                    server.delete(PODS, next(iter(pods.store.keys())))
                    await pods.wait_for(server.resource_version, timeout=GUARD)
                assert events.pending == 6
            assert contents(pods) == on_server(server)
            statistics = pods.statistics()
        assert statistics.syncs == 1
        assert statistics.failures == {"ConnectionLost": 3}
        assert kinds(server) == ["watch-list", "watch", "watch", "watch"]

    async def test_a_cut_in_the_initial_stream(self, server: FakeApiServer) -> None:
        server.seed(PODS, synthetic_pods(800))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 1)
                server.drop_connections()
                server.delete(PODS, next(iter(pods.store.keys())))
                await pods.synced(timeout=GUARD)
            assert set(pods.store.keys()) == {"/".join(_key(obj)) for obj in on_server(server)}

    async def test_an_expired_version_resyncs_in_place(self, server: FakeApiServer) -> None:
        for name in ("same", "changed", "gone", "replaced"):
            server.create(PODS, pod(name))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                before = {event.key: event.object for event in await take(events, 4) if isinstance(event, Added)}
                assert await take(events, 1) == [Synced()]
                server.drop_connections()
                new = server.create(PODS, pod("new"))
                changed = server.patch(PODS, "default/changed", {"spec": {"nodeName": "n"}})
                server.delete(PODS, "default/gone")
                server.delete(PODS, "default/replaced")
                replacement = server.create(PODS, pod("replaced"))
                server.compact()
                await pods.wait_for(server.resource_version, timeout=GUARD)
                seen = await take(events, 5)
                assert events.pending == 0
            by_key = {event.key: event for event in seen if not isinstance(event, Synced)}
            assert by_key["default/new"] == Added("default/new", new)
            assert by_key["default/changed"] == Updated("default/changed", before["default/changed"], changed)
            gone = Deleted("default/gone", before["default/gone"], final_state_known=False)
            assert by_key["default/gone"] == gone
            replaced = [event for event in seen if not isinstance(event, Synced) and event.key == "default/replaced"]
            assert replaced == [
                Deleted("default/replaced", before["default/replaced"], final_state_known=False),
                Added("default/replaced", replacement),
            ]
            assert contents(pods) == on_server(server)
        assert kinds(server) == ["watch-list", "watch", "watch-list"]
        assert pods.statistics().syncs == 2

    async def test_an_expired_version_without_any_difference_makes_no_event(self, server: FakeApiServer) -> None:
        server.seed(PODS, 100)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            async with pods.events() as events:
                await take(events, 101)
                server.create("v1/secrets", {"metadata": {"name": "elsewhere"}})  # so that the version is an old one
                server.compact()
                server.drop_connections()
                await pods.wait_for(server.resource_version, timeout=GUARD)
                assert events.pending == 0
            assert pods.statistics().syncs == 2
            assert pods.statistics().changes == 100

    async def test_a_410_in_the_stream_resyncs_in_place(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            server.seed(PODS, 20)  # appears without a history, as after a restore
            await pods.wait_for(server.resource_version, timeout=GUARD)
            assert contents(pods) == on_server(server)
            assert pods.statistics().syncs == 2
            assert pods.statistics().resyncs == {"expired": 1}

    async def test_is_live_over_a_cut(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            seen = [pods.is_live]
            await pods.synced(timeout=GUARD)
            seen.append(pods.is_live)
            server.deny("watch")
            server.drop_connections()
            await until(lambda: not pods.is_live)
            await pods.synced(timeout=0)  # this one stays true
            assert pods.statistics().phase == "waiting"
            server.allow_all()
            await until(lambda: pods.is_live)
            assert pods.statistics().last_error is None
        assert seen == [False, True]

    async def test_a_server_that_goes_and_comes_back(self) -> None:
        async with FakeApiServer() as server:
            port = int(server.url.rpartition(":")[2])
            server.create(PODS, pod("old"))
        async with connect(server=f"http://127.0.0.1:{port}", timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "ConnectionFailed")
            with pytest.raises(SyncTimeout) as caught:
                await pods.synced(timeout=0)
            assert isinstance(caught.value.__cause__, ConnectionFailed)
            async with FakeApiServer(port=port) as server:
                server.create(PODS, pod("new"))
                await pods.synced(timeout=GUARD)
                assert list(pods.store.keys()) == ["default/new"]
            await until(lambda: not pods.is_live)
            assert list(pods.store.keys()) == ["default/new"]

    async def test_a_resource_that_goes_and_comes_back(self, server: FakeApiServer) -> None:
        widgets = "example.com/v1/widgets"
        async with connected(server) as cluster:
            informer = cluster.informer(widgets)
            await failed(informer, "NotFound")
            with pytest.raises(NotFound, match=r"example\.com/v1/widgets.*kubectl api-resources"):
                await informer.synced(timeout=0)
            server.register(widgets, kind="Widget")
            server.create(widgets, pod("one"))
            await informer.synced(timeout=GUARD)
            server.unregister(widgets)
            await until(lambda: not len(informer.store))
            server.register(widgets, kind="Widget")
            server.create(widgets, pod("two"))
            await until(lambda: list(informer.store.keys()) == ["default/two"])


class TestSynced:
    async def test_unauthorized(self) -> None:
        async with FakeApiServer(tokens={"good": "jane"}) as server, connected(server, token="bad") as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "Unauthorized")
            with pytest.raises(Unauthorized, match=r"refused to watch v1/pods in all namespaces \(HTTP 401") as caught:
                await pods.synced(timeout=0)
            assert "check that the token or client certificate is current" in str(caught.value)
            assert "bad" not in str(caught.value)

    async def test_forbidden(self, server: FakeApiServer) -> None:
        server.deny(resource=PODS)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, namespace="shop")
            await failed(pods, "Forbidden")
            with pytest.raises(Forbidden, match=r"refused to watch v1/pods in namespace 'shop' \(HTTP 403") as caught:
                await pods.synced(timeout=0)
            assert "bind a Role or ClusterRole with the verbs list and watch" in str(caught.value)
            assert caught.value.verb == "watch"

    async def test_forbidden_to_list(self, server: FakeApiServer) -> None:
        server.watch_list_enabled = False
        server.deny("list")
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "Forbidden")
            with pytest.raises(Forbidden, match="refused to list v1/pods"):
                await pods.synced(timeout=0)

    async def test_not_found(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            nothings = cluster.informer("apps/v1/nothings")
            await failed(nothings, "NotFound")
            with pytest.raises(NotFound, match=r"apps/v1/nothings.*HTTP 404.*the CRD is installed"):
                await nothings.synced(timeout=0)

    async def test_a_refusal_that_is_over_is_not_raised(self, server: FakeApiServer) -> None:
        server.deny("watch")
        server.seed(PODS, 1_000)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "Forbidden")
            with pytest.raises(Forbidden):
                await pods.synced(timeout=0)
            server.allow_all()
            await until(lambda: len(pods.store))
            if not pods.is_live:
                with pytest.raises(SyncTimeout, match=r"nothing failed, .* is still on its way"):
                    await pods.synced(timeout=0)
            await pods.synced(timeout=GUARD)

    async def test_the_refusal_of_a_watch_list_is_no_reason(self, server: FakeApiServer) -> None:
        server.watch_list_enabled = False
        server.seed(PODS, 1_000)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await until(lambda: len(pods.store))
            assert not isinstance(pods.statistics().last_error, ServerRefused)

    async def test_an_unreachable_server(self) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))  # bound, and nobody listens
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            async with connect(server=url, timing=QUICK) as cluster:
                pods = cluster.informer(PODS)
                await failed(pods, "ConnectionFailed")
                words = rf"v1/pods not synced within {SOON} s; last failure: .*refused"
                with pytest.raises(SyncTimeout, match=words) as e:
                    await pods.synced(timeout=SOON)
                assert isinstance(e.value.__cause__, ConnectionFailed)
                assert not pods.is_closed  # it keeps trying

    async def test_an_html_answer(self) -> None:
        html = Answer([b"<html>Log in"], headers={"content-type": "text/html"})
        transport = ScriptedTransport(*[html] * 5)
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            await transport.idle()
            with pytest.raises(SyncTimeout, match=r"the answer is text/html, not application/json.*proxy") as caught:
                await pods.synced(timeout=0)
            assert isinstance(caught.value.__cause__, WrongKind)

    async def test_without_a_timeout_it_goes_on_trying(self, server: FakeApiServer) -> None:
        server.deny()
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            with anyio.move_on_after(SOON) as scope:
                await pods.synced()
            assert scope.cancelled_caught
            await until(lambda: pods.statistics().failures.get("Forbidden", 0) > 1)
            server.allow_all()
            with anyio.fail_after(GUARD):
                await pods.synced()


class TestWaitFor:
    async def test_own_write(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            for number in range(5):
                written = server.create(PODS, pod(f"web-{number}"))
                await pods.wait_for(version(written), timeout=GUARD)
                assert pods.store.get(f"default/web-{number}") == written

    async def test_own_deletion(self, server: FakeApiServer) -> None:
        server.create(PODS, pod("a"))
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            await pods.wait_for(version(server.delete(PODS, "default/a")), timeout=GUARD)
            assert "default/a" not in pods.store

    async def test_a_write_that_the_selector_leaves_out(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, label_selector="app=web")
            await pods.synced(timeout=GUARD)
            written = server.create(PODS, pod("other"))
            with pytest.raises(WaitTimeout, match="next bookmark") as caught:
                await pods.wait_for(version(written), timeout=SOON)
            assert (caught.value.wanted, caught.value.reached) == (version(written), pods.store.resource_version)
            server.bookmark()
            await pods.wait_for(version(written), timeout=GUARD)

    async def test_before_the_first_snapshot(self, server: FakeApiServer) -> None:
        server.deny()
        async with connected(server) as cluster:
            with pytest.raises(WaitTimeout, match="it is at none yet"):
                await cluster.informer(PODS).wait_for("1", timeout=SOON)

    @pytest.mark.parametrize("text", ["", "abc", "-1", "1.5", "0x10", "\uff11\uff12", "12 ", "1e3"])
    async def test_what_is_no_version(self, server: FakeApiServer, text: str) -> None:
        async with connected(server) as cluster:
            with pytest.raises(ValueError, match="not a resource version"):
                await cluster.informer(PODS).wait_for(text)

    async def test_cancelling_leaves_nothing_behind(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            with anyio.move_on_after(0):
                await pods.wait_for("999999")
            assert not pods._delivery._waiters


class TestStatistics:
    async def test_counts(self, server: FakeApiServer) -> None:
        server.seed(PODS, 20)
        async with connected(server) as cluster:
            pods = cluster.informer(PODS)
            fresh = pods.statistics()
            assert (fresh.phase, fresh.objects, fresh.requests, fresh.last_activity) == ("waiting", 0, {}, None)
            async with pods.events() as events:
                await pods.synced(timeout=GUARD)
                server.create(PODS, pod("a"))
                await reached(pods, server)
                found = pods.statistics()
                assert (found.subscriptions, found.pending) == (1, events.pending)
            assert found.phase == "live"
            assert found.objects == len(pods.store) == 21
            assert found.changes == 21
            assert found.events >= 22  # bookmarks count
            assert found.requests == {"watch-list": 1}
            assert found.syncs == 1
            assert found.failures == {}
            assert found.last_error is None
            assert found.last_activity is not None
            assert 0 <= anyio.current_time() - found.last_activity < GUARD
            assert found.resource_version == server.resource_version
            assert 0 < found.stored_bytes < found.decoded_bytes
            server.drop_connections()
            server.delete(PODS, "default/a")
            await reached(pods, server)
            found = pods.statistics()
            assert found.failures == {"ConnectionLost": 1}
            assert found.requests == {"watch-list": 1, "watch": 1}
            assert (found.subscriptions, found.pending) == (0, 0)

    async def test_repr_says_what_it_is_and_how_it_is(self, server: FakeApiServer) -> None:
        async with connected(server) as cluster:
            pods = cluster.informer(PODS, namespace="shop")
            await pods.synced(timeout=GUARD)
            assert repr(pods) == "<Informer v1/pods in 'shop': live, 0 objects>"
            assert pods.resource == "v1/pods"


async def test_no_token_in_any_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeApiServer(tokens={"s3cret-token": "jane"}) as server:
        async with connected(server, token="s3cret-token") as cluster:
            pods = cluster.informer(PODS)
            await pods.synced(timeout=GUARD)
            server.deny()
            server.drop_connections()
            await until(lambda: pods.statistics().failures.get("Forbidden", 0) > 2)
            errors = [pods.statistics().last_error]
        async with connected(server, token="s3cret-other") as cluster:
            pods = cluster.informer(PODS)
            await failed(pods, "Unauthorized")
            with pytest.raises(Unauthorized) as caught:
                await pods.synced(timeout=0)
            errors.append(caught.value)
    assert caplog.records
    for record in caplog.records:
        assert "s3cret" not in repr(record.__dict__) + record.getMessage()
    assert "s3cret" not in repr(errors) + str(errors)


class TestAnyLoop:
    """What does not depend on HTTP, on trio too."""

    async def test_synced_raises_the_last_refusal(self) -> None:
        transport = ScriptedTransport(*[refuse(403, "Forbidden")] * 3)
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            await transport.idle()
            with pytest.raises(Forbidden):
                await pods.synced(timeout=0)

    async def test_timeouts(self) -> None:
        async with connect(transport=ScriptedTransport(), timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            with pytest.raises(SyncTimeout, match="nothing failed"):
                await pods.synced(timeout=0)
            with pytest.raises(WaitTimeout):
                await pods.wait_for("1", timeout=0)

    async def test_staleness_counts_from_the_last_proof(self) -> None:
        transport = ScriptedTransport(Answer([HANG]))
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            assert (pods.last_activity, pods.staleness) == (None, None)
            await transport.idle()
            assert (pods.last_activity, pods.staleness) == (None, None)

    async def test_staleness_of_a_live_stream(self) -> None:
        transport = FedTransport()
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer(PODS)
            await anyio.wait_all_tasks_blocked()
            transport.response.feed(added("a", 5))
            await anyio.wait_all_tasks_blocked()
            assert pods.last_activity is not None
            assert pods.staleness is None  # bytes came, but no snapshot is complete
            transport.response.feed(end(10))
            await pods.synced(timeout=GUARD)
            synced_at = proven_at(pods)
            await until(lambda: anyio.current_time() > synced_at)
            transport.response.feed(bookmark(11))
            await pods.wait_for("11", timeout=GUARD)
            assert proven_at(pods) > synced_at

    async def test_who_waits_for_others_is_told_so(self) -> None:
        async with connect(transport=ScriptedTransport(), timing=QUICK, concurrent_syncs=1) as cluster:
            cluster.informer(PODS)
            await anyio.wait_all_tasks_blocked()
            services = cluster.informer("v1/services")
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(SyncTimeout, match=r"v1/services .* other informers sync first \(concurrent_syncs="):
                await services.synced(timeout=0)
            assert services.statistics().phase == "queued"


# Everything at once.

_OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["put", "put", "put", "delete", "replace", "label", "cut", "compact", "read", "turn", "bookmark"]
        ),
        st.integers(0, 5),
    ),
    max_size=40,
)


@pytest.mark.parametrize("watch_list", [True, False])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations=_OPERATIONS, seed=st.integers(0, 1000), selector=st.sampled_from([None, "app=web"]))
def test_whatever_happens_the_store_and_the_events_end_as_the_server(
    *, watch_list: bool, operations: list[tuple[str, int]], seed: int, selector: str | None
) -> None:
    """Writes, cuts and compactions in any order: nothing is missed, nothing is invented, nothing goes back."""
    anyio.run(_converge, watch_list, operations, seed, selector)


async def _converge(
    watch_list: bool,  # noqa: FBT001 - handed through anyio.run
    operations: list[tuple[str, int]],
    seed: int,
    selector: str | None,
) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    async with FakeApiServer() as server:
        server.watch_list_enabled = watch_list
        for number in range(rng.randrange(30)):
            server.create(PODS, pod(f"old-{number}", {"app": rng.choice(["web", "db"])}))
        async with connected(server) as cluster, cluster.informer(PODS, label_selector=selector).events() as events:
            pods = cluster.informer(PODS, label_selector=selector)
            known: dict[str, RawObject] = {}
            for operation, number in operations:
                _write(server, operation, f"web-{number}", rng)
                match operation:
                    case "read":
                        while events.pending > number:
                            _fold(known, await anext(events))
                    case "turn":
                        for _ in range(rng.randrange(30)):
                            await anyio.lowlevel.checkpoint()
                    case _:
                        pass
            await pods.synced(timeout=GUARD)
            await until(lambda: pods.is_live)
            await _reached_at_last(pods, server)
            expected = {"/".join(_key(obj)): obj for obj in server.list(PODS, label_selector=selector or "")}
            assert dict(pods.store.items()) == expected
            while events.pending:
                _fold(known, await anext(events))
            assert known == expected


def _write(server: FakeApiServer, operation: str, name: str, rng: random.Random) -> None:
    key = f"default/{name}"
    exists = any(obj["metadata"]["name"] == name for obj in server.list(PODS))
    labels = {"app": rng.choice(["web", "db"])}
    match operation:
        case "put" if exists:
            server.patch(PODS, key, {"spec": {"number": rng.random()}})
        case "put":
            server.create(PODS, pod(name, labels))
        case "label" if exists:
            server.patch(PODS, key, {"metadata": {"labels": labels}})
        case "delete" if exists:
            server.delete(PODS, key)
        case "replace" if exists:
            server.delete(PODS, key)
            server.create(PODS, pod(name, labels))
        case "cut":
            server.drop_connections(how=rng.choice(["reset", "close"]))
        case "compact":
            server.compact()
        case "bookmark":
            server.bookmark()
        case _:
            pass


async def _reached_at_last(pods: Informer[Any], server: FakeApiServer) -> None:
    """Ask for bookmarks until one has come: those of a watch that is just being opened are lost."""
    with anyio.fail_after(GUARD):
        while pods.store.resource_version != server.resource_version:
            server.bookmark()
            for _ in range(10):
                await anyio.lowlevel.checkpoint()


def _fold(known: dict[str, RawObject], event: Event[RawObject]) -> None:
    match event:
        case Added(key=key, object=obj):
            assert key not in known
            known[key] = obj
        case Updated(key=key, old=old, object=obj):
            assert known[key]["metadata"]["uid"] == old["metadata"]["uid"] == obj["metadata"]["uid"]
            assert int(version(known[key])) <= int(version(old)) < int(version(obj))
            known[key] = obj
        case Deleted(key=key, object=last):
            assert known.pop(key)["metadata"]["uid"] == last["metadata"]["uid"]
        case Synced():
            pass
