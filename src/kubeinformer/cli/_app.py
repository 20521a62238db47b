"""Commands, options and their help. What a command does is in its own module, which is imported when the command runs.

Rules. Options are checked before anything connects. Typer's own error messages are printed on one line, like all
others, because a box is of no use in the log of a script.
"""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
import typer.main

from kubeinformer.cli._completion import complete_context, complete_resource
from kubeinformer.cli._ending import CommandError, Notices, end, run_command
from kubeinformer.cli._views import Format

__all__ = ["run"]

# What typer raises for a bad command line. Since typer 0.2x, click is a private copy inside typer. So there is no name
# that works with old and new versions. The class is found as the parent (UsageError) and grandparent of BadParameter.
_BAD_COMMAND_LINE: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="kubeinformer",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The options of every command that talks to a cluster.
_Kubeconfig: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, ~/.kube/config, the pod's service account."
    ),
]
_Context: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="A context of the kubeconfig. Default: its current one.",
        autocompletion=complete_context,
    ),
]
_Server: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="An API server that needs no credentials, such as `kubectl proxy`: http://127.0.0.1:8001.",
    ),
]
_CaFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", help="PEM file with the authorities to trust for --server."),
]


def run(arguments: list[str]) -> int:
    """Run a command line, and return the exit code."""
    command = typer.main.get_command(app)
    try:
        # The result is None if only the help was printed, as without arguments.
        code = command.main(arguments or ["--help"], prog_name="kubeinformer", standalone_mode=False)
    except typer.Abort:  # typer raises this if Ctrl-C is pressed while a command is imported
        return end(KeyboardInterrupt(), Notices())
    except (CommandError, OSError) as error:  # options exclude each other, or the help cannot be written
        return end(error, Notices())
    except _BAD_COMMAND_LINE as error:
        message = getattr(error, "format_message", error.__str__)  # says more than str(): it names the option
        Notices().say(f"error: {message()} (--help shows the options)")
        return 2
    return int(code or 0)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature for callbacks
    if wanted:
        print(f"kubeinformer {version('kubeinformer')}")
        raise typer.Exit


@app.callback()
def kubeinformer(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Streaming Kubernetes informers: keep a live copy of a resource in little memory, and see what changes.

    Exit codes:
    0    success; doctor: healthy
    1    the server refused, or did not answer in time; doctor: not healthy
    2    a wrong option, resource or kubeconfig
    130  interrupted (Ctrl-C)
    141  the reader of the output has gone away
    """


@app.command()
def watch(
    *,
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE",
            show_default=False,
            help="VERSION/PLURAL or GROUP/VERSION/PLURAL: v1/pods, apps/v1/deployments, example.com/v1/widgets.",
            autocompletion=complete_resource,
        ),
    ],
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NS", help="One namespace. Default: all.")
    ] = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="All namespaces. This is the default.")
    ] = False,
    selector: Annotated[
        str | None,
        typer.Option("--selector", "-l", metavar="SELECTOR", help="Labels, as in kubectl: 'app=web,tier in (a,b)'."),
    ] = None,
    field_selector: Annotated[
        str | None,
        typer.Option("--field-selector", metavar="SELECTOR", help="Fields, as in kubectl: 'spec.nodeName=node-7'."),
    ] = None,
    metadata_only: Annotated[
        bool,
        typer.Option(
            "--metadata-only",
            help="Request metadata only, without spec and status. Makes a difference for -o json only.",
        ),
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="ORDER",
            help="name; age (oldest first); or a path such as .status.phase. Sorts the current objects; changes are "
            "printed as they happen.",
        ),
    ] = None,
    output: Annotated[
        Format,
        typer.Option(
            "--output",
            "-o",
            help="table; name: 'namespace/name', for changes after '+ ', '~ ' or '- '; json: one object on a line, "
            'for changes {"type": "ADDED|MODIFIED|DELETED", "object": {...}}.',
        ),
    ] = Format.TABLE,
    once: Annotated[bool, typer.Option("--once", help="Print the current objects, then exit.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=0,
            metavar="SECONDS",
            help="Give up if the current objects have not arrived by then. Default: 30 with --once, otherwise never.",
        ),
    ] = None,
    kubeconfig: _Kubeconfig = None,
    context: _Context = None,
    server: _Server = None,
    ca_file: _CaFile = None,
) -> None:
    """Print the objects of a resource, then every change, until Ctrl-C.

    First it prints the current objects (as additions), then changes as they happen.
    If the output is read more slowly than changes arrive, several changes of one object become one.
    A lost connection is resumed. Messages about that go to stderr, as does one when --once finds no objects.
    """
    from kubeinformer.cli._sort import SortKey  # noqa: PLC0415 - --help is quicker without
    from kubeinformer.cli._watch import WatchOptions  # noqa: PLC0415 - as above
    from kubeinformer.cli._watch import watch as command  # noqa: PLC0415 - as above
    from kubeinformer.cli._where import Where  # noqa: PLC0415 - as above

    options = WatchOptions(
        resource=resource,
        where=Where(kubeconfig=kubeconfig, context=context, server=server, ca_file=ca_file),
        namespace=namespace,
        all_namespaces=all_namespaces,
        selector=selector,
        field_selector=field_selector,
        metadata_only=metadata_only,
        order=None if sort is None else SortKey(sort),
        form=output,
        once=once,
        timeout=timeout,
    )
    raise typer.Exit(run_command(partial(command, options)))


@app.command()
def doctor(
    *,
    resources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RESOURCE]...",
            show_default=False,
            help="v1/pods, apps/v1/deployments, example.com/v1/widgets. Default: some that most controllers watch.",
            autocompletion=complete_resource,
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NS", help="One namespace. Default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, with a stable schema.")] = False,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.1, metavar="SECONDS", help="For all checks; then it reports what it knows."),
    ] = 30.0,
    kubeconfig: _Kubeconfig = None,
    context: _Context = None,
    server: _Server = None,
    ca_file: _CaFile = None,
) -> None:
    """Examine a cluster: can it be reached, and are informers on these resources allowed, possible and affordable?

    It checks what an informer needs: discovery, RBAC, watch-lists, bookmarks, gzip, shards, paged lists.
    It writes nothing: it reads a page of each resource, and asks the server who you are and what you may do.
    Exit code 0 means healthy; 1 means that informers would not work, and the report says who has to fix what.
    """
    from kubeinformer.cli._doctor.command import DoctorOptions  # noqa: PLC0415 - --help is quicker without
    from kubeinformer.cli._doctor.command import doctor as command  # noqa: PLC0415 - as above
    from kubeinformer.cli._where import Where  # noqa: PLC0415 - as above

    options = DoctorOptions(
        resources=tuple(resources or ()),
        where=Where(kubeconfig=kubeconfig, context=context, server=server, ca_file=ca_file),
        namespace=namespace,
        as_json=as_json,
        timeout=timeout,
    )
    raise typer.Exit(run_command(partial(command, options)))


@app.command("new-controller")
def new_controller(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="Name of the project: lower-case letters, digits and dashes, such as widget-controller.",
        ),
    ],
    resource: Annotated[
        str,
        typer.Option("--resource", metavar="RESOURCE", help="The custom resource to reconcile: GROUP/VERSION/PLURAL."),
    ] = "example.com/v1/widgets",
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Its kind. Default: derived from the plural, such as Widget."),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory", metavar="DIR", help="Where to write it: a new or empty directory. Default: the name."
        ),
    ] = None,
) -> None:
    """Write a small project: a controller for a custom resource, which runs and passes its tests.

    It has a package, tests on the fake API server, README, Dockerfile, and manifests (CRD, RBAC, Deployment).
    Existing files are never overwritten.
    """
    from kubeinformer.cli._new_controller import NewControllerOptions  # noqa: PLC0415 - --help is quicker without
    from kubeinformer.cli._new_controller import new_controller as command  # noqa: PLC0415 - as above

    options = NewControllerOptions(name=name, resource=resource, kind=kind, directory=directory)
    raise typer.Exit(run_command(partial(command, options)))


@app.command()
def demo(
    *,
    pods: Annotated[int, typer.Option("--pods", min=1, metavar="N", help="How many pods, of 6.5 KB each.")] = 20_000,
    churn: Annotated[float, typer.Option("--churn", min=0, metavar="RATE", help="Changes per second.")] = 200.0,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, metavar="SECONDS", help="End after this time. Default: at Ctrl-C."),
    ] = None,
    cut_every: Annotated[
        float,
        typer.Option(
            "--cut-every", min=0, metavar="SECONDS", help="How often the server cuts all connections; 0: never."
        ),
    ] = 10.0,
) -> None:
    """Watch an informer at work: 20,000 changing pods on a server that keeps hanging up.

    It needs no cluster: a fake API server is included, and runs in a process of its own.
    It shows the informer's memory next to the size of what it mirrors, the events, and how each cut is resumed.
    It ends with a summary.
    """
    from kubeinformer.cli._demo import DemoOptions  # noqa: PLC0415 - --help is quicker without
    from kubeinformer.cli._demo import demo as command  # noqa: PLC0415 - as above

    options = DemoOptions(pods=pods, churn=churn, seconds=seconds, cut_every=cut_every)
    raise typer.Exit(run_command(partial(command, options)))
