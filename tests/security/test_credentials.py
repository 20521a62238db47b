"""Tokens, passwords and keys come to light nowhere: errors with their frames, logs, reprs, copies.

One test for each layer that may fail with a secret at hand.
"""

import base64
import copy
import dataclasses
import json
import os
import pickle
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from rich.pretty import pretty_repr
from tests._runtime.scripted import QUICK
from tests.connection.leftovers import collect_processes
from tests.security.leaks import assert_hidden, assert_not_logged
from tests.security.peer import Authority, answering, fails_to_sync

from kubeinformer import ConfigError, KubeInformerError, SyncTimeout, Unauthorized, UsageError, connect
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest, load_config
from kubeinformer.connection.auth_provider import GcpCredentials, OidcCredentials
from kubeinformer.connection.credentials import (
    BasicCredentials,
    ClientCertificate,
    Credentials,
    Secret,
    StaticToken,
    TokenFile,
)
from kubeinformer.connection.exec_plugin import ExecCredentials, ExecPlugin
from kubeinformer.connection.tls import client_context
from kubeinformer.testing import FakeApiServer

pytestmark = pytest.mark.anyio

# Long, as tokens are: rich cuts at 80 characters and shows what is left.
SECRET = "s3cr3t" * 40
PART = "s3cr3ts3cr3t"
ENCODED = base64.b64encode(SECRET.encode()).decode()[:40]
V1 = "client.authentication.k8s.io/v1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def refused(log: pytest.LogCaptureFixture, kind: type[Exception] = KubeInformerError) -> AsyncGenerator[None]:
    """The body fails with an error of this library, and neither that nor the log shows the secret."""
    with pytest.raises(kind) as caught:
        yield
    assert_hidden(caught.value, PART, ENCODED)
    assert_not_logged(log, PART, ENCODED)


async def ask(server: str) -> None:
    async with connect(server=server, token=SECRET, timing=QUICK) as cluster:
        await fails_to_sync(cluster.informer("v1/pods"))


class TestOnTheWire:
    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\x15\x03\x01 nonsense\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
        ],
    )
    async def test_whatever_the_server_answers(self, answer: bytes, log: pytest.LogCaptureFixture) -> None:
        async with answering(answer) as peer, refused(log):
            await ask(peer.url)
        assert f"Authorization: Bearer {SECRET}" in peer.heads[0]  # it was at stake

    @pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"])
    async def test_a_transport_by_itself(self, answer: bytes, log: pytest.LogCaptureFixture) -> None:
        async with answering(answer) as peer, refused(log):
            transport = AiohttpTransport(ConnectionConfig(server=peer.url, credentials=StaticToken(SECRET)))
            try:
                await transport.stream(HttpRequest(path="/version")).__aenter__()
            finally:
                await transport.aclose()

    async def test_refused_by_the_token(self, log: pytest.LogCaptureFixture) -> None:
        async with FakeApiServer(tokens={"another": "jane"}) as server:
            with pytest.raises(Unauthorized) as caught:
                await ask(server.url)
        assert_hidden(caught.value, PART)
        assert_not_logged(log, PART)

    async def test_nobody_there(self, unused_port: int, log: pytest.LogCaptureFixture) -> None:
        async with refused(log, SyncTimeout):
            await ask(f"https://127.0.0.1:{unused_port}")

    async def test_not_trusted(self, authority: Authority, log: pytest.LogCaptureFixture) -> None:
        async with answering(b"", authority.issue("127.0.0.1").server_context()) as peer, refused(log, SyncTimeout):
            await ask(peer.url)
        assert peer.connections
        assert peer.heads == []

    async def test_a_proxy_with_a_password(
        self, unused_port: int, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"http://u:{SECRET}@127.0.0.1:{unused_port}")
        async with refused(log, SyncTimeout):
            await ask("https://kube.example")
        for bad in (f"socks5://u:{SECRET}@proxy.example", f"http://u:{SECRET}@[proxy", f"http://u:{SECRET}@a:b"):
            monkeypatch.setenv("HTTPS_PROXY", bad)
            async with refused(log, ConfigError):
                await load_config(server="https://kube.example")
            async with refused(log, ConfigError):
                await load_config(server="https://kube.example", proxy_url=bad)


class TestArguments:
    @pytest.mark.parametrize(
        "options",
        [
            {"server": "https://kube.example", "token": f"{SECRET}\n{SECRET}"},
            {"server": "http://kube.example", "token": SECRET},
            {"server": f"https://u:{SECRET}@kube.example"},
            {"server": f"https://kube.example?token={SECRET}"},
            {"server": f"https://kube.example:{SECRET}", "token": SECRET},
            {"token": SECRET},
            {"server": "https://kube.example", "token": SECRET, "kubeconfig": "a"},
        ],
    )
    async def test_of_connect(self, options: dict[str, Any], log: pytest.LogCaptureFixture) -> None:
        async with refused(log), connect(**options):
            pytest.fail("refused")

    async def test_that_exclude_each_other(self, log: pytest.LogCaptureFixture) -> None:
        config = ConnectionConfig(server="https://kube.example", credentials=StaticToken(SECRET))
        async with refused(log, UsageError):
            await connect(config=config, token=SECRET).__aenter__()
        async with refused(log, UsageError):
            await load_config(server="https://a", token=SECRET, credentials=StaticToken(SECRET))


class TestFiles:
    async def test_tokens(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        file = tmp_path / "token"
        for content in (f"{SECRET}\n{SECRET}", f"{SECRET}\0", f"{SECRET} ünicode", SECRET * 10_000):
            file.write_text(content)
            async with refused(log, ConfigError):
                await TokenFile(file).authorization()

    @pytest.mark.parametrize("way", ["memfd", "file"])
    async def test_keys(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch, way: str, log: pytest.LogCaptureFixture
    ) -> None:
        if way == "file":
            monkeypatch.delattr(os, "memfd_create")
        pair = authority.issue("admin")
        for certificate in (
            ClientCertificate(certificate_data=pair.certificate, key_data=SECRET),
            ClientCertificate(certificate_data=SECRET, key_data=pair.key),
            ClientCertificate(key_data=SECRET),
            ClientCertificate(certificate_data=pair.certificate, key_data=f"{SECRET}\0"),
            ClientCertificate(certificate_data=pair.certificate, key_data=f"{SECRET}\ud800"),
        ):
            async with refused(log, ConfigError):
                client_context(ConnectionConfig(server="https://kube.example", client_certificate=certificate))

    async def test_no_room_for_a_key(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
    ) -> None:
        """A read-only file system, and no files in memory."""
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
        certificate = ClientCertificate(certificate_data=authority.issue("admin").certificate, key_data=SECRET)
        async with refused(log, ConfigError):
            client_context(ConnectionConfig(server="https://kube.example", client_certificate=certificate))

    @pytest.mark.parametrize(
        "change",
        [
            {"users": [{"name": "a", "user": {"token": [SECRET]}}]},
            {"users": [{"name": "a", "user": {"token": f"{SECRET} {SECRET}"}}]},
            {"users": [{"name": "a", "user": {"token": {SECRET: SECRET}}}]},
            {"users": [{"user": {"token": SECRET}}]},
            {"users": [{"name": "a", "user": [SECRET]}]},
            {"users": {"a": SECRET}},
            {"users": SECRET},
            {"users": [{"name": "a", "user": {"client-key-data": SECRET + "!"}}]},
            {
                "users": [
                    {"name": "a", "user": {"client-key-data": base64.b64encode(SECRET.encode() + b"\xff").decode()}}
                ]
            },
            {"users": [{"name": "a", "user": {"username": "a:b", "password": SECRET}}]},
            {"users": [{"name": "a", "user": {"exec": {"command": "c", "args": [SECRET]}}}]},
            {"users": [{"name": "a", "user": {"exec": {"command": "c", "apiVersion": "v1", "args": [SECRET]}}}]},
            {
                "users": [
                    {"name": "a", "user": {"exec": {"command": "c", "apiVersion": V1, "env": [{"value": SECRET}]}}}
                ]
            },
            {"users": [{"name": "a", "user": {"auth-provider": {"name": "azure", "config": {"token": SECRET}}}}]},
            {"clusters": [{"name": "a", "cluster": {"server": f"https://u:{SECRET}@kube.example"}}]},
            {"clusters": [{"name": "a", "cluster": {"server": "https://a", "proxy-url": f"socks5://u:{SECRET}@b"}}]},
            {"clusters": [{"name": "a", "cluster": {"server": "http://kube.example"}}]},
        ],
    )
    async def test_kubeconfigs(self, home: Path, change: dict[str, Any], log: pytest.LogCaptureFixture) -> None:
        file = home / "config"
        file.write_text(
            yaml.safe_dump(
                {
                    "current-context": "a",
                    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                    "clusters": [{"name": "a", "cluster": {"server": "https://kube.example"}}],
                    "users": [{"name": "a", "user": {"token": SECRET}}],
                }
                | change
            )
        )
        async with refused(log, ConfigError), connect(file):
            pytest.fail("refused")

    @pytest.mark.parametrize(
        "content",
        [SECRET, f"- {SECRET}", f"a: *{SECRET}", f"users:\n  - token: {SECRET}\n   bad", f"a: !!{SECRET} {SECRET}"],
    )
    async def test_what_is_no_kubeconfig(self, home: Path, content: str, log: pytest.LogCaptureFixture) -> None:
        file = home / "config"
        file.write_text(content)
        async with refused(log, ConfigError), connect(file):
            pytest.fail("refused")


class TestPrograms:
    @pytest.mark.parametrize(
        "code",
        [
            f"print({SECRET!r})",
            f"print({SECRET!r}); sys.stderr.write({SECRET!r}); sys.exit(3)",
            f'print(\'{{"token": "{SECRET}"}}\')',
            f"print(answer(token={SECRET!r} + ' ' + {SECRET!r}))",
            f"print(answer(clientKeyData={SECRET!r}, token='a'))",
            f"print(answer(clientCertificateData={SECRET!r}))",
            f"print(answer(token={SECRET!r}, expirationTimestamp='soon'))",
            f"print(answer(token={SECRET!r}).replace('v1', 'v2'))",
            f"print(answer(token={SECRET!r} * 10000))",
            f"print({SECRET!r}, flush=True); __import__('time').sleep(60)",
            f"print('[' * 100000 + {SECRET!r})",
        ],
    )
    async def test_a_plugin_that_fails(
        self, tmp_path: Path, code: str, log: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        script = tmp_path / "plugin.py"
        script.write_text(
            "import json, sys\n"
            f"def answer(**status): return json.dumps(dict(apiVersion={V1!r}, kind='ExecCredential', status=status))\n"
            + code
        )
        how = ExecPlugin(
            command=sys.executable,
            args=("-S", str(script), SECRET),
            env=(("A", SECRET),),
            cluster={"config": SECRET},
            interactive_mode="Never",
        )
        assert PART not in f"{how!r}{how}{pretty_repr(how)}"
        credentials = ExecCredentials(how, time_limit=0.3 if "sleep" in code else None)
        async with refused(log, ConfigError):
            await credentials.authorization()
        async with refused(log, ConfigError):  # who asks right after it
            await credentials.client_certificate()
        capfd.readouterr()

    @pytest.mark.parametrize(
        "options",
        [
            {"command": "/nonexistent"},
            {"command": sys.executable, "args": (f"{SECRET}\0",)},
            {"command": sys.executable, "env": ((f"{SECRET}=", SECRET),)},
            {"command": sys.executable, "cluster": {"config": {(SECRET,): SECRET}}},
        ],
    )
    async def test_a_plugin_that_cannot_be_run(self, options: dict[str, Any], log: pytest.LogCaptureFixture) -> None:
        how = ExecPlugin(**{"args": (SECRET,), "env": (("A", SECRET),), "interactive_mode": "Never"} | options)
        async with refused(log, ConfigError):
            await ExecCredentials(how).authorization()

    # kubernetes_asyncio leaves its process object to the garbage collector when it cannot parse the output.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    async def test_providers(self, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
        claims = base64.urlsafe_b64encode(json.dumps({"exp": 1}).encode()).decode()
        for config in ({"id-token": f"{SECRET}.{claims}.{SECRET}"}, {"id-token": "", "refresh-token": SECRET}):
            async with refused(log, ConfigError):
                await OidcCredentials(lambda config=config: config, source="here").authorization()  # type: ignore[misc] # a default binds it
        (tmp_path / "gcloud").write_text(f"#!/bin/sh\necho '{SECRET}'\nexit 1\n")
        (tmp_path / "gcloud").chmod(0o700)
        for config in ({"expiry": SECRET}, {"cmd-path": str(tmp_path / "gcloud"), "cmd-args": SECRET}):
            async with refused(log, ConfigError):
                await GcpCredentials(lambda config=config: config, source="here").authorization()  # type: ignore[misc] # as above
        collect_processes()

    async def test_passwords(self, log: pytest.LogCaptureFixture) -> None:
        for username, password in (("a:b", SECRET), ("a", f"{SECRET}\ud800")):
            async with refused(log, ConfigError):
                BasicCredentials(username, password)
        for token in ("", f"{SECRET} {SECRET}", f"{SECRET}\r\nX-Other: 1", f"{SECRET}ü"):
            async with refused(log, ConfigError):
                StaticToken(token)


CERTIFICATE = ClientCertificate(certificate_file="/a.crt", key_data=SECRET)


def configuration() -> ConnectionConfig:
    return ConnectionConfig(
        server="https://kube.example",
        credentials=StaticToken(SECRET),
        client_certificate=CERTIFICATE,
        proxy_url=f"http://u:{SECRET}@proxy.example",
        headers=(("X-Key", SECRET),),
    )


@pytest.mark.parametrize(
    "holder",
    [
        configuration(),
        CERTIFICATE,
        StaticToken(SECRET),
        BasicCredentials("u", SECRET),
        AiohttpTransport(configuration()),
        ExecPlugin(command="a", args=(SECRET,), env=(("A", SECRET),), cluster={"a": SECRET}),
        ExecCredentials(ExecPlugin(command="a", args=(SECRET,), env=(("A", SECRET),))),
        OidcCredentials(lambda: {"id-token": SECRET}, source="here"),
        Secret(SECRET),
        [Secret(SECRET), {"a": Secret(SECRET)[:50]}],
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: object) -> None:
    for one in (holder, copy.copy(holder)):
        for text in (repr(one), pretty_repr(one), pretty_repr(one, max_string=50)):
            assert PART not in text
        if not isinstance(one, str):
            assert PART not in f"{one}"


def test_not_even_as_a_dict() -> None:
    """Who logs ``dataclasses.asdict(config)`` sees no key and no password of a proxy."""
    shown = dataclasses.asdict(dataclasses.replace(configuration(), headers=()))
    assert PART not in f"{shown}"
    assert shown["client_certificate"]["key_data"] == SECRET


def test_a_secret_is_the_text_that_it_is() -> None:
    secret = Secret("abc")
    assert (secret, f"{secret}", secret.encode(), secret[1:]) == ("abc", "abc", b"abc", "bc")
    assert type(pickle.loads(pickle.dumps(secret))) is Secret  # noqa: S301 - our own
    assert type(copy.deepcopy(secret)) is Secret


async def test_a_cluster_and_its_informers_do_not_show_it() -> None:
    async with FakeApiServer(tokens={SECRET: "jane"}) as server, connect(server=server.url, token=SECRET) as cluster:
        pods = cluster.informer("v1/pods")
        await pods.synced(timeout=20)
        for one in (cluster, pods, pods.store, pods.statistics(), pods.events(), cluster._transport):
            assert PART not in f"{one!r}{one}{pretty_repr(one)}"


class Asking(Credentials):
    """A user's own, which fails with an error of its own."""

    async def authorization(self) -> str:
        raise ConfigError("no login")

    async def refresh(self) -> None:
        pass


async def test_a_users_own_credentials_fail_as_they_say(log: pytest.LogCaptureFixture) -> None:
    config = ConnectionConfig(server="https://kube.example", credentials=Asking())
    with pytest.raises(SyncTimeout, match="no login") as caught:
        async with connect(config=config, timing=QUICK) as cluster:
            await fails_to_sync(cluster.informer("v1/pods"))
    assert_hidden(caught.value, PART)
    assert_not_logged(log, PART)
