"""The command: asks within a time limit, and prints what has been found by then."""

import time
from dataclasses import dataclass, field

import anyio
import msgspec

from kubeinformer import connect
from kubeinformer.cli._doctor import asking
from kubeinformer.cli._doctor.diagnosis import conclude
from kubeinformer.cli._doctor.report import Report, ResourceReport
from kubeinformer.cli._doctor.resource import look_at_resource
from kubeinformer.cli._doctor.server import look_at_server
from kubeinformer.cli._doctor.view import lines
from kubeinformer.cli._ending import Notices
from kubeinformer.cli._output import Output
from kubeinformer.cli._text import one_line
from kubeinformer.cli._where import Where, check_names
from kubeinformer.connection import AiohttpTransport

__all__ = ["USUAL", "DoctorOptions", "doctor"]

# What most controllers watch. Nodes have no namespace, so they are left out if a namespace is given.
USUAL = ("v1/pods", "v1/services", "v1/configmaps", "apps/v1/deployments", "v1/nodes")
_AT_ONCE = 4  # resources at the same time; sixty requests, four at a time, are no load for a server


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """The command line of ``doctor``. See its help.

    Raises:
        CommandError: The options cannot be used. The message says what to write instead.
    """

    resources: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)
    namespace: str | None = None
    as_json: bool = False
    timeout: float = 30.0

    def __post_init__(self) -> None:
        """Refuse options that cannot be used."""
        check_names(self.resources, self.namespace)


async def doctor(options: DoctorOptions, notices: Notices) -> int:  # noqa: ARG001 - every command gets them
    """Run the command.

    Returns:
        0 if the cluster is healthy, otherwise 1.

    Raises:
        ConfigError: There is no usable way to a cluster.
    """
    with Output() as output:
        report = await _examine(options)
        if options.as_json:
            output.line(msgspec.json.format(msgspec.json.encode(report), indent=2))
        else:
            for line in lines(report):
                output.text(line)
        output.flush()
    return 0 if report.healthy else 1


async def _examine(options: DoctorOptions) -> Report:
    started = time.monotonic()
    config = await options.where.load()
    source = options.where.options or config.source
    report = Report(url=one_line(config.server), source=one_line(source), namespace=options.namespace)
    report.connection.verified = config.verify or not config.server.startswith("https://")
    report.resources = _resources(options)
    transport = AiohttpTransport(config, connect_timeout=asking.CONNECT_LIMIT)
    with anyio.move_on_after(options.timeout) as limit:
        async with connect(transport=transport) as cluster:
            server = asking.Asking(config, transport, cluster)
            await look_at_server(server, report)
            if report.connection.failed_at is None:
                await _look_at_resources(server, report.resources)
    conclude(report, time_is_up=limit.cancelled_caught)
    report.seconds = round(time.monotonic() - started, 3)
    return report


def _resources(options: DoctorOptions) -> list[ResourceReport]:
    if options.resources:
        names = dict.fromkeys(options.resources)
    else:
        names = dict.fromkeys(name for name in USUAL if options.namespace is None or name != "v1/nodes")
    asked = bool(options.resources)
    return [ResourceReport(resource=name, namespace=options.namespace, asked=asked) for name in names]


async def _look_at_resources(server: asking.Asking, resources: list[ResourceReport]) -> None:
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def look(found: ResourceReport) -> None:
        async with limiter:
            await look_at_resource(server, found)

    async with anyio.create_task_group() as tasks:
        for found in resources:
            tasks.start_soon(look, found)
