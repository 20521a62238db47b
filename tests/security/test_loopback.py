"""The testing kit is for tests: nobody on the network can reach it. And the command line prints no payload unasked."""

import contextlib
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio.from_thread
import pytest

from kubeinformer.cli import main
from kubeinformer.testing import FakeApiServer

MARKER = "p4yl0ad"
TOKEN = "s3cr3t-t0ken"


def others() -> Iterator[str]:
    """Addresses of this machine beside 127.0.0.1; a server that binds them all answers at each."""
    yield "127.0.0.2"
    with contextlib.suppress(OSError):
        yield from {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}


def assert_only_on_loopback(url: str) -> None:
    port = urlsplit(url).port
    assert port is not None
    socket.create_connection(("127.0.0.1", port)).close()
    for address in others():
        if address != "127.0.0.1":
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, port), timeout=5)


@pytest.mark.anyio
async def test_the_fake_server() -> None:
    async with FakeApiServer() as server:
        assert urlsplit(server.url).hostname == "127.0.0.1"
        await anyio.to_thread.run_sync(assert_only_on_loopback, server.url)


def test_the_fake_server_as_a_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kubeinformer.testing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert_only_on_loopback(json.loads(process.stdout.readline())["url"])
        process.stdin.close()


@pytest.fixture
def served() -> Iterator[str]:
    """A server with one Secret; its URL."""
    with anyio.from_thread.start_blocking_portal() as portal:

        async def make() -> FakeApiServer:
            return FakeApiServer(tokens={TOKEN: "jane"})

        server = portal.call(make)
        with portal.wrap_async_context_manager(server):
            portal.call(server.create, "v1/secrets", {"metadata": {"name": "a"}, "data": {"password": MARKER}})
            yield server.url


def kubeconfig(home: Path, url: str, token: str) -> Path:
    file = home / "config"
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": url}}],
        "users": [{"name": "a", "user": {"token": token}}],
    }
    file.write_text(json.dumps(config))
    return file


class TestTheCommandLine:
    @pytest.fixture(autouse=True)
    def quiet(self) -> Iterator[None]:
        yield
        logging.getLogger("kubeinformer").handlers.clear()  # the command puts one there

    def run(self, capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out + err

    @pytest.mark.parametrize("form", ["table", "name"])
    def test_no_payload(self, served: str, home: Path, form: str, capfd: pytest.CaptureFixture[str]) -> None:
        file = kubeconfig(home, served, TOKEN)
        code, shown = self.run(capfd, "watch", "v1/secrets", "--once", "-o", form, "--kubeconfig", file)
        assert code == 0
        assert "a" in shown
        assert MARKER not in shown
        assert TOKEN not in shown

    def test_the_payload_when_it_is_asked_for(self, served: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
        file = kubeconfig(home, served, TOKEN)
        code, shown = self.run(capfd, "watch", "v1/secrets", "--once", "-o", "json", "--kubeconfig", file)
        assert code == 0
        assert MARKER in shown

    @pytest.mark.parametrize("case", ["refused", "nobody there", "not sendable", "plain http", "not YAML"])
    def test_errors_show_no_token(
        self, served: str, home: Path, case: str, unused_port: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        url, token = {
            "refused": (served, f"{TOKEN}-of-another"),
            "nobody there": (f"https://127.0.0.1:{unused_port}", TOKEN),
            "not sendable": (served, f"{TOKEN} {TOKEN}"),
            "plain http": ("http://kube.example", TOKEN),
            "not YAML": (served, TOKEN),
        }[case]
        file = kubeconfig(home, url, token)
        if case == "not YAML":
            file.write_text(f"users:\n- token: {TOKEN}\n bad")
        code, shown = self.run(capfd, "watch", "v1/secrets", "--once", "--timeout", 0.2, "--kubeconfig", file)
        assert code in {1, 2}
        assert "kubeinformer: error: " in shown
        assert TOKEN not in shown
