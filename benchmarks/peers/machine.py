"""What a reader of figures has to know of where they come from: the machine, and the version of everything."""

import datetime as dt
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.catalogue import Client
from benchmarks.peers.golang import client_go_version, go_version

__all__ = ["Setting", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and with what was measured.

    Attributes:
        memory_gb: Of the machine, in 10**9 bytes.
        versions: By package; Go and client-go among them if they were used.
    """

    date: str
    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    server: str
    versions: dict[str, str]


def describe(clients: Iterable[Client], server: str) -> Setting:
    """This machine and these clients, beside a server that calls itself so."""
    clients = list(clients)
    packages = sorted({package for client in clients for package in client.packages})
    versions = {package: version(package) for package in packages}
    if any(client.module is None for client in clients):
        versions |= {"Go": go_version().removeprefix("go"), "client-go": client_go_version()}
    return Setting(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        cpu=_field("/proc/cpuinfo", "model name") or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gb=round(int(_field("/proc/meminfo", "MemTotal").split()[0]) * 1024 / 1e9, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        server=f"kube-apiserver {server}",
        versions=versions,
    )


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        field, _, value = line.partition(":")
        if field.strip() == name:
            return value.strip()
    return ""  # some architectures name no model
