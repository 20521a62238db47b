import socket

import anyio
import h11
import pytest
from tests.testing.http_client import WATCH_LIST, Client

from kubeinformer.errors import UsageError
from kubeinformer.testing import FakeApiError, FakeApiServer

pytestmark = pytest.mark.anyio


class _OwnError(Exception):
    pass


async def test_an_exception_of_the_body_comes_out_as_it_is() -> None:
    with pytest.raises(_OwnError):
        async with FakeApiServer():
            raise _OwnError


async def test_an_exception_of_the_body_comes_out_as_it_is_while_clients_are_served() -> None:
    with pytest.raises(_OwnError):
        async with FakeApiServer() as server, Client(server.url).watch("/api/v1/pods", **WATCH_LIST):
            raise _OwnError


async def test_an_exception_of_the_body_comes_out_even_under_cancellation() -> None:
    async def fail() -> None:
        with anyio.CancelScope() as scope:
            async with FakeApiServer():
                scope.cancel()
                raise _OwnError

    with pytest.raises(_OwnError):
        await fail()


async def test_leaving_ends_open_watches_and_frees_the_port() -> None:
    async with FakeApiServer() as server:
        port = int(server.url.rpartition(":")[2])
        async with Client(server.url).connect() as connection:
            await connection.send("GET", "/api/v1/pods?watch=1")
            await connection.head()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


async def test_leaving_under_cancellation_leaves_nothing_behind() -> None:
    with anyio.CancelScope() as scope:
        async with FakeApiServer() as server, Client(server.url).watch("/api/v1/pods", **WATCH_LIST):
            port = int(server.url.rpartition(":")[2])
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


async def test_it_can_be_filled_before_and_read_after_it_serves() -> None:
    server = FakeApiServer()
    server.create("v1/pods", {"metadata": {"name": "web-0"}})
    async with server:
        assert len((await Client(server.url).get("/api/v1/pods")).json["items"]) == 1
    assert server.get("v1/pods", "default/web-0")["kind"] == "Pod"
    with pytest.raises(UsageError, match="inside `async with"):
        server.url  # noqa: B018 - the property raises


async def test_the_same_server_can_be_entered_again() -> None:
    server = FakeApiServer()
    for _ in range(2):
        async with server:
            assert (await Client(server.url).get("/readyz")).body == b"ok"


async def test_a_taken_port_is_reported_at_once() -> None:
    async with FakeApiServer() as server:
        with pytest.raises(OSError, match="in use"):
            async with FakeApiServer(port=int(server.url.rpartition(":")[2])):
                pass


async def test_requests_are_logged_with_user_and_status() -> None:
    async with FakeApiServer(tokens={"secret": "alice"}, request_limit=2) as server:
        client = Client(server.url)
        await client.get("/version")
        await client.get("/api/v1/pods", limit="5")
        await client.with_headers(Authorization="Bearer secret").get("/api/v1/podz")
        unknown, missing = server.requests
    assert (unknown.method, unknown.path, unknown.query, unknown.user, unknown.status) == (
        *("GET", "/api/v1/pods", {"limit": "5"}, "", 401),
    )
    assert (missing.path, missing.user, missing.status) == ("/api/v1/podz", "alice", 404)


async def test_a_watch_is_logged_while_it_is_open() -> None:
    async with FakeApiServer() as server, Client(server.url).watch("/api/v1/pods"):
        (record,) = server.requests
    assert record.query["watch"] == "true"
    assert record.status == 200


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_dropped_connections_end_in_the_middle_of_the_body(how: str) -> None:
    async with FakeApiServer() as server, Client(server.url).watch("/api/v1/pods", **WATCH_LIST) as watch:
        await watch.until_bookmark()
        assert server.drop_connections(how="reset" if how == "reset" else "close") == 1
        server.create("v1/pods", {"metadata": {"name": "late"}})
        expected = anyio.BrokenResourceError if how == "reset" else h11.RemoteProtocolError
        with pytest.raises(expected):
            await watch.event()
        assert (await Client(server.url).get("/healthz")).status == 200


async def test_a_registered_resource_is_served_and_an_unregistered_one_is_gone() -> None:
    async with FakeApiServer() as server:
        client = Client(server.url)
        path = "/apis/example.com/v1/widgets"
        assert (await client.get(path)).status == 404
        server.register("example.com/v1/widgets", kind="Widget")
        with pytest.raises(UsageError, match="served already"):
            server.register("example.com/v1/widgets", kind="Widget")
        server.create("example.com/v1/widgets", {"metadata": {"name": "w"}})
        async with client.watch(path, **WATCH_LIST) as watch:
            await watch.until_bookmark()
            server.unregister("example.com/v1/widgets")
            deleted, end = await watch.event(), await watch.event()
        assert deleted is not None
        assert deleted["type"] == "DELETED"
        assert deleted["object"]["metadata"]["resourceVersion"] == server.resource_version
        assert end is None
        assert (await client.get(path)).body == b"404 page not found\n"
        with pytest.raises(FakeApiError):
            server.list("example.com/v1/widgets")


async def test_hundreds_of_clients_at_once() -> None:
    count = 300

    async def read() -> None:
        async with Client(server.url).watch("/api/v1/pods", **WATCH_LIST) as watch:
            await watch.until_bookmark()
            answered.append(1)

    answered: list[int] = []
    async with FakeApiServer() as server, anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(read)
    assert len(answered) == count
