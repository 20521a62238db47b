"""The command line: ``watch``, ``doctor``, ``new-controller``, ``demo``. Needs the extra ``kubeinformer[cli]``.

::

    __init__     main(): the console script; works far enough without the extra to say what is missing
    _app         commands, options, help; _completion says what the shell completes
    _where       the options that say which cluster; how resources and namespaces are written
    _ending      how a run ends: one line on stderr and an exit code, never a traceback
    _watch       the command watch: _sync waits for the first snapshot, _views makes rows, _sort their order, _output
                 writes them
    _doctor      the command doctor
    _new_controller  the command new-controller; _templates has the files that it writes
    _demo        the command demo: _demo_server is the other process, _meter measures, _memory too, _demo_view shows
    _text        makes what others wrote safe to print; figures for people

Rules. Public names of kubeinformer only: that proves they are enough. Nothing here is public but `main`.

=====  =============================================================================
exit   when
=====  =============================================================================
0      done; for ``demo`` also after Ctrl-C, which is how it is meant to end; for ``doctor`` healthy
1      the server refused, did not answer in time, or broke the protocol; for ``doctor`` not healthy, and its report
       is on stdout all the same
2      an option, the resource, a name or the kubeconfig is wrong; a directory is not empty; or the extra is missing
130    ``watch`` was interrupted (Ctrl-C)
141    whoever read the output went away, as in ``| head``
=====  =============================================================================
"""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console script.

    Args:
        arguments: What stands behind the program's name; None takes it from ``sys.argv``.

    Returns:
        The exit code. See the module's head.
    """
    try:
        from kubeinformer.cli._app import run  # noqa: PLC0415 - typer and rich are an extra: say so when they lack
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"typer", "rich"}:
            raise
        print(f"kubeinformer: error: {missing} is not installed: pip install 'kubeinformer[cli]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # importing takes long enough for it
        return 130
    return run(sys.argv[1:] if arguments is None else list(arguments))
