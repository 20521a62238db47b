"""What the facts mean: a pure function from a report to its findings.

Rules. A finding is an error if an informer on a requested resource would not work; everything else is a warning or a
note. Nobody has requested the usual resources by name. So if one of them is wrong, that is a warning, unless all of
them are. The message says what is wrong; the remedy says what to do or to look at next. The codes are part of the
schema:

====================  ============================================================================
connection            ``no-way-STAGE``, ``clock-skew``, ``not-verified``, ``time``
server                ``not-ready``
user                  ``anonymous``, ``nothing-allowed``
namespace             ``no-namespace``
a resource            ``not-served``, ``cannot-watch``, ``forbidden``, ``no-get``, ``not-answered``, ``time``,
                      ``watch-list-refused``, ``watch-list-ignored``, ``limit-ignored``, ``not-compressed``, ``memory``
====================  ============================================================================
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from kubeinformer.cli._doctor.report import Finding, Report, ResourceReport, Severity, Stage
from kubeinformer.cli._text import megabytes

__all__ = ["conclude"]

_CLOCK_LIMIT = 60.0  # seconds; the tokens and certificates of a new pod are valid from now on, not earlier
_LARGE = 500_000_000  # bytes; an informer that takes more deserves a thought

_NEXT: dict[Stage, str] = {
    "config": "repair {source}: the files that it names, or the program that it takes credentials from",
    "dns": "look the name up: `getent hosts {host}`; in a pod, look at /etc/resolv.conf and at the cluster's DNS",
    "tcp": "try the port: `curl -vk {url}/version`; then look at the VPN, firewalls and NetworkPolicies, and whether "
    "the server runs",
    "tls": "see what it presents: `openssl s_client -connect {host}:{port} -showcerts`; compare that with the "
    "authority trusted by {source}",
    "proxy": "look at proxy-url in {source}, and at HTTPS_PROXY and NO_PROXY",
    "http": "see what answers there: `curl -vk {url}/version`; a proxy, a login page or another service may",
    "credentials": "renew the token or client certificate in {source}; `kubectl auth whoami` shows whether kubectl "
    "is let in",
    "time": "see whether it answers anybody: `curl -vk {url}/readyz`; it may be overloaded, stopped, or cut off",
}


def conclude(report: Report, *, time_is_up: bool = False) -> None:
    """Add the findings to the report, and whether the cluster is healthy.

    Args:
        report: The report, with all its facts.
        time_is_up: Whether some are missing because it took too long.
    """
    report.findings = list(_findings(report, time_is_up=time_is_up))
    report.healthy = not any(finding.severity == "error" for finding in report.findings)


def _findings(report: Report, *, time_is_up: bool) -> Iterator[Finding]:
    yield from _about_the_connection(report, time_is_up=time_is_up)
    if report.connection.failed_at is not None or not report.connection.reached:
        return
    if report.server.ready is False:
        checks = ", ".join(report.server.failed_checks) or "it does not say which check fails"
        remedy = f"look at `kubectl get --raw '/readyz?verbose'` and at the server's log: {checks}"
        yield Finding(
            severity="error", about="server", code="not-ready", message="it says it is not ready", remedy=remedy
        )
    if report.user.name == "system:anonymous":
        yield Finding(
            severity="note",
            about="user",
            code="anonymous",
            message="no credentials are sent, or none that the server knows",
            remedy="if that is not what is meant, give a kubeconfig with a token or a client certificate",
        )
    if report.namespace_exists is False and not any(found.objects for found in report.resources if found.namespace):
        yield Finding(
            severity="warning",
            about="namespace",
            code="no-namespace",
            message=f"there is no namespace {report.namespace}: informers on it are empty until somebody makes it",
            remedy="`kubectl get namespaces` lists those that there are",
        )
    for found in report.resources:
        yield from _about(found, report, time_is_up=time_is_up)
    if report.resources and all(not found.asked and _is_closed(found) for found in report.resources):
        yield Finding(
            severity="error",
            about="user",
            code="nothing-allowed",
            message=f"{_who(report)} may watch none of the usual resources",
            remedy="name the resources that matter, and the namespace with -n",
        )


def _about_the_connection(report: Report, *, time_is_up: bool) -> Iterator[Finding]:
    connection = report.connection
    if connection.failed_at is not None:
        parts = urlsplit(report.url)
        facts = {"url": report.url, "host": parts.hostname, "port": parts.port or 443, "source": report.source}
        yield Finding(
            severity="error",
            about="connection",
            code=f"no-way-{connection.failed_at}",
            message=connection.error,
            remedy=_next(connection.failed_at, report.source).format(**facts),
        )
    elif not connection.reached and time_is_up:
        yield Finding(
            severity="error",
            about="connection",
            code="time",
            message="the time was up before the server answered",
            remedy=f"see whether it answers anybody: `curl -vk {report.url}/readyz`; or give more --timeout; a program "
            "that the kubeconfig takes credentials from may be waiting, too",
        )
    if connection.clock_skew is not None and abs(connection.clock_skew) > _CLOCK_LIMIT:
        way = "ahead of" if connection.clock_skew > 0 else "behind"
        yield Finding(
            severity="warning",
            about="connection",
            code="clock-skew",
            message=f"the server's clock is {abs(connection.clock_skew):.0f} s {way} this machine's",
            remedy="set the clocks by NTP: tokens and certificates are valid by the clock",
        )
    if not connection.verified:
        yield Finding(
            severity="warning",
            about="connection",
            code="not-verified",
            message="anybody may answer as the server: its certificate is not checked",
            remedy=f"remove insecure-skip-tls-verify from {report.source}, and give the authority",
        )


def _next(stage: Stage, source: str) -> str:
    if stage == "credentials" and source.startswith("--server"):
        return "{source} sends no credentials: give a kubeconfig that has some, or the address of `kubectl proxy`"
    return _NEXT[stage]


def _about(found: ResourceReport, report: Report, *, time_is_up: bool) -> Iterator[Finding]:
    trouble: Severity = "error" if found.asked else "warning"
    if found.served is False:
        meant = f"did you mean {found.suggestion}? " if found.suggestion else ""
        yield Finding(
            severity=trouble,
            about=found.resource,
            code="not-served",
            message="the server does not serve it",
            remedy=f"{meant}`kubectl api-resources` lists what is served; a custom resource needs its CRD",
        )
        return
    if lacking := [verb for verb in ("list", "watch") if found.verbs and verb not in found.verbs]:
        yield Finding(
            severity=trouble,
            about=found.resource,
            code="cannot-watch",
            message=f"the server cannot {' or '.join(lacking)} it: it is nothing to mirror",
        )
        return
    yield from _about_access(found, report, trouble)
    for what, why in found.failures.items():
        is_question = what in {"access", "discovery"}  # an informer does not need the answers of these
        yield Finding(
            severity="warning" if is_question else trouble,
            about=found.resource,
            code="not-answered",
            message=f"{what}: {why}",
        )
    if time_is_up and _is_unfinished(found):
        yield Finding(
            severity=trouble,
            about=found.resource,
            code="time",
            message="the time was up before all was found out",
            remedy="give more --timeout, or name fewer resources",
        )
    yield from _about_streaming(found, report)
    yield from _about_sizes(found)


def _about_access(found: ResourceReport, report: Report, trouble: Severity) -> Iterator[Finding]:
    missing = found.access.missing
    if missing and missing != ("get",):
        kind = "Role" if found.namespace else "ClusterRole"
        yield Finding(
            severity=trouble,
            about=found.resource,
            code="forbidden",
            message=f"{_who(report)} may not {', '.join(missing)} it {_where(found)}",
            remedy=f"bind a {kind} with the verbs get, list and watch on it",
        )
    elif missing:
        yield Finding(
            severity="warning",
            about=found.resource,
            code="no-get",
            message=f"{_who(report)} may not get it {_where(found)}: a damaged entry could not be fetched again",
            remedy="add the verb get to the role",
        )


def _about_streaming(found: ResourceReport, report: Report) -> Iterator[Finding]:
    version = f" ({report.server.version})" if report.server.version else ""
    if found.watch_list == "refused":
        yield Finding(
            severity="warning",
            about=found.resource,
            code="watch-list-refused",
            message=f"the server{version} does not stream its first state: informers list it in pages instead",
            remedy="turn the feature gate WatchList on, or upgrade; many informers that list are heavy on a server",
        )
    if found.watch_list == "ignored":
        yield Finding(
            severity="warning",
            about=found.resource,
            code="watch-list-ignored",
            message="the server takes sendInitialEvents and never says where the first state ends: informers wait for "
            "that, then list",
            remedy="look for an aggregated API server, or a proxy, that does not know it or holds bookmarks back",
        )
    if found.limit_obeyed is False:
        yield Finding(
            severity="warning",
            about=found.resource,
            code="limit-ignored",
            message="the server ignores limit: lists are not paged, and cost it all objects at once",
        )
    if found.watch_list == "supported" and not found.gzip_watch and found.gzip_list is False:
        yield Finding(
            severity="note",
            about=found.resource,
            code="not-compressed",
            message="the server compresses neither lists nor watches, or a proxy between undoes it",
        )


def _about_sizes(found: ResourceReport) -> Iterator[Finding]:
    if found.memory is not None and found.memory.informer > _LARGE:
        yield Finding(
            severity="warning",
            about=found.resource,
            code="memory",
            message=f"an informer on all of it would take some {megabytes(found.memory.informer)}",
            remedy="select by namespace, label or field, ask for metadata_only=True, or keep less (retain=)",
        )


def _who(report: Report) -> str:
    return report.user.name or "this user"


def _where(found: ResourceReport) -> str:
    if found.namespace:
        return f"in namespace {found.namespace}"
    return "in all namespaces" if found.namespaced else "in this cluster"


def _is_closed(found: ResourceReport) -> bool:
    return found.access.watch is False or found.access.list is False or found.served is False


def _is_unfinished(found: ResourceReport) -> bool:
    """Whether a fact is missing that should be known by now, and no failure says why."""
    if found.failures:
        return False
    can_watch, can_list = found.access.watch is not False, found.access.list is not False
    return found.served is None or (can_watch and found.gzip_watch is None) or (can_list and found.limit_obeyed is None)
