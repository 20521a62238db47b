"""``connect()`` and the cluster: sharing, lifetimes, and what leaves the scope, on any event loop."""

# ruff: noqa: PT012 - what is tested is the leaving of a scope, and that has a body

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests._runtime.scripted import GUARD, HANG, QUICK, Answer, ScriptedTransport, initial, modified

from kubeinformer import (
    ConfigError,
    IndexerError,
    InformerClosed,
    ModelMismatch,
    RawObject,
    Synced,
    UsageError,
    connect,
)
from kubeinformer.connection import ConnectionConfig
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

NO_RESOURCES = (
    "",
    "pods",
    "v1",
    "/v1/pods",
    "v1/pods/",
    "v1//pods",
    "Pods",
    "v1/Pod",
    "apps/deployments",
    "a/b/c/d",
    "V1/pods",
    "v1/pods?watch=1",
    "../v1/pods",
    "apps/v1/../x",
    " v1/pods",
    "v1/pods\n",
    "Apps/v1/x",
    "api/v1",
)


def names(obj: RawObject) -> list[str]:
    return [obj["metadata"]["name"]]


def uids(obj: RawObject) -> list[str]:
    return [obj["metadata"]["uid"]]


def quiet() -> ScriptedTransport:
    """A server with one object and no news, for any number of informers."""
    return ScriptedTransport(*[Answer([initial(["a"], 10), HANG])] * 10)


class TestSharing:
    async def test_equal_arguments_give_the_same_informer_and_one_stream(self) -> None:
        transport = quiet()
        async with connect(transport=transport, timing=QUICK) as cluster:
            options: dict[str, Any] = {"namespace": "shop", "label_selector": "app=web", "field_selector": "a=b"}
            one = cluster.informer("v1/pods", **options, indexers={"n": names, "u": uids}, retain="bytes")
            other = cluster.informer("v1/pods", **options, indexers={"u": uids, "n": names}, retain="bytes")
            assert one is other
            await one.synced()
            await other.synced()
        assert len(transport.requests) == 1

    async def test_what_means_the_same_is_the_same(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            plain = cluster.informer("v1/pods")
            assert plain is cluster.informer("v1/pods", namespace=None, label_selector=None, field_selector=None)
            assert plain is cluster.informer("v1/pods", namespace="", label_selector="", indexers={})

    @pytest.mark.parametrize("options", [{}, {"namespace": "shop"}, {"metadata_only": True}])
    async def test_an_informer_of_all_is_not_partial(self, options: dict[str, Any]) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            assert not cluster.informer("v1/pods", **options).is_partial

    @pytest.mark.parametrize("options", [{"label_selector": "a=b"}, {"field_selector": "a=b"}, {"shard": (0, 2)}])
    async def test_an_informer_with_selectors_or_a_shard_is_partial(self, options: dict[str, Any]) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            assert cluster.informer("v1/pods", **options).is_partial

    @pytest.mark.parametrize(
        "other",
        [
            {"resource": "v1/secrets"},
            {"namespace": "shop"},
            {"label_selector": "app=web"},
            {"field_selector": "spec.nodeName=n"},
            {"metadata_only": True},
            {"model": dict},
            {"indexers": {"n": names}},
            {"indexers": {"n": uids}},
            {"retain": "bytes"},
        ],
    )
    async def test_any_difference_gives_another_one(self, other: dict[str, Any]) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            usual: dict[str, Any] = {"resource": "v1/pods", "indexers": {"u": uids}}
            assert cluster.informer(**usual) is not cluster.informer(**(usual | other))

    async def test_those_that_are_open_are_listed_and_know_where_they_belong(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            assert list(cluster.informers) == []
            pods, nodes = cluster.informer("v1/pods", namespace="shop"), cluster.informer("v1/nodes")
            assert list(cluster.informers) == [pods, nodes]
            assert (pods.cluster, pods.namespace, nodes.namespace) == (cluster, "shop", None)
            pods._scope.cancel()  # what aclose() does before it waits
            assert list(cluster.informers) == [nodes]
        assert list(cluster.informers) == []

    async def test_a_closed_one_is_not_given_again(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            old = cluster.informer("v1/pods")
            await old.synced()
            await old.aclose()
            new = cluster.informer("v1/pods")
            assert new is not old
            await new.synced()
            assert new.store.get("default/a") is not None

    async def test_one_that_is_being_closed_is_not_given_again(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster, anyio.create_task_group() as tasks:
            old = cluster.informer("v1/pods")
            await old.synced()
            old._scope.cancel()  # what aclose() does before it waits
            assert old.is_closed
            assert cluster.informer("v1/pods") is not old
            tasks.cancel_scope.cancel()

    async def test_closed_ones_are_forgotten(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            informer = cluster.informer("v1/pods", label_selector="a=b")
            await informer.synced()
            await informer.aclose()
            store = weakref.ref(informer.store)
            del informer
            await anyio.wait_all_tasks_blocked()
            gc.collect()
            assert store() is None


class TestClosing:
    async def test_aclose_ends_iterations_and_waits_of_all_and_keeps_the_store(self) -> None:
        transport, ended = quiet(), []
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods")
            await pods.synced()

            async def read() -> None:
                async with pods.events() as events:
                    async for _ in events:
                        pass
                ended.append("events")

            async def wait() -> None:
                with pytest.raises(InformerClosed, match=r"informer for v1/pods is closed"):
                    await pods.wait_for("99")
                ended.append("wait_for")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                with anyio.fail_after(GUARD):
                    await pods.aclose()
                    await pods.aclose()
            assert sorted(ended) == ["events", "wait_for"]
            assert pods.is_closed
            assert not pods.is_live
            assert len(pods.store) == 1
            with pytest.raises(InformerClosed):
                pods.events()
            with pytest.raises(InformerClosed):
                await pods.synced()
            with pytest.raises(InformerClosed):
                await pods.wait_for("1")
            assert transport.open_streams == 0

    async def test_aclose_before_it_ran(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods")
            with anyio.fail_after(GUARD):
                await pods.aclose()
            assert pods.is_closed

    async def test_closing_one_leaves_the_others(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            pods, secrets = cluster.informer("v1/pods"), cluster.informer("v1/secrets")
            await pods.synced()
            await secrets.synced()
            await pods.aclose()
            assert secrets.is_live

    async def test_leaving_closes_all_and_the_transport(self) -> None:
        transport = quiet()
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods")
            await pods.synced()
        assert transport.is_closed
        assert transport.open_streams == 0
        assert pods.is_closed
        with pytest.raises(InformerClosed):
            pods.events()
        with pytest.raises(UsageError, match="its cluster is closed"):
            cluster.informer("v1/pods")

    async def test_leaving_at_once(self) -> None:
        transport = quiet()
        async with connect(transport=transport, timing=QUICK) as cluster:
            pods = cluster.informer("v1/pods")
        assert pods.is_closed
        assert transport.is_closed


class TestErrors:
    async def test_the_user_s_own_comes_out_as_itself(self) -> None:
        transport, cause, mistake = quiet(), KeyError("cause"), ValueError("mine")
        with pytest.raises(ValueError, match="mine") as caught:
            async with connect(transport=transport, timing=QUICK) as cluster:
                await cluster.informer("v1/pods").synced()
                raise mistake from cause
        assert caught.value is mistake
        assert mistake.__cause__ is cause
        assert transport.is_closed

    async def test_cancelling_from_outside(self) -> None:
        transport = quiet()
        with anyio.CancelScope() as scope:
            async with connect(transport=transport, timing=QUICK) as cluster:
                pods = cluster.informer("v1/pods")
                await pods.synced()
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert transport.is_closed
        assert pods.is_closed

    @pytest.mark.parametrize("waits_for", ["synced", "wait_for", "event", "nothing", "in a task"])
    async def test_a_failing_indexer_comes_out_as_itself(self, waits_for: str) -> None:
        def by_node(obj: RawObject) -> list[str]:
            return [obj["spec"]["nodeName"]]

        with (
            anyio.fail_after(GUARD),
            pytest.raises(IndexerError, match=r"'node' of v1/pods failed on 'default/a'") as e,
        ):
            async with connect(transport=quiet(), timing=QUICK) as cluster:
                pods = cluster.informer("v1/pods", indexers={"node": by_node})
                match waits_for:
                    case "synced":
                        await pods.synced()
                    case "wait_for":
                        await pods.wait_for("99")
                    case "event":
                        async with pods.events() as events:
                            async for event in events:
                                assert event != Synced()
                        await anyio.sleep_forever()
                    case "in a task":
                        async with anyio.create_task_group() as tasks:
                            tasks.start_soon(pods.synced)
                    case _:
                        await anyio.sleep_forever()
        assert isinstance(e.value.__cause__, KeyError)

    async def test_a_failing_indexer_ends_a_live_informer_too(self) -> None:
        def only_once(obj: RawObject) -> list[str]:
            if obj["metadata"]["resourceVersion"] != "10":
                raise RuntimeError("seen enough")
            return []

        script = Answer([initial(["a"], 10), modified("a", 11), HANG])
        with anyio.fail_after(GUARD), pytest.raises(IndexerError, match="it raised RuntimeError"):
            async with connect(transport=ScriptedTransport(script), timing=QUICK) as cluster:
                cluster.informer("v1/pods", indexers={"once": only_once})
                await anyio.sleep_forever()

    async def test_who_waits_for_a_failed_informer_is_told_why(self) -> None:
        told: list[Exception] = []
        with pytest.raises(IndexerError) as caught:
            async with connect(transport=quiet(), timing=QUICK) as cluster:
                pods = cluster.informer("v1/pods", indexers={"n": lambda obj: obj["nope"]})
                try:
                    await pods.synced()
                except IndexerError as error:
                    told.append(error)
                    raise
        assert told == [caught.value]

    async def test_an_object_that_does_not_fit_the_model_of_an_index_ends_it(self) -> None:
        import msgspec  # noqa: PLC0415

        class Pod(msgspec.Struct):
            spec: dict[str, str]

        with anyio.fail_after(GUARD), pytest.raises(ModelMismatch, match="default/a"):
            async with connect(transport=quiet(), timing=QUICK) as cluster:
                await cluster.informer("v1/pods", model=Pod, indexers={"n": lambda _: []}).synced()

    async def test_an_informer_asked_for_while_the_scope_ends(self) -> None:
        with pytest.raises(UsageError, match="its cluster is closed"):
            async with connect(transport=quiet(), timing=QUICK) as cluster:
                cluster._tasks.cancel_scope.cancel()
                cluster.informer("v1/pods")


class TestArguments:
    @pytest.mark.parametrize("resource", NO_RESOURCES)
    async def test_a_resource_that_is_none(self, resource: str) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            with pytest.raises(ValueError, match=r"'VERSION/PLURAL'.*'apps/v1/deployments'") as caught:
                cluster.informer(resource)
            assert repr(resource) in str(caught.value)

    async def test_a_retain_that_is_none(self) -> None:
        async with connect(transport=quiet(), timing=QUICK) as cluster:
            with pytest.raises(ValueError, match="retain='all' is none of 'compressed', 'bytes'"):
                cluster.informer("v1/pods", retain="all")  # type: ignore[call-overload] # what a caller might pass

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"object_size_limit": 0}, "object_size_limit=0"),
            ({"page_budget": -1}, "page_budget=-1"),
            ({"object_size_limit": 1.5}, "object_size_limit=1.5"),
            ({"concurrent_syncs": 0}, "concurrent_syncs=0 must be a whole number of informers, at least 1"),
        ],
    )
    async def test_limits(self, options: dict[str, Any], text: str) -> None:
        with pytest.raises(ValueError, match=text):
            async with connect(transport=quiet(), **options):
                pass

    @pytest.mark.parametrize(
        "options",
        [
            {"server": "http://h"},
            {"token": "t"},
            {"ca_file": "f"},
            {"kubeconfig": "f"},
            {"context": "c"},
            {"config": ConnectionConfig(server="http://h")},
        ],
    )
    async def test_a_transport_says_it_all(self, options: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match=r"connect\(transport=...\)"):
            async with connect(transport=quiet(), **options):
                pass

    @pytest.mark.parametrize("options", [{"server": "http://h"}, {"token": "t"}, {"kubeconfig": Path("f")}])
    async def test_a_config_says_it_all(self, options: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match=r"connect\(config=...\)"):
            async with connect(config=ConnectionConfig(server="http://h"), **options):
                pass

    async def test_server_and_kubeconfig_exclude_each_other(self) -> None:
        with pytest.raises(UsageError, match="exclude each other"):
            async with connect("kubeconfig", server="http://h"):
                pass

    async def test_a_token_without_a_server(self) -> None:
        with pytest.raises(UsageError, match="token="):
            async with connect(token="t"):
                pass

    @pytest.mark.parametrize("server", ["", "host", "ftp://host", "http://", "http://user:pw@host"])
    async def test_a_server_that_is_no_url(self, server: str) -> None:
        with pytest.raises((ConfigError, ValueError)):
            async with connect(server=server):
                pass

    async def test_no_kubeconfig_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ConfigError, match=r"(?s)KUBECONFIG.*\.kube/config.*service account"):
            async with connect():
                pass

    async def test_a_bad_timing(self) -> None:
        from kubeinformer import Timing  # noqa: PLC0415

        with pytest.raises(ValueError, match=r"Timing\.backoff_first must be greater than 0"):
            Timing(backoff_first=0)


class TestOverHttp:
    async def test_equal_arguments_make_one_watch(self) -> None:
        async with FakeApiServer() as server:
            server.create("v1/pods", {"metadata": {"name": "a"}})
            async with connect(server=server.url, timing=QUICK) as cluster:
                for _ in range(5):
                    await cluster.informer("v1/pods", namespace="default").synced(timeout=GUARD)
                await cluster.informer("v1/pods").synced(timeout=GUARD)
            paths = [request.path for request in server.requests]
            assert paths == ["/api/v1/namespaces/default/pods", "/api/v1/pods"]

    async def test_nothing_is_sent_before_an_informer_is_asked_for(self) -> None:
        async with FakeApiServer() as server:
            async with connect(server=server.url):
                await anyio.wait_all_tasks_blocked()
            assert server.requests == ()
            assert server.connection_count == 0

    async def test_kubeconfig(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with FakeApiServer(tokens={"t0ken": "jane"}) as server:
            file = tmp_path / "config"
            file.write_text(f"""
                {{apiVersion: v1, kind: Config, current-context: fake,
                 contexts: [{{name: fake, context: {{cluster: fake, user: jane}}}}],
                 clusters: [{{name: fake, cluster: {{server: "{server.url}"}}}}],
                 users: [{{name: jane, user: {{token: t0ken}}}}]}}
            """)
            async with connect(file, timing=QUICK) as cluster:
                await cluster.informer("v1/pods").synced(timeout=GUARD)
            monkeypatch.setenv("KUBECONFIG", str(file))
            async with connect(context="fake", timing=QUICK) as cluster:
                await cluster.informer("v1/pods").synced(timeout=GUARD)
            assert [request.user for request in server.requests] == ["jane", "jane"]

    async def test_no_task_and_no_connection_is_left_behind(self) -> None:
        async with FakeApiServer() as server:
            await anyio.wait_all_tasks_blocked()  # the server listens
            tasks = _task_ids()
            for how in ("leaves", "raises", "is cancelled", "cut"):
                await self._use(server, how)
                with anyio.fail_after(GUARD):  # the server's own tasks end when it sees that its clients are gone
                    while server.connection_count or _task_ids() - tasks:
                        await anyio.lowlevel.checkpoint()

    def test_no_thread_and_no_file_is_left_behind(self) -> None:
        async def scenario() -> None:
            async with FakeApiServer() as server:
                server.seed("v1/pods", 300)  # enough for a dictionary, which a thread trains
                for how in ("leaves", "raises", "is cancelled", "cut"):
                    await self._use(server, how)

        threads, files = set(threading.enumerate()), _open_files()
        anyio.run(scenario)
        for thread in set(threading.enumerate()) - threads:
            thread.join(GUARD)  # one that was abandoned in the middle of its work ends by itself
            assert not thread.is_alive()
        assert _open_files() == files

    async def _use(self, server: FakeApiServer, how: str) -> None:
        with anyio.CancelScope() as scope:
            try:
                async with connect(server=server.url, timing=QUICK) as cluster:
                    informers = [cluster.informer("v1/pods", namespace=name) for name in (None, "a", "b")]
                    for informer in informers:
                        await informer.synced(timeout=GUARD)
                    match how:
                        case "raises":
                            raise ZeroDivisionError  # noqa: TRY301 - what the user's own code may do
                        case "is cancelled":
                            scope.cancel()
                            await anyio.sleep_forever()
                        case "cut":
                            server.drop_connections()
                        case _:
                            pass
            except ZeroDivisionError:
                pass


def _task_ids() -> set[int]:
    return {task.id for task in anyio.get_running_tasks()}


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
