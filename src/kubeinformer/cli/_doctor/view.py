"""The report on one screen."""

import math
from collections.abc import Iterator
from dataclasses import replace

from kubeinformer.cli._doctor.report import Access, Finding, Report, ResourceReport
from kubeinformer.cli._text import megabytes

__all__ = ["lines"]

_HEADING = ("RESOURCE", "ALLOWED", "STREAM", "BOOKMARKS", "GZIP", "SHARDS", "OBJECTS", "EACH", "INFORMER")


def lines(report: Report) -> Iterator[str]:
    """The lines of it. All of it is printable: what a server wrote was made so when it came."""
    yield f"{report.url} ({report.source})"
    yield ""
    yield from _about_the_server(report)
    if report.connection.reached and report.connection.failed_at is None:
        yield ""
        yield from _table(report.resources)
        if any(found.memory for found in report.resources):
            yield ""
            yield "INFORMER is an estimate: 380 bytes for each object and its body as compressed as those of a sample,"
            yield "and 3 MB for each resource; as measured in docs/benchmarks. A process has 42 MB beside."
    if report.findings:
        yield ""
    yield from _findings(report.findings)
    yield ""
    yield _verdict(report)


def _about_the_server(report: Report) -> Iterator[str]:
    connection, server, user = report.connection, report.server, report.user
    if not connection.reached:
        yield f"  reached  no, it fails at: {connection.failed_at or 'time'}"
        return
    took = "" if connection.seconds is None else f" in {connection.seconds * 1000:.0f} ms"
    skew = "" if connection.clock_skew is None else f", clocks {abs(connection.clock_skew):.0f} s apart"
    yield f"  reached  yes{took}{skew}"
    if connection.failed_at is not None:
        yield f"  user     not accepted: {connection.failed_at}"
        return
    yield f"  version  {server.version or 'not told'}{f', {server.platform}' if server.platform else ''}"
    ready = {True: "yes", False: f"no: {', '.join(server.failed_checks)}", None: "not told"}[server.ready]
    yield f"  ready    {ready}"
    groups = f" ({', '.join(user.groups)})" if user.groups else ""
    yield f"  user     {user.name or 'not told'}{groups}"


def _findings(findings: list[Finding]) -> Iterator[str]:
    """The findings; what holds for several resources alike is told once."""
    about: dict[Finding, list[str]] = {}
    for finding in findings:
        about.setdefault(replace(finding, about=""), []).append(finding.about)
    for finding, subjects in about.items():
        yield f"{finding.severity}: {', '.join(subjects)}: {finding.message}"
        if finding.remedy:
            yield f"    {finding.remedy}"


def _table(resources: list[ResourceReport]) -> Iterator[str]:
    rows = [_HEADING, *map(_row, resources)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(found: ResourceReport) -> tuple[str, ...]:
    name = found.resource + (f" -n {found.namespace}" if found.namespace else "")
    if found.served is False:
        return (name, "not served", *[""] * (len(_HEADING) - 2))
    stream: str = found.watch_list or "?"
    if found.watch_list_seconds is not None:
        stream = f"in {math.ceil(found.watch_list_seconds * 1000)} ms"
    unknown = "-" if found.objects == 0 else "?"
    gzip = [what for what, does in (("watch", found.gzip_watch), ("list", found.gzip_list)) if does]
    return (
        name,
        _allowed(found.access),
        stream,
        _word(found.bookmarks),
        ", ".join(gzip) or _word(found.gzip_watch),
        _word(found.sharding),
        "?" if found.objects is None else f"{found.objects:,}",
        unknown if found.sample is None else f"{found.sample.mean / 1000:,.1f} KB",
        unknown if found.memory is None else megabytes(found.memory.informer),
    )


def _allowed(access: Access) -> str:
    if access.missing:
        return "not " + ", ".join(access.missing)
    return _word(None if access.watch is None else True)


def _word(fact: bool | None) -> str:  # noqa: FBT001 - it is what a word is made of
    return {True: "yes", False: "no", None: "?"}[fact]


def _verdict(report: Report) -> str:
    severities = [finding.severity for finding in report.findings]
    counts = [(what, severities.count(what)) for what in ("error", "warning")]
    told = ", ".join(f"{count} {what}{'s' * (count > 1)}" for what, count in counts if count)
    word = "healthy" if report.healthy else "not healthy"
    return f"{word}{f': {told}' if told else ''} ({report.seconds:.1f} s)"
