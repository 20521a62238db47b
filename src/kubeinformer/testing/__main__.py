"""The fake API server as a separate process: ``python -m kubeinformer.testing``.

Rules. The first line on stdout is one JSON object with the ``url``; nothing else is ever printed there. The server runs
until its standard input ends, so it never outlives the process that started it, however that process ends. SIGTERM and
Ctrl-C stop it too.
"""

import argparse
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import anyio
import anyio.abc

from kubeinformer.testing._made.fleet import synthetic_objects, synthetic_pods
from kubeinformer.testing.faults import Script
from kubeinformer.testing.server import FakeApiServer

_STDIN = 0
_WIDGETS = "example.com/v1/widgets"


class _PortTakenError(Exception):
    """The port is not available."""


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command line. docs/reference/cli.md is generated from it."""
    parser = argparse.ArgumentParser(prog="python -m kubeinformer.testing", description="A fake Kubernetes API server.")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 (the default) for any free port")
    parser.add_argument("--pods", type=int, default=0, help="number of synthetic pods of 6.5 KB to serve")
    parser.add_argument("--objects", type=int, default=0, help=f"number of synthetic objects to serve as {_WIDGETS}")
    parser.add_argument(
        "--object-size", type=int, default=1024, metavar="BYTES", help="approximate size of each of these, as JSON"
    )
    parser.add_argument("--churn", type=float, default=0.0, metavar="N", help="number of pods to change per second")
    parser.add_argument("--cut-every", type=float, metavar="SECONDS", help="interval at which to drop all connections")
    parser.add_argument("--seed", type=int, default=0, help="seed of the churn: equal seeds change the same pods")
    parser.add_argument("--no-gzip", action="store_true", help="do not compress answers")
    parser.add_argument("--no-watch-list", action="store_true", help="refuse streaming lists, as older servers do")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="fault script to play, as JSON or YAML")
    parser.add_argument(
        "--bookmark-interval", type=float, default=60.0, metavar="SECONDS", help="time between two bookmarks of a watch"
    )
    return parser


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        options.script = Script.parse(options.faults.read_bytes()) if options.faults else None
    except (OSError, ValueError) as error:
        parser.error(f"--faults {options.faults}: {error}")
    if not 0 <= options.port < 1 << 16:
        parser.error(f"--port {options.port}: it must be 0 to 65535")
    return options


async def _serve(options: argparse.Namespace) -> None:
    server = FakeApiServer(port=options.port, gzip=not options.no_gzip, bookmark_interval=options.bookmark_interval)
    server.watch_list_enabled = not options.no_watch_list
    if options.pods:
        server.seed("v1/pods", synthetic_pods(options.pods))
    if options.objects:
        server.register(_WIDGETS, kind="Widget")
        server.seed(_WIDGETS, synthetic_objects(options.objects, size=options.object_size))
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise _PortTakenError(error.strerror or str(error)) from error
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if options.script is not None:
            server.play(options.script)
        await tasks.start(_stop_on_signal, tasks.cancel_scope)
        tasks.start_soon(_stop_with_parent, tasks.cancel_scope)
        if options.churn:
            tasks.start_soon(_churn, server, options.churn, options.seed)
        if options.cut_every:
            tasks.start_soon(_cut, server, options.cut_every)
        sys.stdout.write(json.dumps({"url": server.url}) + "\n")
        sys.stdout.flush()


async def _churn(server: FakeApiServer, per_second: float, seed: int) -> None:
    await server.churn("v1/pods", per_second=per_second, seed=seed)


async def _cut(server: FakeApiServer, seconds: float) -> NoReturn:
    while True:
        await anyio.sleep(seconds)
        server.drop_connections()


async def _stop_on_signal(scope: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


async def _stop_with_parent(scope: anyio.CancelScope) -> None:
    # A thread, because standard input may be a file or /dev/null, which no event loop can wait for. It is left
    # behind if a signal ends the server first; see main().
    while await anyio.to_thread.run_sync(os.read, _STDIN, 4096, abandon_on_cancel=True):
        pass
    scope.cancel()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run until standard input ends or a signal comes."""
    options = _arguments(arguments)
    try:
        anyio.run(_serve, options)
    except _PortTakenError as error:
        sys.stderr.write(f"cannot listen on 127.0.0.1:{options.port}: {error}; take another --port, 0 for a free one\n")
        sys.exit(2)
    sys.stdout.flush()
    # Not sys.exit(): the interpreter would wait for the thread that still reads standard input.
    os._exit(0)


if __name__ == "__main__":
    main()
