"""``Cluster.request``: what is sent, what comes back, and how it fails, on any event loop."""

import gzip
import json
import traceback
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
from tests._runtime.scripted import GUARD, HANG, JSON, Answer, ScriptedTransport, refuse

from kubeinformer import (
    AlreadyExists,
    Conflict,
    ConnectionLost,
    Forbidden,
    Invalid,
    MalformedData,
    NotFound,
    ObjectTooLarge,
    ProtocolError,
    RawObject,
    Redirected,
    RequestTimeout,
    Resource,
    ServerUnavailable,
    Unauthorized,
    UsageError,
    Write,
    WrongKind,
    connect,
)
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

MAPS = Resource.parse("v1/configmaps")
PRICES = MAPS.path("shop", "prices")


def answer(found: Any, status: int = 200, **metadata: Any) -> Answer:
    found = found | {"metadata": metadata} if metadata else found
    return Answer([json.dumps(found).encode()], status=status)


def config_map(name: str = "prices", **data: str) -> RawObject:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": data}


class TestSending:
    async def test_a_read(self) -> None:
        transport = ScriptedTransport(answer({"major": "1"}))
        async with connect(transport=transport) as cluster:
            assert await cluster.request("get", "/version") == {"major": "1"}
        [request] = transport.requests
        assert (request.method, request.path, request.query, request.body) == ("GET", "/version", (), b"")
        assert dict(request.headers) == {"accept": "application/json", "accept-encoding": "gzip"}

    async def test_a_write(self) -> None:
        transport = ScriptedTransport(answer({}))
        patch = [{"op": "remove", "path": "/data"}]
        async with connect(transport=transport, compressed=False) as cluster:
            await cluster.request(
                "PATCH",
                PRICES,
                patch,
                query={"fieldManager": "me"},
                headers={"Accept": "application/json;as=Table"},
                content_type="application/json-patch+json",
            )
        [request] = transport.requests
        assert (request.method, request.path, request.query) == ("PATCH", PRICES, (("fieldManager", "me"),))
        assert json.loads(request.body) == patch
        assert dict(request.headers) == {
            "accept": "application/json;as=Table",
            "accept-encoding": "identity",
            "content-type": "application/json-patch+json",
        }

    async def test_bytes_go_as_they_are(self) -> None:
        transport = ScriptedTransport(answer({}), answer({}))
        async with connect(transport=transport) as cluster:
            await cluster.request("POST", "/x", b"a: 1", content_type="application/yaml")
            await cluster.request("POST", "/x", b"")
        assert [request.body for request in transport.requests] == [b"a: 1", b""]
        assert dict(transport.requests[0].headers)["content-type"] == "application/yaml"

    async def test_the_transport_may_take_longer_than_the_caller(self) -> None:
        transport = ScriptedTransport(answer({}))
        async with connect(transport=transport) as cluster:
            await cluster.request("GET", "/version", timeout=3.0)
        assert transport.requests[0].head_timeout > 3.0
        assert min(transport.deadlines) > 3.0

    @pytest.mark.parametrize(
        "path", ["", "version", "http://h/x", "/a/../b", "/a/.", "/x?watch=1", "/x#y", "/a\nb", "/a\0"]
    )
    async def test_what_is_no_path_is_not_sent(self, path: str) -> None:
        transport = ScriptedTransport()
        async with connect(transport=transport) as cluster:
            with pytest.raises(ValueError, match="not a path"):
                await cluster.request("GET", path)
            with pytest.raises(ValueError, match="not a path"):
                await cluster.request_text(path)
        assert transport.requests == []

    @pytest.mark.parametrize(
        ("headers", "said"),
        [
            ({"Authorization": "hunter2"}, "must not have authorization"),
            ({"Content-Type": "x", "Host": "y"}, "must not have content-type, host"),
            ({"X-Y": "hunter2\r\nX: y"}, "not a header: 'x-y'"),
            ({"X-Y": "hunter2é"}, "not a header: 'x-y'"),
            ({"X Y": "hunter2"}, "not a header: 'x y'"),
            ({"": "hunter2"}, "not a header: ''"),
        ],
    )
    async def test_what_is_no_header_is_not_sent_nor_shown(self, headers: dict[str, str], said: str) -> None:
        async with connect(transport=ScriptedTransport()) as cluster:
            with pytest.raises(ValueError, match=said) as caught:
                await cluster.request("GET", "/version", headers=headers)
        assert "hunter2" not in str(caught.value)

    async def test_what_is_no_method_is_not_sent(self) -> None:
        async with connect(transport=ScriptedTransport()) as cluster:
            with pytest.raises(ValueError, match="not a method: 'TRACE'; accepted are GET, POST"):
                await cluster.request("trace", "/version")

    @pytest.mark.parametrize("value", [object(), {1, 2j}, b"\xff".decode("latin-1").encode("utf-16") and "\ud800"])
    async def test_what_is_no_json_is_not_sent(self, value: object) -> None:
        async with connect(transport=ScriptedTransport()) as cluster:
            with pytest.raises(UsageError, match="body= is no JSON"):
                await cluster.request("POST", "/x", {"a": value})


class TestAnswers:
    async def test_an_empty_one(self) -> None:
        async with connect(transport=ScriptedTransport(Answer([], status=202, headers={}))) as cluster:
            assert await cluster.request("POST", "/x") == {}

    async def test_a_compressed_one_in_pieces(self) -> None:
        body = gzip.compress(json.dumps({"a": "x" * 1000}).encode())
        headers = {**JSON, "content-encoding": "gzip"}
        transport = ScriptedTransport(Answer([body[:10], body[10:]], headers=headers))
        async with connect(transport=transport) as cluster:
            assert await cluster.request("GET", "/x") == {"a": "x" * 1000}

    async def test_one_that_is_too_large(self) -> None:
        bomb = gzip.compress(b"x" * 10_000_000)
        headers = {**JSON, "content-encoding": "gzip"}
        transport = ScriptedTransport(Answer([bomb], headers=headers), Answer([b'{"a":1}']), Answer([b'{"a":12}']))
        async with connect(transport=transport, object_size_limit=7) as cluster:
            with pytest.raises(ObjectTooLarge, match="an answer of over 7 bytes; raise object_size_limit="):
                await cluster.request("GET", "/x")
            assert await cluster.request("GET", "/x") == {"a": 1}
            with pytest.raises(ObjectTooLarge):
                await cluster.request("GET", "/x")

    @pytest.mark.parametrize(
        ("bad", "kind"),
        [
            (Answer([b"<html>"], headers={"content-type": "text/html"}), WrongKind),
            (Answer([b"[1]"]), WrongKind),
            (Answer([b'{"a":']), MalformedData),
            (Answer([b'{"a":"\xff"}']), MalformedData),
            (Answer([b"{}"], headers={**JSON, "content-encoding": "br"}), MalformedData),
            (Answer([gzip.compress(b"{}")[:-9]], headers={**JSON, "content-encoding": "gzip"}), MalformedData),
        ],
    )
    async def test_ones_that_make_no_sense(self, bad: Answer, kind: type[Exception]) -> None:
        async with connect(transport=ScriptedTransport(bad)) as cluster:
            with pytest.raises(kind, match=r"bad answer for v1/configmaps"):
                await cluster.request("GET", PRICES)

    @pytest.mark.parametrize("tail", [b'"', b'"}}'])
    async def test_an_error_shows_nothing_of_an_answer(self, tail: bytes) -> None:
        """Error reporters print the variables of the frames that an error has passed."""
        body = b'{"kind":"Secret","data":{"password":"hunter2' + tail
        transport = ScriptedTransport(Answer([body]), Answer([body * 2]), Answer([body * 2]))
        async with connect(transport=transport, object_size_limit=60) as cluster:
            for ask in (cluster.request("GET", "/x"), cluster.request("GET", "/x"), cluster.request_text("/x")):
                try:
                    await ask
                except ProtocolError as error:
                    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
                    del shown.stack[0]  # this test's own
                    assert "hunter2" not in "".join(shown.format())

    async def test_text(self) -> None:
        plain = {"content-type": "text/plain"}
        transport = ScriptedTransport(Answer([b"o", b"k\xff"], headers=plain))
        async with connect(transport=transport) as cluster:
            assert await cluster.request_text("/readyz", query={"verbose": ""}) == "ok\ufffd"
        [request] = transport.requests
        assert (request.method, request.query) == ("GET", (("verbose", ""),))
        assert dict(request.headers)["accept"] == "*/*"


class TestFailures:
    @pytest.mark.parametrize(
        ("refused", "kind"),
        [
            (refuse(403, "Forbidden"), Forbidden),
            (refuse(404), NotFound),
            (refuse(409, "Conflict"), Conflict),
            (refuse(409, "AlreadyExists"), AlreadyExists),
            (refuse(422), Invalid),
            (refuse(503), ServerUnavailable),
            (refuse(302, headers={"location": "https://login.example/x"}), Redirected),
            (ConnectionLost("PUT http://h/x: broke"), ConnectionLost),
        ],
    )
    async def test_one_attempt_only(self, refused: Answer | Exception, kind: type[Exception]) -> None:
        transport = ScriptedTransport(refused, answer({}))
        async with connect(transport=transport) as cluster:
            with pytest.raises(kind) as caught:
                await cluster.request("PUT", PRICES, config_map())
        assert len(transport.requests) == 1
        assert transport.open_streams == 0
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(
        ("headers", "seconds"), [({"retry-after": "7"}, 7.0), ({}, None), ({"retry-after": "later"}, None)]
    )
    async def test_how_long_to_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        async with connect(transport=ScriptedTransport(refuse(429, headers=headers))) as cluster:
            with pytest.raises(ServerUnavailable) as caught:
                await cluster.request("GET", "/version")
        assert caught.value.retry_after == seconds

    async def test_an_explanation_that_breaks_off(self) -> None:
        broken = Answer([b'{"kind":"Sta', ConnectionLost("broke")], status=409)
        async with connect(transport=ScriptedTransport(broken)) as cluster:
            with pytest.raises(Conflict, match="it said: broken JSON"):
                await cluster.request("PUT", PRICES, config_map())

    async def test_after_a_401_it_is_sent_once_more_with_new_credentials(self) -> None:
        transport = ScriptedTransport(refuse(401), answer({"a": 1}))
        async with connect(transport=transport) as cluster:
            assert await cluster.request("POST", MAPS.path("shop"), config_map()) == {"a": 1}
        assert transport.reauthentications == 1
        assert transport.requests[0] == transport.requests[1]

    async def test_a_second_401_is_an_answer(self) -> None:
        transport = ScriptedTransport(refuse(401), refuse(401), answer({}))
        async with connect(transport=transport) as cluster:
            with pytest.raises(Unauthorized, match="refused to create v1/configmaps 'shop/prices'"):
                await cluster.request("POST", MAPS.path("shop"), config_map())
        assert (len(transport.requests), transport.reauthentications) == (2, 1)

    @pytest.mark.parametrize("script", [[HANG], [Answer([b"{", HANG])], [refuse(401), HANG]])
    async def test_the_time_for_all_of_it_is_up(self, script: list[Any]) -> None:
        transport = ScriptedTransport(*script)
        async with connect(transport=transport) as cluster:
            with pytest.raises(RequestTimeout, match=r"GET /version: no complete answer within 0.01 s") as caught:
                await cluster.request("GET", "/version", timeout=0.01)
        assert caught.value.seconds == 0.01
        assert transport.open_streams == 0

    async def test_cancellation_is_not_taken_for_a_timeout(self) -> None:
        transport = ScriptedTransport(HANG)
        async with connect(transport=transport) as cluster:
            with anyio.move_on_after(0.01) as scope:
                await cluster.request("GET", "/version")
            assert scope.cancelled_caught
        assert transport.open_streams == 0


class TestRecording:
    async def test_what_left_something_is_recorded(self) -> None:
        left = answer({"kind": "ConfigMap"}, resourceVersion="7")
        script = {
            "read": ("GET", PRICES, {}, left),
            "write": ("PUT", PRICES, {}, left),
            "dry run": ("PUT", PRICES, {"dryRun": "All"}, left),
            "delete": ("DELETE", PRICES, {}, left),
            "gone": ("DELETE", PRICES, {}, answer({"kind": "Status"}, resourceVersion="8")),
            "collection": ("DELETE", MAPS.path("shop"), {}, left),
            "review": ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, answer({}, name="x")),
            "odd": ("POST", "/x", {}, answer({"metadata": 7})),
            "odder": ("POST", "/x", {}, answer({}, resourceVersion=7)),
        }
        recorded = {}
        async with connect(transport=ScriptedTransport(*(line[-1] for line in script.values()))) as cluster:
            with cluster.record_writes() as all_of_them:
                for name, (method, path, query, _) in script.items():
                    with cluster.record_writes() as writes:
                        await cluster.request(method, path, query=query)
                    if writes:
                        recorded[name] = writes
        assert recorded == {"write": [Write(PRICES, "7")], "delete": [Write(PRICES, "7")]}
        assert all_of_them == [Write(PRICES, "7")] * 2


class TestOnAServer:
    @pytest.fixture
    async def server(self) -> AsyncGenerator[FakeApiServer]:
        async with FakeApiServer(tokens={"t": "me"}) as server:
            server.create("v1/namespaces", {"metadata": {"name": "shop"}})
            yield server

    async def test_a_write_is_seen(self, server: FakeApiServer) -> None:
        async with connect(server=server.url, token="t") as cluster:
            maps = cluster.informer("v1/configmaps", namespace="shop")
            await maps.synced(timeout=GUARD)
            with cluster.record_writes() as writes:
                await cluster.request("POST", MAPS.path("shop"), config_map(a="1"))
                await cluster.request(
                    "PATCH", PRICES, {"data": {"a": "2"}}, content_type="application/merge-patch+json"
                )
            assert [write.resource for write in writes] == ["v1/configmaps"] * 2
            await maps.wait_for(writes[-1].resource_version, timeout=GUARD)
            found = maps.store.get("shop/prices")
            assert found is not None
            assert found["data"] == {"a": "2"}
            with pytest.raises(AlreadyExists, match="refused to create v1/configmaps 'shop/prices'"):
                await cluster.request("POST", MAPS.path("shop"), config_map())
            assert (await cluster.request_text("/readyz")).startswith("ok")

    async def test_who_may_not(self, server: FakeApiServer) -> None:
        async with connect(server=server.url, token="t") as cluster:
            server.deny("patch")
            with pytest.raises(Forbidden, match="with the verb patch on this resource"):
                await cluster.request("PATCH", PRICES, {}, content_type="application/merge-patch+json")

    async def test_a_closed_cluster(self, server: FakeApiServer) -> None:
        async with connect(server=server.url, token="t") as cluster:
            pass
        with pytest.raises(UsageError, match="closed"):
            await cluster.request("GET", "/version")
