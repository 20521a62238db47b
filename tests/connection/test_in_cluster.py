"""The service account, and that nothing heavy is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubeinformer.connection.in_cluster import in_cluster_config
from kubeinformer.errors import ConfigError

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    for name, text in {"token": "t0ken", "ca.crt": "PEM", "namespace": "shop\n"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.anyio
async def test_what_is_found(account: Path) -> None:
    config = in_cluster_config(folder=account, environ=POD)
    assert config.server == "https://10.0.0.1:443"
    assert config.ca_file == str(account / "ca.crt")
    assert config.namespace == "shop"
    assert config.verify
    assert config.proxy_url is None
    assert config.source == f"the service account in {account}"
    assert await config.credentials.authorization() == "Bearer t0ken"


def test_ipv6_gets_brackets(account: Path) -> None:
    config = in_cluster_config(folder=account, environ=POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert config.server == "https://[fd00::1]:443"


def test_proxies_of_the_environment_count_as_in_every_go_client(account: Path) -> None:
    config = in_cluster_config(folder=account, environ=POD | {"HTTPS_PROXY": "http://proxy.example"})
    assert config.proxy_url == "http://proxy.example"


def test_without_a_namespace(account: Path) -> None:
    (account / "namespace").unlink()
    assert in_cluster_config(folder=account, environ=POD).namespace == "default"


@pytest.mark.parametrize("missing", POD)
def test_not_in_a_pod(account: Path, missing: str) -> None:
    with pytest.raises(ConfigError, match="not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT"):
        in_cluster_config(folder=account, environ={name: POD[name] for name in POD if name != missing})


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_a_pod_without_a_service_account(account: Path, missing: str) -> None:
    (account / missing).unlink()
    with pytest.raises(ConfigError, match=rf"{missing} does not exist: .*automountServiceAccountToken"):
        in_cluster_config(folder=account, environ=POD)


def test_the_environment_is_the_default(
    account: Path, monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    assert clean_environment.is_dir()
    for name, value in POD.items():
        monkeypatch.setenv(name, value)
    assert in_cluster_config(folder=account).server == "https://10.0.0.1:443"


def test_nothing_heavy_is_imported(account: Path, tmp_path: Path) -> None:
    script = """
import sys, asyncio
from pathlib import Path
from kubeinformer.connection import load_config
config = asyncio.run(load_config(service_account=Path(sys.argv[1])))
assert config.server == "https://10.0.0.1:443", config
heavy = {"kubernetes_asyncio", "aiohttp", "yaml"} & sys.modules.keys()
print(sorted(heavy))
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", script, str(account)],
        env=environ | POD | {"HOME": str(tmp_path / "nobody")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
