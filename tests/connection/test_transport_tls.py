"""What every transport does about TLS, on real sockets: whom it trusts, what it presents, and how it lets go."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import pytest
from tests.connection.peer import LEFT, Exchange, hello, listening, serve
from tests.connection.stacks import LONG, PODS, Stack, read_all, socket_of

from kubeinformer.connection import HttpRequest, Transport
from kubeinformer.connection.credentials import ClientCertificate, Credentials
from kubeinformer.errors import ConnectionFailed, ConnectionLost, TransportError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connection.conftest import Authority, Issued

pytestmark = pytest.mark.anyio
LOOPBACK = "127.0.0.1"


@pytest.fixture
def anyio_backend(stack: Stack) -> str:
    return stack.backend


async def left(stream: anyio.abc.SocketStream) -> None:
    """Return when the client closes, or breaks, the connection."""
    with contextlib.suppress(*LEFT):
        while True:
            await stream.receive()


async def test_trusted_by_file_and_by_text(stack: Stack, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await stack.fetch(server.url, ca_file=str(authority.file)) == b"hello"
        assert await stack.fetch(server.url, ca_data=authority.pem) == b"hello"


async def test_text_wins_over_file(stack: Stack, authority: Authority, stranger: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await stack.fetch(server.url, ca_file=str(stranger.file), ca_data=authority.pem) == b"hello"


@pytest.mark.parametrize("ca", ["system", "stranger"])
async def test_untrusted(stack: Stack, authority: Authority, stranger: Authority, ca: str) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"not trusted .*ca_file, or certificate-authority-data") as caught:
            await stack.fetch(server.url, ca_file=None if ca == "system" else str(stranger.file))
        await server.abandoned()
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert f"GET {server.url}/api/v1/pods: " in str(caught.value)
    assert server.exchanges == []


async def test_unverified_only_when_told_so(stack: Stack, authority: Authority) -> None:
    async with serve(hello, context=authority.issue("other.example", days=-1).server_context()) as server:
        assert await stack.fetch(server.url, verify=False) == b"hello"


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"])
async def test_wrong_host(stack: Stack, authority: Authority, name: str) -> None:
    async with serve(hello, context=authority.issue(name).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"not trusted .*tls-server-name"):
            await stack.fetch(server.url, ca_file=str(authority.file))
    assert server.exchanges == []


async def test_tls_server_name_is_what_is_checked(stack: Stack, authority: Authority) -> None:
    async with serve(hello, context=authority.issue("other.example").server_context()) as server:
        options = {"ca_file": str(authority.file)}
        assert await stack.fetch(server.url, tls_server_name="other.example", **options) == b"hello"
        with pytest.raises(ConnectionFailed, match="tls-server-name"):
            await stack.fetch(server.url, tls_server_name="third.example", **options)


async def test_tls_server_name_is_what_is_asked_for(stack: Stack, authority: Authority) -> None:
    asked: list[str | None] = []
    context = authority.issue("other.example").server_context()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with serve(hello, context=context) as server:
        options = {"ca_file": str(authority.file), "tls_server_name": "other.example"}
        assert await stack.fetch(server.url, **options) == b"hello"
    assert asked == ["other.example"]
    assert server.exchanges[0].headers["host"] == f"127.0.0.1:{server.port}"


async def test_expired(stack: Stack, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK, days=-1).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"certificate has expired.*; renew the server's certificate"):
            await stack.fetch(server.url, ca_file=str(authority.file))


async def test_tls_to_a_plain_port(stack: Stack) -> None:
    async def talk(stream: anyio.abc.SocketStream) -> None:
        await stream.receive(100)
        await stream.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        await left(stream)

    async with listening(talk) as port:
        with pytest.raises(ConnectionFailed, match=r"does not speak TLS on this port; .* begin .* with http://"):
            await stack.fetch(f"https://{LOOPBACK}:{port}")


async def test_plain_http_to_a_tls_port(stack: Stack, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        with pytest.raises(ConnectionLost, match=r"GET http://127\.0\.0\.1:\d+/api/v1/pods: "):
            await stack.fetch(server.url.replace("https", "http"))


async def test_hung_up_in_the_handshake(stack: Stack) -> None:
    async def talk(stream: anyio.abc.SocketStream) -> None:
        await stream.receive(100)

    async with listening(talk) as port:
        with pytest.raises(TransportError, match=rf"GET https://127\.0\.0\.1:{port}/api/v1/pods: "):
            await stack.fetch(f"https://{LOOPBACK}:{port}")


async def test_no_handshake_in_time(stack: Stack, authority: Authority) -> None:
    gone = anyio.Event()

    async def talk(stream: anyio.abc.SocketStream) -> None:
        await left(stream)
        gone.set()

    async with (
        listening(talk) as port,
        stack.to(f"https://{LOOPBACK}:{port}", ca_data=authority.pem, connect_timeout=0.05) as transport,
    ):
        with pytest.raises(ConnectionFailed, match="no connection in time; check the address, routes, firewalls"):
            async with transport.stream(PODS):
                pytest.fail("no handshake")
        await gone.wait()


async def test_closing_wakes_who_connects(stack: Stack) -> None:
    came = anyio.Event()

    async def talk(stream: anyio.abc.SocketStream) -> None:
        await stream.receive(1)
        came.set()
        await left(stream)

    async def connect(transport: Transport) -> None:
        with pytest.raises(TransportError):
            async with transport.stream(PODS):
                pytest.fail("no handshake")

    async with listening(talk) as port, stack.to(f"https://{LOOPBACK}:{port}") as transport:
        with anyio.fail_after(5):  # less than the time for connecting
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connect, transport)
                await came.wait()
                await transport.aclose()


async def test_the_time_to_connect_ends_when_the_connection_stands(stack: Stack, authority: Authority) -> None:
    async def play(exchange: Exchange) -> None:
        await anyio.sleep(1.7)  # longer than connecting may take
        await hello(exchange)

    async with serve(play, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await stack.fetch(server.url, ca_data=authority.pem, connect_timeout=1.5) == b"hello"


@pytest.mark.parametrize("how", ["leave, then close", "close inside"])
async def test_a_peer_that_reads_no_more_cannot_hold_a_socket(stack: Stack, authority: Authority, how: str) -> None:
    done = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"hello")
        await done.wait()  # and does not read

    async with serve(play, context=authority.issue(LOOPBACK).server_context()) as server:
        transport = stack.make(server.url, ca_file=str(authority.file))
        async with transport.stream(PODS) as response:
            assert await response.receive(LONG) == b"hello"
            sock = socket_of(response)
            if how == "close inside":
                await transport.aclose()
                assert sock.fileno() == -1
        await transport.aclose()
        assert sock.fileno() == -1
        done.set()


async def test_a_body_of_many_records(stack: Stack, authority: Authority) -> None:
    body = bytes(range(256)) * 2**13

    async def play(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        await exchange.send(body)

    async with serve(play, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await stack.fetch(server.url, ca_data=authority.pem) == body


@pytest.mark.parametrize("framing", ["chunked", "content-length"])
async def test_a_body_cut_without_a_goodbye(stack: Stack, authority: Authority, framing: str) -> None:
    async def play(exchange: Exchange) -> None:
        if framing == "chunked":
            await exchange.start()
            await exchange.chunk(b"hello")
        else:
            await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await exchange.hang_up()

    async with serve(play, context=authority.issue(LOOPBACK).server_context()) as server:
        with pytest.raises(ConnectionLost, match="the connection broke before the answer was complete"):
            await stack.fetch(server.url, ca_data=authority.pem)


async def test_a_tls_connection_is_used_again_after_a_whole_body(stack: Stack, authority: Authority) -> None:
    async with (
        serve(hello, context=authority.issue(LOOPBACK).server_context()) as server,
        stack.to(server.url, ca_data=authority.pem) as transport,
    ):
        for _ in range(3):
            async with transport.stream(PODS) as response:
                assert await read_all(response) == b"hello"
    assert (len(server.exchanges), server.connections) == (3, 1)


@pytest.mark.parametrize("given", ["data", "files"])
async def test_a_client_certificate(stack: Stack, authority: Authority, given: str) -> None:
    seen: list[str] = []

    async def play(exchange: Exchange) -> None:
        seen.append(exchange.client)
        await hello(exchange)

    mine = authority.issue("admin")
    certificate = (
        ClientCertificate(certificate_data=mine.certificate, key_data=mine.key)
        if given == "data"
        else ClientCertificate(certificate_file=str(mine.certificate_file), key_file=str(mine.key_file))
    )
    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    async with serve(play, context=context) as server:
        options: dict[str, Any] = {"ca_file": str(authority.file), "client_certificate": certificate}
        assert await stack.fetch(server.url, **options) == b"hello"
    assert seen == ["admin"]


async def test_without_the_client_certificate_asked_for(stack: Stack, authority: Authority) -> None:
    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    async with serve(hello, context=context) as server:
        with pytest.raises(TransportError):
            await stack.fetch(server.url, ca_file=str(authority.file))


class Renewing(Credentials):
    """Gives one certificate, and another after a refresh."""

    def __init__(self, *issued: Issued) -> None:
        self.left = list(issued)

    async def authorization(self) -> None:
        return None

    async def client_certificate(self) -> ClientCertificate:
        return ClientCertificate(certificate_data=self.left[0].certificate, key_data=self.left[0].key)

    async def refresh(self) -> None:
        del self.left[0]


@pytest.mark.parametrize("how", ["after a 401", "by expiry"])
async def test_a_renewed_certificate_makes_a_new_connection(stack: Stack, authority: Authority, how: str) -> None:
    seen: list[str] = []

    async def play(exchange: Exchange) -> None:
        seen.append(exchange.client)
        await hello(exchange)

    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    credentials = Renewing(authority.issue("first"), authority.issue("second"))
    options: dict[str, Any] = {"ca_file": str(authority.file), "credentials": credentials}
    async with serve(play, context=context) as server, stack.to(server.url, **options) as transport:
        for renew in (False, False, True):
            if renew and how == "after a 401":
                await transport.reauthenticate()
            elif renew:
                await credentials.refresh()
            async with transport.stream(PODS) as response:
                await read_all(response)
    assert seen == ["first", "first", "second"]
    assert server.connections == 2


async def test_a_stream_lives_on_with_the_certificate_it_began_with(stack: Stack, authority: Authority) -> None:
    renewed = anyio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        if exchange.target == "/long":
            await renewed.wait()
        await exchange.chunk(exchange.client.encode())
        await exchange.end()

    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    credentials = Renewing(authority.issue("first"), authority.issue("second"))
    options: dict[str, Any] = {"ca_file": str(authority.file), "credentials": credentials}
    async with (
        serve(play, context=context) as server,
        stack.to(server.url, **options) as transport,
        transport.stream(HttpRequest(path="/long")) as long,
    ):
        await transport.reauthenticate()
        async with transport.stream(PODS) as response:
            assert await read_all(response) == b"second"
        renewed.set()
        assert await read_all(long) == b"first"


async def test_a_renewed_authority_is_found_after_a_failure(
    stack: Stack, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(stranger.pem)
    async with (
        serve(hello, context=authority.issue(LOOPBACK).server_context()) as server,
        stack.to(server.url, ca_file=str(ca)) as transport,
    ):
        with pytest.raises(ConnectionFailed):
            async with transport.stream(PODS):
                pytest.fail("not trusted")
        ca.write_text(authority.pem)
        async with transport.stream(PODS) as response:
            assert response.status == 200
