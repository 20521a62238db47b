"""The transport for whoever did not bring one."""

import asyncio

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.transport import Transport
from kubeinformer.errors import ConfigError

__all__ = ["default_transport"]


def default_transport(config: ConnectionConfig) -> Transport:
    """The transport for the event loop that is running.

    Raises:
        ConfigError: It is not asyncio.
    """
    try:
        # Not get_running_loop(): trio as a guest of asyncio has one as well, but no task.
        on_asyncio = asyncio.current_task() is not None
    except RuntimeError:
        on_asyncio = False
    if not on_asyncio:
        raise ConfigError(
            "the built-in transport needs asyncio: on trio give transport=, an implementation of "
            "kubeinformer.connection.Transport, or run on asyncio (`anyio.run(main)` does)"
        )
    from kubeinformer.connection.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - costs 0.2 s on import

    return AiohttpTransport(config)
