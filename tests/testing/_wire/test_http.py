import anyio
import anyio.lowlevel
import pytest
from tests.testing.http_client import Client

from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio


async def _is_alive(server: FakeApiServer) -> bool:
    return (await Client(server.url).get("/healthz")).status == 200


async def test_a_connection_serves_request_after_request() -> None:
    async with FakeApiServer() as server, Client(server.url).connect() as connection:
        for target in ("/api/v1/pods", "/nowhere", "/version"):
            await connection.send("GET", target)
            await connection.answer()
        assert server.connection_count == 1
        assert [record.status for record in server.requests] == [200, 404, 200]


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_not_http_ends_its_own_connection_only(garbage: bytes) -> None:
    async with FakeApiServer() as server:
        async with Client(server.url).connect() as connection:
            await connection.stream.send(garbage + b"\r\n\r\n")
            with anyio.fail_after(10):
                answer = b"".join([chunk async for chunk in connection.stream])
        assert not answer.startswith(b"HTTP/1.1 200")
        assert await _is_alive(server)


async def test_clients_that_leave_at_any_moment_are_nobodys_problem() -> None:
    async with FakeApiServer() as server:
        server.seed("v1/pods", 3000)  # 20 MB: the server is in the middle of it
        client = Client(server.url)
        async with client.connect():
            pass
        async with client.connect() as connection:
            await connection.stream.send(b"GET /api/v1/pods HTTP/1.1\r\nHos")
        for target in ("/api/v1/pods", "/api/v1/pods?watch=1", "/api/v1/pods?watch=1&resourceVersion=999999"):
            async with client.connect() as connection:
                await connection.send("GET", target)
                await connection.head()
        assert await _is_alive(server)
        with anyio.fail_after(10):
            while server.connection_count:
                await anyio.lowlevel.checkpoint()


async def test_a_bug_of_the_fake_is_a_500_and_no_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeApiServer() as server:
        monkeypatch.setattr("kubeinformer.testing._read.reading.send_list", None)
        answer = await Client(server.url).get("/api/v1/pods")
        assert (answer.status, answer.json["reason"]) == (500, "InternalError")
        assert "the fake API server failed" in caplog.text
        assert await _is_alive(server)


async def test_the_answer_to_a_head_has_no_body_and_the_connection_goes_on() -> None:
    async with FakeApiServer() as server, Client(server.url).connect() as connection:
        for _ in range(2):
            await connection.send("HEAD", "/readyz")
            answer = await connection.answer()
            assert (answer.status, answer.headers["content-length"], answer.body) == (200, "2", b"")


async def test_a_body_that_is_too_large_is_not_read() -> None:
    async with FakeApiServer() as server:
        async with Client(server.url).connect() as connection:
            head = b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
            await connection.stream.send(head)
            with anyio.fail_after(20), pytest.raises(anyio.BrokenResourceError):
                await connection.stream.send(bytes(99_999_999))
        assert await _is_alive(server)
