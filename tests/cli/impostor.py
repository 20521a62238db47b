"""An HTTP server that says what a test wants: an API server with a flaw, or no API server at all.

It answers as a small, healthy API server with ten pods, except for the paths a test gives other answers to.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

Query: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the body ends with the connection, which ends at once, or when it is released."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    released: threading.Event | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answers: TypeAlias = Mapping[str, Reply | Callable[[Query], Reply]]

PODS = "/api/v1/pods"
VERBS = ["get", "list", "watch"]


def events(*items: Any) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def bookmark(*, end: bool = True) -> dict[str, Any]:
    annotations = {"k8s.io/initial-events-end": "true"} if end else {}
    return {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"annotations": annotations}}}


def refusal(status: int, message: str = "no") -> Reply:
    return Reply({"kind": "Status", "code": status, "message": message}, status)


def page(query: Query, *, objects: int = 10, obeys: bool = True, size: int = 100) -> Reply:
    count = min(objects, int(query.get("limit", objects))) if obeys else objects
    items = [{"metadata": {"name": f"pod-{number}"}, "spec": "x" * size} for number in range(count)]
    more = {"continue": "next", "remainingItemCount": objects - count} if count < objects else {}
    return Reply({"kind": "PodList", "metadata": more, "items": items})


def _pods(query: Query) -> Reply:
    return Reply(events(bookmark())) if query.get("watch") else page(query)


HEALTHY: Answers = {
    "/version": Reply({"gitVersion": "v1.37.0", "platform": "linux/amd64"}),
    "/readyz": Reply(b"ok"),
    "/api/v1": Reply({"resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": VERBS}]}),
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": Reply(
        {"status": {"userInfo": {"username": "alice", "groups": ["admins"]}}}, 201
    ),
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": Reply({"status": {"allowed": True}}, 201),
    PODS: _pods,
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.rfile.read(int(self.headers.get("content-length", 0)))
        answers: Answers = self.server.answers  # type: ignore[attr-defined]  # set below
        reply = answers.get(parts.path, refusal(404))
        found = reply if isinstance(reply, Reply) else reply(dict(parse_qsl(parts.query, keep_blank_values=True)))
        self.send_response(found.status)
        headers = {"Content-Type": "application/json", "Connection": "close", **found.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.content)
        if found.released is not None:
            found.released.wait(20)

    do_POST = do_GET  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        date: str | None = self.server.date  # type: ignore[attr-defined]  # set below
        return date or super().date_time_string(timestamp)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients hang up when they know enough."""


@contextmanager
def impostor(
    answers: Answers | None = None, *, tls: ssl.SSLContext | None = None, date: str | None = None
) -> Iterator[str]:
    """Serve these answers, and the healthy ones for all else; gives the URL."""
    with _Quiet(("127.0.0.1", 0), _Handler) as server:
        server.answers = {**HEALTHY, **(answers or {})}  # type: ignore[attr-defined]  # for the handler
        server.date = date  # type: ignore[attr-defined]  # as above
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
