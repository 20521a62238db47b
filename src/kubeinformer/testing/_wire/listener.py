"""The listening socket, the tasks of its connections, and how both end.

Rules. All tasks are in one task group between ``open`` and ``close``. Nothing is left behind, whatever ends them.

Theory. The task group never sees an exception of the body of the ``async with``. Otherwise it would come out wrapped in
an ExceptionGroup, but an AssertionError of a test has to come out as it is. The wait for the cancelled connections is
shielded, so that a cancellation from outside cannot replace that exception either.
"""

import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.abc

from kubeinformer.testing._wire.http import Connection, Handler

__all__ = ["Listener"]

_BACKLOG = 128
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_EXHAUSTED_PAUSE = 0.05  # seconds until accept is tried again, if the process has no free file descriptors


class Listener:
    """A TCP listener on loopback, and the connections that it has accepted.

    Attributes:
        connections: The connections that are open now.
    """

    def __init__(self, sock: socket.socket, tasks: anyio.abc.TaskGroup, handle: Handler) -> None:
        self.connections: set[Connection] = set()
        self._socket, self._tasks, self._handle = sock, tasks, handle
        self._accepting = anyio.CancelScope()

    @classmethod
    async def open(cls, port: int, handle: Handler) -> "Listener":
        """Listen on 127.0.0.1 and serve. Port 0 takes any free port.

        Raises:
            OSError: The port is taken.
        """
        sock = _listen(port)
        tasks = anyio.create_task_group()
        await tasks.__aenter__()
        listener = cls(sock, tasks, handle)
        tasks.start_soon(listener._accept, listener._accepting)
        return listener

    async def close(self) -> None:
        """End all connections, and stop listening. Call it in the task that called `open`."""
        self._tasks.cancel_scope.shield = True
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._socket.close()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._socket.getsockname()[1])

    def refuse(self) -> None:
        """Refuse all new connections from now on. Open connections stay."""
        port = self.port
        self._accepting.cancel()
        self._socket.close()
        # Bound, but not listening: the kernel refuses all connections, and no other process can take the port.
        self._socket = _bind(port)

    def accept_again(self) -> None:
        """Accept new connections again, after `refuse`."""
        self._socket.listen(_BACKLOG)
        self._accepting = anyio.CancelScope()
        self._tasks.start_soon(self._accept, self._accepting)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something until it ends, or until the listener is closed."""
        self._tasks.start_soon(work)

    async def _accept(self, scope: anyio.CancelScope) -> None:
        listening = self._socket
        with scope:
            while not scope.cancel_called:
                try:
                    sock, _ = listening.accept()
                except BlockingIOError:
                    await anyio.wait_readable(listening)
                except OSError as error:
                    # A client that left while it waited in the queue is not an error.
                    await anyio.sleep(_EXHAUSTED_PAUSE if error.errno in _EXHAUSTED else 0)
                else:
                    self._tasks.start_soon(self._serve, Connection(sock))

    async def _serve(self, connection: Connection) -> None:
        self.connections.add(connection)
        try:
            await connection.serve(self._handle)
        finally:
            self.connections.discard(connection)


def _listen(port: int) -> socket.socket:
    listener = _bind(port)
    try:
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError:
        sock.close()
        raise
    return sock
