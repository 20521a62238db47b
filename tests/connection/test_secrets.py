"""A token goes into one header, and nowhere else, whatever fails: logs, messages, reprs, chains of exceptions."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.connection.peer import Exchange, serve
from tests.connection.stacks import Stack

from kubeinformer.connection import ConnectionConfig, HttpRequest, Transport
from kubeinformer.connection.credentials import StaticToken
from kubeinformer.connection.exec_plugin import ExecCredentials, ExecPlugin
from kubeinformer.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.connection.conftest import Authority

pytestmark = pytest.mark.anyio
SECRET = "s3cr3t-t0ken"


@pytest.fixture
def anyio_backend(stack: Stack) -> str:
    return stack.backend


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """All loggers at DEBUG; nothing of it may hold the secret."""
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp", "asyncio", "httpcore2", "httpx2", "kubernetes_asyncio", "kubeinformer"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for record in caplog.records:
        assert SECRET not in record.getMessage()
        assert SECRET not in str(vars(record))


def chain(error: BaseException | None) -> list[BaseException]:
    """An error and all that hang on it, as error trackers walk them: suppressed contexts too."""
    found: list[BaseException] = []
    todo = [error]
    while todo:
        this = todo.pop()
        if this is not None and this not in found:
            found.append(this)
            todo += [this.__cause__, this.__context__]
    return found


def assert_clean(error: BaseException) -> None:
    assert SECRET not in "".join(traceback.format_exception(error))
    for one in chain(error):
        assert SECRET not in f"{one} {one!r} {one.args!r} {vars(one)!r}", type(one)
        for frame, _ in traceback.walk_tb(one.__traceback__):  # as `rich.traceback` and error trackers show them
            if "/kubeinformer/" in frame.f_code.co_filename or "/site-packages/" in frame.f_code.co_filename:
                assert SECRET not in repr(frame.f_locals), frame.f_code


async def read_all(transport: Transport, head_timeout: float, timeout: float) -> None:  # noqa: ASYNC109 - handed on
    async with transport.stream(HttpRequest(path="/api", head_timeout=head_timeout)) as response:
        assert SECRET not in repr(response)
        while await response.receive(timeout):
            pass


async def fail(
    stack: Stack,
    config: ConnectionConfig,
    *,
    head_timeout: float = 30,
    timeout: float = 30,  # noqa: ASYNC109 - handed on
) -> TransportError:
    transport = stack.transport(config)
    assert SECRET not in repr(transport)
    try:
        with pytest.raises(TransportError) as caught:
            await read_all(transport, head_timeout, timeout)
    finally:
        await transport.aclose()
    return caught.value


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x15\x03\x01 nonsense\r\n\r\n")
    await exchange.closed_by_peer()


async def bad_header(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")
    await exchange.closed_by_peer()


async def hang_up(exchange: Exchange) -> None:
    await exchange.hang_up()


async def half_a_head(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
    await exchange.hang_up()


async def cut(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.chunk(b"hello")
    await exchange.hang_up()


async def silent(exchange: Exchange) -> None:
    await exchange.closed_by_peer()


async def silent_later(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.closed_by_peer()


@pytest.mark.parametrize("play", [garbage, bad_header, hang_up, half_a_head, cut])
async def test_failures_of_the_server(stack: Stack, play: Callable[[Exchange], Awaitable[None]]) -> None:
    async with serve(play) as server:
        error = await fail(stack, ConnectionConfig(server=server.url, credentials=StaticToken(SECRET)))
    assert server.exchanges[0].headers["authorization"] == f"Bearer {SECRET}"  # it was at stake
    assert_clean(error)


@pytest.mark.parametrize("play", [silent, silent_later])
async def test_silence(stack: Stack, play: Callable[[Exchange], Awaitable[None]]) -> None:
    async with serve(play) as server:
        config = ConnectionConfig(server=server.url, credentials=StaticToken(SECRET))
        assert_clean(await fail(stack, config, head_timeout=0.05 if play is silent else 30, timeout=0.05))


async def test_no_connection(stack: Stack, authority: Authority, unused_port: int) -> None:
    token = StaticToken(SECRET)
    assert_clean(await fail(stack, ConnectionConfig(server=f"http://127.0.0.1:{unused_port}", credentials=token)))
    assert_clean(await fail(stack, ConnectionConfig(server="https://kube.invalid", credentials=token)))
    async with serve(cut, context=authority.issue("127.0.0.1").server_context()) as server:
        assert_clean(await fail(stack, ConnectionConfig(server=server.url, credentials=token)))
        assert_clean(await fail(stack, ConnectionConfig(server=server.url, credentials=token, ca_data=authority.pem)))


async def test_the_password_of_a_proxy(stack: Stack, unused_port: int) -> None:
    async def no(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await exchange.closed_by_peer()

    async with serve(no) as proxy:
        for port in (proxy.port, unused_port):
            options: dict[str, Any] = {"proxy_url": f"http://u:{SECRET}@127.0.0.1:{port}"}
            assert_clean(await fail(stack, ConnectionConfig(server="https://kube.example", **options)))


async def test_a_plugin_in_a_whole_request(stack: Stack, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": SECRET}}
    plugin.write_text(f"print({json.dumps(answer)!r})")
    how = ExecPlugin(command=sys.executable, args=("-S", str(plugin)), interactive_mode="Never")
    async with serve(cut) as server:
        assert_clean(await fail(stack, ConnectionConfig(server=server.url, credentials=ExecCredentials(how))))
    assert server.exchanges[0].headers["authorization"] == f"Bearer {SECRET}"
