"""The report on one screen."""

import math
from collections.abc import Iterator
from dataclasses import replace

from kubeinformer.cli._doctor.report import Access, Finding, Memory, Report, ResourceReport
from kubeinformer.cli._text import megabytes

__all__ = ["lines"]

_HEADING = ("RESOURCE", "ALLOWED", "STREAM", "BOOKMARKS", "GZIP", "SHARDS", "OBJECTS", "EACH", "INFORMER")
_LEGEND = """\
STREAM     time until the server starts to stream the objects; if it cannot, informers use paged lists
BOOKMARKS  whether a quiet stream reports its position, so that it can be resumed from there
SHARDS     whether the server can split a collection (1.36, alpha); if not, informers do it themselves
EACH       average JSON of one object (?: not known, -: nothing to measure)
INFORMER   estimated memory for all objects: 380 bytes and the compressed body of each, and 3 MB from
           128 objects on, as measured in docs/benchmarks. The process itself takes 42 MB
"""
_SMALLEST = 50_000  # bytes; anything smaller would be shown as 0.0 MB
_SAME_TIME = 2.0  # seconds; servers tell their time in whole seconds


def lines(report: Report) -> Iterator[str]:
    """The lines of the report. All text is printable, because text from the server was escaped when it came."""
    yield f"{report.url} ({report.source})"
    yield ""
    yield from _about_the_server(report)
    if report.connection.reached and report.connection.failed_at is None:
        yield ""
        yield from _table(report.resources)
        if any(found.objects is not None for found in report.resources):
            yield ""
            yield from _LEGEND.splitlines()
    findings = _alike(report.findings)
    if findings:
        yield ""
    yield from _findings(findings)
    yield ""
    yield _verdict(report, findings)


def _about_the_server(report: Report) -> Iterator[str]:
    connection, server, user = report.connection, report.server, report.user
    if not connection.reached:
        yield f"  reached  no, it fails at: {connection.failed_at or 'time'}"
        return
    took = "" if connection.seconds is None else f" in {connection.seconds * 1000:.0f} ms"
    yield f"  reached  yes{took}{_clocks(connection.clock_skew)}"
    if connection.failed_at is not None:
        yield f"  user     not accepted: {connection.failed_at}"
        return
    yield f"  version  {server.version or 'not told'}{f', {server.platform}' if server.platform else ''}"
    ready = {True: "yes", False: f"no: {', '.join(server.failed_checks)}", None: "not told"}[server.ready]
    yield f"  ready    {ready}"
    groups = f" ({', '.join(user.groups)})" if user.groups else ""
    yield f"  user     {user.name or 'not told'}{groups}"


def _clocks(skew: float | None) -> str:
    if skew is None:
        return ""
    return ", clocks agree" if abs(skew) < _SAME_TIME else f", clocks {abs(skew):.0f} s apart"


def _alike(findings: list[Finding]) -> list[Finding]:
    """The findings. If several resources have the same one, it is listed once, about all of them."""
    about: dict[Finding, list[str]] = {}
    for finding in findings:
        about.setdefault(replace(finding, about=""), []).append(finding.about)
    return [replace(finding, about=", ".join(subjects)) for finding, subjects in about.items()]


def _findings(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity}: {finding.about}: {finding.message}"
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
        unknown if found.memory is None else _memory(found.memory),
    )


def _allowed(access: Access) -> str:
    if access.missing:
        return "not " + ", ".join(access.missing)
    return _word(None if access.watch is None else True)


def _memory(memory: Memory) -> str:
    return megabytes(memory.informer) if memory.informer >= _SMALLEST else "< 0.1 MB"


def _word(fact: bool | None) -> str:  # noqa: FBT001 - it is what a word is made of
    return {True: "yes", False: "no", None: "?"}[fact]


def _verdict(report: Report, findings: list[Finding]) -> str:
    severities = [finding.severity for finding in findings]
    counts = [(what, severities.count(what)) for what in ("error", "warning")]
    told = ", ".join(f"{count} {what}{'s' * (count > 1)}" for what, count in counts if count)
    word = "healthy" if report.healthy else "not healthy"
    return f"{word}: {told or 'informers on these resources can work'} ({report.seconds:.1f} s)"
