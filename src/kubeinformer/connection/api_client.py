"""kubernetes_asyncio's `ApiClient` on a transport of this library, for typed writes.

Rules. This module imports kubernetes_asyncio, which takes 65 MB and a second. So the module itself is imported only
when somebody asks for the client. Of `Configuration`, only the URL is used to connect. Its TLS settings, tokens and
proxies support neither exec plugins nor renewed files.

Theory. `ApiClient` passes each request to its rest client, which passes it to an aiohttp session. Only this session is
replaced. The new one asks the transport for the credentials and options of each request, and sends it over the
transport's own session. Everything above remains kubernetes_asyncio's, including streams that are read by hand
(``_preload_content=False``). The session that the constructor of `ApiClient` makes is never used, and is closed
together with the client.

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
        transport: The transport on aiohttp.
        confirm: Called with each write.

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
    client.rest_client.pool_manager = cast("aiohttp.ClientSession", session)  # no other methods are used
    return client


class _Session:
    """Replaces the aiohttp session of `ApiClient`.

    Args:
        transport: Sends the requests.
        unused: The session that is replaced.
        confirm: Called with each write.
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
        """As `aiohttp.ClientSession.request`, but sent once more after a 401."""
        answer = await self._send(method, url, headers, timeout, data)
        if answer.status == _HTTP_UNAUTHORIZED and not isinstance(data, aiohttp.FormData):  # which can be sent once
            answer.release()
            await self._transport.reauthenticate()
            answer = await self._send(method, url, headers, timeout, data)
        if method not in {"GET", "HEAD", "OPTIONS"} and answer.ok and answer.content_type == "application/json":
            await self._written(method, yarl.URL(url), answer)
        return answer

    async def close(self) -> None:
        """Does not close the session of the transport, which belongs to the transport."""
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
            raise outcome  # in this frame, whose variables contain no header with a secret
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
            options["timeout"] = timeout  # otherwise that of the session applies, which limits connecting
        try:
            return await self._transport.session.request(
                method, yarl.URL(url, encoded=True), data=data, auto_decompress=True, **options
            )
        except failures.FOREIGN as error:
            if isinstance(error, TimeoutError) and timeout != _NO_TIMEOUT:
                return TimeoutError(f"{target}: no answer within the time of _request_timeout")
            return self._transport.failed(error, target)

    async def _written(self, method: str, url: yarl.URL, answer: aiohttp.ClientResponse) -> None:
        """Report a write. The body is read here, and the caller can read it again."""
        try:
            found = _OBJECT.decode(await answer.read())
        except msgspec.DecodeError:
            return  # not an object: the caller may be able to use it
        path = url.path.removeprefix(yarl.URL(self._transport.server).path.rstrip("/"))
        self._confirm(method, path, tuple(url.query), found)
