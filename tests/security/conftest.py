"""An authority, an environment without clusters, and all that is logged."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.security.peer import LOOPBACK, Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No cluster, no proxy, and a home that is empty; gives that home."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    return found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All loggers, at DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp", "asyncio", "httpx2", "httpcore2", "kubernetes_asyncio", "kubeinformer"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken, so nobody else gets it, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield int(taken.getsockname()[1])
