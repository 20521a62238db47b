"""kubernetes_asyncio's client on a connection of ours: what it sends, over what, and how it fails."""

from __future__ import annotations

import gzip
import json
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes_asyncio.client import ApiException, CoreV1Api, V1ConfigMap, V1ObjectMeta, VersionApi
from tests._runtime.scripted import ScriptedTransport
from tests.connection.peer import Exchange, serve

from kubeinformer import Cluster, ConfigError, ConnectionFailed, ConnectionLost, UsageError, Write, connect
from kubeinformer.connection import ConnectionConfig, Credentials, HttpxTransport
from kubeinformer.connection.credentials import ClientCertificate, StaticToken
from kubeinformer.testing import FakeApiServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.connection.conftest import Authority

pytestmark = pytest.mark.anyio

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.0", "gitCommit": "", "gitTreeState": "", "buildDate": ""}
VERSION |= {"goVersion": "", "compiler": "", "platform": ""}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def reply(exchange: Exchange, found: Any = VERSION, status: str = "200 OK", **headers: str) -> None:
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    await exchange.start(status, **({"Content_Type": "application/json"} | headers))
    await exchange.chunk(body)
    await exchange.end()


@asynccontextmanager
async def connected(server: str, **options: Any) -> AsyncGenerator[Cluster]:
    async with connect(config=ConnectionConfig(server=server, **options)) as cluster:
        yield cluster


def git_version(cluster: Cluster) -> Any:
    return VersionApi(cluster.api_client).get_code()


class Tokens(Credentials):
    """A new one after each refusal."""

    def __init__(self) -> None:
        self.number = 1

    async def authorization(self) -> str | None:
        return f"Bearer t{self.number}"

    async def refresh(self) -> None:
        self.number += 1


class TestWhatIsSent:
    async def test_what_the_connection_carries(self) -> None:
        more = (("Impersonate-Group", "dev"), ("Impersonate-Group", "ops"))
        async with (
            serve(reply) as server,
            connected(server.url + "/base", credentials=StaticToken("t0ken"), headers=more) as cluster,
        ):
            assert (await git_version(cluster)).git_version == "v1.37.0"
            assert cluster.api_client is cluster.api_client
        [exchange] = server.exchanges
        assert exchange.target == "/base/version/"
        assert exchange.headers["authorization"] == "Bearer t0ken"
        assert exchange.headers["user-agent"].startswith("kubeinformer/")
        assert exchange.head.lower().count("user-agent:") == 1
        assert "Impersonate-Group: dev\r\nImpersonate-Group: ops\r\n" in exchange.head

    async def test_credentials_of_now_and_new_ones_after_a_401(self) -> None:
        async def play(exchange: Exchange) -> None:
            refused = exchange.headers["authorization"] == "Bearer t1"
            await reply(exchange, status="401 Unauthorized" if refused else "200 OK")

        async with serve(play) as server, connected(server.url, credentials=Tokens()) as cluster:
            await git_version(cluster)
            await git_version(cluster)
        assert [exchange.headers["authorization"][-2:] for exchange in server.exchanges] == ["t1", "t2", "t2"]

    async def test_a_second_401_is_an_answer(self) -> None:
        async def play(exchange: Exchange) -> None:
            await reply(exchange, status="401 Unauthorized")

        async with serve(play) as server, connected(server.url, credentials=Tokens()) as cluster:
            with pytest.raises(ApiException) as caught:
                await git_version(cluster)
        assert caught.value.status == 401
        assert len(server.exchanges) == 2

    async def test_a_form_is_sent_once(self) -> None:
        async def play(exchange: Exchange) -> None:
            await reply(exchange, status="401 Unauthorized")

        async with serve(play) as server, connected(server.url) as cluster:
            with pytest.raises(ApiException):
                await cluster.api_client.rest_client.POST(
                    f"{server.url}/x", {"Content-Type": "application/x-www-form-urlencoded"}, post_params={"a": "b"}
                )
        [exchange] = server.exchanges
        assert exchange.body == b"a=b"

    async def test_over_tls_with_a_certificate(self, authority: Authority, stranger: Authority) -> None:
        ours, theirs = authority.issue("kube.example"), stranger.issue("me")
        certificate = ClientCertificate(certificate_data=theirs.certificate, key_data=theirs.key)
        options = {"ca_data": authority.pem, "client_certificate": certificate, "tls_server_name": "kube.example"}
        clients = []

        async def play(exchange: Exchange) -> None:
            clients.append(exchange.client)
            await reply(exchange)

        context = ours.server_context(client_ca=stranger.file)
        async with serve(play, context=context) as server, connected(server.url, **options) as cluster:
            assert (await git_version(cluster)).minor == "37"
            await cluster.request("GET", "/version")
        assert clients == ["me", "me"]
        assert server.connections == 1  # the same one as for all else

    async def test_what_is_not_trusted_is_not_asked(self, authority: Authority) -> None:
        context = authority.issue("127.0.0.1").server_context()
        async with serve(reply, context=context) as server, connected(server.url) as cluster:
            with pytest.raises(ConnectionFailed, match="the server's certificate is not trusted"):
                await git_version(cluster)
        assert server.exchanges == []

    async def test_by_way_of_the_proxy(self) -> None:
        async with (
            serve(reply) as proxy,
            connected("http://kube.example", proxy_url=proxy.url.replace("//", "//me:pass@")) as cluster,
        ):
            await git_version(cluster)
        [exchange] = proxy.exchanges
        assert exchange.target == "http://kube.example/version/"
        assert exchange.headers["proxy-authorization"] == "Basic bWU6cGFzcw=="

    async def test_a_redirect_is_not_followed(self) -> None:
        async def play(exchange: Exchange) -> None:
            await reply(exchange, status="302 Found", Location=f"{server.url}/elsewhere")

        async with serve(play) as server, connected(server.url) as cluster:
            with pytest.raises(ApiException) as caught:
                await git_version(cluster)
        assert caught.value.status == 302
        assert len(server.exchanges) == 1


class TestWhatComesBack:
    async def test_a_compressed_answer(self) -> None:
        async def play(exchange: Exchange) -> None:
            assert "gzip" in exchange.headers["accept-encoding"]
            await reply(exchange, gzip.compress(json.dumps(VERSION).encode()), Content_Encoding="gzip")

        async with serve(play) as server, connected(server.url) as cluster:
            assert (await git_version(cluster)).git_version == "v1.37.0"

    async def test_a_stream_that_is_read_by_hand(self) -> None:
        async with serve(reply) as server, connected(server.url) as cluster:
            answer: Any = await VersionApi(cluster.api_client).get_code(_preload_content=False)
            assert json.loads(await answer.content.readline())["minor"] == "37"

    async def test_nobody_answers(self, unused_port: int) -> None:
        async with connected(f"http://127.0.0.1:{unused_port}", credentials=StaticToken("hunter2")) as cluster:
            with pytest.raises(
                ConnectionFailed, match=r"^GET http://127.0.0.1:\d+/version/: connection refused"
            ) as caught:
                await git_version(cluster)
            shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            assert "hunter2" not in "".join(shown.format())

    async def test_a_lost_connection_is_not_tried_again(self) -> None:
        async with serve(Exchange.hang_up) as server, connected(server.url) as cluster:
            with pytest.raises(ConnectionLost, match="the server hung up before it answered"):
                await git_version(cluster)
        assert len(server.exchanges) == 1

    async def test_a_time_limit(self) -> None:
        async with serve(Exchange.closed_by_peer) as server, connected(server.url) as cluster:
            with pytest.raises(TimeoutError, match="no answer within the time of _request_timeout"):
                await VersionApi(cluster.api_client).get_code(_request_timeout=0.01)

    async def test_no_credential_to_be_had(self) -> None:
        class Nothing(Credentials):
            async def authorization(self) -> str | None:
                raise ConfigError("no token")

            async def refresh(self) -> None:
                pass

        async with serve(reply) as server, connected(server.url, credentials=Nothing()) as cluster:
            with pytest.raises(ConfigError, match="no token"):
                await git_version(cluster)


class TestWrites:
    async def test_they_are_recorded(self) -> None:
        async with FakeApiServer() as server, connect(server=server.url) as cluster:
            api = CoreV1Api(cluster.api_client)
            with cluster.record_writes() as writes:
                made = await api.create_namespaced_config_map(
                    "default", V1ConfigMap(metadata=V1ObjectMeta(name="a"), data={"k": "x" * 2_000_000})
                )
                patched = await api.patch_namespaced_config_map("a", "default", {"data": {"k": "2"}})
                await api.patch_namespaced_config_map("a", "default", {"data": {"k": "3"}}, dry_run="All")
                assert (await api.read_namespaced_config_map("a", "default")).data == {"k": "2"}
                await api.delete_namespaced_config_map("a", "default")
                with pytest.raises(ApiException):
                    await api.delete_namespaced_config_map("a", "default")
        path = "/api/v1/namespaces/default/configmaps"
        assert writes == [
            Write(path, made.metadata.resource_version),
            Write(f"{path}/a", patched.metadata.resource_version),
        ]

    @pytest.mark.parametrize("found", [b"[1]", b"{", b"{}"])
    async def test_an_answer_that_is_no_object_is_for_who_asked(self, found: bytes) -> None:
        async def play(exchange: Exchange) -> None:
            await reply(exchange, found)

        async with serve(play) as server, connected(server.url) as cluster:
            with cluster.record_writes() as writes:
                answer = await cluster.api_client.call_api("/x", "POST", _preload_content=False)
                assert await answer.read() == found
            assert writes == []

    async def test_paths_are_without_the_server_s_own_and_not_encoded(self) -> None:
        async def play(exchange: Exchange) -> None:
            await reply(exchange, {"metadata": {"resourceVersion": "7"}})

        async with serve(play) as server, connected(server.url + "/clusters/c%201") as cluster:
            with cluster.record_writes() as writes:
                await cluster.api_client.call_api(
                    "/api/v1/nodes/{name}", "PUT", {"name": "system:a b"}, body={}, response_types_map={}
                )
        assert writes == [Write("/api/v1/nodes/system:a b", "7")]


class TestWhereThereIsNone:
    async def test_another_transport(self) -> None:
        config = ConnectionConfig(server="http://127.0.0.1:1")
        for transport in (ScriptedTransport(), HttpxTransport(config)):
            async with connect(transport=transport) as cluster:
                with pytest.raises(UsageError, match=r"needs asyncio.*cluster.request\(\) works"):
                    _ = cluster.api_client

    @pytest.mark.parametrize("anyio_backend", ["trio"])
    async def test_trio(self) -> None:
        async with connect(server="http://127.0.0.1:1") as cluster:
            with pytest.raises(UsageError, match="needs asyncio"):
                _ = cluster.api_client

    async def test_a_closed_cluster(self) -> None:
        async with serve(reply) as server, connected(server.url) as before, connected(server.url) as after:
            await git_version(before)
            tasks = after
        with pytest.raises(UsageError, match="the transport is closed"):
            await git_version(before)
        with pytest.raises(UsageError, match="the cluster is closed"):
            _ = tasks.api_client

    async def test_closing_it_twice(self) -> None:
        async with serve(reply) as server, connected(server.url) as cluster:
            await git_version(cluster)
            await cluster.api_client.close()
            await git_version(cluster)  # it is the cluster's connection
