"""Kubeconfig files row by row, as kubectl reads them."""

from __future__ import annotations

import base64
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from kubeinformer.connection import ConnectionConfig
from kubeinformer.connection.auth_provider import GcpCredentials, OidcCredentials
from kubeinformer.connection.credentials import ClientCertificate
from kubeinformer.connection.exec_plugin import ExecCredentials
from kubeinformer.connection.kubeconfig import kubeconfig_connection, read_kubeconfig
from kubeinformer.errors import ConfigError

SECRET = "s3cr3t-t0ken"
V1 = "client.authentication.k8s.io/v1"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(
    file: Path,
    *,
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    name: str = "main",
    **more: Any,
) -> Path:
    """A kubeconfig with one context; everything in it has the same name."""
    document = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example"} | (cluster or {})}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name} | (context or {})}],
    } | more
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config"


def load(*files: Path, context: str | None = None, environ: dict[str, str] | None = None) -> ConnectionConfig:
    return kubeconfig_connection(read_kubeconfig(files), context, environ or {})


def refused(*files: Path, context: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*files, context=context)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value.__context__)
    return str(caught.value)


def header(config: ConnectionConfig) -> str:
    return str(config.credentials._header)  # type: ignore[attr-defined]


def test_the_smallest(file: Path) -> None:
    config = load(write(file))
    assert config == ConnectionConfig(
        server="https://main.example", credentials=config.credentials, source=f"context 'main' in {file}"
    )
    assert repr(config.credentials) == "Anonymous()"


def test_a_context_without_a_user(file: Path) -> None:
    assert load(write(file, context={"user": None})).server == "https://main.example"


def test_cluster_settings(file: Path) -> None:
    settings = {
        "server": "https://1.2.3.4:6443/",
        "certificate-authority": "pki/ca.crt",
        "tls-server-name": "kube.example",
        "proxy-url": "http://proxy.example:3128",
    }
    config = load(write(file, cluster=settings, context={"namespace": "shop"}))
    assert config.server == "https://1.2.3.4:6443"
    assert config.ca_file == str(file.parent / "pki/ca.crt")
    assert config.ca_data is None
    assert config.tls_server_name == "kube.example"
    assert config.proxy_url == "http://proxy.example:3128"
    assert config.namespace == "shop"
    assert config.verify


def test_data_and_verification(file: Path) -> None:
    config = load(write(file, cluster={"certificate-authority-data": b64("PEM"), "certificate-authority": "/ca"}))
    assert (config.ca_data, config.ca_file) == ("PEM", "/ca")
    assert not load(write(file, cluster={"insecure-skip-tls-verify": True})).verify


def test_the_proxy_of_the_environment_comes_second(file: Path) -> None:
    environ = {"HTTPS_PROXY": "http://environment.example"}
    assert load(write(file), environ=environ).proxy_url == "http://environment.example"
    write(file, cluster={"proxy-url": "http://file.example"})
    assert load(file, environ=environ | {"NO_PROXY": "*"}).proxy_url == "http://file.example"


def test_client_certificates(file: Path) -> None:
    files = load(write(file, user={"client-certificate": "a.crt", "client-key": "/abs/a.key"})).client_certificate
    assert files == ClientCertificate(certificate_file=str(file.parent / "a.crt"), key_file="/abs/a.key")
    data = load(write(file, user={"client-certificate-data": b64("C"), "client-key-data": b64(SECRET)}))
    assert data.client_certificate == ClientCertificate(certificate_data="C", key_data=SECRET)
    assert SECRET not in repr(data)


def test_tokens_and_passwords(file: Path) -> None:
    assert header(load(write(file, user={"token": SECRET}))) == f"Bearer {SECRET}"
    assert header(load(write(file, user={"token": 12345}))) == "Bearer 12345"  # YAML reads a number
    password = load(write(file, user={"username": "u", "password": "p"}))
    assert header(password) == f"Basic {b64('u:p')}"
    token_file = load(write(file, user={"tokenFile": "token", "token": SECRET}))
    assert repr(token_file.credentials) == f"TokenFile('{file.parent / 'token'}')"


def test_a_plugin(file: Path) -> None:
    how = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", 5],
        "env": [{"name": "AWS_PROFILE", "value": SECRET}],
        "interactiveMode": "Never",
        "installHint": "get it",
    }
    config = load(write(file, user={"exec": how}))
    assert isinstance(config.credentials, ExecCredentials)
    plugin = config.credentials._plugin
    assert (plugin.command, plugin.args) == ("aws", ("eks", "get-token", "5"))
    assert plugin.env == (("AWS_PROFILE", SECRET),)
    assert plugin.api_version == how["apiVersion"]
    assert plugin.interactive_mode == "Never"
    assert plugin.install_hint == "get it"
    assert plugin.cluster is None
    assert plugin.source == f"{file}: users[0].user.exec"
    assert SECRET not in repr(config)
    assert SECRET not in repr(plugin)


def test_a_plugin_beside_the_file(file: Path) -> None:
    config = load(write(file, user={"exec": {"apiVersion": V1, "command": "./bin/plugin", "env": None}}))
    assert isinstance(config.credentials, ExecCredentials)
    assert config.credentials._plugin.command == str(file.parent / "bin/plugin")
    assert config.credentials._plugin.interactive_mode == "IfAvailable"


def test_what_a_plugin_is_told_of_the_cluster(file: Path) -> None:
    (file.parent / "ca.crt").write_text("PEM")
    cluster = {
        "certificate-authority": "ca.crt",
        "tls-server-name": "kube.example",
        "extensions": [
            {"name": "other", "extension": {}},
            {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}},
        ],
    }
    how = {"apiVersion": V1, "command": "plugin", "provideClusterInfo": True}
    config = load(write(file, cluster=cluster, user={"exec": how}))
    assert isinstance(config.credentials, ExecCredentials)
    assert config.credentials._plugin.cluster == {
        "server": "https://main.example",
        "tls-server-name": "kube.example",
        "certificate-authority-data": b64("PEM"),
        "config": {"audience": "a"},
    }
    (file.parent / "ca.crt").unlink()
    assert "cannot read the certificate authority" in refused(file)


@pytest.mark.anyio
async def test_providers(file: Path) -> None:
    provider = {"name": "oidc", "config": {"id-token": "one"}}
    oidc = load(write(file, user={"auth-provider": provider})).credentials
    assert isinstance(oidc, OidcCredentials)
    assert await oidc.authorization() == "Bearer one"
    provider["config"] = {"id-token": "two"}
    write(file, user={"auth-provider": provider})  # as kubectl does
    await oidc.refresh()
    assert await oidc.authorization() == "Bearer two"
    write(file, name="gone")
    await oidc.refresh()
    with pytest.raises(ConfigError, match="no id-token"):
        await oidc.authorization()
    assert isinstance(load(write(file, user={"auth-provider": {"name": "gcp"}})).credentials, GcpCredentials)
    write(file, user={"auth-provider": {"name": "azure"}})
    assert "auth-provider 'azure' is not supported" in refused(file)


def test_token_over_password_over_plugin_over_provider(file: Path) -> None:
    user = {
        "token": SECRET,
        "username": "u",
        "password": "p",
        "exec": {"apiVersion": V1, "command": "c"},
        "auth-provider": {"name": "oidc"},
    }
    seen = []
    for gone in ("", "token", "password", "exec", "auth-provider"):
        user.pop(gone, None)
        seen.append(type(load(write(file, user=user)).credentials).__name__)
    assert seen == ["StaticToken", "BasicCredentials", "ExecCredentials", "OidcCredentials", "Anonymous"]


def test_impersonation_is_carried_out(file: Path) -> None:
    user = {"as": "jane", "as-groups": ["dev", "ops"], "as-uid": "7", "as-user-extra": {"scopes": ["a", "b"]}}
    assert load(write(file, user=user)).headers == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-scopes", "a"),
        ("Impersonate-Extra-scopes", "b"),
    )
    del user["as"]
    assert "need as" in refused(write(file, user=user))


def test_a_context_by_name(file: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", name="other")
    assert load(write(file), other, context="other").server == "https://other.example"
    assert refused(file, other, context="third") == (
        f"context 'third' is not in {file}:{other}; available: main, other"
    )


def test_the_first_file_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "config", cluster={"certificate-authority": "ca"}, user={"client-certificate": "c"})
    second = write(tmp_path / "b" / "config", cluster={"server": "https://second.example"}, user={"token": SECRET})
    third = write(tmp_path / "c" / "config", name="third", user={"tokenFile": "t"})
    config = load(first, second, third)
    assert config.server == "https://main.example"
    assert config.ca_file == str(tmp_path / "a" / "ca")
    assert config.client_certificate == ClientCertificate(certificate_file=str(tmp_path / "a" / "c"))
    assert repr(config.credentials) == "Anonymous()"
    # Each path belongs to the file that it stands in.
    assert repr(load(first, third, context="third").credentials) == f"TokenFile('{tmp_path / 'c' / 't'}')"


def test_the_first_current_context_wins(tmp_path: Path) -> None:
    more: dict[str, Any] = {"current-context": ""}
    none = write(tmp_path / "none", name="none", **more)
    first, second = write(tmp_path / "1", name="first"), write(tmp_path / "2", name="second")
    assert load(none, first, second).server == "https://first.example"


def test_an_empty_file_among_others(file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert read_kubeconfig([empty]).is_empty
    assert load(empty, write(file)).server == "https://main.example"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"current-context": None}, "no current-context in {file}: give context=, one of: main"),
        ({"current-context": "gone"}, "current-context 'gone' is not in {file}; available: main"),
        ({"clusters": []}, "context 'main' in {file} names the cluster 'main', which is not there"),
        ({"users": None}, "context 'main' in {file} names the user 'main', which is not there"),
        ({"contexts": []}, "current-context 'main' is not in {file}; available: none"),
        ({"clusters": {"main": SECRET}}, "{file}: clusters must be a list"),
        ({"clusters": [SECRET]}, "{file}: clusters[0] must be a mapping with a name"),
        ({"users": [{"user": {"token": SECRET}}]}, "{file}: users[0] must be a mapping with a name"),
        ({"users": [{"name": "main", "user": [SECRET]}]}, "{file}: users[0]: user must be a mapping"),
        ({"current-context": [SECRET]}, "{file}: current-context must be text"),
    ],
)
def test_bad_structure(file: Path, more: dict[str, Any], said: str) -> None:
    assert refused(write(file, **more)) == said.format(file=file)


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        ({"server": ""}, {}, "clusters[0].cluster has no server"),
        ({"server": f"https://u:{SECRET}@a"}, {}, "holds a user name or password"),
        ({"server": "http://main.example"}, {"token": SECRET}, "over plain http to main.example"),
        ({"insecure-skip-tls-verify": "yes"}, {}, "insecure-skip-tls-verify must be true or false"),
        ({"certificate-authority-data": "***"}, {}, "certificate-authority-data is not base64 of PEM text"),
        ({"certificate-authority-data": "////"}, {}, "certificate-authority-data is not base64 of PEM text"),
        ({"proxy-url": "socks5://a"}, {}, "the proxy's URL"),
        ({}, {"token": [SECRET]}, "users[0].user: token must be text"),
        ({}, {"token": f"{SECRET} {SECRET}"}, "users[0].user holds characters that no token has"),
        ({}, {"exec": {"command": SECRET}}, "users[0].user.exec needs command and apiVersion"),
        ({}, {"exec": SECRET}, "users[0].user: exec must be a mapping"),
        ({}, {"as": "a", "as-groups": SECRET}, "users[0].user: as-groups must be a list"),
    ],
)
def test_bad_values(file: Path, cluster: dict[str, Any], user: dict[str, Any], said: str) -> None:
    assert said in refused(write(file, cluster=cluster, user=user))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"users:\n  - token: {SECRET}\n   bad: x", "is not YAML, line 3, column 4"),
        (f"a: *{SECRET}", "is not YAML, line 1, column 4"),
        (f"a: !!python/name:{SECRET} x", "is not YAML, line 1, column 4"),
        ("a: \0", "is not YAML"),
        ("a: 2024-13-45", "is not YAML"),
        ("\xff\xffa", "is not YAML"),
        (SECRET, "is not a mapping: is this the right file?"),
        (f"- {SECRET}", "is not a mapping: is this the right file?"),
    ],
)
def test_bad_yaml(file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="latin-1")
    assert f"the kubeconfig {file} {said}" in refused(file)


def test_unreadable(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"cannot read the kubeconfig {tmp_path}: Is a directory"
