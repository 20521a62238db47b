"""The smallest HTTP server that can feed a benchmark: it sends bytes as fast as the socket accepts them.

Theory. The feeding process must not limit the measurement. So there is a thread for each connection, writes block, and
each piece takes one join and one system call. The bytes are made while they are sent. Only the current piece is held,
so a list of any size takes no memory here. The server runs until its standard input ends.
"""

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["PIECE", "Answer", "Respond", "forever", "serve"]

PIECE = 64 * 1024  # bytes; what API servers write at a time under load is of this order


@dataclass(frozen=True)
class Answer:
    """What goes out for one GET: each piece of the body becomes one chunk."""

    body: Iterable[bytes]
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=dict)


Respond: TypeAlias = Callable[[str], Answer]
"""Gives the answer for a request's target: path and query."""


def forever() -> Iterator[bytes]:
    """The rest of a watch in which nothing happens any more."""
    threading.Event().wait()
    yield b""


def serve(respond: Respond) -> None:
    """Serve on a free port of 127.0.0.1, print ``{"url": ...}``, and return when standard input ends."""
    server = _Server(respond)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
    sys.stdin.read()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond


class _Handler(socketserver.StreamRequestHandler):
    """Requests of one connection, one after the other."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        with suppress(ConnectionError):  # clients leave in the middle of a watch, as they may
            while target := self._target():
                self._send(self.server.respond(target))

    def _target(self) -> str:
        line = self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return line.split()[1].decode() if line else ""

    def _send(self, answer: Answer) -> None:
        headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked", **answer.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.request.sendall(f"HTTP/1.1 {answer.status}\r\n{head}\r\n".encode())
        for piece in answer.body:
            if piece:  # an empty chunk would be the end
                self.request.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.request.sendall(b"0\r\n\r\n")
