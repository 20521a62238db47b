"""Where the cluster is looked for, and in which order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kubeinformer.connection import load_config
from kubeinformer.connection.credentials import Anonymous, ClientCertificate, StaticToken
from kubeinformer.errors import ConfigError, UsageError

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"


def kubeconfig(file: Path, server: str, name: str = "main") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"current-context: {name}\n"
        f"contexts: [{{name: {name}, context: {{cluster: {name}}}}}]\n"
        f"clusters: [{{name: {name}, cluster: {{server: {server}}}}}]\n"
    )
    return file


@pytest.fixture(autouse=True)
def world(clean_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(clean_environment, tmp_path, monkeypatch)


class World:
    """All the places at once; a test takes away what it does not want."""

    def __init__(self, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home / ".kube" / "config"
        self.explicit = kubeconfig(folder / "explicit", "https://explicit.example")
        self.variable = kubeconfig(folder / "variable", "https://variable.example")
        self.account = folder / "account"
        self._monkeypatch = monkeypatch

    def set_variable(self, value: str | None = None) -> None:
        self._monkeypatch.setenv("KUBECONFIG", str(self.variable) if value is None else value)

    def fill_home(self) -> None:
        kubeconfig(self.home, "https://home.example")

    def be_a_pod(self) -> None:
        self._monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        self._monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        self.account.mkdir()
        for name in ("token", "ca.crt"):
            (self.account / name).write_text("t0ken")

    async def server(self, *arguments: Any, **options: Any) -> str:
        return (await load_config(*arguments, service_account=self.account, **options)).server


async def test_the_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.set_variable()
    world.fill_home()
    world.be_a_pod()
    assert await world.server(server="https://server.example") == "https://server.example"
    assert await world.server(world.explicit) == "https://explicit.example"
    assert await world.server(str(world.explicit)) == "https://explicit.example"
    assert await world.server() == "https://variable.example"
    monkeypatch.delenv("KUBECONFIG")
    assert await world.server() == "https://home.example"
    world.home.unlink()
    assert await world.server() == "https://10.0.0.1:443"


async def test_several_files(world: World, tmp_path: Path) -> None:
    other = kubeconfig(tmp_path / "other", "https://other.example", "other")
    world.set_variable(f":{tmp_path / 'missing'}:{world.variable}::{other}")
    assert await world.server() == "https://variable.example"
    assert await world.server(context="other") == "https://other.example"


async def test_home_is_expanded(world: World) -> None:
    world.fill_home()
    assert await world.server("~/.kube/config") == "https://home.example"
    world.set_variable("~/.kube/config")
    assert await world.server() == "https://home.example"


async def test_an_empty_variable_is_none(world: World) -> None:
    world.set_variable("")
    world.fill_home()
    assert await world.server() == "https://home.example"


async def test_what_is_named_must_exist(world: World) -> None:
    world.fill_home()
    world.be_a_pod()
    with pytest.raises(ConfigError, match=r"^kubeconfig='/missing': no such file$"):
        await load_config("/missing")
    world.set_variable("/missing:/gone")
    with pytest.raises(ConfigError, match=r"^KUBECONFIG='/missing:/gone': no such file; repair the variable"):
        await load_config()


async def test_what_is_broken_ends_the_search(world: World) -> None:
    world.fill_home()
    world.be_a_pod()
    world.home.write_text(f"token: {SECRET}: {SECRET}")
    with pytest.raises(
        ConfigError, match=rf"^the kubeconfig {re.escape(str(world.home))} is not YAML, line 1"
    ) as caught:
        await world.server()
    assert SECRET not in str(caught.value)


async def test_an_empty_file_at_home_does_not_hide_the_pod(world: World) -> None:
    world.home.parent.mkdir()
    world.home.touch()
    with pytest.raises(ConfigError, match=rf"2\. {re.escape(str(world.home))}: names no context"):
        await world.server()
    world.be_a_pod()
    assert await world.server() == "https://10.0.0.1:443"


async def test_nothing_at_all(world: World) -> None:
    with pytest.raises(ConfigError) as caught:
        await world.server()
    assert str(caught.value) == (
        "no cluster found. Looked for, in order: "
        f"1. KUBECONFIG: not set; 2. {world.home}: no such file; "
        "3. service account: not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set. "
        "Give server= or kubeconfig=, or set KUBECONFIG"
    )


async def test_a_pod_without_a_token(world: World) -> None:
    world.be_a_pod()
    (world.account / "token").unlink()
    with pytest.raises(ConfigError, match=r"3\. service account: KUBERNETES_SERVICE_HOST is set, but .*automount"):
        await world.server()


async def test_a_context_needs_a_kubeconfig(world: World) -> None:
    world.be_a_pod()
    with pytest.raises(ConfigError, match=r"context 'main' was asked for, but there is no kubeconfig\. Looked for"):
        await world.server(context="main")


async def test_a_context_that_does_not_exist(world: World) -> None:
    with pytest.raises(ConfigError, match=r"context 'other' is not in .*explicit; available: main"):
        await world.server(world.explicit, "other")


async def test_all_that_goes_with_server(tmp_path: Path) -> None:
    config = await load_config(
        server="https://a.example/",
        token=SECRET,
        ca_file=tmp_path / "ca",
        client_certificate_file="crt",
        client_key_file="key",
        tls_server_name="b.example",
        proxy_url="http://proxy.example",
    )
    assert config.server == "https://a.example"
    assert await config.credentials.authorization() == f"Bearer {SECRET}"
    assert config.ca_file == str(tmp_path / "ca")
    assert config.client_certificate == ClientCertificate(certificate_file="crt", key_file="key")
    assert (config.tls_server_name, config.proxy_url) == ("b.example", "http://proxy.example")
    assert config.verify
    assert SECRET not in repr(config)
    assert not (await load_config(server="https://a", insecure_skip_tls_verify=True)).verify
    assert isinstance((await load_config(server="https://a")).credentials, Anonymous)
    mine = StaticToken(SECRET)
    assert (await load_config(server="https://a", credentials=mine)).credentials is mine


async def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert (await load_config(server="https://a.example")).proxy_url == "http://proxy.example"
    assert (await load_config(server="https://localhost")).proxy_url is None


async def test_a_token_over_plain_http() -> None:
    with pytest.raises(ConfigError, match=r"\(from server=\) over plain http to a\.example"):
        await load_config(server="http://a.example", token=SECRET)
    await load_config(server="http://127.0.0.1:1", token=SECRET)


async def test_an_empty_token_is_not_no_token() -> None:
    with pytest.raises(ConfigError, match="the token from token= is empty"):
        await load_config(server="https://a", token="")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"server": "https://a", "kubeconfig": "b"}, "exclude each other"),
        ({"server": "https://a", "context": "b"}, "exclude each other"),
        ({"server": "https://a", "token": "b", "credentials": Anonymous()}, "exclude each other"),
        ({"token": SECRET}, "token= only go with server="),
        ({"ca_file": "a", "tls_server_name": "b"}, "ca_file=, tls_server_name= only go with server="),
        ({"insecure_skip_tls_verify": True}, "insecure_skip_tls_verify= only go with server="),
        ({"kubeconfig": "a", "proxy_url": "b"}, "proxy_url= only go with server="),
    ],
)
async def test_what_excludes_each_other(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        await load_config(**options)
