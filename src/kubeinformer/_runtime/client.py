"""Single requests: what `Cluster.request` does.

Rules. A request is sent once. After a lost connection nobody knows whether a write was executed, so only the caller can
decide on a retry. The one exception is a 401, which the server decides before it does anything: credentials are
renewed, and the request is sent once more. The whole answer is held in memory, and its size is limited. Everything that
goes into the URL or the headers is checked here, so that the error can name the caller's mistake. Errors raised here
have passed frames that hold the answer, so callers must remove the frames (``frames``).
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any, TypeAlias

import anyio
import msgspec

from kubeinformer._protocol.decoding import decode
from kubeinformer._protocol.refusals import request_refusal, require_json
from kubeinformer._protocol.requests import HttpRequest
from kubeinformer._protocol.status import retry_after_seconds
from kubeinformer._protocol.targets import Target, target_of
from kubeinformer._runtime.answers import read_status, read_whole
from kubeinformer._runtime.writes import Write, WriteLog
from kubeinformer.connection.transport import Response, Transport
from kubeinformer.errors import KubeInformerError, RequestTimeout, Unauthorized, UsageError
from kubeinformer.resources import RawObject

__all__ = ["Client"]

_Body: TypeAlias = RawObject | list[Any] | bytes | None

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OURS = (
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
)
_LATER = 5.0  # seconds; a transport's deadlines come this much later, so that the deadline of the request comes first
_EXPLANATION = 5.0  # seconds for the body of an error; its code, which says most, is already known


class Client:
    """Sends single requests.

    Args:
        transport: How to reach the server.
        size_limit: The largest answer, in bytes after decompression.
        compressed: Whether to ask the server for gzip.
        writes: Records the confirmed writes.
    """

    def __init__(self, transport: Transport, *, size_limit: int, compressed: bool, writes: WriteLog) -> None:
        self._transport = transport
        self._size_limit = size_limit
        self._encoding = "gzip" if compressed else "identity"
        self._writes = writes

    async def fetch_object(
        self,
        method: str,
        path: str,
        body: _Body,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content_type: str,
        timeout: float,  # noqa: ASYNC109 - also named in the error
    ) -> RawObject:
        """Send a request and decode the object in the answer; ``{}`` for an empty body. See `Cluster.request`."""
        method = method.upper()
        target = target_of(method, path, _name_in(body))
        request = self._request(method, path, body, query, headers, content_type, "application/json", timeout)
        answer, answer_type = await self._send(request, target, timeout)
        if not answer:
            return {}
        require_json(target.resource, answer_type)
        found = decode(_OBJECT, answer, target.resource, 0, "an object")
        if method != "GET":
            self.confirm(method, path, query, found)
        return found

    async def fetch_text(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> str:
        """GET a text; see `Cluster.request_text`."""
        request = self._request("GET", path, None, query, headers, "", "*/*", timeout)
        answer, _ = await self._send(request, target_of("GET", path), timeout)
        return answer.decode("utf-8", "replace")

    def _request(
        self,
        method: str,
        path: str,
        body: _Body,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content_type: str,
        accept: str,
        timeout: float,
    ) -> HttpRequest:
        if method not in _METHODS:
            raise ValueError(f"not a method: {method!r}; accepted are {', '.join(_METHODS)}")
        _check_path(path)
        more = {name.lower(): value for name, value in headers.items()}
        if taken := sorted(more.keys() & set(_OURS)):
            raise ValueError(f"headers= must not have {', '.join(taken)}: this library sends that")
        sent = {"accept": accept} | more | {"accept-encoding": self._encoding}
        if body is not None:
            sent["content-type"] = content_type
        _check_headers(sent.items())
        return HttpRequest(
            path=path,
            query=tuple(query.items()),
            headers=tuple(sent.items()),
            head_timeout=timeout + _LATER,
            method=method,
            body=_encoded(body),
        )

    async def _send(self, request: HttpRequest, target: Target, timeout: float) -> tuple[bytes, str | None]:  # noqa: ASYNC109 - as above
        """The answer's body and its type."""
        with anyio.move_on_after(timeout):
            try:
                return await self._attempt(request, target)
            except Unauthorized:
                pass  # the server has not done anything yet
            await self._transport.reauthenticate()
            return await self._attempt(request, target)
        raise RequestTimeout(f"{request.method} {request.path}", timeout)

    async def _attempt(self, request: HttpRequest, target: Target) -> tuple[bytes, str | None]:
        async with self._transport.stream(request) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's class
                raise await _refusal(response, target)
            answer = await read_whole(response, target.resource, self._size_limit, request.head_timeout)
            return answer, response.headers.get("content-type")

    def confirm(self, method: str, path: str, query: Container[str], answer: RawObject) -> None:
        """Record a write that has stored something: not a dry run, a review, or the answer "Success".

        Args:
            method: The HTTP method, in upper case.
            path: The path, not percent-encoded.
            query: The names of the query parameters.
            answer: The decoded answer.
        """
        metadata = answer.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not version or not isinstance(version, str) or answer.get("kind") == "Status" or "dryRun" in query:
            return
        if target_of(method, path).verb != "deletecollection":
            self._writes.confirmed(Write(path, version))


_OBJECT = msgspec.json.Decoder(RawObject)


async def _refusal(response: Response, target: Target) -> KubeInformerError:
    status = await read_status(response, target.resource, _EXPLANATION)
    retry_after = retry_after_seconds(response.headers, status)
    return request_refusal(target, status, response.headers.get("location"), retry_after)


def _encoded(body: _Body) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"body= is no JSON: {error}"
    raise UsageError(problem)


def _name_in(body: _Body) -> str | None:
    """The name of the object to create, which the path does not contain."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _check_path(path: str) -> None:
    if (
        not path.startswith("/")
        or not path.isprintable()
        or "?" in path
        or "#" in path
        or {".", ".."} & set(path.split("/"))
    ):
        raise ValueError(
            f"not a path: {path!r}; it begins with '/', has no '?' (see query=) nor '#', and no segment '.' or '..'; "
            "Resource.path() makes one"
        )


def _check_headers(headers: Iterable[tuple[str, str]]) -> None:
    for name, value in headers:
        if not (
            name and name.replace("-", "").isalnum() and name.isascii() and value.isascii() and value.isprintable()
        ):
            raise ValueError(f"not a header: {name!r}; names have letters, digits and dashes, values printable ASCII")
