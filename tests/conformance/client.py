"""What a row asks with: plain HTTP to one server, whole answers and watches, nothing interpreted but JSON.

Rules. Rows get a `Server` and cannot tell which one it is; what differs between the two is in `servers`. Blocking,
because the real server's harness blocks too: a row is a plain function. Each request has a connection of its own.
A row never waits for silence: what must not come is proved by what comes next.
"""

import http.client
import json
import ssl
import uuid
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from tests.e2e import manifests
from tests.e2e.credentials import ADMIN, NOBODY, READER, Token
from tests.e2e.polling import wait_until

__all__ = ["ADMIN", "JSON", "MERGE_PATCH", "NOBODY", "READER", "Answer", "Json", "Server", "Token", "Watch"]

Json: TypeAlias = dict[str, Any]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

# A healthy answer takes milliseconds; only a broken row waits as long as this.
PATIENCE = 20.0  # seconds
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. Header names are in lower case; a gzip body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, which has to be a JSON object."""
        decoded = json.loads(self.body)
        assert isinstance(decoded, dict), f"not a JSON object: {self.body[:100]!r}"
        return decoded

    @property
    def text(self) -> str:
        return self.body.decode()

    def refusal(self) -> tuple[int, str]:
        """Code and reason of a Status, whose HTTP status has to be the same."""
        assert self.json["kind"] == "Status", self.text
        assert self.json["code"] == self.status
        return self.status, str(self.json.get("reason"))

    def causes(self) -> list[tuple[str, str]]:
        """Reason and field of every cause in a Status, sorted."""
        details = self.json.get("details") or {}
        return sorted((cause["reason"], cause.get("field", "")) for cause in details.get("causes", []))


class Watch:
    """An open watch. ``head`` has the status and the headers, and no body."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.head = Answer(response.status, _headers(response), b"")
        self._connection, self._response = connection, response
        self._lines: list[bytes] = []
        self._rest = b""
        self._gzip = zlib.decompressobj(wbits=31) if self.head.headers.get("content-encoding") == "gzip" else None

    def next_event(self, timeout: float = PATIENCE) -> Json | None:
        """The next event, or None at the orderly end of the stream.

        Raises:
            TimeoutError: Nothing came within ``timeout`` seconds; the watch is of no use any more.
            http.client.IncompleteRead: The stream was cut off.
        """
        if self._connection.sock is not None:  # http.client lets go of it once the body is complete
            self._connection.sock.settimeout(timeout)
        while not self._lines:
            data = self._response.read1(65536)
            if not data:
                assert self._rest == b"", "the stream ended inside an event"
                return None
            *self._lines, self._rest = (self._rest + self._decode(data)).split(b"\n")
        event = json.loads(self._lines.pop(0))
        assert isinstance(event, dict)
        return event

    def take(self, count: int) -> list[Json]:
        """The next events, all of which have to come."""
        events = [self.next_event() for _ in range(count)]
        assert None not in events, f"the stream ended: {events}"
        return [event for event in events if event is not None]

    def until(self, type_: str) -> list[Json]:
        """Every event up to and with the next of this type."""
        events = self.take(1)
        while events[-1]["type"] != type_:
            events += self.take(1)
        return events

    def until_end(self) -> list[Json]:
        """Every event up to the orderly end of the stream."""
        return list(iter(self.next_event, None))

    def _decode(self, data: bytes) -> bytes:
        if self._gzip is None:
            return data
        plain = self._gzip.decompress(data)
        while self._gzip.eof:  # every flush is a member of its own
            rest, self._gzip = self._gzip.unused_data, zlib.decompressobj(wbits=31)
            plain += self._gzip.decompress(rest)
        return plain


class Server(ABC):
    """One API server that serves the usual resources, empty but for what a server makes itself.

    `READER` and `NOBODY` may read discovery, and nothing else until they are `granted` it.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        self.address = urlsplit(url).netloc
        self._tls = tls
        self._registered: set[str] = set()

    # -- requests

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | bytes | None = None,
        content_type: str = JSON,
        accept: str | None = JSON,
        token: Token | None = ADMIN,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its whole answer, whatever its status."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        fields = _fields(accept, token) | ({} if data is None else {"Content-Type": content_type})
        with closing(self._connect()) as connection:
            connection.request(method, _target(path, query), data, fields | dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
            found = _headers(response)
        if content and found.get("content-encoding") == "gzip":
            content = zlib.decompress(content, wbits=31)
        return Answer(response.status, found, content)

    def get(self, path: str, query: Mapping[str, str] | None = None, **more: str) -> Answer:
        """A GET as the admin, in JSON; names in ``more`` such as ``continue_`` lose their underscore."""
        return self.request("GET", path, query=_named(query, more))

    def ok(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> Json:
        """The body of an answer that has to be a success; a PATCH is a merge patch."""
        content_type = MERGE_PATCH if method == "PATCH" else JSON
        answer = self.request(method, path, query=_named(query, more), body=body, content_type=content_type)
        assert 200 <= answer.status < 300, f"{method} {path}: HTTP {answer.status}: {answer.text}"
        return answer.json

    @contextmanager
    def watch(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str | None = JSON,
        token: Token | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> Iterator[Watch]:
        """Open a watch, which has to be answered with 200."""
        named = {"watch": "true"} | _named(query, more)
        with closing(self._connect()) as connection:
            connection.request("GET", _target(path, named), headers=_fields(accept, token) | dict(headers or {}))
            with connection.getresponse() as response:
                assert response.status == http.HTTPStatus.OK, f"HTTP {response.status}: {response.read()!r}"
                yield Watch(connection, response)

    # -- what rows need to begin with

    def create_namespace(self) -> str:
        """A namespace nobody else uses; its name."""
        name = f"row-{uuid.uuid4().hex[:12]}"
        self.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def register_crd(self, manifest: Mapping[str, Any]) -> None:
        """POST a CustomResourceDefinition and wait until every served version can be listed."""
        self.ok(
            "POST", _CRDS, {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **manifest}
        )
        spec = manifest["spec"]
        paths = [
            f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            for version in spec["versions"]
            if version["served"]
        ]
        served = wait_until(lambda: all(self.get(path).status == http.HTTPStatus.OK for path in paths))
        assert served, f"not served: {paths}"

    def register_plain(self, kind: str, *, group: str, version: str = "v1", namespaced: bool = True) -> str:
        """Serve a custom resource whose objects may hold anything, if it is not served yet.

        Its plural is the lower-case kind and an s; the path of all its objects is returned.
        """
        resource = f"{group}/{version}/{kind.lower()}s"
        if resource not in self._registered:
            self._registered.add(resource)
            crd = manifests.custom_resource_definition(kind, group=group, version=version, namespaced=namespaced)
            self.register_crd(crd)
        return f"/apis/{resource}"

    @abstractmethod
    def granted(
        self, who: Token, *, verbs: Iterable[str], resource: str, group: str = "", namespace: str | None = None
    ) -> AbstractContextManager[None]:
        """Let `READER` or `NOBODY` do something, in one namespace or in all, until the block ends."""

    @abstractmethod
    def compact(self) -> None:
        """Let all versions but the newest expire: for rows that have a server of their own."""

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self.address, timeout=PATIENCE)
        return http.client.HTTPSConnection(self.address, context=self._tls, timeout=PATIENCE)


def _named(query: Mapping[str, str] | None, more: Mapping[str, str]) -> dict[str, str]:
    return dict(query or {}) | {name.rstrip("_"): value for name, value in more.items()}


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _fields(accept: str | None, token: Token | None) -> dict[str, str]:
    return ({"Accept": accept} if accept is not None else {}) | (
        {"Authorization": f"Bearer {token.value}"} if token else {}
    )


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
