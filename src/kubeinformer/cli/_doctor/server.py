"""Facts about the server and about the user who asks.

Theory. ``/version`` comes first. Everybody may read it, so what fails there fails for every request: the name, the
port, TLS, a proxy, a token. It also tells the server's clock. Readiness is read from ``/readyz``, whose text names the
checks that fail.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anyio

from kubeinformer import KubeInformerError, RawObject, Unauthorized
from kubeinformer.cli._doctor.asking import Answer, Asking, NotAnswered
from kubeinformer.cli._doctor.report import Connection, Report, Server, Stage, User
from kubeinformer.cli._text import one_line

__all__ = ["look_at_server"]

_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_FAILED_CHECK = re.compile(rb"^\[-\]([^ \n]{1,100})", re.MULTILINE)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_TLS_PORT = b"HTTP request to an HTTPS server"  # what Go's servers answer to plain HTTP


async def look_at_server(asking: Asking, report: Report) -> None:
    """Find the facts and record them. Afterwards, `Connection.failed_at` says whether to go on."""
    try:
        await _reach(asking, report.url, report.connection, report.server)
        if report.connection.failed_at is None:
            await _look_at_readiness(asking, report.server)
    except NotAnswered as error:
        # A server that answered once and then no more is no better than one that never did.
        report.connection.reached, report.connection.failed_at, report.connection.error = False, error.stage, error.why
    if report.connection.failed_at is None:
        await _look_at_user(asking, report.connection, report.user)
    if report.connection.failed_at is None and report.namespace is not None:
        report.namespace_exists = await _has_namespace(asking, report.namespace)


async def _reach(asking: Asking, url: str, connection: Connection, server: Server) -> None:
    started = anyio.current_time()
    answer = await asking.get("/version")
    connection.seconds = round(anyio.current_time() - started, 4)
    connection.clock_skew = _clock_skew(answer.headers.get("date", ""))
    failure = _failure(url, answer)
    connection.reached = failure is None or failure[0] != "http"
    if failure is not None:
        connection.failed_at, connection.error = failure
    info: RawObject = answer.decode(dict[str, Any]) or {}
    if answer.is_success:
        server.version, server.platform = _word(info.get("gitVersion")), _word(info.get("platform"))


def _failure(url: str, answer: Answer) -> tuple[Stage, str] | None:
    """What is wrong with the answer to ``/version``, if anything."""
    what = f"GET {url}/version: "
    info: RawObject = answer.decode(dict[str, Any]) or {}
    if answer.status == _UNAUTHORIZED:
        return "credentials", f"{what}the server does not know who is asking ({answer.said})"
    if answer.is_success and isinstance(info.get("gitVersion"), str):
        return None
    if answer.status == _FORBIDDEN and info.get("kind") == "Status":
        return None  # an API server that does not tell its version
    if url.startswith("http://") and _TLS_PORT in answer.body:
        return "http", f"{what}this port speaks TLS: begin the server's URL with https:// ({answer.said})"
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's class
        return "http", f"{what}the answer leads elsewhere, which is not followed ({answer.said})"
    if info.get("kind") == "Status":
        return "http", f"{what}an API server answered, and could not do it now ({answer.said})"
    kind = one_line(answer.headers.get("content-type", "without a type"))
    return "http", f"{what}what answered is no API server ({answer.said}; {kind})"


async def _look_at_readiness(asking: Asking, server: Server) -> None:
    answer = await asking.get("/readyz", {"verbose": ""}, accept="*/*")
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND}:
        return  # not everybody may ask
    server.ready = answer.is_success
    server.failed_checks = [one_line(name.decode("utf-8", "replace")) for name in _FAILED_CHECK.findall(answer.body)]


async def _look_at_user(asking: Asking, connection: Connection, user: User) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await asking.review(_REVIEW, review)
    except Unauthorized as error:
        connection.failed_at, connection.error = "credentials", one_line(str(error))
        return
    except KubeInformerError:
        return  # an older server, or one that does not let everybody ask: the user stays unknown
    info = _mapping(_mapping(answer.get("status")).get("userInfo"))
    groups = info.get("groups")
    user.name = _word(info.get("username"))
    user.groups = [one_line(str(group)) for group in groups if group] if isinstance(groups, list) else []


async def _has_namespace(asking: Asking, namespace: str) -> bool | None:
    try:
        answer = await asking.get(f"/api/v1/namespaces/{namespace}")
    except NotAnswered:
        return None  # the questions about the resources fail too, and the failure is reported there
    if answer.status == _NOT_FOUND:
        return False
    return True if answer.is_success else None


def _clock_skew(date: str) -> float | None:
    try:
        return round((parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds(), 1)
    except (ValueError, TypeError):  # not a time, or without a time zone
        return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return one_line(value) if isinstance(value, str) else None
