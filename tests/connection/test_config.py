"""What cannot be constructed, and what is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from kubeinformer.connection import ConnectionConfig
from kubeinformer.connection.config import is_loopback
from kubeinformer.connection.credentials import BasicCredentials, ClientCertificate, StaticToken
from kubeinformer.errors import ConfigError

SECRET = "s3cr3t-t0ken"


def test_defaults() -> None:
    config = ConnectionConfig(server="https://10.0.0.1:6443/k8s/c-1/")
    assert config.server == "https://10.0.0.1:6443/k8s/c-1"
    assert config.verify
    assert config.namespace == "default"
    assert repr(config.credentials) == "Anonymous()"


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "LOCALHOST"],
)
@pytest.mark.parametrize("credentials", [StaticToken(SECRET), BasicCredentials("u", SECRET)], ids=repr)
def test_credentials_over_plain_http_inside_this_machine(host: str, credentials: Any) -> None:
    ConnectionConfig(server=f"http://{host}:8001", credentials=credentials)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "kube.example", "localhost.example", "[::2]", "127.0.0.1.example", "0.0.0.0", "[::]"],  # noqa: S104 - nothing binds
)
@pytest.mark.parametrize("credentials", [StaticToken(SECRET), BasicCredentials("u", SECRET)], ids=repr)
def test_no_credentials_over_plain_http_to_another_host(host: str, credentials: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        ConnectionConfig(server=f"http://{host}:8001", credentials=credentials, source="here")
    text = str(caught.value)
    assert text.startswith(f"refusing to send credentials (from here) over plain http to {host.strip('[]')}: ")
    assert "use https://, or `kubectl proxy` on this machine" in text
    assert SECRET not in text


def test_plain_http_to_another_host_without_credentials() -> None:
    ConnectionConfig(server="http://kube.example")


def test_a_proxy_elsewhere_would_read_credentials_too() -> None:
    options: dict[str, Any] = {"server": "http://127.0.0.1:1", "credentials": StaticToken(SECRET)}
    with pytest.raises(ConfigError, match=r"plain http to proxy\.example"):
        ConnectionConfig(proxy_url="http://proxy.example:3128", **options)
    ConnectionConfig(proxy_url="http://localhost:3128", **options)


@pytest.mark.parametrize(
    "server",
    ["", "kube.example", "kube.example:6443", "//kube.example", "ftp://kube.example", "https://", "https://:6443",
     "https://kube.example:port", "https://kube.example:99999", "https://[::1", "unix:///run/kube"],
)  # fmt: skip
def test_not_a_server_url(server: str) -> None:
    with pytest.raises(ConfigError, match=r"^the server's URL \(from here\) is not a URL"):
        ConnectionConfig(server=server, source="here")


@pytest.mark.parametrize("user", [f"u:{SECRET}", SECRET, f":{SECRET}"])
def test_a_url_with_a_password_is_refused_and_not_shown(user: str) -> None:
    with pytest.raises(ConfigError, match="user name or password, which ends up in logs: remove it") as caught:
        ConnectionConfig(server=f"https://{user}@kube.example")
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize("tail", ["?a=b", "#a"])
def test_a_url_with_a_query(tail: str) -> None:
    with pytest.raises(ConfigError, match="query or fragment"):
        ConnectionConfig(server=f"https://kube.example/{tail}")


def test_a_proxy_that_is_none_of_ours() -> None:
    with pytest.raises(ConfigError, match=r"the proxy's URL .* http://HOST\[:PORT\] or https://HOST") as caught:
        ConnectionConfig(server="https://a", proxy_url=f"socks5://u:{SECRET}@proxy.example")
    assert SECRET not in str(caught.value)


def test_the_repr_shows_no_secret() -> None:
    config = ConnectionConfig(
        server="https://a",
        credentials=StaticToken(SECRET),
        client_certificate=ClientCertificate(certificate_file="/a.crt", key_data=SECRET),
        ca_data="long",
        proxy_url=f"http://u:{SECRET}@proxy.example",
    )
    assert SECRET not in repr(config)
    assert SECRET not in str(config)
    assert "/a.crt" in repr(config)


def test_what_is_loopback() -> None:
    assert is_loopback("::1")
    assert not is_loopback("")
    assert not is_loopback("localhost.")  # a fully qualified name is DNS's to resolve
