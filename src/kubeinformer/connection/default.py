"""The transport that is used if none is given."""

import asyncio
import sys

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.transport import Transport
from kubeinformer.errors import ConfigError

__all__ = ["default_transport"]


def default_transport(config: ConnectionConfig) -> Transport:
    """Make the transport for the running event loop: aiohttp on asyncio, httpx2 on trio.

    Args:
        config: The connection, for example from `load_config`.

    Raises:
        ConfigError: Trio is running and httpx2 is not installed, or neither asyncio nor trio is running.
    """
    # Both are imported here and not above: aiohttp takes 0.2 s, and httpx2 may not be installed.
    if _on_asyncio():
        from kubeinformer.connection.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - see above

        return AiohttpTransport(config)
    if _on_trio():
        from kubeinformer.connection.httpx_transport import HttpxTransport  # noqa: PLC0415 - see above

        return HttpxTransport(config)
    raise ConfigError("a transport needs a running event loop, asyncio's or trio's: `anyio.run(main)` starts one")


def _on_asyncio() -> bool:
    try:
        # Not get_running_loop(): if trio runs as a guest of asyncio, there is a loop as well, but no task.
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def _on_trio() -> bool:
    trio = sys.modules.get("trio")  # if it is not imported, it is not running
    return trio is not None and bool(trio.lowlevel.in_trio_task())
