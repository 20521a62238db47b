"""What a server or a client has to show, on real sockets: which certificates are refused, in what words, and that
nothing was sent before and nothing less was tried after."""

import datetime as dt
import os
import ssl
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests._runtime.scripted import QUICK
from tests.security.leaks import assert_hidden, assert_not_logged
from tests.security.peer import LOOPBACK, Authority, Pair, Peer, answering, fails_to_sync

from kubeinformer import ConfigError, ConnectionFailed, SyncTimeout, TransportError, connect
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest
from kubeinformer.connection.credentials import ClientCertificate, StaticToken
from kubeinformer.connection.tls import client_context

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DAY = dt.timedelta(days=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(server: str, **options: Any) -> int:
    transport = AiohttpTransport(ConnectionConfig(server=server, credentials=StaticToken(SECRET), **options))
    try:
        async with transport.stream(HttpRequest(path="/version")) as response:
            return response.status
    finally:
        await transport.aclose()


@asynccontextmanager
async def serving(pair: Pair, **options: Any) -> AsyncGenerator[Peer]:
    async with answering(OK, pair.server_context(**options)) as peer:
        yield peer


def bad(authority: Authority, case: str) -> Pair:
    match case:
        case "expired":
            return authority.issue(LOOPBACK, ends=-DAY)
        case "not yet valid":
            return authority.issue(LOOPBACK, begins=DAY, ends=2 * DAY)
        case "wrong name":
            return authority.issue("other.example")
        case "wrong address":
            return authority.issue("127.0.0.2")
        case "self-signed":
            return authority.issue(LOOPBACK, by_itself=True)
    raise AssertionError(case)


WORDS = {
    "expired": "(certificate has expired); renew the server's certificate, or set this machine's clock",
    "not yet valid": "(certificate is not yet valid); renew the server's certificate, or set this machine's clock",
    "wrong name": "(IP address mismatch, certificate is not valid for '127.0.0.1'.); use a name that the certificate "
    "holds, or give it as tls-server-name",
    "wrong address": "(IP address mismatch, certificate is not valid for '127.0.0.1'.); use a name that the "
    "certificate holds, or give it as tls-server-name",
    "self-signed": "(self-signed certificate); give the authority that signed it as ca_file, or "
    "certificate-authority-data in the kubeconfig",
}


@pytest.mark.parametrize("case", WORDS)
async def test_a_server_that_is_not_to_be_trusted(
    authority: Authority, case: str, log: pytest.LogCaptureFixture
) -> None:
    async with serving(bad(authority, case)) as peer:
        with pytest.raises(ConnectionFailed) as caught:
            await ask(peer.url, ca_file=str(authority.file))
    assert str(caught.value) == f"GET {peer.url}/version: the server's certificate is not trusted {WORDS[case]}"
    assert (peer.connections, peer.heads) == (1, [])  # no second try with less, and nothing was sent
    assert_hidden(caught.value, SECRET)
    assert_not_logged(log, SECRET)


@pytest.mark.parametrize("case", WORDS)
async def test_retries_try_nothing_less(authority: Authority, case: str) -> None:
    async with serving(bad(authority, case)) as peer:
        with pytest.raises(SyncTimeout) as caught:
            async with connect(server=peer.url, token=SECRET, ca_file=authority.file, timing=QUICK) as cluster:
                await fails_to_sync(cluster.informer("v1/pods"), times=2)
    assert WORDS[case] in str(caught.value)
    assert peer.connections > 1
    assert peer.heads == []


async def test_an_authority_of_the_systems_does_not_count_beside_one_given(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system trusts would vouch for the server; who names an authority means that one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    empty = tmp_path / "empty.crt"
    empty.touch()
    key_only = authority.issue("a").key_file
    async with serving(authority.issue(LOOPBACK)) as peer:
        assert await ask(peer.url) == 200
        with pytest.raises(ConnectionFailed, match="not trusted"):
            await ask(peer.url, ca_file=str(other.file))
        for broken in (tmp_path / "missing.crt", empty, tmp_path, key_only, ""):
            with pytest.raises(ConfigError, match="the certificate authority"):
                await ask(peer.url, ca_file=str(broken))
        for text in ("", " ", "rubbish", key_only.read_text()):
            with pytest.raises(ConfigError, match="the certificate authority"):
                await ask(peer.url, ca_data=text)
    assert peer.connections == 2


@pytest.mark.parametrize("shown", ["none", "another authority's"])
async def test_a_client_certificate_is_asked_for(
    authority: Authority, tmp_path: Path, shown: str, log: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    pair = Authority(tmp_path / "other").issue("admin")
    certificate = ClientCertificate(certificate_data=pair.certificate, key_data=pair.key) if shown != "none" else None
    async with serving(authority.issue(LOOPBACK), client_ca=authority.file) as peer:
        with pytest.raises(TransportError) as caught:
            await ask(peer.url, ca_file=str(authority.file), client_certificate=certificate)
    assert peer.heads == []
    assert_hidden(caught.value, SECRET, pair.key[60:100])
    assert_not_logged(log, SECRET, pair.key[60:100])


async def test_below_tls_1_2_nothing_is_spoken(authority: Authority) -> None:
    context = authority.issue(LOOPBACK).server_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or OpenSSL itself would refuse
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with answering(OK, context) as peer:
        for options in ({"ca_file": str(authority.file)}, {"verify": False}):
            with pytest.raises(ConnectionFailed):
                await ask(peer.url, **options)
    assert peer.heads == []


async def test_no_verification_is_asked_for_and_told_once(authority: Authority, log: pytest.LogCaptureFixture) -> None:
    async with serving(bad(authority, "self-signed")) as peer:
        for _ in range(3):
            assert await ask(peer.url, verify=False) == 200
    told = [record for record in log.records if "is not verified" in record.getMessage()]
    assert [(record.levelname, vars(record)["server"]) for record in told] == [("WARNING", peer.url)]
    assert_not_logged(log, SECRET)


async def test_verification_is_not_told_of(authority: Authority, log: pytest.LogCaptureFixture) -> None:
    async with serving(authority.issue(LOOPBACK)) as peer:
        assert await ask(peer.url, ca_file=str(authority.file)) == 200
    assert [record for record in log.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize("name", ["", ".", "..", ".example", "*", "a b", "a\0b", "[::1]", "ä.example"])
async def test_a_name_to_check_that_is_none(authority: Authority, name: str) -> None:
    """It never means: no check at all."""
    async with serving(authority.issue("other.example")) as peer:
        with pytest.raises(ConfigError, match=r"tls-server-name .* is not a host's name or address"):
            await ask(peer.url, ca_file=str(authority.file), tls_server_name=name)
    assert peer.heads == []


async def test_session_keys_are_written_nowhere(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    async with serving(authority.issue(LOOPBACK)) as peer:
        assert await ask(peer.url, ca_file=str(authority.file)) == 200
    assert not (tmp_path / "keys").exists()


def count(folder: Path) -> int:
    return len(list(folder.iterdir()))


class TestKeysGivenAsText:
    """Whatever becomes of the connection, nothing of them stays on a disk."""

    @pytest.fixture(params=["in memory", "in files"])
    def folder(self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where temporary files go; where there are no files in memory, the disk is used for a moment."""
        found = tmp_path / "tmp"
        found.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(found))
        if request.param == "in files":
            monkeypatch.delattr(os, "memfd_create")
        return found

    async def test_after_each_kind_of_end(self, authority: Authority, folder: Path) -> None:
        pair = authority.issue("admin")
        good = ClientCertificate(certificate_data=pair.certificate, key_data=pair.key)
        wrong = ClientCertificate(certificate_data=pair.certificate, key_data=authority.issue("other").key)
        descriptors = count(Path("/proc/self/fd"))
        async with serving(authority.issue(LOOPBACK), client_ca=authority.file) as peer:
            assert await ask(peer.url, ca_file=str(authority.file), client_certificate=good) == 200
            with pytest.raises(ConfigError, match="belong to each other"):
                await ask(peer.url, ca_file=str(authority.file), client_certificate=wrong)
            with pytest.raises(ConnectionFailed):
                await ask(peer.url, client_certificate=good)  # not trusted
        assert count(folder) == 0
        assert count(Path("/proc/self/fd")) == descriptors

    def test_while_it_is_connected(self, authority: Authority, folder: Path) -> None:
        pair = authority.issue("admin")
        config = ConnectionConfig(
            server="https://a",
            client_certificate=ClientCertificate(certificate_data=pair.certificate, key_data=pair.key),
        )
        context = client_context(config)
        assert count(folder) == 0
        del context
