"""TLS against a real socket, and what is refused before there is one."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest
from kubeinformer.connection.credentials import ClientCertificate, Credentials
from kubeinformer.connection.tls import client_context
from kubeinformer.errors import ConfigError, ConnectionFailed, ConnectionLost, TransportError

if TYPE_CHECKING:
    from tests.connection.conftest import Authority, Exchange, Issued, Serve

LOOPBACK = "127.0.0.1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def hello(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"hello")
    await exchange.end()


async def get(server: str, **options: Any) -> bytes:
    transport = AiohttpTransport(ConnectionConfig(server=server, **options))
    try:
        async with transport.stream(HttpRequest(path="/version")) as response:
            return await response.receive(30)
    finally:
        await transport.aclose()


@pytest.mark.anyio
async def test_trusted_by_file_and_by_text(serve: Serve, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await get(server.url, ca_file=str(authority.file)) == b"hello"
        assert await get(server.url, ca_data=authority.pem) == b"hello"


@pytest.mark.anyio
async def test_text_wins_over_file(serve: Serve, authority: Authority, stranger: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        assert await get(server.url, ca_file=str(stranger.file), ca_data=authority.pem) == b"hello"


@pytest.mark.anyio
@pytest.mark.parametrize("ca", ["system", "stranger"])
async def test_untrusted(serve: Serve, authority: Authority, stranger: Authority, ca: str) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"not trusted .*ca_file, or certificate-authority-data") as caught:
            await get(server.url, ca_file=None if ca == "system" else str(stranger.file))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert f"GET {server.url}/version: " in str(caught.value)


@pytest.mark.anyio
async def test_unverified_only_when_told_so(serve: Serve, authority: Authority) -> None:
    async with serve(hello, context=authority.issue("other.example", days=-1).server_context()) as server:
        assert await get(server.url, verify=False) == b"hello"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"])
async def test_wrong_host(serve: Serve, authority: Authority, name: str) -> None:
    async with serve(hello, context=authority.issue(name).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"not trusted .*tls-server-name"):
            await get(server.url, ca_file=str(authority.file))


@pytest.mark.anyio
async def test_tls_server_name_is_what_is_checked(serve: Serve, authority: Authority) -> None:
    async with serve(hello, context=authority.issue("other.example").server_context()) as server:
        options = {"ca_file": str(authority.file)}
        assert await get(server.url, tls_server_name="other.example", **options) == b"hello"
        with pytest.raises(ConnectionFailed, match="tls-server-name"):
            await get(server.url, tls_server_name="third.example", **options)


def test_what_is_checked(authority: Authority) -> None:
    context = client_context(ConnectionConfig(server="https://a", ca_file=str(authority.file)))
    assert context.hostname_checks_common_name is False
    assert context.check_hostname is True
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.anyio
async def test_expired(serve: Serve, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK, days=-1).server_context()) as server:
        with pytest.raises(ConnectionFailed, match=r"certificate has expired.*; renew the server's certificate"):
            await get(server.url, ca_file=str(authority.file))


@pytest.mark.anyio
async def test_tls_to_a_plain_port() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionFailed, match=r"does not speak TLS on this port; .* begin .* with http://"):
            await get(f"https://{LOOPBACK}:{port}")


@pytest.mark.anyio
async def test_plain_http_to_a_tls_port(serve: Serve, authority: Authority) -> None:
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        with pytest.raises(ConnectionLost, match=r"GET http://127\.0\.0\.1:\d+/version: "):
            await get(server.url.replace("https", "http"))


@pytest.mark.anyio
async def test_no_handshake_in_time(authority: Authority) -> None:
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        transport = AiohttpTransport(
            ConnectionConfig(server=f"https://{LOOPBACK}:{port}", ca_data=authority.pem), connect_timeout=0.05
        )
        with pytest.raises(ConnectionFailed, match="no connection in time; check the address, routes, firewalls"):
            async with transport.stream(HttpRequest(path="/")):
                pytest.fail("no handshake")
        await left.wait()
        await transport.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["leave, then close", "close inside"])
async def test_a_peer_that_reads_no_more_cannot_hold_a_socket(serve: Serve, authority: Authority, how: str) -> None:
    done = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.start()
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a read transport as well
        await exchange.chunk(b"hello")
        await done.wait()

    async with serve(play, context=authority.issue(LOOPBACK).server_context()) as server:
        transport = AiohttpTransport(ConnectionConfig(server=server.url, ca_file=str(authority.file)))
        async with transport.stream(HttpRequest(path="/")) as response:
            assert await response.receive(30) == b"hello"
            sock = response._answer.connection.transport.get_extra_info("socket")  # type: ignore[attr-defined]
            if how == "close inside":
                await transport.aclose()
                assert sock.fileno() == -1
        await transport.aclose()
        assert sock.fileno() == -1  # a polite goodbye would wait half a minute for the answer
        done.set()


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["files", "text", "one file"])
async def test_client_certificate(serve: Serve, authority: Authority, tmp_path: Path, form: str) -> None:
    mine = authority.issue("admin")
    both = tmp_path / "both.pem"
    both.write_text(mine.certificate + mine.key)
    certificate = {
        "files": ClientCertificate(certificate_file=str(mine.certificate_file), key_file=str(mine.key_file)),
        "text": ClientCertificate(certificate_data=mine.certificate, key_data=mine.key),
        "one file": ClientCertificate(certificate_file=str(both)),
    }[form]
    seen: list[Any] = []

    async def play(exchange: Exchange) -> None:
        seen.append(exchange.writer.get_extra_info("peercert")["subject"])
        await hello(exchange)

    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    async with serve(play, context=context) as server:
        got = await get(server.url, ca_file=str(authority.file), client_certificate=certificate)
    assert got == b"hello"
    assert seen == [((("commonName", "admin"),),)]


@pytest.mark.anyio
async def test_without_the_client_certificate_asked_for(serve: Serve, authority: Authority) -> None:
    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    async with serve(hello, context=context) as server:
        with pytest.raises(TransportError):
            await get(server.url, ca_file=str(authority.file))


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


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["after a 401", "by expiry"])
async def test_a_renewed_certificate_makes_a_new_connection(serve: Serve, authority: Authority, how: str) -> None:
    seen: list[Any] = []

    async def play(exchange: Exchange) -> None:
        seen.append(exchange.writer.get_extra_info("peercert")["subject"][0][0][1])
        await hello(exchange)

    context = authority.issue(LOOPBACK).server_context(client_ca=authority.file)
    credentials = Renewing(authority.issue("first"), authority.issue("second"))
    async with serve(play, context=context) as server:
        transport = AiohttpTransport(
            ConnectionConfig(server=server.url, ca_file=str(authority.file), credentials=credentials)
        )
        for renew in (False, False, True):
            if renew and how == "after a 401":
                await transport.reauthenticate()
            elif renew:
                await credentials.refresh()
            async with transport.stream(HttpRequest(path="/")) as response:
                while await response.receive(30):
                    pass
        await transport.aclose()
    assert seen == ["first", "first", "second"]
    assert server.connections == 2


@pytest.mark.anyio
async def test_a_renewed_authority_is_found_after_a_failure(
    serve: Serve, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(stranger.pem)
    async with serve(hello, context=authority.issue(LOOPBACK).server_context()) as server:
        transport = AiohttpTransport(ConnectionConfig(server=server.url, ca_file=str(ca)))
        with pytest.raises(ConnectionFailed):
            async with transport.stream(HttpRequest(path="/")):
                pytest.fail("not trusted")
        ca.write_text(authority.pem)
        async with transport.stream(HttpRequest(path="/")) as response:
            assert response.status == 200
        await transport.aclose()


def refused(**options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        client_context(ConnectionConfig(server="https://a", source="here", **options))
    return str(caught.value)


def test_bad_authorities(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.crt"
    rubbish.write_text("rubbish")
    assert f"cannot use the certificate authority {rubbish}" in refused(ca_file=str(rubbish))
    assert "No such file or directory" in refused(ca_file=str(tmp_path / "missing"))
    assert "certificate-authority-data (from here)" in refused(ca_data="rubbish")
    assert "certificate-authority-data (from here)" in refused(ca_data="")
    assert "-----BEGIN CERTIFICATE-----" in refused(ca_data="rübbish")


def test_an_authority_and_no_verification_exclude_each_other(authority: Authority) -> None:
    assert "insecure-skip-tls-verify are both given (from here)" in refused(ca_data=authority.pem, verify=False)


def test_bad_client_certificates(authority: Authority, tmp_path: Path) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    mixed = ClientCertificate(certificate_data=one.certificate, key_data=other.key)
    assert "belong to each other" in refused(client_certificate=mixed)
    missing = ClientCertificate(certificate_file=str(tmp_path / "missing"), key_file=str(one.key_file))
    assert f"{tmp_path / 'missing'}: No such file" in refused(client_certificate=missing)
    assert "without its certificate" in refused(client_certificate=ClientCertificate(key_data=one.key))
    encrypted = ClientCertificate(certificate_data=one.certificate, key_data=one.encrypted_key)
    assert "is encrypted: give it decrypted" in refused(client_certificate=encrypted)


@pytest.mark.parametrize("way", ["in memory", "in files"])
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_keys_given_as_text_are_private_and_leave_nothing_behind(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, mask: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if way == "in files":
        monkeypatch.delattr(os, "memfd_create")
    seen: list[int] = []
    on_disk: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, certificate: str, key: str, **more: Any) -> None:
        seen.extend(Path(path).stat().st_mode & 0o777 for path in (certificate, key))
        on_disk.extend(path.stat().st_mode & 0o777 for path in tmp_path.iterdir())
        load(self, certificate, key, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    mine = authority.issue("admin")
    certificate = ClientCertificate(certificate_data=mine.certificate, key_data=mine.key)
    kept = os.umask(mask)
    try:
        client_context(ConnectionConfig(server="https://a", client_certificate=certificate))
    finally:
        os.umask(kept)
    assert seen == [0o600, 0o600]
    assert on_disk == ([] if way == "in memory" else [0o700, 0o700])
    assert list(tmp_path.iterdir()) == []
    refused(client_certificate=ClientCertificate(certificate_data="rubbish", key_data=mine.key))
    assert list(tmp_path.iterdir()) == []
