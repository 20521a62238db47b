"""Which transport whom."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kubeinformer.connection
from kubeinformer.connection import AiohttpTransport, ConnectionConfig, HttpxTransport, default_transport
from kubeinformer.errors import ConfigError

CONFIG = ConnectionConfig(server="http://127.0.0.1:1")


@pytest.mark.anyio
async def test_by_event_loop(anyio_backend: str) -> None:
    transport = default_transport(CONFIG)
    assert isinstance(transport, AiohttpTransport if anyio_backend == "asyncio" else HttpxTransport)
    await transport.aclose()


def test_without_an_event_loop() -> None:
    with pytest.raises(ConfigError, match="needs a running event loop, asyncio's or trio's"):
        default_transport(CONFIG)


def test_public_names() -> None:
    for name in kubeinformer.connection.__all__:
        assert getattr(kubeinformer.connection, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = kubeinformer.connection.nothing


def test_importing_stays_light() -> None:
    script = (
        "import sys, kubeinformer.connection as c; "
        "print(sorted({'aiohttp', 'httpcore2', 'httpx2', 'trio', 'yaml', 'kubernetes_asyncio'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "[]\n"
