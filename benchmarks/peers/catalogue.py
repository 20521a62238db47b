"""The clients that are compared: how each is started, what it is called, and what must be known to read its figures."""

import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLIENTS", "Client"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One way to hold all pods.

    Attributes:
        name: In tables, and after ``--clients``.
        module: In this folder; None for the Go program.
        flags: Of the Go program.
        packages: Distributions whose versions a reader has to know.
        note: What it does.
        resyncs: Whether it reports the resync that a server can force.
    """

    name: str
    module: str | None = None
    flags: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    note: str
    resyncs: bool = False

    def command(self, go_program: Path | None) -> list[str]:
        """How its process is started."""
        if self.module is not None:
            return [sys.executable, "-m", f"benchmarks.peers.{self.module}"]
        assert go_program is not None
        return [str(go_program), *self.flags]


_ALL = (
    Client(
        name="drain",
        module="drain",
        packages=("aiohttp",),
        note="reads and decompresses the watch-list and keeps nothing: the server's own speed",
    ),
    Client(
        name="kubeinformer",
        module="kubeinformer",
        packages=("kubeinformer", "aiohttp", "msgspec", "backports.zstd"),
        note="an informer: watch-list; compressed objects, each decoded when it is read",
        resyncs=True,
    ),
    Client(
        name="client-go, JSON",
        note="a shared informer: watch-list; Go structs",
        resyncs=True,
    ),
    Client(
        name="client-go, protobuf",
        flags=("-protobuf",),
        note="the same with protobuf, available for built-in resources only",
        resyncs=True,
    ),
    Client(
        name="lightkube",
        module="lightkube",
        packages=("lightkube", "lightkube-models"),
        note="LIST into a dict of typed objects; it has no informer",
    ),
    Client(
        name="kubernetes_asyncio, list",
        module="kubernetes_asyncio_list",
        packages=("kubernetes_asyncio",),
        note="LIST into a dict of typed objects; it has no informer",
    ),
    Client(
        name="kubernetes_asyncio, watch",
        module="kubernetes_asyncio_watch",
        packages=("kubernetes_asyncio",),
        note="Watch with sendInitialEvents into a dict of typed objects",
    ),
    Client(
        name="kubernetes, informer",
        module="kubernetes_informer",
        packages=("kubernetes",),
        note="the official client's SharedInformer: LIST, then watch; typed objects",
    ),
    Client(
        name="kr8s",
        module="kr8s",
        packages=("kr8s",),
        note="LIST through get() into a dict of its objects; it has no informer",
    ),
)

CLIENTS = {client.name.replace(", ", "-").lower(): client for client in _ALL}
"""By the word that stands for them after ``--clients``."""
