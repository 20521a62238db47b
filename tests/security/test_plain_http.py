"""A token crosses plain http inside this machine only, however the host is spelt; https is what it says."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.security.leaks import assert_hidden, assert_not_logged
from tests.security.peer import Authority, answering

from kubeinformer import ConfigError, ConnectionFailed, connect
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, Credentials, HttpRequest, load_config
from kubeinformer.connection.credentials import Anonymous, StaticToken

SECRET = "s3cr3t-t0ken"

# What looks like this machine, and may be another one; and what is none.
ELSEWHERE = (
    *("10.0.0.1", "kube.example", "0.0.0.0", "[::]", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]"),  # noqa: S104 - as above
    # An octal, a decimal and a short address: 127.0.0.1 to some resolvers, names to others.
    *("127.1", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "127.000.000.001"),
    *("localhost.", "localhost.example", "kube.localhost", "localhost.localdomain", "127.0.0.1.example", "127.0.0.1."),
    *("local%68ost", "ⓛocalhost", "127。0。0。1", "localhost\\.kube.example", "kube.example\\.localhost"),
    *(
        "localhost ",
        "local\thost",
        "localhost\n",
        "localhost@kube.example",
        "localhost:80@kube.example",
        "u:p@localhost",
    ),
    *("kube.example#@localhost", "kube.example?@localhost", "[::1", "localhost,kube.example", "", ".", ".."),
)
HERE = ("localhost", "LOCALHOST", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]", "[0:0::1]", "[::ffff:127.0.0.1]")


@pytest.mark.anyio
@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize("scheme", ["http", "HTTP", "hTTp"])
async def test_elsewhere(scheme: str, host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with connect(server=f"{scheme}://{host}:8001", token=SECRET):
            pytest.fail("refused before anything is asked")
    assert_hidden(caught.value, SECRET)


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_here(scheme: str, host: str) -> None:
    assert ConnectionConfig(server=f"{scheme}://{host}:8001", credentials=StaticToken(SECRET)).server.startswith(
        "http:"
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    "server", ["kube.example:6443", "kube.example", "localhost:6443", "//kube.example", "6443", ""]
)
async def test_without_a_scheme(server: str) -> None:
    """No guess: neither http nor https."""
    with pytest.raises(ConfigError, match=r"the server's URL .* is not a URL") as caught:
        await load_config(server=server, token=SECRET)
    assert_hidden(caught.value, SECRET)


def test_by_a_kubeconfig(tmp_path: Path, home: Path) -> None:
    from kubeinformer.connection.kubeconfig import kubeconfig_connection, read_kubeconfig  # noqa: PLC0415 - only here

    file = home / "config"
    for user in ({"token": SECRET}, {"username": "u", "password": SECRET}, {"tokenFile": str(tmp_path / "token")}):
        file.write_text(
            yaml.safe_dump(
                {
                    "current-context": "a",
                    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                    "clusters": [{"name": "a", "cluster": {"server": "http://kube.example"}}],
                    "users": [{"name": "a", "user": user}],
                }
            )
        )
        with pytest.raises(ConfigError, match=r"over plain http to kube\.example") as caught:
            kubeconfig_connection(read_kubeconfig([file]), None, {})
        assert_hidden(caught.value, SECRET)


class Quiet(Anonymous):
    """Says nothing at first."""


def test_what_may_have_credentials_counts_as_if_it_had() -> None:
    with pytest.raises(ConfigError, match="over plain http"):
        ConnectionConfig(server="http://kube.example", credentials=Quiet())


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "Proxy-Authorization", "Cookie"])
def test_no_way_around_by_a_header(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be given: credentials= says who you are") as caught:
        ConnectionConfig(server="https://kube.example", headers=((name, SECRET),))
    assert SECRET not in str(caught.value)


class TestHttps:
    """The scheme in capitals is the same scheme: the same authorities, certificates and proxies."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_scheme_in_capitals_trusts_the_authority_given(self, authority: Authority) -> None:
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        async with answering(ok, authority.issue("127.0.0.1").server_context()) as peer:
            config = ConnectionConfig(server=peer.url.replace("https", "HTTPS"), ca_file=str(authority.file))
            transport = AiohttpTransport(config)
            async with transport.stream(HttpRequest(path="/version")) as response:
                assert response.status == 200
            await transport.aclose()

    async def test_a_scheme_in_capitals_keeps_the_proxys_password_from_the_server(self, authority: Authority) -> None:
        no = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        async with answering(no) as proxy:
            options: dict[str, Any] = {"proxy_url": proxy.url.replace("://", f"://u:{SECRET}@")}
            config = ConnectionConfig(server="HTTPS://kube.example", ca_file=str(authority.file), **options)
            transport = AiohttpTransport(config)
            with pytest.raises(ConnectionFailed, match="the proxy refused"):
                async with transport.stream(HttpRequest(path="/version")):
                    pytest.fail("refused")
            await transport.aclose()
        assert proxy.heads[0].startswith("CONNECT kube.example:443 ")  # and not GET, with all headers


class TestProxies:
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_one_on_this_machine_may_read_what_goes_to_this_machine(self) -> None:
        """A debugging proxy: it gets the whole request, as asked for."""
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as proxy:
            transport = AiohttpTransport(
                ConnectionConfig(server="http://localhost:1", credentials=StaticToken(SECRET), proxy_url=proxy.url)
            )
            async with transport.stream(HttpRequest(path="/version")) as response:
                assert response.status == 200
            await transport.aclose()
        assert f"Authorization: Bearer {SECRET}" in proxy.heads[0]

    @pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "https://proxy.example:3128", "http://10.0.0.1"])
    def test_one_elsewhere_would_read_it_too(self, proxy: str) -> None:
        with pytest.raises(ConfigError, match="over plain http to"):
            ConnectionConfig(server="http://localhost:1", credentials=StaticToken(SECRET), proxy_url=proxy)

    async def test_one_of_an_https_server_gets_no_credentials(self) -> None:
        async with answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as proxy:
            transport = AiohttpTransport(
                ConnectionConfig(server="https://kube.example", credentials=StaticToken(SECRET), proxy_url=proxy.url)
            )
            with pytest.raises(ConnectionFailed):
                await transport.stream(HttpRequest(path="/version")).__aenter__()
            await transport.aclose()
        assert proxy.heads[0].startswith("CONNECT kube.example:443 ")
        assert SECRET not in proxy.heads[0]


class Broken(Credentials):
    """A user's own, which gives a header that would end early."""

    async def authorization(self) -> str:
        return f"Bearer {SECRET}\r\nX-Other: 1"

    async def refresh(self) -> None:
        pass


class TestInjection:
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_header_that_would_end_early_is_not_sent(self, log: pytest.LogCaptureFixture) -> None:
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as peer:
            transport = AiohttpTransport(ConnectionConfig(server=peer.url, credentials=Broken()))
            with pytest.raises(ConfigError, match="an Authorization header that cannot be sent") as caught:
                async with transport.stream(HttpRequest(path="/version")):
                    pytest.fail("not sent")
            await transport.aclose()
        assert peer.heads == []
        assert_hidden(caught.value, SECRET)
        assert_not_logged(log, SECRET)

    @pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "a\nb", "a\0b", "\x7f", "a\ud800"])
    def test_impersonation_that_would_end_early(self, value: str) -> None:
        with pytest.raises(ConfigError, match=r"the header 'Impersonate-User' .* cannot be sent"):
            ConnectionConfig(server="https://kube.example", headers=(("Impersonate-User", value),))

    @pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä"])
    def test_names_of_headers(self, name: str) -> None:
        with pytest.raises(ConfigError, match="cannot be sent"):
            ConnectionConfig(server="https://kube.example", headers=((name, "a"),))

    def test_names_of_people_need_not_be_ascii(self) -> None:
        ConnectionConfig(server="https://kube.example", headers=(("Impersonate-User", "jürgen"),))
