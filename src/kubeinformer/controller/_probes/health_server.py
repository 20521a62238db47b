"""The server for the kubelet and for Prometheus: ``/healthz``, ``/readyz``, ``/metrics``.

Rules. Anybody who can reach the port can read the results of checks and the metrics; they are no secret. Nothing that a
client does can end or hold up the program: see ``http_answers``. A port that cannot be opened is an error at once.
Otherwise a controller without probes would be restarted again and again, and nobody would know why.

Not here. What is checked (``health``) and measured (``metrics``).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import anyio
import anyio.abc

from kubeinformer import Cluster, UsageError
from kubeinformer.controller._probes.health import (
    CHECK_TIMEOUT,
    STALENESS_LIMIT,
    STUCK_AFTER,
    Check,
    HasQueue,
    checks_by_name,
    health_checks,
    readiness_checks,
    run_checks,
)
from kubeinformer.controller._probes.http_answers import Answer, Answerer

__all__ = ["CanRender", "HealthServer", "serve_health"]


class CanRender(Protocol):
    """``kubeinformer.controller.metrics.Metrics``, which is not imported here: it needs an extra."""

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page, and its content type, for a header ``Accept``."""
        ...


@dataclass(frozen=True, slots=True)
class HealthServer:
    """A running server.

    Attributes:
        port: The port that it listens on.
    """

    port: int


@asynccontextmanager
async def serve_health(
    cluster: Cluster,
    *,
    controllers: Sequence[HasQueue] = (),
    metrics: CanRender | None = None,
    host: str | None = None,
    port: int = 8080,
    checks: Mapping[str, Check] | None = None,
    liveness_checks: Mapping[str, Check] | None = None,
    check_timeout: float = CHECK_TIMEOUT,
    staleness_limit: float = STALENESS_LIMIT,
    stuck_after: float = STUCK_AFTER,
) -> AsyncGenerator[HealthServer]:
    """Answer ``/healthz``, ``/readyz`` and ``/metrics`` over HTTP for the length of an ``async with`` block.

    ``/healthz`` answers 200 while each informer hears from the server and each worker comes back. ``/readyz`` answers
    200 once all informers are in sync. Otherwise they answer 500. The text names each check: ``[+]informers-synced
    ok``. Open the server before you wait for `Informer.synced`; until it is open, the kubelet gets no answer.

    Args:
        cluster: The cluster whose informers are checked: those that are open when a request comes.
        controllers: The controllers whose workers are checked.
        metrics: What renders ``/metrics``, a ``kubeinformer.controller.metrics.Metrics``; None for no such page.
        host: The address to listen on; None for all, IPv4 and IPv6, because the kubelet connects to the pod's address.
        port: The port; 0 for a free one, see `HealthServer`.
        checks: More checks for ``/readyz``, by name: plain or async functions that return whether all is well. A check
            that raises has failed. They run in the event loop.
        liveness_checks: More checks for ``/healthz``. Use them only for problems that a restart would solve.
        check_timeout: Seconds for all checks of a page. Checks that have not finished by then have failed.
        staleness_limit: Seconds that an informer may hear nothing. For a quiet collection, minutes of silence are
            normal.
        stuck_after: Seconds that a reconcile may run.

    Raises:
        UsageError: The host and port cannot be used; the error of the operating system is the cause.
        ValueError: A port or limit is out of range, or the name of a check is already used or is not one line of text.
    """
    limits = (("staleness_limit", staleness_limit), ("stuck_after", stuck_after), ("check_timeout", check_timeout))
    for what, seconds in limits:
        if not seconds > 0:
            raise ValueError(f"{what}={seconds!r} must be seconds, more than 0")
    if not 0 <= port < 1 << 16:
        raise ValueError(f"port={port!r} must be 0 to 65535")
    health = checks_by_name(health_checks(cluster, controllers, staleness_limit, stuck_after), liveness_checks or {})
    readiness = checks_by_name(readiness_checks(cluster), checks or {})

    async def answer(path: str, accept: str) -> Answer:
        match path:
            case "/healthz":
                return _told(*await run_checks("healthz", health, check_timeout))
            case "/readyz":
                return _told(*await run_checks("readyz", readiness, check_timeout))
            case "/metrics" if metrics is not None:
                body, content_type = metrics.render(accept)
                return Answer(HTTPStatus.OK, body, content_type)
            case _:
                return Answer(HTTPStatus.NOT_FOUND, b"not found: there are /healthz, /readyz and /metrics\n")

    try:
        listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except OSError as error:
        where = f"{host or '*'}:{port}"
        raise UsageError(
            f"cannot listen on {where} for probes and metrics: {error.strerror or error}; "
            "give serve_health() another host= or port="
        ) from error
    # By hand, because a task group would put what the block raises into an ExceptionGroup.
    tasks = anyio.create_task_group()
    await tasks.__aenter__()
    try:
        answerer = Answerer(answer)
        for one in listener.listeners:
            assert isinstance(one, anyio.abc.SocketListener)  # what TCP listeners are; their type does not say so
            tasks.start_soon(answerer.serve, one)
        yield HealthServer(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610 - this is no Django
    finally:
        tasks.cancel_scope.shield = True  # a cancellation from outside must not keep it from being closed
        tasks.cancel_scope.cancel()
        try:
            await tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await listener.aclose()


def _told(is_well: bool, text: str) -> Answer:  # noqa: FBT001 - unpacked from what run_checks gives
    return Answer(HTTPStatus.OK if is_well else HTTPStatus.INTERNAL_SERVER_ERROR, text.encode())
