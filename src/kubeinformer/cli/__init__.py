"""The command line: ``watch``, ``doctor``, ``new-controller``, ``demo``. Needs the extra ``kubeinformer[cli]``.

::

    __init__     main(): the console script; without the extra it still runs far enough to say what is missing
    _app         commands, options, help; _completion says what the shell completes
    _where       the options that say which cluster; how resources and namespaces are written
    _ending      how a run ends: one line on stderr and an exit code; a traceback only for a bug of ours
    _watch       the command watch: _sync waits for the first snapshot, _views makes rows, _sort sorts them, _output
                 writes them
    _doctor      the command doctor
    _new_controller  the command new-controller; _templates has the files that it writes
    _demo        the command demo: _demo_server runs the server's process, _meter and _memory measure, _demo_view
                 displays
    _text        makes foreign text safe to print, and figures readable

Rules. The command line uses only public names of kubeinformer, which proves that they are enough. Only `main` is
public here.

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
        arguments: The arguments after the program's name; None takes them from ``sys.argv``.

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
    except KeyboardInterrupt:  # the import takes long enough for somebody to press Ctrl-C
        return 130
    return run(sys.argv[1:] if arguments is None else list(arguments))
