"""kubernetes_asyncio's `ApiClient` on a transport of ours: for typed writes.

Rules. This is where kubernetes_asyncio is imported, and the module is itself imported when somebody asks for the
client: 65 MB and a second. Nothing of `Configuration` says how to connect but the URL: its TLS, tokens and proxies know
neither exec plugins nor renewed files.

Theory. `ApiClient` hands each request to its rest client, and that to an aiohttp session. The session is what is
replaced: by one that asks the transport what a request goes out with, and sends it over the transport's own. Everything
above stays kubernetes_asyncio's, streams that are read by hand (``_preload_content=False``) included. The session that
its constructor makes is never used, and closed with the client.

Source. kubernetes_asyncio 32 to 36.1, ``client/rest.py``: ``pool_manager.request(method=, url=, timeout=, headers=,
data=)``.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, cast

import aiohttp
import msgspec
import yarl
from kubernetes_asyncio.client import ApiClient, Configuration

from kubeinformer.connection import aiohttp_failures as failures
from kubeinformer.connection.aiohttp_transport import AiohttpTransport, payload
from kubeinformer.connection.transport import Transport
from kubeinformer.errors import UsageError
from kubeinformer.resources import RawObject

__all__ = ["ApiClient", "Confirm", "make_api_client"]

Confirm: TypeAlias = Callable[[str, str, Collection[str], RawObject], None]
"""Told of an answer to a write: method, path, names of parameters, and what came back."""

_HTTP_UNAUTHORIZED = 401
_NO_TIMEOUT = aiohttp.ClientTimeout()
_OBJECT = msgspec.json.Decoder(RawObject)


def make_api_client(transport: Transport, confirm: Confirm) -> ApiClient:
    """An `ApiClient` that sends over a transport.

    Args:
        transport: aiohttp's.
        confirm: Told of what was written.

    Raises:
        UsageError: It is another transport.
    """
    if not isinstance(transport, AiohttpTransport):
        raise UsageError(
            "cluster.api_client needs asyncio and the transport that connect() takes there by itself; "
            "cluster.request() works on every event loop and transport"
        )
    client = ApiClient(Configuration(host=transport.server))
    session = _Session(transport, client.rest_client.pool_manager, confirm)
    client.rest_client.pool_manager = cast("aiohttp.ClientSession", session)  # of which it needs no more
    return client


class _Session:
    """Stands where `ApiClient` has its session.

    Args:
        transport: Sends.
        unused: What stood there.
        confirm: Told of what was written.
    """

    def __init__(self, transport: AiohttpTransport, unused: aiohttp.ClientSession, confirm: Confirm) -> None:
        self._transport, self._unused, self._confirm = transport, unused, confirm

    async def request(
        self,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout = _NO_TIMEOUT,  # noqa: ASYNC109 - kubernetes_asyncio's signature
        data: Any = None,
    ) -> aiohttp.ClientResponse:
        """As `aiohttp.ClientSession.request`, once more after a 401."""
        answer = await self._send(method, url, headers, timeout, data)
        if answer.status == _HTTP_UNAUTHORIZED and not isinstance(data, aiohttp.FormData):  # which is good for one use
            answer.release()
            await self._transport.reauthenticate()
            answer = await self._send(method, url, headers, timeout, data)
        if method not in {"GET", "HEAD", "OPTIONS"} and answer.ok and answer.content_type == "application/json":
            await self._written(method, yarl.URL(url), answer)
        return answer

    async def close(self) -> None:
        """The transport's session is not ours to close."""
        await self._unused.close()

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
        data: Any,
    ) -> aiohttp.ClientResponse:
        target = f"{method} {url.partition('?')[0]}"
        outcome = await self._outcome(method, url, headers, timeout, data, target)
        if isinstance(outcome, Exception):
            raise outcome  # here, where no header with a secret is among the variables
        return outcome

    async def _outcome(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
        data: Any,
        target: str,
    ) -> aiohttp.ClientResponse | Exception:
        if isinstance(data, str | bytes):
            data = payload(data.encode() if isinstance(data, str) else data)
        own = [(name, value) for name, value in headers.items() if name.lower() != "user-agent"]  # the transport's own
        options = await self._transport.options(own)
        if timeout != _NO_TIMEOUT:
            options["timeout"] = timeout  # otherwise that of the session, which bounds connecting
        try:
            return await self._transport.session.request(
                method, yarl.URL(url, encoded=True), data=data, auto_decompress=True, **options
            )
        except failures.FOREIGN as error:
            if isinstance(error, TimeoutError) and timeout != _NO_TIMEOUT:
                return TimeoutError(f"{target}: no answer within the time of _request_timeout")
            return self._transport.failed(error, target)

    async def _written(self, method: str, url: yarl.URL, answer: aiohttp.ClientResponse) -> None:
        """Tell of a write. The body is read here, and given again to who asked."""
        try:
            found = _OBJECT.decode(await answer.read())
        except msgspec.DecodeError:
            return  # no object: whoever asked may make sense of it
        path = url.path.removeprefix(yarl.URL(self._transport.server).path.rstrip("/"))
        self._confirm(method, path, tuple(url.query), found)
