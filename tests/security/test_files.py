"""Files that somebody else wrote: what reading them may cost, what they may do, and who else can read them."""

import base64
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from tests.security.peer import Authority, answering

from kubeinformer import ConfigError
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpRequest
from kubeinformer.connection.credentials import TOKEN_FILE_LIMIT, TokenFile
from kubeinformer.connection.exec_plugin import OUTPUT_LIMIT, ExecCredentials, ExecPlugin
from kubeinformer.connection.kubeconfig import kubeconfig_connection, read_kubeconfig
from kubeinformer.connection.yaml_documents import NESTING_LIMIT, SIZE_LIMIT, VALUES_LIMIT

SECRET = "s3cr3t-t0ken"


def document(user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, **more: Any) -> str:
    return str(
        yaml.safe_dump(
            {
                "current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "clusters": [{"name": "a", "cluster": {"server": "https://kube.example"} | (cluster or {})}],
                "users": [{"name": "a", "user": user or {}}],
            }
            | more
        )
    )


def load(content: str | bytes, folder: Path, mode: int = 0o600) -> ConnectionConfig:
    file = folder / "config"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return kubeconfig_connection(read_kubeconfig([file]), None, {})


def refused(content: str | bytes, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(content, folder)
    return str(caught.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


class TestKubeconfigs:
    @pytest.mark.parametrize("content", [BOMB, MERGES], ids=["aliases", "merges"])
    def test_a_billion_laughs(self, tmp_path: Path, content: str) -> None:
        said = refused(content, tmp_path)
        assert f"says more than {VALUES_LIMIT} values, with its aliases written out" in said

    @pytest.mark.parametrize("content", ["a: &a [*a]", "a: &a {b: *a}", "&a [*a]"])
    def test_an_alias_of_what_it_stands_in(self, tmp_path: Path, content: str) -> None:
        assert "has an alias for what it stands in, which never ends" in refused(content, tmp_path)

    @pytest.mark.parametrize("bracket", ["[", "{a: "])
    def test_nesting_that_ends_libyamls_loader_with_a_crash(self, tmp_path: Path, bracket: str) -> None:
        assert f"is nested more than {NESTING_LIMIT} levels deep" in refused(bracket * 200_000, tmp_path)

    def test_size(self, tmp_path: Path) -> None:
        assert f"is larger than {SIZE_LIMIT} bytes" in refused(b"#" * (SIZE_LIMIT + 1), tmp_path)
        load(document() + "#" * (SIZE_LIMIT - len(document())), tmp_path)

    def test_one_that_never_ends(self) -> None:
        with pytest.raises(ConfigError, match="is larger than"):
            read_kubeconfig([Path("/dev/zero")])

    @pytest.mark.parametrize(
        "tag",
        ["!!python/object/apply:os.system [x]", "!!python/name:os.system x", "!!python/object/new:os.x {}", "!other x"],
    )
    def test_no_objects_are_made(self, tmp_path: Path, tag: str) -> None:
        assert "is not YAML, line 1, column 4" in refused(f"a: {tag}", tmp_path)

    def test_modest_anchors_are_fine(self, tmp_path: Path) -> None:
        content = (
            document().replace("server: https://kube.example", "server: &s https://kube.example") + "x: [*s, *s]\n"
        )
        assert load(content, tmp_path).server == "https://kube.example"

    def test_thousands_of_clusters_are_fine(self, tmp_path: Path) -> None:
        clusters = [{"name": f"c{n}", "cluster": {"server": "https://a"}} for n in range(2000)]
        clusters.append({"name": "a", "cluster": {"server": "https://kube.example"}})
        assert load(document(clusters=clusters), tmp_path).server == "https://kube.example"

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
    @pytest.mark.parametrize("user", [{"token": SECRET}, {"client-key-data": base64.b64encode(b"key").decode()}])
    def test_others_who_can_read_credentials_are_told_of(
        self, tmp_path: Path, mode: int, user: dict[str, Any], log: pytest.LogCaptureFixture
    ) -> None:
        load(document(user), tmp_path, mode)
        [told] = [record for record in log.records if record.levelno == logging.WARNING]
        assert (
            told.getMessage()
            == "other users of this machine can read a kubeconfig that holds credentials: chmod 600 it"
        )
        assert (vars(told)["file"], vars(told)["mode"]) == (str(tmp_path / "config"), f"{mode:03o}")
        assert SECRET not in str(vars(told))

    @pytest.mark.parametrize(
        ("user", "mode"),
        [({"token": SECRET}, 0o600), ({"token": SECRET}, 0o400), ({}, 0o644), ({"tokenFile": "a"}, 0o644)],
    )
    def test_nothing_to_tell(
        self, tmp_path: Path, user: dict[str, Any], mode: int, log: pytest.LogCaptureFixture
    ) -> None:
        load(document(user), tmp_path, mode)
        assert [record for record in log.records if record.levelno >= logging.WARNING] == []


class TestTokenFiles:
    pytestmark = pytest.mark.anyio

    async def test_size(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text("a" * (TOKEN_FILE_LIMIT + 1))
        with pytest.raises(ConfigError, match="larger than"):
            await TokenFile(file).authorization()
        with pytest.raises(ConfigError, match="larger than"):
            await TokenFile("/dev/zero").authorization()


class TestPlugins:
    pytestmark = pytest.mark.anyio

    def exec(self, command: str, *args: str, **options: Any) -> ExecCredentials:
        return ExecCredentials(ExecPlugin(**{"command": command, "args": args, "interactive_mode": "Never"} | options))

    async def test_output_without_end(self) -> None:
        with pytest.raises(ConfigError, match=f"printed more than {OUTPUT_LIMIT} bytes and was ended"):
            await self.exec("cat", "/dev/zero").authorization()

    @pytest.mark.parametrize("over", [0, 1])
    async def test_output_up_to_the_limit(self, over: int) -> None:
        version = "client.authentication.k8s.io/v1"
        answer = f'{{"apiVersion": "{version}", "kind": "ExecCredential", "status": {{"token": "a"}}}}'
        script = f"print({answer!r}.rjust({OUTPUT_LIMIT} + {over}), end='')"
        credentials = self.exec(sys.executable, "-S", "-c", script)
        if over:
            with pytest.raises(ConfigError, match="printed more than"):
                await credentials.authorization()
        else:
            assert await credentials.authorization() == "Bearer a"

    async def test_there_is_no_shell(self, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        for command, *args in (
            [f"touch {trace}"],
            ["true", f"; touch {trace}", f"$(touch {trace})", f"`touch {trace}`"],
            [f"true;touch {trace}"],
        ):
            with pytest.raises(ConfigError):
                await self.exec(command, *args).authorization()
        assert not trace.exists()

    async def test_its_environment_is_ours_and_what_the_kubeconfig_adds(self, tmp_path: Path) -> None:
        seen = tmp_path / "seen"
        script = f"import json, os; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))"
        with pytest.raises(ConfigError, match="printed no ExecCredential"):
            await self.exec(sys.executable, "-S", "-c", script, env=(("A", "b"),)).authorization()
        added = yaml.safe_load(seen.read_text()).items() - os.environ.items()
        assert {name for name, _ in added} - {"LC_CTYPE"} == {"A", "KUBERNETES_EXEC_INFO"}  # Python sets the former

    @pytest.mark.parametrize(
        ("how", "said"),
        [
            ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "apiVersion must be one of client.auth"),
            ({"apiVersion": "v1"}, "apiVersion must be one of client.auth"),
            ({"interactiveMode": "Sometimes"}, "interactiveMode must be one of Never, IfAvailable, Always"),
            ({"env": [{"value": SECRET}]}, "each entry of env must be a mapping with a name"),
            ({"env": [SECRET]}, "each entry of env must be a mapping with a name"),
            ({"env": SECRET}, "env must be a list"),
            ({"args": SECRET}, "args must be a list"),
        ],
    )
    def test_bad_sections(self, tmp_path: Path, how: dict[str, Any], said: str) -> None:
        section = {"apiVersion": "client.authentication.k8s.io/v1", "command": "c"} | how
        message = refused(document({"exec": section}), tmp_path)
        assert said in message
        assert SECRET not in message


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_key_in_a_kubeconfig_is_written_to_no_disk(
    authority: Authority, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = authority.issue("admin")
    user = {
        "client-certificate-data": base64.b64encode(pair.certificate.encode()).decode(),
        "client-key-data": base64.b64encode(pair.key.encode()).decode(),
    }
    cluster = {"certificate-authority-data": base64.b64encode(authority.pem.encode()).decode()}
    context = authority.issue("127.0.0.1").server_context(client_ca=authority.file)
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    opened: list[str] = []
    watching = False

    def listen(name: str, arguments: tuple[Any, ...]) -> None:
        if watching and name == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append(str(arguments[0]))

    sys.addaudithook(listen)  # it cannot be taken away again: `watching` ends it
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context) as peer:
        config = load(document(user, cluster | {"server": peer.url}), home)
        transport = AiohttpTransport(config)
        watching = True
        async with transport.stream(HttpRequest(path="/version")) as response:
            assert response.status == 200
        watching = False
        await transport.aclose()
    assert [path for path in opened if not path.isdigit()] == []  # a number: what is open already
